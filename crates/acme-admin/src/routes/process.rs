//! The process that serves: its configuration, and its end.

use acme_core::{AuditAct, AuditEvent, Role};
use hyper::Method;
use serde_json::Value;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::Draining;

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/configuration",
        role: Some(Role::Admin),
        summary: "The effective configuration, without secrets",
        query: &[],
        body: None,
        answer: Content::Json(shape::<Value>),
        does: |desk, _| Box::pin(desk.configuration()),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/drain",
        role: Some(Role::Admin),
        summary: "Ends this replica in order: no more connections, requests and attempts finished, \
                  its slot handed back",
        query: &[],
        body: None,
        answer: Content::Json(shape::<Draining>),
        does: |desk, asked| Box::pin(desk.drain(asked)),
    },
];

impl Desk {
    async fn configuration(&self) -> Outcome {
        Ok(Answer::json(&self.services.process.configuration()))
    }

    async fn drain(&self, asked: &Asked<'_>) -> Outcome {
        asked.request.expect_no_body()?;
        let slot = self.services.tenure.slot();
        let event = AuditEvent::done(AuditAct::Drain, "slot", slot);
        self.services.store.note(event, &self.origin(asked)).await?;
        self.services.process.drain();
        Ok(Answer::json(&Draining {
            slot: slot.number(),
        }))
    }
}
