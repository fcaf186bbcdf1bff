//! Whatever happens, in whatever order: what always holds of a challenge that is tried.

use std::time::Duration;

use acme_core::{ChallengeState, Epoch, Finding, Judgement, OnExhausted, RetryPolicy, Stopped};
use acme_types::{ChallengeStatus, Slot, Timestamp};
use proptest::prelude::*;

use crate::support::{Driven, secs};

#[derive(Clone, Debug)]
enum Event {
    /// The client asks, at this slot's replica.
    Request(u8),
    /// The client polls, at this slot's replica.
    Poll(u8),
    /// This slot's worker looks for something to do.
    Claim(u8),
    /// The attempt in flight, if there is one, sees this.
    Conclude(Finding),
    /// There is no room for the attempt in flight.
    Postpone(u64),
    /// The process of the attempt in flight dies, and its slot's lease is taken anew.
    Crash,
    /// Time passes, in milliseconds.
    Pass(u64),
    /// Time passes until just when the next attempt is due.
    PassToDue,
    /// The upkeep finds that the authorization's time is over, or not yet.
    Expire,
    /// The client gives the authorization up.
    Deactivate,
    /// Another challenge of the authorization is met.
    Supersede,
}

fn event() -> impl Strategy<Value = Event> {
    let finding = prop::sample::select(Finding::ALL);
    // Mostly not there yet: what settles a challenge ends the interesting part.
    let not_yet = prop::sample::select(vec![
        Finding::ConnectRefused,
        Finding::DnsTxtMismatch,
        Finding::Internal,
    ]);
    prop_oneof![
        4 => (0..3_u8).prop_map(Event::Request),
        4 => (0..3_u8).prop_map(Event::Poll),
        8 => (0..3_u8).prop_map(Event::Claim),
        8 => not_yet.prop_map(Event::Conclude),
        1 => finding.prop_map(Event::Conclude),
        1 => (0..20_000_u64).prop_map(Event::Postpone),
        1 => Just(Event::Crash),
        4 => (0..40_000_u64).prop_map(Event::Pass),
        4 => Just(Event::PassToDue),
        1 => Just(Event::Expire),
        1 => Just(Event::Supersede),
        1 => Just(Event::Deactivate),
    ]
}

fn policy() -> impl Strategy<Value = RetryPolicy> {
    let schedule = prop_oneof![
        Just(RetryPolicy::default()),
        Just(RetryPolicy::eager(secs(12))),
        (prop::collection::vec(1..30_000_u64, 0..6), 1..30_000_u64).prop_map(
            |(steps, interval)| {
                let mut at = Duration::ZERO;
                let mut schedule = vec![at];
                for step in steps {
                    at += Duration::from_millis(step);
                    schedule.push(at);
                }
                RetryPolicy::at(schedule, Duration::from_millis(interval)).unwrap()
            }
        ),
    ];
    (schedule, 0..12_000_u64, any::<bool>(), any::<bool>()).prop_map(
        |(schedule, gap, ends, dns_mismatch_is_final)| {
            let mut policy = schedule.with_min_gap(Duration::from_millis(gap));
            policy.dns_mismatch_is_final = dns_mismatch_is_final;
            if ends {
                policy.on_exhausted = OnExhausted::Invalid;
            }
            policy
        },
    )
}

/// A challenge under test, and what is remembered of it.
struct Watched {
    driven: Driven,
    /// When the newest attempt that was made started; none when it may not have been made.
    last_made: Option<Timestamp>,
    superseded: bool,
}

