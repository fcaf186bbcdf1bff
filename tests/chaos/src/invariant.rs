//! What must hold, and what was found.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use crate::time::locked;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident = $words:literal;)*) => {
        /// What must hold in every round.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Invariant {
            $($(#[$doc])* $name,)*
        }

        impl Invariant {
            /// Every invariant.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In words, and what was counted.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

invariants! {
    /// Counted: objects read back.
    NothingLost = "no acknowledged account, order, authorization or certificate is lost or changed (objects read back)";
    /// Counted: statuses compared with an earlier one.
    NothingBackwards = "no order, authorization or challenge goes backwards (statuses compared)";
    /// Counted: pairs of successive attempts.
    NoOverlap = "attempts of a challenge never overlap (pairs of attempts)";
    /// Counted: pairs of successive attempts.
    NeverNearer = "attempts never come nearer than allowed (pairs of attempts)";
    /// Counted: waits for an attempt.
    AlwaysTried = "an armed challenge is tried within interval + lease + margin (waits)";
    /// Counted: challenges that are valid or invalid.
    ValidOnlyByProof = "`valid` only after a proof that was served, `invalid` only after one that contradicts (settled challenges)";
    /// Counted: certificates.
    NoSerialTwice = "no serial number twice, no order with two certificates (certificates)";
    /// Counted: attempts.
    NoStaleWrite = "no attempt by a process that was dead or paused, none recorded out of turn (attempts)";
    /// Counted: processes.
    OneHolder = "a second process with a slot that is held ends with status 75 (processes)";
    /// Counted: leases read.
    EpochsGrow = "the epoch of a slot never goes backwards (leases read)";
    /// Counted: spent nonces presented again.
    NonceOnce = "a used nonce is refused at every replica (replays)";
    /// Counted: fresh nonces presented.
    NonceGood = "a fresh nonce is good at every replica, but for those from before a crash of the database (fresh nonces)";
}

/// Something that did not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The round; 0 before the first.
    pub round: u32,
    /// What did not hold.
    pub invariant: Invariant,
    /// How.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {}: {:?}: {}",
            self.round, self.invariant, self.detail
        )
    }
}

/// What was looked at and what was found.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    round: u32,
    looked_at: BTreeMap<Invariant, u64>,
    violations: Vec<Violation>,
}

impl Findings {
    /// A round begins.
    pub fn begin(&self, round: u32) {
        locked(&self.0).round = round;
    }

    /// So many more were looked at.
    pub fn looked_at(&self, invariant: Invariant, n: u64) {
        *locked(&self.0).looked_at.entry(invariant).or_default() += n;
    }

    /// One did not hold.
    pub fn violated(&self, invariant: Invariant, detail: impl Into<String>) {
        let mut found = locked(&self.0);
        let violation = Violation {
            round: found.round,
            invariant,
            detail: detail.into(),
        };
        eprintln!("VIOLATION {violation}");
        found.violations.push(violation);
    }

    /// Looked at one, and it holds or not.
    pub fn check(&self, invariant: Invariant, holds: bool, detail: impl FnOnce() -> String) {
        self.looked_at(invariant, 1);
        if !holds {
            self.violated(invariant, detail());
        }
    }

    /// How many of an invariant were looked at.
    #[must_use]
    pub fn n_looked_at(&self, invariant: Invariant) -> u64 {
        locked(&self.0)
            .looked_at
            .get(&invariant)
            .copied()
            .unwrap_or(0)
    }

    /// All that did not hold.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        locked(&self.0).violations.clone()
    }
}
