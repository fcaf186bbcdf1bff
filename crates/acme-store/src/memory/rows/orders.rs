//! Orders and authorizations in memory.

use acme_core::{Authorization, AuthorizationState, ChallengeState, Order, OrderState};
use acme_types::{
    AccountId, AuthorizationId, AuthorizationStatus, ChallengeId, Identifier, OrderId, OrderStatus,
    Thumbprint, Timestamp,
};

use super::super::Tables;
use super::{broken, page};
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::rows::{Counters, OrderRows, Tracked};

const fn is_open(order: &Order) -> bool {
    matches!(order.state, OrderState::Pending | OrderState::Ready)
}

impl OrderRows for Tables {
    async fn insert_order(&mut self, order: &Order) -> Outcome<()> {
        if self.orders.contains_key(&order.id) {
            return Err(broken("an order's id is unique"));
        }
        if !self.accounts.contains_key(&order.account_id) {
            return Err(broken("an order has an account"));
        }
        let is_known = |id| self.authorizations.contains_key(id);
        if !order.authorizations.iter().all(is_known) {
            return Err(broken("an order's authorizations exist"));
        }
        self.orders.insert(order.id.clone(), order.clone());
        Ok(())
    }

    async fn insert_authorizations(&mut self, new: &[Authorization]) -> Outcome<()> {
        for authorization in new {
            if self.authorizations.contains_key(&authorization.id) {
                return Err(broken("an authorization's id is unique"));
            }
            if !self.accounts.contains_key(&authorization.account_id) {
                return Err(broken("an authorization has an account"));
            }
        }
        for authorization in new {
            let id = &authorization.id;
            for challenge in &authorization.challenges {
                self.authorization_of
                    .insert(challenge.id.clone(), id.clone());
            }
            let tracked = Tracked {
                counters: vec![Counters::default(); authorization.challenges.len()],
                authorization: authorization.clone(),
            };
            self.authorizations.insert(id.clone(), tracked);
        }
        Ok(())
    }

    async fn order(&mut self, id: &OrderId) -> Outcome<Option<Order>> {
        Ok(self.orders.get(id).cloned())
    }

    async fn lock_order(&mut self, id: &OrderId) -> Outcome<Option<Order>> {
        self.order(id).await
    }

    async fn lock_open_orders(&mut self, authorization: &AuthorizationId) -> Outcome<Vec<Order>> {
        let waits = |order: &&Order| is_open(order) && order.authorizations.contains(authorization);
        Ok(self.orders.values().filter(waits).cloned().collect())
    }

    async fn lock_open_orders_of_account(&mut self, account: &AccountId) -> Outcome<Vec<Order>> {
        let is_theirs = |order: &&Order| is_open(order) && order.account_id == *account;
        Ok(self.orders.values().filter(is_theirs).cloned().collect())
    }

    async fn lock_open_orders_like(&mut self, like: &Order) -> Outcome<Vec<Order>> {
        let likeness = like.likeness();
        let is_like = |order: &&Order| is_open(order) && order.likeness() == likeness;
        Ok(self.orders.values().filter(is_like).cloned().collect())
    }

    async fn set_order(&mut self, id: &OrderId, state: &OrderState) -> Outcome<()> {
        if let Some(order) = self.orders.get_mut(id) {
            order.state = state.clone();
        }
        Ok(())
    }