impl Watched {
    fn apply(&mut self, event: &Event) {
        let driven = &mut self.driven;
        let before = driven.state.clone();
        let now = driven.now();
        match event {
            // The store hands nothing on for an authorization that is settled.
            Event::Request(_) | Event::Poll(_) if self.superseded => {}
            Event::Request(slot) => {
                driven.request(Slot::new(*slot));
                if let ChallengeState::Processing { retry, .. } = &driven.state {
                    let next = retry.next_attempt.unwrap();
                    assert!(next >= now, "armed in the past");
                    assert_eq!(retry.owner, Slot::new(*slot));
                    assert_eq!(retry.num_attempts, 0);
                    assert_planned_is_kept(&before, next, now);
                    let at_most = match retry.last_attempt {
                        None => now,
                        Some(last) => now.max(last.plus(driven.policy.min_gap())),
                    };
                    assert!(next <= at_most, "later than the gap asks for");
                }
            }
            Event::Poll(slot) => {
                driven.poll(Slot::new(*slot));
                if driven.state != before {
                    assert!(before.awaits_request(), "a poll in a window only reads");
                    let retry = driven.retry();
                    let last = retry.last_attempt.unwrap();
                    let earliest = now.max(last.plus(driven.policy.interval()));
                    assert_eq!(retry.next_attempt, Some(earliest));
                    assert_eq!(retry.owner, Slot::new(*slot));
                }
            }
            Event::Claim(slot) => {
                let slot = Slot::new(*slot);
                if driven.claim(slot) {
                    assert_claim_was_due(&before, slot, now);
                    assert!(!self.superseded, "nothing is tried for what is settled");
                    if let Some(last) = self.last_made {
                        let gap = now.since(last);
                        assert!(gap >= driven.policy.least_gap(), "only {gap:?} apart");
                    }
                    self.last_made = Some(now);
                }
            }
            Event::Conclude(finding) => {
                if driven.in_flight().is_some() {
                    driven.conclude(*finding);
                    self.assert_conclusion(&before, *finding);
                }
            }
            Event::Postpone(by) => {
                if driven.in_flight().is_some() {
                    let to = now.plus(Duration::from_millis(*by));
                    driven.state = driven.state.clone().postponed(to);
                    assert!(driven.next().is_none_or(|next| next >= to));
                    self.last_made = None;
                }
            }
            Event::Crash => {
                if driven.in_flight().is_some() {
                    self.last_made = None;
                }
                driven.epoch = Epoch(driven.epoch.0 + 1);
            }
            Event::Pass(millis) => driven.clock.advance(Duration::from_millis(*millis)),
            Event::PassToDue => {
                if let ChallengeState::Processing { retry, .. } = &driven.state
                    && let Some(next) = retry.next_attempt
                {
                    driven.clock.set(next.max(now));
                }
            }
            Event::Expire => {
                if now >= driven.expires_at {
                    driven.state = driven.state.clone().stopped(Stopped::Expired);
                    assert!(driven.state.status().is_settled());
                }
            }
            Event::Deactivate => {
                driven.state = driven.state.clone().stopped(Stopped::Deactivated);
                assert!(driven.state.status().is_settled());
            }
            Event::Supersede => {
                if !driven.state.status().is_settled() {
                    driven.state = driven.state.clone().superseded();
                    self.superseded = true;
                    assert_eq!(driven.state.status(), before.status());
                }
            }
        }
        // The worker loses a claim that has outlived its patience.
        if let Some(claim) = self.driven.in_flight()
            && claim.until <= self.driven.now()
        {
            self.last_made = None;
        }
        self.assert_always(&before, event);
    }

    fn assert_conclusion(&self, before: &ChallengeState, finding: Finding) {
        let ChallengeState::Processing {
            retry,
            in_flight: Some(claim),
        } = before
        else {
            panic!("no attempt was in flight");
        };
        let policy = &self.driven.policy;
        let over = self.driven.now() >= self.driven.expires_at;
        let judgement = finding.judge(policy);
        let last_of_window =
            claim.started_at >= retry.window_start && retry.num_attempts + 1 >= retry.max_attempts;
        let exhausted = last_of_window && policy.on_exhausted == OnExhausted::Invalid;
        let expect = match judgement {
            Judgement::Contradiction => ChallengeStatus::Invalid,
            _ if over => ChallengeStatus::Invalid,
            Judgement::Proof => ChallengeStatus::Valid,
            Judgement::NotYet if exhausted => ChallengeStatus::Invalid,
            Judgement::NotYet => ChallengeStatus::Processing,
        };
        assert_eq!(self.driven.state.status(), expect);
        if let ChallengeState::Processing { retry, in_flight } = &self.driven.state {
            assert_eq!(*in_flight, None);
            assert_eq!(retry.next_attempt.is_none(), last_of_window);
            assert!(
                retry
                    .next_attempt
                    .is_none_or(|next| next >= self.driven.now())
            );
        }
    }

    fn assert_always(&self, before: &ChallengeState, event: &Event) {
        let state = &self.driven.state;
        let now = self.driven.now();
        if before.status().is_settled() {
            assert_eq!(state, before, "{event:?} moved what was settled");
        }
        if *before == ChallengeState::Pending {
            let by_request = matches!(event, Event::Request(_) | Event::Expire | Event::Deactivate);
            assert!(by_request || *state == ChallengeState::Pending);
        } else {
            assert_ne!(*state, ChallengeState::Pending, "nothing becomes pending");
        }
        let left = before.status() == ChallengeStatus::Processing && state.status().is_settled();
        if left {
            assert!(
                matches!(
                    event,
                    Event::Conclude(_) | Event::Expire | Event::Deactivate
                ),
                "{event:?} is no conclusion"
            );
        }
        let ChallengeState::Processing { retry, in_flight } = state else {
            return;
        };
        assert!(retry.num_attempts <= retry.max_attempts);
        assert!(retry.max_attempts as usize <= RetryPolicy::MAX_ATTEMPTS);
        assert!(retry.last_attempt.is_none_or(|last| last <= now));
        assert!(
            in_flight.is_none_or(|claim| retry.last_attempt == Some(claim.started_at)),
            "the newest attempt is the one in flight"
        );
        // Nobody but the owner ever finds it due.
        for slot in (0..4).map(Slot::new).filter(|slot| *slot != retry.owner) {
            assert!(!self.driven.is_claimable(slot));
        }
    }
}

