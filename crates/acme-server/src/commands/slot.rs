//! `slot list`: which replica holds which slot.

use acme_core::roughly;
use acme_types::Timestamp;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns};

/// Shows which replica holds which slot
#[derive(Debug, Subcommand)]
pub(crate) enum Slot {
    List(List),
}

/// Lists every slot that was ever taken, and whether a server holds it now
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Slot {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self::List(list) = self;
        let slots = with_store(&list.config, async |store, now| {
            let leases = store.leases().await?;
            let shown = leases.into_iter().map(|lease| ShownSlot {
                slot: lease.slot.number(),
                held: !lease.holder.is_empty() && lease.expires_at > now,
                epoch: lease.epoch.0,
                holder: lease.holder,
                expires_at: lease.expires_at,
                now,
            });
            Ok(shown.collect())
        })?;
        output.print(&Slots(slots))
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Slots(Vec<ShownSlot>);

#[derive(Serialize)]
struct ShownSlot {
    slot: u8,
    held: bool,
    epoch: i64,
    holder: String,
    expires_at: Timestamp,
    #[serde(skip)]
    now: Timestamp,
}

impl Report for Slots {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "No slot was ever taken.\n".to_owned();
        }
        let row = |slot: &ShownSlot| {
            let lease = if slot.held {
                format!("held, {} left", roughly(slot.expires_at.since(slot.now)))
            } else if slot.holder.is_empty() {
                "free (handed back)".to_owned()
            } else {
                format!(
                    "free (ran out {} ago)",
                    roughly(slot.now.since(slot.expires_at))
                )
            };
            [
                slot.slot.to_string(),
                lease,
                slot.epoch.to_string(),
                slot.holder.clone(),
            ]
        };
        let rows: Vec<_> = self.0.iter().map(row).collect();
        columns(["SLOT", "LEASE", "EPOCH", "HOLDER"], &rows)
    }
}
