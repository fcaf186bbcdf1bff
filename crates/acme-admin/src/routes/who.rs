//! Who asks, and who may.

use acme_core::Role;
use hyper::Method;
use serde_json::Value;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::openapi;
use crate::request::Asked;
use crate::routes::TABLES;
use crate::table::{Content, Route, shape};
use crate::wire::{ShownOperator, WhoAmI};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/whoami",
        role: Some(Role::Viewer),
        summary: "Who asks, by what proof, and until when it is good",
        query: &[],
        body: None,
        answer: Content::Json(shape::<WhoAmI>),
        does: |desk, asked| Box::pin(desk.who_am_i(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/operators",
        role: Some(Role::Admin),
        summary: "Every operator, by name",
        query: &[],
        body: None,
        answer: Content::Json(shape::<Vec<ShownOperator>>),
        does: |desk, asked| Box::pin(desk.operators(asked)),
    },
    Route {
        method: Method::GET,
        path: "/api/v1/openapi.json",
        role: None,
        summary: "This document",
        query: &[],
        body: None,
        answer: Content::Json(shape::<Value>),
        does: |desk, _| Box::pin(desk.document()),
    },
];

impl Desk {
    async fn who_am_i(&self, asked: &Asked<'_>) -> Outcome {
        let asker = asked.asker()?;
        Ok(Answer::json(&WhoAmI {
            name: asker.name.to_string(),
            role: asker.role.to_string(),
            proof: asker.via.as_str().to_owned(),
            until: asker.until.to_string(),
            csrf: asker.form_token.clone(),
            version: self.config.version.clone(),
        }))
    }

    async fn document(&self) -> Outcome {
        let document = openapi::document(TABLES, &self.config.version);
        Ok(Answer::json(&document))
    }

    async fn operators(&self, asked: &Asked<'_>) -> Outcome {
        let all = self.services.store.list_operators().await?;
        let shown = all
            .iter()
            .map(|operator| ShownOperator::new(operator, asked.now));
        Ok(Answer::json(&shown.collect::<Vec<_>>()))
    }
}
