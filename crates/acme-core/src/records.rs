//! The port by which operators read what is kept, beyond what the protocol asks for.

use acme_types::{
    AccountId, AccountStatus, AuthorizationId, AuthorizationStatus, Identifier, OrderId,
    OrderStatus, ProvisionerName, Timestamp,
};
use async_trait::async_trait;

use crate::{
    Account, AuditTrail, Authorization, Certificate, Operators, Order, Page, Store, StoreError,
};

/// Which accounts to list.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Only those of this provisioner.
    pub provisioner: Option<ProvisionerName>,
    /// Only those of this status.
    pub status: Option<AccountStatus>,
}

/// Which orders to list.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// Only those of this account.
    pub account_id: Option<AccountId>,
    /// Only those of this status at the time of asking.
    pub status: Option<OrderStatus>,
}

/// Which authorizations to list.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationFilter {
    /// Only those for this identifier.
    pub identifier: Option<Identifier>,
    /// Only those of this account.
    pub account_id: Option<AccountId>,
    /// Only those of this status at the time of asking.
    pub status: Option<AuthorizationStatus>,
}

/// What is kept, for people. Nothing here changes anything. A page looks at a bounded number of
/// entries: where a filter has no index of its own it may hold fewer than `limit`, even none, and
/// still tell where to go on.
///
/// # Errors
/// Those of [`Store`].
#[async_trait]
#[allow(clippy::missing_errors_doc, reason = "told once, on the trait")]
pub trait Records: Send + Sync {
    /// A page of accounts, newest first.
    async fn find_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Account>, StoreError>;

    /// A page of orders, newest first, those that are invalid too.
    async fn find_orders(
        &self,
        filter: &OrderFilter,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<Order>, StoreError>;

    /// A page of authorizations with their challenges, newest first.
    async fn find_authorizations(
        &self,
        filter: &AuthorizationFilter,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<Authorization>, StoreError>;

    /// The newest orders that rest on an authorization, at most `limit`.
    async fn orders_of_authorization(
        &self,
        id: &AuthorizationId,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreError>;

    /// A page of certificates that end after `from` and before `before`, the first to end first.
    async fn expiring_certificates(
        &self,
        from: Timestamp,
        before: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Certificate>, StoreError>;
}

/// All that the admin API asks of a store.
pub trait AdminStore: Store + Records + Operators + AuditTrail {}

impl<T: Store + Records + Operators + AuditTrail> AdminStore for T {}
