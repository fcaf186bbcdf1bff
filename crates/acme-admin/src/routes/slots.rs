//! Slots and their leases.

use acme_core::Role;
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::ShownSlot;

pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::GET,
    path: "/api/v1/slots",
    role: Some(Role::Viewer),
    summary: "Every slot that was ever taken, and whether a process holds it now",
    query: &[],
    body: None,
    answer: Content::Json(shape::<Vec<ShownSlot>>),
    does: |desk, asked| Box::pin(desk.slots(asked)),
}];

impl Desk {
    async fn slots(&self, asked: &Asked<'_>) -> Outcome {
        let leases = self.services.store.leases().await?;
        let shown = leases.iter().map(|lease| ShownSlot::new(lease, asked.now));
        Ok(Answer::json(&shown.collect::<Vec<_>>()))
    }
}
