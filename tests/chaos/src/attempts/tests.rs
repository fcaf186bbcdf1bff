//! A bug planted in each property of a challenge's record is seen.

use acme_core::{Observation, Phase};

use super::*;
use crate::target::Absence;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + millis)
}

fn attempt(number: u32, slot: u8, started: i64, took: u64, finding: Finding) -> Attempt {
    Attempt {
        number,
        slot: Slot::new(slot),
        started_at: at(started),
        perspective: "local".to_owned(),
        observation: Observation {
            finding,
            phase: Phase::Http,
            address: None,
            detail: String::new(),
            took: Duration::from_millis(took),
        },
    }
}

fn bounds() -> Bounds {
    let life = |from, until, pauses: &[Span]| Life {
        span: Span {
            from: at(from),
            until: at(until),
        },
        pauses: pauses.to_vec(),
    };
    let pause = Span {
        from: at(5000),
        until: at(9000),
    };
    Bounds {
        least_gap: SECOND,
        longest_wait: 10 * SECOND,
        armed_for: 100 * SECOND,
        lives: HashMap::from([
            (
                Slot::new(0),
                vec![life(-1000, 4000, &[]), life(6000, 900_000, &[])],
            ),
            (Slot::new(1), vec![life(-1000, 900_000, &[pause])]),
        ]),
        outages: vec![Span {
            from: at(40_000),
            until: at(45_000),
        }],
    }
}

/// A challenge that was asked for at 0 and became valid at 2.05 s.
struct Case {
    attempts: Vec<Attempt>,
    status: ChallengeStatus,
    plan: Plan,
    served: Vec<Timestamp>,
    read_at: i64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            attempts: vec![
                attempt(1, 0, 0, 30, Finding::ConnectRefused),
                attempt(2, 0, 1000, 30, Finding::ConnectRefused),
                attempt(3, 1, 2000, 50, Finding::Proof),
            ],
            status: ChallengeStatus::Valid,
            plan: Plan::Late(Absence::Refuse, at(1500)),
            served: vec![at(2040)],
            read_at: 3000,
        }
    }
}

impl Case {
    fn check(&self, expected: &[Invariant]) {
        let history = History {
            requested_at: &[at(10)],
            attempts: &self.attempts,
            status: self.status,
            plan: self.plan,
            served_at: &self.served,
            read_at: at(self.read_at),
        };
        let verdict = judge(&history, &bounds());
        let found: Vec<_> = verdict
            .violations
            .iter()
            .map(|(invariant, _)| *invariant)
            .collect();
        assert_eq!(found, expected, "{:?}", verdict.violations);
    }

    /// The same, still being tried.
    fn processing(attempts: Vec<Attempt>, read_at: i64) -> Self {
        Self {
            attempts,
            status: ChallengeStatus::Processing,
            plan: Plan::Never(Absence::Refuse),
            served: Vec::new(),
            read_at,
        }
    }
}

const REFUSED: Finding = Finding::ConnectRefused;

#[test]
fn a_good_record_passes() {
    Case::default().check(&[]);
    Case::processing(vec![attempt(1, 0, 0, 30, REFUSED)], 9000).check(&[]);
}

#[test]
fn overlap_and_nearness_are_seen() {
    let mut case = Case::default();
    case.attempts[1].observation.took = 1200 * Duration::from_millis(1);
    case.check(&[Invariant::NoOverlap]);
    let mut case = Case::default();
    case.attempts[1].started_at = at(990);
    case.check(&[Invariant::NeverNearer]);
    case.attempts[1].started_at = at(999);
    case.check(&[]);
}

#[test]
fn what_a_dead_or_paused_process_wrote_is_seen() {
    Case::processing(vec![attempt(1, 0, 5000, 30, REFUSED)], 6000)
        .check(&[Invariant::NoStaleWrite]);
    Case::processing(vec![attempt(1, 1, 5000, 30, REFUSED)], 6000)
        .check(&[Invariant::NoStaleWrite]);
    Case::processing(vec![attempt(1, 7, 5000, 30, REFUSED)], 6000)
        .check(&[Invariant::NoStaleWrite]);
    Case::processing(vec![attempt(1, 0, 7000, 30, REFUSED)], 8000).check(&[]);
}

#[test]
fn a_record_out_of_turn_is_seen() {
    let late = vec![
        attempt(1, 0, 2000, 30, REFUSED),
        attempt(2, 1, 500, 30, REFUSED),
    ];
    Case::processing(late, 3000).check(&[
        Invariant::NoStaleWrite,
        Invariant::NoOverlap,
        Invariant::NeverNearer,
    ]);
    let lost = vec![
        attempt(1, 0, 0, 30, REFUSED),
        attempt(3, 0, 2000, 30, REFUSED),
    ];
    Case::processing(lost, 3000).check(&[Invariant::NoStaleWrite]);
}

#[test]
fn a_wait_that_is_too_long_is_seen() {
    Case::processing(vec![], 10_011).check(&[Invariant::AlwaysTried]);
    Case::processing(vec![attempt(1, 0, 0, 30, REFUSED)], 10_001).check(&[Invariant::AlwaysTried]);
    // The database's absence is not the replicas' fault.
    let before = vec![
        attempt(1, 0, 0, 1, REFUSED),
        attempt(2, 1, 9_500, 1, REFUSED),
        attempt(3, 0, 19_000, 1, REFUSED),
        attempt(4, 0, 28_000, 1, REFUSED),
        attempt(5, 0, 37_000, 1, REFUSED),
    ];
    Case::processing(before.clone(), 51_000).check(&[]);
    Case::processing(before, 53_000).check(&[Invariant::AlwaysTried]);
    // Nothing is owed once the window has ended.
    let long_ago: Vec<_> = (0..11)
        .map(|n| attempt(n + 1, 0, i64::from(n) * 9500, 1, REFUSED))
        .collect();
    let unpaused: Vec<_> = long_ago
        .into_iter()
        .filter(|a| a.started_at < at(4000) || a.started_at > at(6000))
        .collect();
    Case::processing(unpaused, 500_000).check(&[]);
}

#[test]
fn valid_without_proof_and_invalid_without_contradiction_are_seen() {
    let by_proof = [Invariant::ValidOnlyByProof];
    Case {
        served: vec![],
        ..Case::default()
    }
    .check(&by_proof);
    Case {
        served: vec![at(900)],
        ..Case::default()
    }
    .check(&by_proof);
    Case {
        plan: Plan::Never(Absence::Refuse),
        ..Case::default()
    }
    .check(&by_proof);
    Case {
        status: ChallengeStatus::Invalid,
        ..Case::default()
    }
    .check(&by_proof);
    Case {
        status: ChallengeStatus::Processing,
        ..Case::default()
    }
    .check(&by_proof);
    let mut early = Case::default();
    early.attempts[0].observation.finding = Finding::Proof;
    early.check(&by_proof);
    let mut wrong = Case {
        status: ChallengeStatus::Invalid,
        plan: Plan::Wrong(Absence::Refuse, at(1500)),
        served: vec![],
        ..Case::default()
    };
    wrong.attempts[2].observation.finding = Finding::HttpMismatch;
    wrong.check(&[]);
}
