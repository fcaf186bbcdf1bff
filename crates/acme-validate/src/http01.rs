//! The probe of http-01 ([RFC 8555 § 8.3]): a file under `/.well-known/acme-challenge/`.
//!
//! [RFC 8555 § 8.3]: https://www.rfc-editor.org/rfc/rfc8555#section-8.3

use acme_core::{Finding, Phase, Probe, printable};
use hyper::StatusCode;

use crate::dial::dial;
use crate::host::Host;
use crate::progress::{Failure, Outcome, Progress};
use crate::tls::handshake;
use crate::validator::Settings;

mod exchange;
mod hop;

use exchange::{Answer, Body};
use hop::{Hop, Scheme};

/// Most redirections that are followed.
const MAX_REDIRECTIONS: usize = 10;

/// Fetches the file, following redirections, and compares it.
pub(crate) async fn probe(settings: &Settings, progress: &mut Progress, probe: &Probe) -> Outcome {
    let host = Host::try_from(&probe.identifier)?;
    let mut hop = Hop::first(host, settings.http01_port, &probe.token);
    let mut passed = Vec::new();
    loop {
        let answer = visit(settings, progress, &hop).await?;
        let status = in_words(answer.status);
        match answer.status {
            StatusCode::OK => return compare(progress, &answer, probe),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let Some(location) = &answer.location else {
                    return Err(redirect_failure(format!("{status} without a Location")));
                };
                let next = hop
                    .follow(location.as_bytes(), &settings.redirect_ports)
                    .map_err(|why| {
                        let location = printable(location.as_bytes(), 100);
                        redirect_failure(format!("{status} to \"{location}\", {why}"))
                    })?;
                let shown = printable(next.to_string().as_bytes(), 120);
                if passed.len() >= MAX_REDIRECTIONS {
                    return Err(redirect_failure(format!(
                        "{status} to {shown}, the redirection after the {MAX_REDIRECTIONS} that are followed"
                    )));
                }
                passed.push(hop);
                if passed.contains(&next) {
                    return Err(redirect_failure(format!(
                        "{status} to {shown}, which is a loop"
                    )));
                }
                progress.continue_note(&format!("{status} to {shown}"));
                hop = next;
            }
            _ => {
                return Err(Failure::new(
                    Finding::HttpStatus,
                    format!("{status}, {}", answer.body.in_words()),
                ));
            }
        }
    }
}

/// One request to one host.
async fn visit(settings: &Settings, progress: &mut Progress, hop: &Hop) -> Result<Answer, Failure> {
    let Settings {
        resolver, reach, ..
    } = settings;
    let stream = dial(resolver, reach, progress, &hop.host, hop.port).await?;
    match hop.scheme {
        Scheme::Http => exchange::get(stream, hop, &settings.user_agent, progress).await,
        Scheme::Https => {
            let name = hop.host.server_name().ok_or_else(|| {
                redirect_failure(format!("{} cannot be named in a TLS handshake", hop.host))
            })?;
            let stream = handshake(&settings.tls.https, name, stream, progress).await?;
            exchange::get(stream, hop, &settings.user_agent, progress).await
        }
    }
}

/// Whether what came with 200 is the key authorization.
fn compare(progress: &mut Progress, answer: &Answer, probe: &Probe) -> Outcome {
    let bytes = match &answer.body {
        Body::Whole(bytes) => bytes,
        Body::TooLong(_) => {
            progress.enter(Phase::Compare, "");
            return Err(Failure::new(
                Finding::HttpMismatch,
                format!(
                    "200 OK, but a body of more than {} bytes cannot be the key authorization; {}",
                    exchange::MAX_BODY,
                    answer.body.in_words()
                ),
            ));
        }
        Body::Broken { why, .. } => {
            return Err(Failure::new(
                Finding::HttpBroken,
                format!("200 OK, but the body is not complete: {why}"),
            ));
        }
    };
    progress.enter(Phase::Compare, "");
    let shown = bytes.trim_ascii_end();
    let expected = probe.key_authorization.as_str().as_bytes();
    if shown == expected {
        return Ok("200 OK with the expected key authorization".to_owned());
    }
    let token = probe.token.as_str();
    let right_token = shown
        .strip_prefix(token.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"."));
    let text = if right_token {
        let body = answer.body.in_words();
        format!("200 OK, {body}, has the right token, but the thumbprint of another account's key")
    } else {
        let encoding = match &answer.encoding {
            Some(encoding) => format!(" (encoded as {encoding}, unasked)"),
            None => String::new(),
        };
        format!(
            "200 OK, {}{encoding}; expected {token}, a dot and the thumbprint of the account's key",
            answer.body.in_words()
        )
    };
    Err(Failure::new(Finding::HttpMismatch, text))
}

fn redirect_failure(text: String) -> Failure {
    Failure::new(Finding::HttpRedirect, text)
}

/// The status as people know it. The words are the standard's: those of the answer are not kept.
fn in_words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => format!("status {}", status.as_u16()),
    }
}
