//! Challenges that are being tried, for upkeep and for people.

use acme_core::{
    Attempt, Authorization, ChallengeState, Epoch, Page, ProcessingChallenge, Stopped,
};
use acme_types::{ChallengeId, Slot, Timestamp};

use super::{fence, page, settle};
use crate::act::{Act, Fault, Outcome};
use crate::rows::{DueCursor, Rows};

/// See [`acme_core::Store::expire_challenges`].
pub(crate) struct ExpireChallenges {
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for ExpireChallenges {
    type Output = u32;
    const WHAT: &'static str = "ending expired challenges";

    fn can_wait(&self) -> bool {
        true
    }

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<u32> {
        fence(rows, self.slot, self.epoch).await?;
        let mut ended = 0;
        for id in rows.expired(self.slot, self.limit, self.now).await? {
            let Some(mut tracked) = rows.lock_authorization_of_challenge(&id).await? else {
                continue;
            };
            let Some(position) = tracked.position(&id) else {
                continue;
            };
            let challenge = &mut tracked.authorization.challenges[position];
            if matches!(challenge.state, ChallengeState::Processing { .. }) {
                challenge.state = challenge.state.clone().stopped(Stopped::Expired);
                settle::challenge_moved(rows, &mut tracked, position, self.now).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }
}

/// See [`acme_core::Store::find_attempts`].
pub(crate) struct FindAttempts {
    pub(crate) id: ChallengeId,
}

impl Act for FindAttempts {
    type Output = Option<(Authorization, Vec<Attempt>)>;
    const WHAT: &'static str = "reading the attempts of a challenge";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Self::Output> {
        let Some(tracked) = rows.authorization_of_challenge(&self.id).await? else {
            return Ok(None);
        };
        let attempts = rows.all_attempts(&self.id).await?;
        Ok(Some((tracked.authorization, attempts)))
    }
}

/// See [`acme_core::Store::list_processing`].
pub(crate) struct ListProcessing {
    pub(crate) after: Option<DueCursor>,
    pub(crate) limit: u32,
}

impl Act for ListProcessing {
    type Output = Page<ProcessingChallenge>;
    const WHAT: &'static str = "listing what is being tried";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<ProcessingChallenge>> {
        // Each slot's challenges lie in order; the page is merged from the heads of all.
        let limit = self.limit.saturating_add(1);
        let mut found = Vec::new();
        for lease in rows.leases().await? {
            let heads = rows
                .processing(lease.slot, self.after.as_ref(), limit)
                .await?;
            found.extend(heads);
        }
        let mut items = Vec::with_capacity(found.len());
        for (challenge, identifier) in found {
            let ChallengeState::Processing { retry, .. } = &challenge.state else {
                return Err(Fault::corrupt("a challenge that has an owner for nothing"));
            };
            let retry = retry.clone();
            items.push(ProcessingChallenge {
                challenge,
                identifier,
                retry,
                last: None,
            });
        }
        items.sort_by_cached_key(|item| {
            let next = item.retry.next_attempt;
            (next.is_none(), next, item.challenge.id.clone())
        });
        let mut page = page(items, self.limit, |item| {
            DueCursor {
                next_attempt: item.retry.next_attempt,
                id: item.challenge.id.clone(),
            }
            .to_text()
        });
        for item in &mut page.items {
            let newest = rows.newest_attempts(&item.challenge.id, 1).await?;
            item.last = newest.into_iter().next();
        }
        Ok(page)
    }
}
