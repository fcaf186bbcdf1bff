//! What follows for authorization and orders when a challenge or an authorization has moved.

use std::collections::BTreeMap;

use acme_core::{Authorization, AuthorizationState, ChallengeState, Order, OrderState, Stopped};
use acme_types::{
    AccountStatus, AuthorizationId, AuthorizationStatus, Problem, ProblemKind, Timestamp,
};

use crate::act::Outcome;
use crate::rows::{Rows, Tracked};

/// Writes a challenge that has moved, and what follows from it: its authorization's state, the end
/// of attempts at its siblings once that is settled, and the orders' states.
pub(crate) async fn challenge_moved<R: Rows>(
    rows: &mut R,
    tracked: &mut Tracked,
    position: usize,
    now: Timestamp,
) -> Outcome<()> {
    let moved = &tracked.authorization.challenges[position];
    rows.set_challenge(moved, tracked.counters[position])
        .await?;
    let state = tracked.authorization.state.after_challenge(&moved.state);
    if state == tracked.authorization.state {
        return Ok(());
    }
    let failed = match &moved.state {
        ChallengeState::Invalid { error } => Some(error.clone()),
        _ => None,
    };
    tracked.authorization.state = state;
    rows.set_authorization(&tracked.authorization.id, state)
        .await?;
    if let Some(until) = tracked.authorization.prolonged(now) {
        tracked.authorization.expires_at = until;
        rows.prolong_authorization(&tracked.authorization.id, until)
            .await?;
    }
    let siblings = tracked.authorization.challenges.iter_mut();
    for (at, sibling) in siblings.enumerate() {
        if at != position && matches!(sibling.state, ChallengeState::Processing { .. }) {
            sibling.state = sibling.state.clone().superseded();
            rows.set_challenge(sibling, tracked.counters[at]).await?;
        }
    }
    let orders = rows.lock_open_orders(&tracked.authorization.id).await?;
    orders_follow(rows, orders, &tracked.authorization, failed.as_ref(), now).await
}

/// Ends an authorization because its holder gave it up: its challenges stop, its open orders become
/// invalid.
pub(crate) async fn deactivate<R: Rows>(
    rows: &mut R,
    mut tracked: Tracked,
    now: Timestamp,
) -> Outcome<Authorization> {
    tracked.authorization.state = AuthorizationState::Deactivated;
    rows.set_authorization(&tracked.authorization.id, AuthorizationState::Deactivated)
        .await?;
    let challenges = tracked.authorization.challenges.iter_mut();
    for (challenge, counters) in challenges.zip(&tracked.counters) {
        let stopped = challenge.state.clone().stopped(Stopped::Deactivated);
        if stopped != challenge.state {
            challenge.state = stopped;
            rows.set_challenge(challenge, *counters).await?;
        }
    }
    let orders = rows.lock_open_orders(&tracked.authorization.id).await?;
    orders_follow(rows, orders, &tracked.authorization, None, now).await?;
    Ok(tracked.authorization)
}

/// The state of an order whose account has ended.
pub(crate) fn account_ended(status: AccountStatus) -> OrderState {
    OrderState::Invalid {
        error: Problem::new(
            ProblemKind::Unauthorized,
            format!("the account was {status}"),
        ),
    }
}

async fn orders_follow<R: Rows>(
    rows: &mut R,
    orders: Vec<Order>,
    moved: &Authorization,
    failed: Option<&Problem>,
    now: Timestamp,
) -> Outcome<()> {
    for order in orders {
        let mut statuses = BTreeMap::from([(moved.id.clone(), moved.status(now))]);
        // Read after the order is locked: whoever moves the last of two authorizations sees the
        // other one.
        let mut others: Vec<AuthorizationId> = order.authorizations.clone();
        others.retain(|id| *id != moved.id);
        // An order of many names is settled by the last of them. What is tried last stands at the
        // end; few are looked at until that one is there, and not all of them each time.
        let mut looked_at = 1;
        while !others.is_empty() && !waits_for_more(&order.state, &statuses) {
            let rest = others.len().saturating_sub(looked_at);
            let states = rows.authorization_states(&others.split_off(rest)).await?;
            statuses.extend(
                states
                    .into_iter()
                    .map(|(id, state, expires_at)| (id, state.status(expires_at, now))),
            );
            looked_at *= 2;
        }
        let next = order
            .state
            .clone()
            .after_authorizations(statuses.into_values(), failed);
        if next != order.state {
            rows.set_order(&order.id, &next).await?;
        }
    }
    Ok(())
}

/// Whether an order stays as it is for an authorization that is still pending while the others that
/// were looked at are good: the one that ends changes the order when it does.
fn waits_for_more(
    order: &OrderState,
    statuses: &BTreeMap<AuthorizationId, AuthorizationStatus>,
) -> bool {
    let mut statuses = statuses.values();
    *order == OrderState::Pending
        && statuses.clone().any(|s| *s == AuthorizationStatus::Pending)
        && statuses.all(|s| matches!(s, AuthorizationStatus::Valid | AuthorizationStatus::Pending))
}
