//! The probe of dns-01 ([RFC 8555 § 8.4]): a TXT record below the name.
//!
//! [RFC 8555 § 8.4]: https://www.rfc-editor.org/rfc/rfc8555#section-8.4

use std::net::SocketAddr;

use acme_core::{Finding, Phase, Probe, dns01_value, printable};
use acme_types::{DnsName, Identifier};

use crate::Failure;
use crate::dns::Resolver;
use crate::progress::{Outcome, Progress};

/// Looks for the record.
pub(crate) async fn probe(resolver: &Resolver, progress: &mut Progress, probe: &Probe) -> Outcome {
    let name = format!("_acme-challenge.{}", dns_name(probe)?);
    let expected = dns01_value(&probe.key_authorization);

    let servers = resolver.servers_in_words();
    progress.enter(
        Phase::Dns,
        format!("no answer about TXT of {name} from {servers}"),
    );
    let (server, texts) = resolver.texts(&name).await?;

    progress.enter(Phase::Compare, "the records were not compared");
    compare(&name, server, &texts, &expected)
}

/// The name that is to be proven; DNS proves nothing else.
pub(crate) fn dns_name(probe: &Probe) -> Result<DnsName, Failure> {
    match probe.identifier.base() {
        Identifier::Dns(name) => Ok(name),
        other => Err(Failure::new(
            Finding::Internal,
            format!(
                "{} cannot prove an identifier of type {}",
                probe.kind,
                other.kind()
            ),
        )),
    }
}

/// Whether one of the records is the expected one.
pub(crate) fn compare(
    name: &str,
    server: SocketAddr,
    texts: &[Vec<u8>],
    expected: &str,
) -> Outcome {
    if texts.iter().any(|text| text == expected.as_bytes()) {
        return Ok(format!(
            "TXT of {name} has the expected value, says {server}"
        ));
    }
    Err(Failure::new(
        Finding::DnsTxtMismatch,
        format!(
            "TXT of {name} is {}, says {server}; expected \"{expected}\"",
            found_in_words(texts)
        ),
    ))
}

/// The records that were found, as many as leave the text readable.
fn found_in_words(texts: &[Vec<u8>]) -> String {
    const SHOWN: usize = 2;

    let shown: Vec<String> = texts
        .iter()
        .take(SHOWN)
        .map(|text| format!("\"{}\"", printable(text, 60)))
        .collect();
    let words = shown.join(" and ");
    match texts.len().saturating_sub(SHOWN) {
        0 => words,
        more => format!("{words} and {more} more, none of them right"),
    }
}
