//! The probe of dns-persist-01
//! ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)): a
//! standing TXT record that lets one account of one authority prove the name again and again.

use acme_core::{Finding, Phase, Probe, persist_refusal};

use crate::Failure;
use crate::dns::Resolver;
use crate::dns01::dns_name;
use crate::progress::{Outcome, Progress};

/// Looks for the record.
pub(crate) async fn probe(resolver: &Resolver, progress: &mut Progress, probe: &Probe) -> Outcome {
    let name = format!("_validation-persist.{}", dns_name(probe)?);
    let servers = resolver.servers_in_words();
    progress.enter(
        Phase::Dns,
        format!("no answer about TXT of {name} from {servers}"),
    );
    let (server, texts) = resolver.texts(&name).await?;
    progress.enter(Phase::Compare, "the records were not compared");
    match persist_refusal(probe, &texts) {
        None => Ok(format!(
            "TXT of {name} names this authority and the account, says {server}"
        )),
        Some(why) => Err(Failure::new(
            Finding::DnsTxtMismatch,
            format!("TXT of {name} is {why}, says {server}"),
        )),
    }
}
