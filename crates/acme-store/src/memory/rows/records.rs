//! Lists for people, in memory.

use acme_core::{Authorization, Certificate, Order, OrderState};
use acme_types::{AccountId, AuthorizationId, Identifier, OrderId, Timestamp};

use super::super::Tables;
use super::page;
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::rows::RecordRows;

impl RecordRows for Tables {
    async fn orders_by_id(&mut self, after: Option<&str>, limit: u32) -> Outcome<Vec<Order>> {
        let all = self.orders.values().rev();
        let rest = all.filter(|order| after.is_none_or(|after| order.id.as_str() < after));
        Ok(rest.take(limit as usize).cloned().collect())
    }

    async fn whole_orders_of_account(
        &mut self,
        account: &AccountId,
        invalid: bool,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Order>> {
        let all = self.orders.values().filter(|order| {
            let is_invalid = matches!(order.state, OrderState::Invalid { .. });
            order.account_id == *account && is_invalid == invalid
        });
        let placed = all.map(|order| {
            let place = Cursor {
                created_at: order.created_at,
                id: order.id.to_string(),
            };
            (place, order)
        });
        let found = page(placed, after, limit).into_iter();
        Ok(found.map(|(_, order)| order.clone()).collect())
    }

    async fn orders_of_authorization(
        &mut self,
        id: &AuthorizationId,
        limit: u32,
    ) -> Outcome<Vec<OrderId>> {
        let all = self.orders.values().rev();
        let resting = all.filter(|order| order.authorizations.contains(id));
        let ids = resting.map(|order| order.id.clone());
        Ok(ids.take(limit as usize).collect())
    }

    async fn authorizations_by_id(
        &mut self,
        identifier: Option<&Identifier>,
        after: Option<&str>,
        limit: u32,
    ) -> Outcome<Vec<Authorization>> {
        let all = self.authorizations.values().rev();
        let all = all.map(|tracked| &tracked.authorization);
        let rest = all.filter(|authorization| {
            identifier.is_none_or(|identifier| authorization.identifier == *identifier)
                && after.is_none_or(|after| authorization.id.as_str() < after)
        });
        Ok(rest.take(limit as usize).cloned().collect())
    }

    async fn certificates_by_end(
        &mut self,
        from: Timestamp,
        before: Timestamp,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        let key = |certificate: &Certificate| (certificate.not_after, certificate.id.to_string());
        let after = after.map(|after| (after.created_at, after.id.clone()));
        let all = self.certificates.values().map(|kept| &kept.certificate);
        let mut found: Vec<Certificate> = all
            .filter(|c| c.not_after > from && c.not_after < before)
            .filter(|c| after.as_ref().is_none_or(|after| key(c) > *after))
            .cloned()
            .collect();
        found.sort_by_key(key);
        found.truncate(limit as usize);
        Ok(found)
    }
}
