//! The look at CAA records ([RFC 8659](https://www.rfc-editor.org/rfc/rfc8659)): from the name up, until
//! one has some.

use acme_core::{CaaCheck, CaaRecord, Finding, Phase, printable};
use std::net::SocketAddr;
use tokio::time::timeout;

use crate::Failure;
use crate::dns::Resolver;
use crate::progress::{Outcome, Progress, in_words};

/// How many names are asked for at once: as many as most names have labels.
const AT_ONCE: usize = 4;

/// What is known of one name.
type Looked = Result<(SocketAddr, Vec<CaaRecord>), String>;

/// Looks the records up, and whether they permit the certificate.
pub(crate) async fn check(
    resolver: &Resolver,
    progress: &mut Progress,
    check: &CaaCheck,
) -> Outcome {
    let names = check.names();
    let Some(own) = names.first() else {
        return Ok("CAA records do not concern addresses".to_owned());
    };
    let servers = resolver.servers_in_words();
    progress.enter(
        Phase::Dns,
        format!("no answer about CAA of {own} and what is above it from {servers}"),
    );
    let mut unknown = None;
    for names in names.chunks(AT_ONCE) {
        for (name, looked) in look_up(resolver, names, check.tolerates_failure()).await {
            match looked {
                Ok((_, records)) if records.is_empty() => {}
                Ok((server, records)) => {
                    progress.enter(Phase::Compare, "the records were not compared");
                    return match check.judge(&records) {
                        Ok(()) => Ok(format!(
                            "the CAA records of {name} permit it, says {server}"
                        )),
                        Err(why) => Err(Failure::new(
                            Finding::CaaRefused,
                            format!("the CAA records of {name} {why}, says {server}"),
                        )),
                    };
                }
                Err(text) if check.tolerates_failure() => {
                    unknown.get_or_insert_with(|| {
                        let text = printable(text.as_bytes(), 100);
                        format!("CAA of {name} cannot be looked up and counts as none: {text}")
                    });
                }
                // What it may hold would win over all above it.
                Err(text) => {
                    return Err(Failure::new(
                        Finding::CaaFailure,
                        format!("CAA of {name} cannot be looked up: {text}"),
                    ));
                }
            }
        }
    }
    Ok(unknown.unwrap_or_else(|| format!("no CAA record at {own} or above it")))
}

/// Asks for a few names at once; the answers come in the names' order. Where failure is tolerated, no
/// look-up may use up the time of the whole probe.
async fn look_up<'a>(
    resolver: &Resolver,
    names: &[&'a str],
    tolerant: bool,
) -> Vec<(&'a str, Looked)> {
    let one = async |at: usize| -> Option<(&'a str, Looked)> {
        let name: &'a str = names.get(at)?;
        let looking = resolver.caa(name);
        if !tolerant {
            return Some((name, looking.await));
        }
        let patience = resolver.patience();
        let looked = timeout(patience, looking).await;
        let in_time = looked.unwrap_or_else(|_| {
            let within = in_words(patience);
            Err(format!("no answer within {within}"))
        });
        Some((name, in_time))
    };
    let (first, second, third, fourth) = tokio::join!(one(0), one(1), one(2), one(3));
    [first, second, third, fourth]
        .into_iter()
        .flatten()
        .collect()
}
