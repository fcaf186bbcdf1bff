//! Whether a chain is what was written: nothing removed, changed, moved or added.

use std::fmt;

use super::{AuditBody, AuditEntry, ChainHead, hexadecimal, sha256};

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditFlaw {
    /// It is not there.
    Missing,
    /// Its text is not what its digest is of, or cannot be read.
    Changed,
    /// It is another one's: its text has another chain, number or time.
    Moved,
    /// It was not written after the one that now comes before it.
    NotAfter,
    /// The chain's head knows nothing of it.
    Added,
}

impl AuditFlaw {
    /// The flaw in words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Changed => "was changed",
            Self::Moved => "was moved here from another place",
            Self::NotAfter => "was not written after the one that now comes before it",
            Self::Added => "is not known to the chain's head",
        }
    }
}

/// Something that is wrong with the trail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditFinding {
    /// The chain.
    pub chain: String,
    /// The first entry that it is about.
    pub first: u64,
    /// The last entry that it is about.
    pub last: u64,
    /// What is wrong.
    pub flaw: AuditFlaw,
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chain,
            first,
            last,
            flaw,
        } = self;
        if first == last {
            write!(f, "{chain} {first} {}", flaw.as_str())
        } else {
            write!(f, "{chain} {first} to {last} {}", flaw.as_str())
        }
    }
}

/// Looks at one chain, entry by entry.
#[derive(Debug)]
pub struct ChainCheck {
    head: ChainHead,
    last: u64,
    hash: [u8; 32],
    findings: Vec<AuditFinding>,
}

impl ChainCheck {
    /// Begins where the entries that are kept begin.
    #[must_use]
    pub const fn new(head: ChainHead) -> Self {
        Self {
            last: head.anchor_number,
            hash: head.anchor_hash,
            findings: Vec::new(),
            head,
        }
    }

    /// Looks at the next entry by its number.
    pub fn push(&mut self, entry: &AuditEntry) {
        let number = entry.number;
        let is_next = number == self.last + 1;
        if number > self.last + 1 {
            self.find(self.last + 1, number - 1, AuditFlaw::Missing);
        }
        if let Some(flaw) = self.flaw_of(entry, is_next) {
            self.find(number, number, flaw);
        }
        if number > self.head.number {
            self.find(number, number, AuditFlaw::Added);
        }
        self.last = number;
        self.hash = entry.hash;
    }

    fn flaw_of(&self, entry: &AuditEntry, is_next: bool) -> Option<AuditFlaw> {
        let Ok(body) = serde_json::from_str::<AuditBody>(&entry.body) else {
            return Some(AuditFlaw::Changed);
        };
        if sha256(entry.body.as_bytes()) != entry.hash {
            return Some(AuditFlaw::Changed);
        }
        if body.chain != entry.chain || body.number != entry.number || body.at != entry.at {
            return Some(AuditFlaw::Moved);
        }
        // After a gap there is nothing to compare with; the gap itself was told.
        if is_next && body.previous != hexadecimal(&self.hash) {
            return Some(AuditFlaw::NotAfter);
        }
        None
    }

    fn find(&mut self, first: u64, last: u64, flaw: AuditFlaw) {
        self.findings.push(AuditFinding {
            chain: self.head.chain.clone(),
            first,
            last,
            flaw,
        });
    }

    /// Looks at the end, and tells all that is wrong.
    #[must_use]
    pub fn finish(mut self) -> Vec<AuditFinding> {
        let number = self.head.number;
        if self.last < number {
            self.find(self.last + 1, number, AuditFlaw::Missing);
        } else if self.last == number && self.hash != self.head.hash {
            self.find(number, number, AuditFlaw::Changed);
        }
        self.findings
    }
}
