//! Lists for people.

use std::cmp::Reverse;

use acme_core::{
    Account, AccountFilter, Authorization, AuthorizationFilter, Certificate, Order, OrderFilter,
    Page,
};
use acme_types::{AuthorizationId, OrderId, Timestamp};

use super::page;
use crate::act::{Act, Outcome};
use crate::cursor::Cursor;
use crate::rows::Rows;

/// Entries that are looked at in one step where not all of them may match.
const STEP: u32 = 200;
/// Most entries that one page looks at.
const MAX_SCANNED: u32 = 2000;

/// Collects a page from `$walk`, which gives the next entries after a place, of those that
/// `$matches`; `$place` is where an entry stands. A macro, since the walk borrows the rows each time.
macro_rules! walk {
    ($after:expr, $limit:expr, $place:expr, $matches:expr, |$from:ident, $step:ident| $walk:expr) => {{
        let limit = $limit as usize;
        let (mut from, mut items, mut scanned) = ($after.clone(), Vec::new(), 0);
        loop {
            let $step = STEP.min($limit.saturating_add(1)).max(STEP / 4);
            let $from = from.as_ref();
            let found = $walk;
            let is_end = found.len() < $step as usize;
            scanned += $step;
            from = found.last().map($place).or(from);
            items.extend(found.into_iter().filter($matches));
            if items.len() > limit {
                break page(items, $limit, |item| $place(item).to_text());
            }
            if is_end || scanned >= MAX_SCANNED {
                let next = from.filter(|_| !is_end);
                let next = next.map(|place| place.to_text());
                break Page { items, next };
            }
        }
    }};
}

/// See [`acme_core::Records::find_accounts`].
pub(crate) struct FindAccounts {
    pub(crate) filter: AccountFilter,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

impl Act for FindAccounts {
    type Output = Page<Account>;
    const WHAT: &'static str = "listing accounts";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Account>> {
        let filter = &self.filter;
        let matches = |account: &Account| {
            filter.status.is_none_or(|status| account.status == status)
                && filter
                    .provisioner
                    .as_ref()
                    .is_none_or(|name| account.provisioner == *name)
        };
        let place = |account: &Account| Cursor {
            created_at: account.created_at,
            id: account.id.to_string(),
        };
        Ok(walk!(
            self.after,
            self.limit,
            place,
            matches,
            |from, step| { rows.accounts(from, step).await? }
        ))
    }
}

/// See [`acme_core::Records::find_orders`].
pub(crate) struct FindOrders {
    pub(crate) filter: OrderFilter,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for FindOrders {
    type Output = Page<Order>;
    const WHAT: &'static str = "listing orders";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Order>> {
        let status = self.filter.status;
        let matches =
            |order: &Order| status.is_none_or(|status| order.state_at(self.now).status() == status);
        let place = |order: &Order| Cursor {
            created_at: order.created_at,
            id: order.id.to_string(),
        };
        let Some(account) = &self.filter.account_id else {
            return Ok(walk!(
                self.after,
                self.limit,
                place,
                matches,
                |from, step| {
                    let after = from.map(|from| from.id.as_str());
                    rows.orders_by_id(after, step).await?
                }
            ));
        };
        Ok(walk!(
            self.after,
            self.limit,
            place,
            matches,
            |from, step| {
                // The two walk along an index each, and are merged here.
                let mut both = Vec::new();
                for invalid in [false, true] {
                    let found = rows.whole_orders_of_account(account, invalid, from, step);
                    both.extend(found.await?);
                }
                both.sort_by_cached_key(|order| Reverse((order.created_at, order.id.clone())));
                both.truncate(step as usize);
                both
            }
        ))
    }
}

/// See [`acme_core::Records::find_authorizations`].
pub(crate) struct FindAuthorizations {
    pub(crate) filter: AuthorizationFilter,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

impl Act for FindAuthorizations {
    type Output = Page<Authorization>;
    const WHAT: &'static str = "listing authorizations";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Authorization>> {
        let filter = &self.filter;
        let matches = |authorization: &Authorization| {
            filter
                .account_id
                .as_ref()
                .is_none_or(|id| authorization.account_id == *id)
                && filter
                    .status
                    .is_none_or(|status| authorization.status(self.now) == status)
        };
        // They keep no time of their own; their ids begin with it.
        let place = |authorization: &Authorization| Cursor {
            created_at: Timestamp::from_millis(0),
            id: authorization.id.to_string(),
        };
        let identifier = filter.identifier.as_ref();
        Ok(walk!(
            self.after,
            self.limit,
            place,
            matches,
            |from, step| {
                let after = from.map(|from| from.id.as_str());
                rows.authorizations_by_id(identifier, after, step).await?
            }
        ))
    }
}

/// See [`acme_core::Records::orders_of_authorization`].
pub(crate) struct OrdersOfAuthorization {
    pub(crate) id: AuthorizationId,
    pub(crate) limit: u32,
}

impl Act for OrdersOfAuthorization {
    type Output = Vec<OrderId>;
    const WHAT: &'static str = "looking for the orders of an authorization";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<OrderId>> {
        rows.orders_of_authorization(&self.id, self.limit).await
    }
}

/// See [`acme_core::Records::expiring_certificates`].
pub(crate) struct ExpiringCertificates {
    pub(crate) from: Timestamp,
    pub(crate) before: Timestamp,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

impl Act for ExpiringCertificates {
    type Output = Page<Certificate>;
    const WHAT: &'static str = "listing certificates that end soon";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Certificate>> {
        let (from, before) = (self.from, self.before);
        let one_more = self.limit.saturating_add(1);
        let found = rows.certificates_by_end(from, before, self.after.as_ref(), one_more);
        Ok(page(found.await?, self.limit, |certificate| {
            Cursor {
                created_at: certificate.not_after,
                id: certificate.id.to_string(),
            }
            .to_text()
        }))
    }
}
