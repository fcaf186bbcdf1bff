//! *Why*: one field for a name or an id, and the story that belongs to it.

use std::time::Duration;

use acme_core::{
    Certificate, Order, OrderState, Phase, Story, Subject, Told, ToldAttempt, roughly, tell,
};
use acme_types::Timestamp;
use maud::{Markup, html};

use super::shell::{badge, countdown, facts, page, time, why_link, why_path};
use crate::answer::Outcome;
use crate::desk::Desk;
use crate::request::Asked;

/// Most characters of what is searched for; names have 253.
const MAX_WANTED: usize = 512;

impl Desk {
    pub(crate) async fn why_page(&self, asked: &Asked<'_>) -> Outcome {
        let wanted = asked.query.text("q").unwrap_or_default().trim();
        let told = if wanted.is_empty() || wanted.len() > MAX_WANTED {
            None
        } else {
            tell(&*self.services.store, wanted, asked.now).await?
        };
        let body = html! {
            (search(wanted))
            @if let Some(told) = &told {
                (answer(told, wanted, asked.now))
            } @else if !wanted.is_empty() {
                div.panel role="status" {
                    p { "Nothing is known of " strong { (wanted) } "." }
                    p.soft {
                        "Nothing was tried for that name, and no challenge, authorization, order or certificate has that \
                         id or serial number. What has ended is forgotten after the time that the configuration sets. \
                         Did the client reach this server at all?"
                    }
                }
            }
        };
        Ok(page(asked, "/why", "Why did it not come?", &body))
    }
}

fn search(wanted: &str) -> Markup {
    html! {
        form.search method="get" action="/why" role="search" {
            div.wide {
                label for="q" {
                    "Name, order, challenge or serial number "
                    span.soft { "(an id or its URL)" }
                }
                input #q type="search" name="q" value=(wanted) maxlength=(MAX_WANTED) autocomplete="off" spellcheck="false";
            }
            button.main { "Tell" }
        }
    }
}

fn answer(told: &Told, wanted: &str, now: Timestamp) -> Markup {
    let is_open = told.stories.iter().any(|story| story.retries.is_some());
    // What is still being tried is asked for again; the rest of the page stays as it is.
    let every = is_open.then_some("every 2s");
    let again = is_open.then(|| why_path(wanted));
    html! {
        div #told hx-get=[again] hx-trigger=[every] hx-select="#told" hx-swap="outerHTML" {
            @match &told.subject {
                Subject::Order(order) => (of_order(order, now)),
                Subject::Certificate(certificate, order) => {
                    (of_certificate(certificate, now))
                    @if let Some(order) = order { (of_order(order, now)) }
                }
                Subject::Name(name) => p { "What was last tried for " strong { (name) } ":" },
                Subject::Challenge | Subject::Authorization | Subject::Beginning => {}
            }
            @for story in &told.stories { (one(story, now)) }
            @if told.stories.is_empty() {
                p.soft { "No challenge of it is kept any more." }
            }
        }
    }
}

fn of_order(order: &Order, now: Timestamp) -> Markup {
    let state = order.state_at(now);
    let mut all = vec![
        ("Order", html! { code { (order.id) } }),
        ("Status", badge(state.status().as_str())),
        (
            "Names",
            html! { (order.identifiers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) },
        ),
        ("Account", account(order.account_id.as_str())),
        ("Opened", time(order.created_at, now)),
        ("Ends", time(order.expires_at, now)),
    ];
    match &state {
        OrderState::Pending | OrderState::Ready => {}
        OrderState::Processing { certificate_id } | OrderState::Valid { certificate_id } => {
            let path = format!("/certificates/{certificate_id}");
            all.push((
                "Certificate",
                html! { a.mono href=(path) { (certificate_id) } },
            ));
        }
        OrderState::Invalid { error } => all.push(("Why it failed", html! { (error.detail) })),
    }
    html! { section.panel aria-label="The order" { (facts(&all)) } }
}

