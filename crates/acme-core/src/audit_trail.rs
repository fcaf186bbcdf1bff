//! The port to the audit trail.

use async_trait::async_trait;

use crate::{AuditEntry, AuditEvent, ChainHead, Origin, Page, StoreError};

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only those of this act, by its word.
    pub act: Option<String>,
    /// Only those of this actor, as `operator:alice`.
    pub actor: Option<String>,
    /// Only those about this object, as `account:ID`.
    pub object: Option<String>,
}

/// The audit trail. Entries of the store's own acts are written in the same transaction as what
/// they tell; nothing changes an entry, and [`crate::Store::prune`] alone removes some.
///
/// # Errors
/// Those of [`crate::Store`].
#[async_trait]
#[allow(clippy::missing_errors_doc, reason = "told once, on the trait")]
pub trait AuditTrail: Send + Sync {
    /// Adds an entry about something that is no act of the store.
    async fn note(&self, event: AuditEvent, origin: &Origin) -> Result<(), StoreError>;

    /// A page of entries of all chains, newest first; a filtered page may hold fewer than `limit`,
    /// even none, and still tell where to go on.
    async fn list_audit(
        &self,
        filter: &AuditFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, StoreError>;

    /// Where every chain stands, by name.
    async fn audit_heads(&self) -> Result<Vec<ChainHead>, StoreError>;

    /// Entries of a chain from the one after `after` on, by number, at most `limit`.
    async fn audit_chain(
        &self,
        chain: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}
