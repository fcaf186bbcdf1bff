//! Pages for people: where a session begins and ends, and what it sees.

use acme_core::Role;
use hyper::Method;

use crate::page;
use crate::query::{CURSOR, Parameter};
use crate::table::{Content, Does, Route};

/// A page to look at.
const fn look(
    path: &'static str,
    summary: &'static str,
    query: &'static [Parameter],
    does: Does,
) -> Route {
    Route {
        method: Method::GET,
        path,
        role: Some(Role::Viewer),
        summary,
        query,
        body: None,
        answer: Content::Page,
        does,
    }
}

/// A page that leads to a change, or makes one.
const fn act(method: Method, path: &'static str, summary: &'static str, does: Does) -> Route {
    Route {
        method,
        path,
        role: Some(Role::Operator),
        summary,
        query: &[],
        body: None,
        answer: Content::Page,
        does,
    }
}

pub(crate) static ROUTES: &[Route] = &[
    look("/", "What is being tried now", &[], |desk, asked| {
        Box::pin(desk.now_page(asked))
    }),
    look(
        "/live/now",
        "The same, whenever it has changed",
        &[],
        |desk, asked| Box::pin(desk.now_live(asked)),
    ),
    look(
        "/why",
        "Why something did not come",
        &[Parameter::text("q", "A name, an id or a serial number")],
        |desk, asked| Box::pin(desk.why_page(asked)),
    ),
    look(
        "/certificates",
        "Certificates",
        &[
            CURSOR,
            Parameter::text("name", "Only those for this name or address"),
            Parameter::text("account", "Only those of this account"),
            Parameter {
                name: "show",
                means: "Which of them",
                words: &page::CERTIFICATE_WORDS,
            },
        ],
        |desk, asked| Box::pin(desk.certificates_page(asked)),
    ),
    look(
        "/certificates/{certificate}",
        "A certificate",
        &[],
        |desk, asked| Box::pin(desk.certificate_page(asked)),
    ),
    act(
        Method::GET,
        "/certificates/{certificate}/revoke",
        "Asks whether to revoke a certificate",
        |desk, asked| Box::pin(desk.ask_revoke_certificate(asked)),
    ),
    act(
        Method::POST,
        "/certificates/{certificate}/revoke",
        "Revokes a certificate",
        |desk, asked| Box::pin(desk.revoke_certificate_page(asked)),
    ),
    look(
        "/accounts",
        "Accounts",
        &[
            CURSOR,
            Parameter::text("provisioner", "Only those of this provisioner"),
            Parameter {
                name: "status",
                means: "Only those of this status",
                words: &["valid", "deactivated", "revoked"],
            },
        ],
        |desk, asked| Box::pin(desk.accounts_page(asked)),
    ),
    look("/accounts/{account}", "An account", &[], |desk, asked| {
        Box::pin(desk.account_page(asked))
    }),
    look(
        "/keys",
        "External account keys",
        &[CURSOR],
        |desk, asked| Box::pin(desk.keys_page(asked)),
    ),
    act(
        Method::POST,
        "/keys",
        "Makes an external account key",
        |desk, asked| Box::pin(desk.create_key_page(asked)),
    ),
    act(
        Method::GET,
        "/keys/{key}/revoke",
        "Asks whether to revoke an external account key",
        |desk, asked| Box::pin(desk.ask_revoke_key(asked)),
    ),
    act(
        Method::POST,
        "/keys/{key}/revoke",
        "Revokes an external account key",
        |desk, asked| Box::pin(desk.revoke_key_page(asked)),
    ),
    look("/slots", "Slots and their leases", &[], |desk, asked| {
        Box::pin(desk.slots_page(asked))
    }),
    look(
        "/history",
        "What was issued and what failed",
        &[Parameter {
            name: "span",
            means: "How far back",
            words: &page::HISTORY_WORDS,
        }],
        |desk, asked| Box::pin(desk.history_page(asked)),
    ),
    Route {
        method: Method::GET,
        path: "/assets/{file}",
        role: None,
        summary: "A file that pages refer to",
        query: &[],
        body: None,
        answer: Content::Page,
        does: |_, asked| Box::pin(page::asset(asked)),
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
