//! How far a probe has come: kept while it runs, so that an end at any moment can be told in words.

use std::net::SocketAddr;
use std::time::Duration;

use acme_core::{Finding, Observation, Phase, printable};
use tokio::time::Instant;
use tracing::{Span, debug_span};

/// Why a probe found no proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) finding: Finding,
    /// What was seen in the step that ended the probe.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(finding: Finding, text: impl Into<String>) -> Self {
        Self {
            finding,
            text: text.into(),
        }
    }
}

/// The words for a proof that is there, or a failure.
pub(crate) type Outcome = Result<String, Failure>;

/// How far a probe has come.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    timeout: Duration,
    phase: Phase,
    /// For those who trace what takes how long; it ends when the next phase begins.
    span: Span,
    /// What is lacking, should time run out now.
    pending: String,
    address: Option<SocketAddr>,
    /// What happened before, oldest first.
    notes: Vec<String>,
    /// Names whose addresses were known from an earlier probe.
    remembered: Vec<String>,
}

impl Progress {
    pub(crate) fn start(timeout: Duration) -> Self {
        Self {
            started: Instant::now(),
            timeout,
            phase: Phase::Dns,
            span: Span::none(),
            pending: String::new(),
            address: None,
            notes: Vec::new(),
            remembered: Vec::new(),
        }
    }

    /// The addresses of a name were known from an earlier probe.
    pub(crate) fn remembered(&mut self, name: &str) {
        self.remembered.push(name.to_owned());
    }

    /// Begins anew within the same time; the names whose addresses had been known.
    pub(crate) fn begin_anew(&mut self) -> Vec<String> {
        let remembered = std::mem::take(&mut self.remembered);
        *self = Self {
            started: self.started,
            ..Self::start(self.timeout)
        };
        remembered
    }

    /// Whether what was seen rests on an address that may have moved meanwhile.
    pub(crate) const fn rests_on_memory(&self) -> bool {
        !self.remembered.is_empty()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.started + self.timeout
    }

    /// The time that is left, zero after the deadline.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }

    /// A new step begins; `pending` says what is lacking if it does not end in time.
    pub(crate) fn enter(&mut self, phase: Phase, pending: impl Into<String>) {
        if phase != self.phase || self.span.is_none() {
            self.span = span(phase);
        }
        self.phase = phase;
        self.pending = pending.into();
    }

    /// A connection to the address is about to be tried.
    pub(crate) fn dialling(&mut self, address: SocketAddr) {
        self.address = Some(address);
    }

    /// Something happened that a reader should know of whatever comes next.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds to what happened last.
    pub(crate) fn continue_note(&mut self, text: &str) {
        match self.notes.last_mut() {
            Some(last) => {
                last.push_str(", ");
                last.push_str(text);
            }
            None => self.note(text),
        }
    }

    /// The failure of a probe that ran out of time now.
    pub(crate) fn timed_out(&self) -> Failure {
        let finding = match self.phase {
            Phase::Dns => Finding::DnsFailure,
            Phase::Connect => Finding::ConnectTimeout,
            Phase::Tls => Finding::TlsFailed,
            Phase::Http | Phase::Compare => Finding::HttpBroken,
        };
        Failure::new(
            finding,
            format!("{} within {}", self.pending, in_words(self.timeout)),
        )
    }

    /// Ends the probe.
    pub(crate) fn conclude(mut self, outcome: Outcome) -> Observation {
        let (finding, phase, text) = match outcome {
            Ok(text) => (Finding::Proof, Phase::Compare, text),
            Err(Failure { finding, text }) => (finding, self.phase, text),
        };
        self.continue_note(&text);
        Observation {
            finding,
            phase,
            address: self.address,
            detail: joined(&self.notes),
            took: self.started.elapsed(),
        }
    }
}

/// The notes as one text that fits. The last ones matter most: they say what to mend.
fn joined(notes: &[String]) -> String {
    const ELLIPSIS: &str = "…; ";
    // `printable` adds one character where it cuts.
    const MAX: usize = Observation::MAX_DETAIL - 1;

    let mut text = String::new();
    for (n, note) in notes.iter().rev().enumerate() {
        if n == 0 {
            text.clone_from(note);
            continue;
        }
        let longer = format!("{note}; {text}");
        if longer.chars().count() + ELLIPSIS.chars().count() > MAX {
            text.insert_str(0, ELLIPSIS);
            break;
        }
        text = longer;
    }
    printable(text.as_bytes(), MAX)
}

/// Its name is that of the phase.
fn span(phase: Phase) -> Span {
    match phase {
        Phase::Dns => debug_span!("dns"),
        Phase::Connect => debug_span!("connect"),
        Phase::Tls => debug_span!("tls"),
        Phase::Http => debug_span!("http"),
        Phase::Compare => debug_span!("compare"),
    }
}

/// A duration as people say it.
pub(crate) fn in_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 {
        format!("{millis} ms")
    } else if millis.is_multiple_of(1000) {
        format!("{} s", millis / 1000)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_the_unit_that_fits() {
        for (millis, words) in [(0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (2500, "2.5 s")] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }

    #[test]
    fn the_last_notes_survive_when_there_are_too_many() {
        let mut progress = Progress::start(Duration::from_secs(1));
        for n in 0..40 {
            progress.note(format!("note number {n} of many"));
        }
        let detail = progress
            .conclude(Err(Failure::new(Finding::HttpStatus, "404 Not Found")))
            .detail;
        assert!(detail.starts_with("…; note number"), "{detail}");
        assert!(detail.ends_with("39 of many, 404 Not Found"), "{detail}");
        assert!(detail.chars().count() <= Observation::MAX_DETAIL);
    }

    #[test]
    fn a_single_long_note_is_cut_and_made_printable() {
        let progress = Progress::start(Duration::from_secs(1));
        let text = format!("\u{1b}[31m{}", "x".repeat(1000));
        let detail = progress
            .conclude(Err(Failure::new(Finding::HttpStatus, text)))
            .detail;
        assert_eq!(detail.chars().count(), Observation::MAX_DETAIL);
        assert!(!detail.contains('\u{1b}'));
    }
}