fn of_certificate(certificate: &Certificate, now: Timestamp) -> Markup {
    let path = format!("/certificates/{}", certificate.id);
    let all = [
        (
            "Certificate",
            html! { a.mono href=(path) { (certificate.serial) } },
        ),
        ("Ends", time(certificate.not_after, now)),
    ];
    html! { section.panel aria-label="The certificate" { (facts(&all)) } }
}

fn account(id: &str) -> Markup {
    html! { a.mono href=(format!("/accounts/{id}")) { (id) } }
}

fn one(story: &Story, now: Timestamp) -> Markup {
    let first = story.attempts.first().map(|attempt| attempt.at);
    let mut all = vec![
        ("Challenge", why_link(&story.challenge)),
        ("Account", account(&story.account)),
        ("Provisioner", html! { (story.provisioner) }),
        (
            "Authorization",
            html! {
                (badge(&story.authorization_status)) " ends " (time(story.authorization_expires_at, now))
            },
        ),
    ];
    if let Some(retries) = &story.retries {
        all.push(("Slot", html! { (retries.slot) }));
        if let Some(next) = retries.next_attempt_at {
            all.push(("Next attempt", countdown(next, now)));
        }
    }
    html! {
        section class=(format!("row {}", story.status)) {
            div.head {
                h2 {
                    (story.identifier) " "
                    span.soft { "(" (story.kind) @if story.wildcard { ", for its wildcard" } ")" }
                }
                (badge(&story.status))
            }
            p { (story.summary) }
            (facts(&all))
            @if story.attempts.is_empty() {
                p.soft { "No attempt has been made yet." }
            } @else {
                h3 { "Attempts" }
                ol.timeline {
                    @for (at, attempt) in story.attempts.iter().enumerate() {
                        (step(attempt, first.unwrap_or(now), story.advice_after(at)))
                    }
                }
            }
        }
    }
}

fn step(attempt: &ToldAttempt, first: Timestamp, advice: Option<&str>) -> Markup {
    html! {
        li {
            div.when {
                strong { "#" (attempt.number) }
                time datetime=(attempt.at) { (attempt.at) }
                span { "+" (roughly(attempt.at.since(first))) }
                span { "slot " (attempt.slot) }
                span { "took " (roughly(took(attempt))) }
                @if let Some(address) = &attempt.address { span.mono { (address) } }
            }
            p { (badge(how_far(attempt))) " " (attempt.detail) }
            @if let Some(advice) = advice {
                p.advice { strong { "What to mend: " } (advice) }
            }
        }
    }
}

fn took(attempt: &ToldAttempt) -> Duration {
    Duration::from_millis(u64::try_from(attempt.took_ms).unwrap_or(u64::MAX))
}

/// How far an attempt got, in words.
fn how_far(attempt: &ToldAttempt) -> &'static str {
    let phase = Phase::ALL
        .iter()
        .find(|phase| phase.as_str() == attempt.phase);
    match phase {
        Some(Phase::Dns) => "looking the name up",
        Some(Phase::Connect) => "connecting",
        Some(Phase::Tls) => "TLS handshake",
        Some(Phase::Http) => "HTTP request",
        Some(Phase::Compare) | None => "comparing the proof",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(detail: &str) -> ToldAttempt {
        ToldAttempt {
            number: 1,
            at: Timestamp::from_secs(1_800_000_000),
            slot: 0,
            perspective: "local".to_owned(),
            phase: Phase::Compare.as_str(),
            finding: "http-mismatch",
            address: Some("10.0.3.7:80".to_owned()),
            detail: detail.to_owned(),
            took_ms: 3,
            advice: "",
        }
    }

    #[test]
    fn what_a_web_server_answered_is_text_and_no_more() {
        let now = Timestamp::from_secs(1_800_000_007);
        let hostile = "the answer begins with \"</p><script>alert(1)</script><img src=x onerror='alert(1)'>\"";
        let shown = step(&attempt(hostile), now, Some("<b>mend</b>")).into_string();
        assert!(shown.contains("&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img"));
        for tag in ["<script", "<img", "<b>"] {
            assert!(!shown.contains(tag), "{tag} in {shown}");
        }
    }
}
