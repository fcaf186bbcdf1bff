//! `prune`: removes by hand what has ended long ago, as the server does by itself.

use acme_core::Pruned;
use clap::Args;
use serde::Serialize;

use super::beside::with_store;
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report};
use crate::progress::Progress;

/// Rows that are removed at once, so that a server beside never waits long.
const BATCH: u32 = 256;

/// Removes what ended longer ago than `[retention]` says; the server does the same every minute
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server prune
  acme-server prune --set retention.orders=1d --set retention.certificates=30d")]
pub(crate) struct Prune {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Prune {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the store fails; what was removed by then stays so.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let retention = self.config.load(&[])?.retention;
        let removed = with_store(&self.config, async |store, now| {
            let mut progress = Progress::of("pruning");
            let mut sum = Pruned::default();
            loop {
                let pruned = store.prune(&retention, BATCH, now).await?;
                if pruned == Pruned::default() {
                    return Ok(sum);
                }
                sum.orders += pruned.orders;
                sum.authorizations += pruned.authorizations;
                sum.certificates += pruned.certificates;
                sum.nonces += pruned.nonces;
                sum.audit += pruned.audit;
                progress
                    .tell(|| format!("{} orders, {} certificates", sum.orders, sum.certificates));
            }
        })?;
        output.print(&Removed {
            orders: removed.orders,
            authorizations: removed.authorizations,
            certificates: removed.certificates,
            audit: removed.audit,
        })
    }
}

#[derive(Serialize)]
struct Removed {
    orders: u64,
    authorizations: u64,
    certificates: u64,
    audit: u64,
}

impl Report for Removed {
    fn text(&self) -> String {
        format!(
            "Removed {} orders, {} authorizations, {} certificates and {} entries of the audit trail.\n",
            self.orders, self.authorizations, self.certificates, self.audit
        )
    }
}
