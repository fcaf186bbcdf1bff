//! Orders and authorizations.

use acme_core::{
    Attempt, Authorization, ChallengeState, CreateOrderVerdict, MAX_SHOWN_ATTEMPTS, Order,
    OrderState, OrderView, Page,
};
use acme_types::{
    AccountId, AccountStatus, AuthorizationId, AuthorizationStatus, OrderId, Timestamp,
};

use super::{renewals, settle};
use crate::act::{Act, Fault, Outcome};
use crate::cursor::Cursor;
use crate::rows::{Rows, Tracked};

/// See [`acme_core::Store::create_order`].
pub(crate) struct CreateOrder {
    pub(crate) order: Order,
    pub(crate) authorizations: Vec<Authorization>,
}

impl Act for CreateOrder {
    type Output = CreateOrderVerdict;
    const WHAT: &'static str = "creating an order";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<CreateOrderVerdict> {
        let replaced = match &self.order.replaces {
            None => None,
            Some(id) => match renewals::lock_replaced(rows, id, self.order.created_at).await? {
                Ok(replaced) => Some(replaced),
                Err(refused) => return Ok(refused),
            },
        };
        match rows.hold_account(&self.order.account_id).await? {
            Some(AccountStatus::Valid) => {}
            Some(ended) => return Ok(CreateOrderVerdict::AccountEnded(ended)),
            None => return Err(Fault::corrupt("an order of an account that is not there")),
        }
        rows.insert_authorizations(&self.authorizations).await?;
        rows.insert_order(&self.order).await?;
        if let Some(replaced) = replaced {
            replaced.give_to(rows, &self.order.id).await?;
        }
        Ok(CreateOrderVerdict::Created)
    }
}

/// See [`acme_core::Store::find_order`].
pub(crate) struct FindOrder {
    pub(crate) id: OrderId,
}

impl Act for FindOrder {
    type Output = Option<OrderView>;
    const WHAT: &'static str = "reading an order";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<OrderView>> {
        let Some(order) = rows.order(&self.id).await? else {
            return Ok(None);
        };
        let being_tried = matches!(order.state, OrderState::Pending)
            && rows.is_being_tried(&order.authorizations).await?;
        Ok(Some(OrderView { order, being_tried }))
    }
}

/// See [`acme_core::Store::list_orders`].
pub(crate) struct ListOrders {
    pub(crate) account_id: AccountId,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for ListOrders {
    type Output = Page<OrderId>;
    const WHAT: &'static str = "listing the orders of an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<OrderId>> {
        let limit = self.limit.saturating_add(1);
        let found = rows
            .orders_of_account(&self.account_id, self.after.as_ref(), limit, self.now)
            .await?;
        let page = super::page(found, self.limit, Cursor::to_text);
        let id = |cursor: Cursor| {
            let id = cursor.id.parse::<OrderId>();
            id.map_err(|error| Fault::corrupt(format!("order id {:?}: {error}", cursor.id)))
        };
        Ok(Page {
            items: page.items.into_iter().map(id).collect::<Outcome<_>>()?,
            next: page.next,
        })
    }
}

/// See [`acme_core::Store::find_authorization`].
pub(crate) struct FindAuthorization {
    pub(crate) id: AuthorizationId,
}

impl Act for FindAuthorization {
    type Output = Option<(Authorization, Vec<Vec<Attempt>>)>;
    const WHAT: &'static str = "reading an authorization";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Self::Output> {
        let Some(tracked) = rows.authorization(&self.id).await? else {
            return Ok(None);
        };
        let mut attempts = Vec::with_capacity(tracked.counters.len());
        for position in 0..tracked.counters.len() {
            attempts.push(shown_attempts(rows, &tracked, position).await?);
        }
        Ok(Some((tracked.authorization, attempts)))
    }
}

/// The attempts that a challenge's `error` is made of, newest first.
pub(crate) async fn shown_attempts<R: Rows>(
    rows: &mut R,
    tracked: &Tracked,
    position: usize,
) -> Outcome<Vec<Attempt>> {
    let challenge = &tracked.authorization.challenges[position];
    let has_error = matches!(
        challenge.state,
        ChallengeState::Processing { .. } | ChallengeState::Invalid { .. }
    );
    if !has_error || tracked.counters[position].attempts == 0 {
        return Ok(Vec::new());
    }
    rows.newest_attempts(&challenge.id, MAX_SHOWN_ATTEMPTS as u32 + 1)
        .await
}

/// See [`acme_core::Store::deactivate_authorization`].
pub(crate) struct DeactivateAuthorization {
    pub(crate) id: AuthorizationId,
    pub(crate) account_id: AccountId,
    pub(crate) now: Timestamp,
}

impl Act for DeactivateAuthorization {
    type Output = Option<Authorization>;
    const WHAT: &'static str = "deactivating an authorization";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Authorization>> {
        let found = rows.lock_authorization(&self.id).await?;
        let Some(tracked) = found.filter(|t| t.authorization.account_id == self.account_id) else {
            return Ok(None);
        };
        match tracked.authorization.status(self.now) {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => {
                settle::deactivate(rows, tracked, self.now).await.map(Some)
            }
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Revoked => Ok(Some(tracked.authorization)),
        }
    }
}
