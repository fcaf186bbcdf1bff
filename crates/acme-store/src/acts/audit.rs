//! The audit trail.

use acme_core::{AuditBody, AuditEntry, AuditEvent, AuditFilter, ChainHead, Origin, Page};

use super::page;
use crate::act::{Act, Outcome};
use crate::rows::{AuditCursor, Rows};

/// Entries that are looked at in one step, and at most for one page.
const STEP: u32 = 200;
const MAX_SCANNED: u32 = 4000;

/// Adds an entry about what an act does. It comes last in every act: the head of a chain is the last
/// thing that is locked, so that nobody who holds one waits for anything else.
pub(super) async fn note<R: Rows>(
    rows: &mut R,
    origin: &Origin,
    event: &AuditEvent,
) -> Outcome<()> {
    let head = rows.lock_audit_head(origin.slot, event.act.class()).await?;
    let (entry, head) = head.next(origin, event);
    rows.append_audit(&entry, &head).await
}

/// See [`acme_core::AuditTrail::note`].
pub(crate) struct Note {
    pub(crate) event: AuditEvent,
    pub(crate) origin: Origin,
}

impl Act for Note {
    type Output = ();
    const WHAT: &'static str = "writing to the audit trail";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        note(rows, &self.origin, &self.event).await
    }
}

/// See [`acme_core::AuditTrail::list_audit`].
pub(crate) struct ListAudit {
    pub(crate) filter: AuditFilter,
    pub(crate) after: Option<AuditCursor>,
    pub(crate) limit: u32,
}

impl Act for ListAudit {
    type Output = Page<AuditEntry>;
    const WHAT: &'static str = "listing the audit trail";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<AuditEntry>> {
        let mut after = self.after.clone();
        let (mut items, mut scanned) = (Vec::new(), 0);
        loop {
            let found = rows.audit(after.as_ref(), STEP).await?;
            let is_end = found.len() < STEP as usize;
            scanned += STEP;
            after = found.last().map(place).or(after);
            items.extend(found.into_iter().filter(|entry| self.matches(entry)));
            if items.len() > self.limit as usize {
                return Ok(page(items, self.limit, |entry| place(entry).to_text()));
            }
            if is_end || scanned >= MAX_SCANNED {
                let next = after.filter(|_| !is_end).map(|place| place.to_text());
                return Ok(Page { items, next });
            }
        }
    }
}

impl ListAudit {
    fn matches(&self, entry: &AuditEntry) -> bool {
        let AuditFilter { act, actor, object } = &self.filter;
        if act.is_none() && actor.is_none() && object.is_none() {
            return true;
        }
        // One that cannot be read is shown whatever is asked for: it must be seen.
        let Ok(body) = serde_json::from_str::<AuditBody>(&entry.body) else {
            return true;
        };
        act.as_ref().is_none_or(|act| body.act == *act)
            && actor.as_ref().is_none_or(|actor| body.actor == *actor)
            && object.as_ref().is_none_or(|object| body.object == *object)
    }
}

fn place(entry: &AuditEntry) -> AuditCursor {
    AuditCursor {
        at: entry.at,
        chain: entry.chain.clone(),
        number: entry.number,
    }
}

/// See [`acme_core::AuditTrail::audit_heads`].
pub(crate) struct ListHeads;

impl Act for ListHeads {
    type Output = Vec<ChainHead>;
    const WHAT: &'static str = "reading the heads of the audit trail";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<ChainHead>> {
        rows.audit_heads().await
    }
}

/// See [`acme_core::AuditTrail::audit_chain`].
pub(crate) struct ReadChain {
    pub(crate) chain: String,
    pub(crate) after: u64,
    pub(crate) limit: u32,
}

impl Act for ReadChain {
    type Output = Vec<AuditEntry>;
    const WHAT: &'static str = "reading a chain of the audit trail";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<AuditEntry>> {
        rows.audit_chain(&self.chain, self.after, self.limit).await
    }
}