    async fn orders_of_account(
        &mut self,
        account: &AccountId,
        after: Option<&Cursor>,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Vec<Cursor>> {
        let listed = self.orders.values().filter(|order| {
            order.account_id == *account && order.state_at(now).status() != OrderStatus::Invalid
        });
        let placed = listed.map(|order| {
            let place = Cursor {
                created_at: order.created_at,
                id: order.id.to_string(),
            };
            (place, ())
        });
        let found = page(placed, after, limit);
        Ok(found.into_iter().map(|(place, ())| place).collect())
    }

    async fn is_being_tried(&mut self, ids: &[AuthorizationId]) -> Outcome<bool> {
        let is_processing = |tracked: &Tracked| {
            let mut challenges = tracked.authorization.challenges.iter();
            challenges.any(|c| matches!(c.state, ChallengeState::Processing { .. }))
        };
        let mut found = ids.iter().filter_map(|id| self.authorizations.get(id));
        Ok(found.any(|tracked| {
            tracked.authorization.state == AuthorizationState::Pending && is_processing(tracked)
        }))
    }

    async fn authorization_states(
        &mut self,
        ids: &[AuthorizationId],
    ) -> Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>> {
        let found = ids.iter().filter_map(|id| self.authorizations.get(id));
        let state = |tracked: &Tracked| {
            let authorization = &tracked.authorization;
            let id = authorization.id.clone();
            (id, authorization.state, authorization.expires_at)
        };
        Ok(found.map(state).collect())
    }

    async fn hold_authorizations(
        &mut self,
        account: &AccountId,
        ids: &[AuthorizationId],
    ) -> Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>> {
        let is_theirs = |id: &&AuthorizationId| {
            let found = self.authorizations.get(*id);
            found.is_some_and(|tracked| tracked.authorization.account_id == *account)
        };
        let ids: Vec<AuthorizationId> = ids.iter().filter(is_theirs).cloned().collect();
        self.authorization_states(&ids).await
    }

    async fn valid_authorizations(
        &mut self,
        account: &AccountId,
        identifiers: &[Identifier],
    ) -> Outcome<Vec<Authorization>> {
        let all = self.authorizations.values();
        let found = all.map(|tracked| &tracked.authorization).filter(|found| {
            found.account_id == *account
                && found.state == AuthorizationState::Valid
                && identifiers.contains(&found.identifier)
        });
        Ok(found.cloned().collect())
    }

    async fn prolong_authorization(
        &mut self,
        id: &AuthorizationId,
        expires_at: Timestamp,
    ) -> Outcome<()> {
        if let Some(tracked) = self.authorizations.get_mut(id) {
            tracked.authorization.expires_at = expires_at;
        }
        Ok(())
    }

    async fn authorization(&mut self, id: &AuthorizationId) -> Outcome<Option<Tracked>> {
        Ok(self.authorizations.get(id).cloned())
    }

    async fn lock_authorization(&mut self, id: &AuthorizationId) -> Outcome<Option<Tracked>> {
        self.authorization(id).await
    }

    async fn authorization_of_challenge(&mut self, id: &ChallengeId) -> Outcome<Option<Tracked>> {
        let authorization = self.authorization_of.get(id);
        Ok(authorization
            .and_then(|id| self.authorizations.get(id))
            .cloned())
    }

    async fn lock_authorization_of_challenge(
        &mut self,
        id: &ChallengeId,
    ) -> Outcome<Option<Tracked>> {
        self.authorization_of_challenge(id).await
    }

    async fn pending_authorizations_of_account(
        &mut self,
        account: &AccountId,
    ) -> Outcome<Vec<AuthorizationId>> {
        let found = self.authorizations.values().filter(|tracked| {
            let authorization = &tracked.authorization;
            authorization.account_id == *account
                && authorization.state == AuthorizationState::Pending
        });
        Ok(found
            .map(|tracked| tracked.authorization.id.clone())
            .collect())
    }

    async fn set_attested_key(&mut self, id: &AuthorizationId, key: &Thumbprint) -> Outcome<()> {
        if let Some(tracked) = self.authorizations.get_mut(id) {
            tracked.authorization.attested_key = Some(*key);
        }
        Ok(())
    }

    async fn count_pending(
        &mut self,
        account: &AccountId,
        most: u32,
        now: Timestamp,
    ) -> Outcome<u32> {
        let found = self.authorizations.values().filter(|tracked| {
            let authorization = &tracked.authorization;
            authorization.account_id == *account
                && authorization.status(now) == AuthorizationStatus::Pending
        });
        let counted = found.take(most as usize).count();
        Ok(u32::try_from(counted).unwrap_or(most))
    }

    async fn set_authorization(
        &mut self,
        id: &AuthorizationId,
        state: AuthorizationState,
    ) -> Outcome<()> {
        if let Some(tracked) = self.authorizations.get_mut(id) {
            tracked.authorization.state = state;
        }
        Ok(())
    }
}