/// A request never puts off what was planned.
fn assert_planned_is_kept(before: &ChallengeState, next: Timestamp, now: Timestamp) {
    if let ChallengeState::Processing {
        retry,
        in_flight: None,
    } = before
        && let Some(planned) = retry.next_attempt
        && retry.last_attempt.is_none_or(|last| last < planned)
    {
        assert!(next <= planned.max(now), "a request puts nothing off");
    }
}

fn assert_claim_was_due(before: &ChallengeState, slot: Slot, now: Timestamp) {
    let ChallengeState::Processing { retry, .. } = before else {
        panic!("claimed {before:?}");
    };
    assert_eq!(retry.owner, slot);
    assert!(retry.next_attempt.is_some_and(|next| next <= now));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_breaks_the_rules_of_retrying(
        policy in policy(),
        life in 1..300_000_u64,
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut driven = Driven::new(policy);
        driven.expires_at = driven.now().plus(Duration::from_millis(life * 10));
        let mut watched = Watched { driven, last_made: None, superseded: false };
        for event in events {
            watched.apply(&event);
        }
    }

    /// A client that asks once, and a worker that is there: the schedule is kept to the millisecond.
    #[test]
    fn a_prompt_worker_keeps_every_schedule(policy in policy(), took in 0..3_000_u64) {
        let mut driven = Driven::new(policy.clone());
        driven.request(Slot::new(1));
        let steps: Vec<i64> = policy.schedule().iter().map(|step| step.as_millis() as i64).collect();
        let took = i64::try_from(took).unwrap().min(steps.windows(2).map(|w| w[1] - w[0] - 1).min().unwrap_or(0));
        while let Some(next) = match &driven.state {
            ChallengeState::Processing { retry, .. } => retry.next_attempt,
            _ => None,
        } {
            driven.clock.set(next);
            prop_assert!(driven.claim(Slot::new(1)));
            driven.clock.advance(Duration::from_millis(took.unsigned_abs()));
            driven.conclude(Finding::ConnectRefused);
        }
        prop_assert_eq!(&driven.starts, &steps);
        let ends = match policy.on_exhausted {
            OnExhausted::Invalid => ChallengeStatus::Invalid,
            OnExhausted::Processing => ChallengeStatus::Processing,
        };
        prop_assert_eq!(driven.state.status(), ends);
    }

    /// However late a worker is, a window has all its attempts, and no two of them close together.
    #[test]
    fn a_late_worker_makes_every_attempt(
        policy in policy(),
        delays in prop::collection::vec(0..60_000_u64, 20),
    ) {
        let mut driven = Driven::new(policy.clone());
        driven.request(Slot::new(1));
        for delay in delays {
            let Some(next) = (match &driven.state {
                ChallengeState::Processing { retry, .. } => retry.next_attempt,
                _ => None,
            }) else {
                break;
            };
            driven.clock.set(next.plus(Duration::from_millis(delay)));
            prop_assert!(driven.claim(Slot::new(1)));
            driven.conclude(Finding::ConnectRefused);
        }
        prop_assert_eq!(driven.starts.len(), policy.schedule().len());
        let least = i64::try_from(policy.least_gap().as_millis()).unwrap();
        prop_assert!(driven.starts.windows(2).all(|pair| pair[1] - pair[0] >= least));
    }

    /// A client may ask and poll as often as it likes; attempts stay the least gap apart, and go on.
    #[test]
    fn no_client_makes_a_reflector_of_the_server(
        policy in policy(),
        asks in prop::collection::vec((0..1_500_u64, any::<bool>()), 1..200),
    ) {
        let mut policy = policy;
        policy.on_exhausted = OnExhausted::Processing;
        policy.dns_mismatch_is_final = false;
        let mut driven = Driven::new(policy.clone());
        driven.request(Slot::new(0));
        for (pause, asks) in asks {
            driven.clock.advance(Duration::from_millis(pause));
            if asks { driven.request(Slot::new(0)) } else { driven.poll(Slot::new(0)) }
            if driven.claim(Slot::new(0)) {
                driven.conclude(Finding::ConnectRefused);
            }
        }
        let least = i64::try_from(policy.least_gap().as_millis()).unwrap();
        prop_assert!(driven.starts.windows(2).all(|pair| pair[1] - pair[0] >= least));
        // It is not starved either: an ask is served a gap after the last attempt at the latest.
        driven.request(Slot::new(0));
        let next = driven.next().unwrap();
        prop_assert!(next <= driven.now().plus(policy.min_gap()));
    }
}
