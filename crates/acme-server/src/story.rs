//! The story of a challenge as the command line prints it.

use std::fmt::Write as _;

use acme_core::{Story, roughly};

use crate::output::{Report, facts};

impl Report for Story {
    fn text(&self) -> String {
        let wildcard = if self.wildcard {
            " (for its wildcard)"
        } else {
            ""
        };
        let mut text = facts(&[
            ("Challenge", format!("{} ({})", self.challenge, self.kind)),
            ("Identifier", format!("{}{wildcard}", self.identifier)),
            ("Status", self.summary.clone()),
            (
                "Slot",
                self.retries
                    .as_ref()
                    .map_or_else(String::new, |retries| retries.slot.to_string()),
            ),
            (
                "Next attempt",
                self.retries
                    .as_ref()
                    .and_then(|retries| retries.next_attempt_at)
                    .map_or_else(String::new, |next| next.to_string()),
            ),
            ("Provisioner", self.provisioner.clone()),
            (
                "Authorization",
                format!(
                    "{} ({}, expires {})",
                    self.authorization, self.authorization_status, self.authorization_expires_at
                ),
            ),
            ("Account", self.account.clone()),
        ]);
        text.push('\n');
        if self.attempts.is_empty() {
            text.push_str("No attempt has been made yet.\n");
        }
        // Writing to a String cannot fail.
        let first = self.attempts.first().map(|attempt| attempt.at);
        for (at, attempt) in self.attempts.iter().enumerate() {
            let since = first.map_or(std::time::Duration::ZERO, |first| attempt.at.since(first));
            let address = attempt.address.as_ref();
            let address = address.map_or_else(String::new, |address| format!("  {address}"));
            let _ = writeln!(
                text,
                "#{}  {}  +{}  slot {}  {}{address}  took {} ms  {}",
                attempt.number,
                attempt.at,
                roughly(since),
                attempt.slot,
                attempt.phase,
                attempt.took_ms,
                attempt.finding,
            );
            paragraph(&mut text, &attempt.detail);
            if let Some(advice) = self.advice_after(at) {
                paragraph(&mut text, &format!("-> {advice}"));
            }
        }
        text
    }
}

/// Adds text in indented lines of at most 96 characters.
fn paragraph(text: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length <= 92 {
            text.push(' ');
            width += 1;
        } else {
            text.push_str(if width > 0 { "\n    " } else { "    " });
            width = 0;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests;
