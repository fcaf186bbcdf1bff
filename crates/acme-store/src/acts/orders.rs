//! Orders and authorizations.

use acme_core::{
    Attempt, Authorization, ChallengeState, CreateAuthorizationVerdict, CreateOrderVerdict,
    MAX_PENDING_AUTHORIZATIONS, MAX_SHOWN_ATTEMPTS, MAX_UNFINISHED_ORDERS, Order, OrderState,
    OrderView, Page,
};
use acme_types::{
    AccountId, AccountStatus, AuthorizationId, AuthorizationStatus, Identifier, OrderId, Timestamp,
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
        if !self.rests_on_what_is(rows).await? {
            return Ok(CreateOrderVerdict::AuthorizationEnded);
        }
        let alike = rows.lock_open_orders_like(&self.order).await?;
        rows.insert_authorizations(&self.authorizations).await?;
        rows.insert_order(&self.order).await?;
        if let Some(replaced) = replaced {
            replaced.give_to(rows, &self.order.id).await?;
        }
        for old in oldest(alike) {
            rows.set_order(&old.id, &OrderState::superseded(&self.order.id))
                .await?;
        }
        Ok(CreateOrderVerdict::Created)
    }
}

impl CreateOrder {
    /// Whether the authorizations that it names beside its own are there and as they must be.
    async fn rests_on_what_is<R: Rows>(&self, rows: &mut R) -> Outcome<bool> {
        let order = &self.order;
        let is_own = |id: &AuthorizationId| self.authorizations.iter().any(|a| a.id == *id);
        let others = order.authorizations.iter().filter(|id| !is_own(id));
        let others: Vec<AuthorizationId> = others.cloned().collect();
        if others.is_empty() {
            return Ok(true);
        }
        let held = rows.hold_authorizations(&order.account_id, &others).await?;
        let is_good = |status| match status {
            AuthorizationStatus::Valid => true,
            AuthorizationStatus::Pending => order.state == OrderState::Pending,
            _ => false,
        };
        Ok(held.len() == others.len()
            && held
                .into_iter()
                .all(|(_, state, end)| is_good(state.status(end, order.created_at))))
    }
}

/// Those that are too many when one more is opened.
fn oldest(mut alike: Vec<Order>) -> impl Iterator<Item = Order> {
    alike.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let too_many = (alike.len() + 1).saturating_sub(MAX_UNFINISHED_ORDERS);
    alike.into_iter().take(too_many)
}

/// See [`acme_core::Store::create_authorization`].
pub(crate) struct CreateAuthorization {
    pub(crate) authorization: Authorization,
    pub(crate) now: Timestamp,
}

impl Act for CreateAuthorization {
    type Output = CreateAuthorizationVerdict;
    const WHAT: &'static str = "creating an authorization";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<CreateAuthorizationVerdict> {
        let account = &self.authorization.account_id;
        match rows.hold_account(account).await? {
            Some(AccountStatus::Valid) => {}
            Some(ended) => return Ok(CreateAuthorizationVerdict::AccountEnded(ended)),
            None => return Err(Fault::corrupt("an authorization of an unknown account")),
        }
        let most = MAX_PENDING_AUTHORIZATIONS;
        if rows.count_pending(account, most, self.now).await? >= most {
            return Ok(CreateAuthorizationVerdict::TooMany);
        }
        rows.insert_authorizations(std::slice::from_ref(&self.authorization))
            .await?;
        Ok(CreateAuthorizationVerdict::Created)
    }
}

/// See [`acme_core::Store::find_valid_authorizations`].
pub(crate) struct FindValidAuthorizations {
    pub(crate) account_id: AccountId,
    pub(crate) identifiers: Vec<Identifier>,
}

impl Act for FindValidAuthorizations {
    type Output = Vec<Authorization>;
    const WHAT: &'static str = "looking for valid authorizations";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<Authorization>> {
        rows.valid_authorizations(&self.account_id, &self.identifiers)
            .await
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
