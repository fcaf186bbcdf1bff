//! The audit trail.

use acme_core::{AuditFilter, Role};
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::cursor;
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT, Parameter};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{Listed, ShownEntry};

pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::GET,
    path: "/api/v1/audit",
    role: Some(Role::Viewer),
    summary: "Entries of the audit trail, newest first",
    query: &[
        CURSOR,
        LIMIT,
        Parameter::text("act", "Only those of this act, as `certificate.revoke`"),
        Parameter::text("actor", "Only those of this actor, as `operator:alice`"),
        Parameter::text("object", "Only those about this object, as `account:ID`"),
    ],
    body: None,
    answer: Content::Json(shape::<Listed<ShownEntry>>),
    does: |desk, asked| Box::pin(desk.audit(asked)),
}];

impl Desk {
    async fn audit(&self, asked: &Asked<'_>) -> Outcome {
        let query = &asked.query;
        let own = |name| query.text(name).map(str::to_owned);
        let filter = AuditFilter {
            act: own("act"),
            actor: own("actor"),
            object: own("object"),
        };
        let after = match query.text("cursor") {
            None => None,
            Some(text) => Some(cursor::open_audit(text).ok_or(Refusal::BadCursor)?),
        };
        let limit = query.limit()?;
        let store = &self.services.store;
        let found = store.list_audit(&filter, after.as_deref(), limit).await?;
        Ok(Answer::json(&Listed::new("audit", found, ShownEntry::new)))
    }
}
