//! `cert renew-early`: certificates that clients shall renew at once.

use acme_core::EarlyRenewal;
use acme_types::Timestamp;
use clap::Args;
use serde::Serialize;

use super::Which;
use crate::cli::ConfigArgs;
use crate::commands::beside::with_store;
use crate::config::check_link;
use crate::exit::Failure;
use crate::output::Report;

/// Tells clients to renew certificates at once, although they are good (RFC 9773)
#[derive(Args, Debug)]
#[command(after_help = "\
Clients that ask for renewal information are told a window in the past; they look every few hours.

Examples:
  acme-server cert renew-early 00a4...1f --explanation https://wiki.internal/incident-7
  acme-server cert renew-early 00a4...1f --undo")]
pub(crate) struct RenewEarly {
    /// The certificates' serial numbers, ids or URLs
    #[arg(value_name = "SERIAL", required = true)]
    certificates: Vec<String>,
    /// A page that tells why; clients show its URL
    #[arg(long, value_name = "URL", value_parser = check_link)]
    explanation: Option<String>,
    /// They need not be renewed early any more
    #[arg(long, conflicts_with = "explanation")]
    undo: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl RenewEarly {
    /// Marks every certificate, or none when one of them is not there.
    pub(super) fn mark(self) -> Result<Marks, Failure> {
        with_store(&self.config, async |store, now| {
            let mut serials = Vec::with_capacity(self.certificates.len());
            for certificate in self.certificates {
                let (certificate, _) = Which { certificate }.find(&*store).await?;
                serials.push(certificate.serial);
            }
            let early_renewal = (!self.undo).then_some(EarlyRenewal {
                at: now,
                explanation_url: self.explanation,
            });
            let mut marks = Vec::with_capacity(serials.len());
            for serial in serials {
                let marked = store.set_early_renewal(&serial, early_renewal.clone());
                if marked.await?.is_none() {
                    return Err(Failure::failed(format!(
                        "the certificate {serial} is not signed yet; there is nothing to renew"
                    )));
                }
                marks.push(Mark {
                    serial: serial.to_string(),
                    renew_early_since: early_renewal.as_ref().map(|early| early.at),
                });
            }
            Ok(Marks(marks))
        })
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Marks(Vec<Mark>);

#[derive(Serialize)]
struct Mark {
    serial: String,
    renew_early_since: Option<Timestamp>,
}

impl Report for Marks {
    fn text(&self) -> String {
        let line = |mark: &Mark| match mark.renew_early_since {
            Some(_) => format!("{} shall be renewed at once\n", mark.serial),
            None => format!("{} is renewed in its own time\n", mark.serial),
        };
        self.0.iter().map(line).collect()
    }
}
