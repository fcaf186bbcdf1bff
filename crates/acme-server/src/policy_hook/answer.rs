//! What a hook answers: allow, or deny with a reason; nothing else counts.

use std::error::Error;

use acme_core::{HookVerdict, printable};
use acme_types::{Identifier, RawIdentifier};
use serde::Deserialize;

/// Most characters of a reason that a client is told.
const SHOWN_REASON: usize = 500;
/// Most characters of an answer that an error repeats.
const SHOWN_ANSWER: usize = 120;

#[derive(Deserialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
enum AnswerBody {
    Allow,
    Deny {
        reason: String,
        #[serde(default)]
        identifiers: Vec<DeniedBody>,
    },
}

#[derive(Deserialize)]
struct DeniedBody {
    #[serde(flatten)]
    identifier: RawIdentifier,
    #[serde(default)]
    reason: Option<String>,
}

/// Reads an answer about an order for these identifiers.
pub(super) fn read(
    body: &[u8],
    ordered: &[Identifier],
) -> Result<HookVerdict, Box<dyn Error + Send + Sync>> {
    let answer = serde_json::from_slice(body).map_err(|error| {
        format!(
            "its answer is neither allow nor deny with a reason ({error}): {}",
            printable(body, SHOWN_ANSWER)
        )
    })?;
    let (reason, identifiers) = match answer {
        AnswerBody::Allow => return Ok(HookVerdict::Allow),
        AnswerBody::Deny {
            reason,
            identifiers,
        } => (shown(&reason), identifiers),
    };
    if reason.is_empty() {
        return Err("it denies without a reason".into());
    }
    let mut denied = Vec::with_capacity(identifiers.len());
    for body in identifiers {
        let name = body.identifier.value.clone();
        let identifier = Identifier::try_from(body.identifier)
            .ok()
            .filter(|identifier| ordered.contains(identifier))
            .ok_or_else(|| {
                let shown = printable(name.as_bytes(), SHOWN_ANSWER);
                format!("it denies {shown:?}, which the order does not have")
            })?;
        let told = body.reason.map(|reason| shown(&reason));
        let told = told.filter(|reason| !reason.is_empty());
        denied.push((identifier, told.unwrap_or_else(|| reason.clone())));
    }
    Ok(HookVerdict::Deny {
        reason,
        identifiers: denied,
    })
}

/// A reason as one line of bounded length.
fn shown(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    line.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN_REASON)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_allow_or_deny_with_a_reason() {
        let ordered = ["a.test", "b.test"].map(|name| Identifier::Dns(name.parse().unwrap()));
        let deny = |reason: &str, identifiers: &[(&Identifier, &str)]| HookVerdict::Deny {
            reason: reason.to_owned(),
            identifiers: identifiers
                .iter()
                .map(|(one, reason)| ((*one).clone(), (*reason).to_owned()))
                .collect(),
        };
        let a = &ordered[0];
        for (answer, verdict) in [
            (r#"{"decision":"allow"}"#, Some(HookVerdict::Allow)),
            (r#"{"decision":"allow","x":1}"#, Some(HookVerdict::Allow)),
            (
                r#"{"decision":"deny","reason":" not\n yours. "}"#,
                Some(deny("not yours", &[])),
            ),
            (
                r#"{"decision":"deny","reason":"no","identifiers":[{"type":"dns","value":"A.test"}]}"#,
                Some(deny("no", &[(a, "no")])),
            ),
            (
                r#"{"decision":"deny","reason":"no","identifiers":[{"type":"dns","value":"a.test","reason":"taken"}]}"#,
                Some(deny("no", &[(a, "taken")])),
            ),
            ("", None),
            ("allow", None),
            ("{}", None),
            ("true", None),
            (r#"{"decision":true}"#, None),
            (r#"{"decision":"ALLOW"}"#, None),
            (r#"{"decision":"maybe"}"#, None),
            (r#"{"decision":"deny"}"#, None),
            (r#"{"decision":"deny","reason":"  "}"#, None),
            (r#"{"decision":"deny","reason":7}"#, None),
            (r#"{"decision":"allow"} {"decision":"deny"}"#, None),
            (r#"{"decision":"deny","decision":"allow"}"#, None),
            (
                r#"{"decision":"deny","reason":"no","identifiers":[{"type":"dns","value":"c.test"}]}"#,
                None,
            ),
            (
                r#"{"decision":"deny","reason":"no","identifiers":[{"type":"x","value":"a.test"}]}"#,
                None,
            ),
        ] {
            let read = read(answer.as_bytes(), &ordered);
            assert_eq!(read.ok(), verdict, "{answer}");
        }
    }

    #[test]
    fn a_reason_is_one_line_and_not_too_long() {
        let long = format!(r#"{{"decision":"deny","reason":"{}"}}"#, "x ".repeat(4000));
        let Ok(HookVerdict::Deny { reason, .. }) = read(long.as_bytes(), &[]) else {
            panic!("it is a denial");
        };
        assert_eq!(reason.chars().count(), SHOWN_REASON);
        assert_eq!(shown("a\u{7}\tb\r\n\u{1b}c"), "a b c");
    }
}
