//! Orders.

use acme_core::{OrderFilter, Role};
use acme_types::OrderId;
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT, Parameter};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{Listed, ShownOrder};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/orders",
        role: Some(Role::Viewer),
        summary: "Orders, newest first",
        query: &[
            CURSOR,
            LIMIT,
            Parameter::text("account", "Only those of this account"),
            Parameter {
                name: "status",
                means: "Only those of this status",
                words: &["pending", "ready", "processing", "valid", "invalid"],
            },
        ],
        body: None,
        answer: Content::Json(shape::<Listed<ShownOrder>>),
        does: |desk, asked| Box::pin(desk.orders(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/orders/{order}",
        role: Some(Role::Viewer),
        summary: "An order",
        query: &[],
        body: None,
        answer: Content::Json(shape::<ShownOrder>),
        does: |desk, asked| Box::pin(desk.order(asked)),
    },
];

impl Desk {
    async fn orders(&self, asked: &Asked<'_>) -> Outcome {
        let (query, now) = (&asked.query, asked.now);
        let filter = OrderFilter {
            account_id: query.value("account")?,
            status: query.value("status")?,
        };
        let (after, limit) = (query.after("orders")?, query.limit()?);
        let found = self
            .services
            .store
            .find_orders(&filter, after.as_deref(), limit, now)
            .await?;
        Ok(Answer::json(&Listed::new("orders", found, |order| {
            ShownOrder::new(order, now)
        })))
    }

    async fn order(&self, asked: &Asked<'_>) -> Outcome {
        let id: OrderId = asked.id("order")?;
        let found = self.services.store.find_order(&id).await?;
        let view = found.ok_or_else(|| Refusal::not_found("order", id.as_str()))?;
        Ok(Answer::json(&ShownOrder::new(&view.order, asked.now)))
    }
}
