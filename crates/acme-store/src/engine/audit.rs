//! The one [`AuditTrail`] over all engines.

use acme_core::{
    AuditEntry, AuditEvent, AuditFilter, AuditTrail, ChainHead, Origin, Page, StoreError,
};
use async_trait::async_trait;

use super::after::After;
use super::{Engine, StoreOn};
use crate::acts::audit;
use crate::rows::AuditCursor;

#[async_trait]
impl<E: Engine> AuditTrail for StoreOn<E> {
    async fn note(&self, event: AuditEvent, origin: &Origin) -> Result<(), StoreError> {
        let origin = origin.clone();
        self.engine.write(audit::Note { event, origin }).await
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let after = match After::parse(after, AuditCursor::parse).or_empty() {
            Ok(place) => place,
            Err(empty) => return Ok(empty),
        };
        let filter = filter.clone();
        let act = audit::ListAudit {
            filter,
            after,
            limit,
        };
        self.engine.read(act).await
    }

    async fn audit_heads(&self) -> Result<Vec<ChainHead>, StoreError> {
        self.engine.read(audit::ListHeads).await
    }

    async fn audit_chain(
        &self,
        chain: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let chain = chain.to_owned();
        let act = audit::ReadChain {
            chain,
            after,
            limit,
        };
        self.engine.read(act).await
    }
}
