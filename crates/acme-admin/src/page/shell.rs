//! What all pages share: their frame, and how a time, a status or a fact is written.

use std::time::Duration;

use acme_core::{Role, roughly};
use acme_types::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::answer::Answer;
use crate::request::Asked;

/// The views, as the navigation lists them.
const VIEWS: [(&str, &str); 7] = [
    ("/", "Now"),
    ("/why", "Why"),
    ("/certificates", "Certificates"),
    ("/accounts", "Accounts"),
    ("/keys", "Account keys"),
    ("/slots", "Slots"),
    ("/history", "History"),
];

/// htmx evaluates no text, puts no style into the page and keeps no page in the browser's storage.
const HTMX: &str = r#"{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,"historyCacheSize":0,"selfRequestsOnly":true}"#;

/// A page of the view at `view`, for whoever asks.
pub(super) fn page(asked: &Asked<'_>, view: &str, title: &str, body: &Markup) -> Answer {
    let top = html! {
        nav aria-label="Views" {
            ul {
                @for (path, name) in VIEWS {
                    li { a href=(path) aria-current=[(path == view).then_some("page")] { (name) } }
                }
            }
        }
        @if let Some(asker) = &asked.asker {
            div.who {
                p { (asker.name) " (" (asker.role) ")" }
                @if asker.form_token.is_some() {
                    form method="post" action="/logout" {
                        (token(asked))
                        button { "Sign out" }
                    }
                }
            }
        }
    };
    frame(title, &top, body)
}

/// A page for anybody.
pub(super) fn frame(title: &str, top: &Markup, body: &Markup) -> Answer {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · acme-server" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/page.css";
                script src="/assets/htmx.min.js" defer {}
                script src="/assets/page.js" defer {}
            }
            body {
                a.skip href="#main" { "To the content" }
                header.top {
                    span.name { "acme-server" }
                    (top)
                }
                main #main tabindex="-1" {
                    h1 { (title) }
                    (body)
                }
            }
        }
    };
    Answer::html(page.into_string())
}

/// The form token of the session, which each form that changes something carries.
pub(super) fn token(asked: &Asked<'_>) -> Markup {
    let token = asked.asker.as_ref();
    let token = token.and_then(|asker| asker.form_token.as_ref());
    html! {
        @if let Some(token) = token {
            input type="hidden" name="csrf" value=(token);
        }
    }
}

/// A form that asks before something is done that cannot be undone.
pub(super) fn question(
    asked: &Asked<'_>,
    action: &str,
    fields: &Markup,
    yes: &str,
    back: &str,
) -> Markup {
    html! {
        form.fields method="post" action=(action) {
            (token(asked))
            (fields)
            div.actions {
                button.danger { (yes) }
                a href=(back) { "No, go back" }
            }
        }
    }
}

/// A link to a question, for those who may say yes to it.
pub(super) fn question_link(asked: &Asked<'_>, needs: Role, href: &str, text: &str) -> Markup {
    html! {
        @if asked.may(needs) {
            a.button.danger href=(href) { (text) }
        }
    }
}

/// A status, in its colour and in its word.
pub(super) fn badge(status: &str) -> Markup {
    let class = match status {
        "valid" | "good" | "held" | "active" => "badge good",
        "invalid" | "revoked" | "expired" | "deactivated" | "used up" => "badge bad",
        "processing" | "ready" => "badge busy",
        _ => "badge",
    };
    html! { span class=(class) { (status) } }
}

/// A time, and how far from now it is.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    let far = if at > now {
        format!("in {}", roughly(whole_seconds(at.since(now))))
    } else {
        format!("{} ago", roughly(whole_seconds(now.since(at))))
    };
    html! { time datetime=(at) { (at) } " (" (far) ")" }
}

/// How long until then, as a countdown that goes on in the browser.
pub(super) fn countdown(at: Timestamp, now: Timestamp) -> Markup {
    let left = at.since(now);
    let text = if left.is_zero() {
        "now".to_owned()
    } else {
        format!("in {}", roughly(whole_seconds(left)))
    };
    html! { span data-left-ms=(left.as_millis()) { (text) } }
}

const fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_millis().div_ceil(1000) as u64)
}

/// Names and what they are.
pub(super) fn facts(all: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in all {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

/// A link to what "why?" tells of an id or a name.
pub(super) fn why_link(wanted: &str) -> Markup {
    html! { a.mono href=(why_path(wanted)) { (wanted) } }
}

/// The path of what "why?" tells.
pub(super) fn why_path(wanted: &str) -> String {
    path_with("/why", &[("q", wanted)])
}

/// A path with a query, of which parts that are empty are left out.
pub(super) fn path_with(path: &str, query: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        text.append_pair(name, value);
    }
    let text = text.finish();
    if text.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{text}")
    }
}

/// Where a list goes on.
pub(super) fn more(path: &str, query: &[(&str, &str)], next: Option<&str>) -> Markup {
    html! {
        @if let Some(next) = next {
            @let query = [query, &[("cursor", next)]].concat();
            p { a href=(path_with(path, &query)) rel="next" { "Older entries" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_any_text() {
        let path = path_with("/why", &[("q", "a&b=\"<x>"), ("none", "")]);
        assert_eq!(path, "/why?q=a%26b%3D%22%3Cx%3E");
        assert_eq!(path_with("/why", &[("q", "")]), "/why");
    }

    #[test]
    fn a_countdown_never_says_less_than_is_left() {
        let now = Timestamp::from_millis(1_000_000);
        let shown = countdown(now.plus(Duration::from_millis(7001)), now).into_string();
        assert!(
            shown.contains("in 8 s") && shown.contains("7001"),
            "{shown}"
        );
        assert!(countdown(now, now).into_string().contains(">now<"));
    }
}
