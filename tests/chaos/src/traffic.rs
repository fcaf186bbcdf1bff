//! Every request that the clients made, and what became of it.

use std::sync::Mutex;
use std::time::Duration;

use acme_types::Timestamp;

use crate::time::{Span, locked};

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Became {
    /// It was answered, be it with a refusal.
    Answered,
    /// Nobody took the connection.
    NotSent,
    /// The connection ended, or no answer came in time.
    Broken,
    /// It was answered with a status of 500 or above.
    ServerError,
}

/// The log of requests.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<Vec<(Span, Became)>>);

/// What became of the requests of some time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// All.
    pub requests: u64,
    /// Those that nobody took.
    pub not_sent: u64,
    /// Those whose answer did not come.
    pub broken: u64,
    /// Those that the server answered with its own fault.
    pub server_errors: u64,
    /// From the first request that failed to the last; zero when none did.
    pub failing_for: Duration,
}

impl Tally {
    /// Requests that failed in any way.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.not_sent + self.broken + self.server_errors
    }
}

impl Traffic {
    pub(crate) fn note(&self, from: Timestamp, until: Timestamp, became: Became) {
        locked(&self.0).push((Span { from, until }, became));
    }

    /// Counts the requests that were under way in `during`, and forgets all that ended before it.
    pub fn tally(&self, during: Span) -> Tally {
        let mut log = locked(&self.0);
        log.retain(|(span, _)| span.until >= during.from);
        let mut tally = Tally::default();
        let mut failing: Option<Span> = None;
        for (span, became) in log.iter().filter(|(span, _)| span.meets(&during)) {
            tally.requests += 1;
            match became {
                Became::Answered => continue,
                Became::NotSent => tally.not_sent += 1,
                Became::Broken => tally.broken += 1,
                Became::ServerError => tally.server_errors += 1,
            }
            failing = Some(failing.map_or(*span, |all| Span {
                from: all.from.min(span.from),
                until: all.until.max(span.until),
            }));
        }
        tally.failing_for = failing.map_or(Duration::ZERO, |span| span.length());
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_under_way_is_counted() {
        let at = Timestamp::from_millis;
        let traffic = Traffic::default();
        traffic.note(at(0), at(5), Became::Broken);
        traffic.note(at(8), at(12), Became::Answered);
        traffic.note(at(13), at(14), Became::ServerError);
        traffic.note(at(16), at(40), Became::NotSent);
        traffic.note(at(50), at(51), Became::Broken);
        let tally = traffic.tally(Span {
            from: at(10),
            until: at(20),
        });
        assert_eq!((tally.requests, tally.failed()), (3, 2));
        assert_eq!(tally.failing_for, Duration::from_millis(27));
    }
}
