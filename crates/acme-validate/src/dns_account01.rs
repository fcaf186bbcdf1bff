//! The probe of dns-account-01
//! ([draft-ietf-acme-dns-account-label](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/)):
//! the record of dns-01 at a label that is the account's own, so that several authorities and clients
//! can prove the same name at once.

use acme_core::{Finding, Phase, Probe, dns_account01_label, dns01_value};

use crate::Failure;
use crate::dns::Resolver;
use crate::dns01::{compare, dns_name};
use crate::progress::{Outcome, Progress};

/// Looks for the record, under the account's URL in use and then under its earlier ones.
pub(crate) async fn probe(resolver: &Resolver, progress: &mut Progress, probe: &Probe) -> Outcome {
    let base = dns_name(probe)?;
    let expected = dns01_value(&probe.key_authorization);
    let servers = resolver.servers_in_words();
    let mut first = None;
    for url in &probe.account_urls {
        let name = format!("{}._acme-challenge.{base}", dns_account01_label(url));
        progress.enter(
            Phase::Dns,
            format!("no answer about TXT of {name} from {servers}"),
        );
        let failure = match resolver.texts(&name).await {
            Ok((server, texts)) => {
                progress.enter(Phase::Compare, "the records were not compared");
                match compare(&name, server, &texts, &expected) {
                    Ok(text) => return Ok(text),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        // What stands under the URL in use tells best what to mend.
        first.get_or_insert(failure);
    }
    Err(first.unwrap_or_else(|| Failure::new(Finding::Internal, "the account's URL is not known")))
}
