//! Pages for people: where a session begins and ends, and where it begins to look.

use acme_core::Role;
use hyper::Method;

use crate::answer::Answer;
use crate::query::Parameter;
use crate::table::{Content, Route};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        role: Some(Role::Viewer),
        summary: "Where a session begins to look",
        query: &[],
        body: None,
        answer: Content::Page,
        does: |_, _| Box::pin(async { Ok(Answer::see("/api/v1/whoami")) }),
    },
    Route {
        method: Method::GET,
        path: "/login",
        role: None,
        summary: "The page that a one-time link leads to",
        query: &[Parameter::text("link", "The link's secret")],
        body: None,
        answer: Content::Page,
        does: |desk, asked| Box::pin(desk.login_page(asked)),
    },
    Route {
        method: Method::POST,
        path: "/login",
        role: None,
        summary: "Uses a one-time link up for a session",
        query: &[],
        body: None,
        answer: Content::Page,
        does: |desk, asked| Box::pin(desk.login(asked)),
    },
    Route {
        method: Method::POST,
        path: "/logout",
        role: Some(Role::Viewer),
        summary: "Ends the session",
        query: &[],
        body: None,
        answer: Content::Page,
        does: |desk, asked| Box::pin(desk.logout(asked)),
    },
];
