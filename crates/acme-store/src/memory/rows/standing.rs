//! Counts of what is waiting, in memory.

use acme_core::{ChallengeState, OrderState, Retry};
use acme_types::{Slot, Timestamp};

use super::super::Tables;
use crate::act::Outcome;
use crate::rows::StandingRows;

impl Tables {
    fn retries(&self, slot: Slot) -> impl Iterator<Item = &Retry> {
        let tracked = self.authorizations.values();
        let challenges = tracked.flat_map(|tracked| &tracked.authorization.challenges);
        let retries = challenges.filter_map(|challenge| match &challenge.state {
            ChallengeState::Processing { retry, .. } => Some(retry),
            _ => None,
        });
        retries.filter(move |retry| retry.owner == slot)
    }
}

impl StandingRows for Tables {
    async fn count_armed(
        &mut self,
        slot: Slot,
        due_by: Option<Timestamp>,
        limit: u32,
    ) -> Outcome<u64> {
        let armed = self.retries(slot).filter_map(|retry| retry.next_attempt);
        let counted = armed.filter(|next| due_by.is_none_or(|by| *next <= by));
        Ok(counted.take(limit as usize).count() as u64)
    }

    async fn count_exhausted(&mut self, slot: Slot, limit: u32) -> Outcome<u64> {
        let waiting = self.retries(slot).filter(|retry| !retry.is_armed());
        Ok(waiting.take(limit as usize).count() as u64)
    }

    async fn oldest_open_order(
        &mut self,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Option<Timestamp>> {
        let open = self
            .orders
            .values()
            .filter(|order| matches!(order.state, OrderState::Pending | OrderState::Ready))
            .take(limit as usize);
        let alive = open.filter(|order| order.expires_at > now);
        Ok(alive.map(|order| order.created_at).min())
    }

    async fn count_expiring(
        &mut self,
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Outcome<u64> {
        let certificates = self.certificates.values();
        let expiring = certificates.filter(|kept| {
            let end = kept.certificate.not_after;
            after < end && end <= until
        });
        Ok(expiring.take(limit as usize).count() as u64)
    }
}
