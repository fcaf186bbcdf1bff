//! The one [`Records`] over all engines.

use acme_core::{
    Account, AccountFilter, Authorization, AuthorizationFilter, Certificate, Order, OrderFilter,
    Page, Records, StoreError,
};
use acme_types::{AuthorizationId, OrderId, Timestamp};
use async_trait::async_trait;

use super::after::After;
use super::{Engine, StoreOn};
use crate::acts::records;
use crate::cursor::Cursor;

/// Returns an empty page when `$after` is no place in a list.
macro_rules! place {
    ($after:expr) => {
        match After::parse($after, Cursor::parse).or_empty() {
            Ok(place) => place,
            Err(empty) => return Ok(empty),
        }
    };
}

#[async_trait]
impl<E: Engine> Records for StoreOn<E> {
    async fn find_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Account>, StoreError> {
        let act = records::FindAccounts {
            filter: filter.clone(),
            after: place!(after),
            limit,
        };
        self.engine.read(act).await
    }

    async fn find_orders(
        &self,
        filter: &OrderFilter,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<Order>, StoreError> {
        let act = records::FindOrders {
            filter: filter.clone(),
            after: place!(after),
            limit,
            now,
        };
        self.engine.read(act).await
    }

    async fn find_authorizations(
        &self,
        filter: &AuthorizationFilter,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<Authorization>, StoreError> {
        let act = records::FindAuthorizations {
            filter: filter.clone(),
            after: place!(after),
            limit,
            now,
        };
        self.engine.read(act).await
    }

    async fn orders_of_authorization(
        &self,
        id: &AuthorizationId,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreError> {
        let id = id.clone();
        self.engine
            .read(records::OrdersOfAuthorization { id, limit })
            .await
    }

    async fn expiring_certificates(
        &self,
        from: Timestamp,
        before: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Certificate>, StoreError> {
        let act = records::ExpiringCertificates {
            from,
            before,
            after: place!(after),
            limit,
        };
        self.engine.read(act).await
    }
}
