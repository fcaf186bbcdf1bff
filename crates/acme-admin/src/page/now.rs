//! *Now*: what is being tried, each with its countdown; it changes by itself.

use std::time::Duration;

use acme_core::{ProcessingChallenge, Story};
use acme_types::Timestamp;
use maud::{Markup, html};

use super::live::{self, Part};
use super::shell::{badge, countdown, page, why_path};
use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::request::Asked;

/// Challenges that are shown, those that are due next.
const SHOWN: u32 = 50;
/// How long a challenge that has settled is still shown to who saw it being tried.
const LINGER: Duration = Duration::from_secs(60);
/// Most of those.
const MAX_LINGERING: usize = 20;

impl Desk {
    pub(crate) async fn now_page(&self, asked: &Asked<'_>) -> Outcome {
        let found = self.services.store.list_processing(None, SHOWN).await?;
        let now = Seen {
            tried: found.items,
            are_more: found.next.is_some(),
            settled: Vec::new(),
        };
        let body = html! {
            p.soft #live-state role="status" { "As of the time this page was asked for." }
            div data-live="/live/now" { (shown(&now, asked.now)) }
        };
        Ok(page(asked, "/", "What is being tried now", &body))
    }

    /// The same list, again whenever it has changed.
    pub(crate) async fn now_live(&self, asked: &Asked<'_>) -> Outcome {
        let part = NowPart {
            services: self.services.clone(),
            before: None,
        };
        Ok(Answer::events(live::events(&self.services, asked, part)))
    }
}

/// What there is to see.
#[derive(Clone, Default)]
struct Seen {
    tried: Vec<ProcessingChallenge>,
    are_more: bool,
    /// Those that have settled, and until when they are shown.
    settled: Vec<(Timestamp, std::sync::Arc<Story>)>,
}

impl Seen {
    /// Whether a reader sees the same, countdowns apart.
    fn is_as(&self, other: &Self) -> bool {
        let key = |seen: &Self| -> Vec<_> {
            let tried = seen.tried.iter();
            tried
                .map(|one| {
                    let last = one.last.as_ref().map(|last| last.number);
                    (one.challenge.clone(), last)
                })
                .collect()
        };
        let ids = |seen: &Self| -> Vec<_> {
            let settled = seen.settled.iter();
            settled.map(|(_, story)| story.challenge.clone()).collect()
        };
        self.are_more == other.are_more && key(self) == key(other) && ids(self) == ids(other)
    }
}

/// The list as one reader's browser follows it.
struct NowPart {
    services: crate::AdminServices,
    before: Option<Seen>,
}

#[async_trait::async_trait]
impl Part for NowPart {
    async fn changed(&mut self, now: Timestamp) -> Result<Option<Markup>, acme_core::StoreError> {
        let store = &self.services.store;
        let found = store.list_processing(None, SHOWN).await?;
        let before = self.before.clone().unwrap_or_default();
        let mut settled = before.settled.clone();
        settled.retain(|(until, _)| *until > now);
        for gone in &before.tried {
            let id = &gone.challenge.id;
            if found.items.iter().any(|one| one.challenge.id == *id) {
                continue;
            }
            let Some((authorization, attempts)) = store.find_attempts(id).await? else {
                continue;
            };
            let mut all = authorization.challenges.iter();
            let Some(challenge) = all.find(|one| one.id == *id) else {
                continue;
            };
            let story = Story::new(&authorization, challenge, &attempts, now);
            // One that is tried later than those that are shown has not settled.
            if story.retries.is_none() {
                settled.push((now.plus(LINGER), std::sync::Arc::new(story)));
            }
        }
        // One that was asked for again is tried again.
        settled.retain(|(_, story)| {
            let mut tried = found.items.iter();
            !tried.any(|one| one.challenge.id.as_str() == story.challenge)
        });
        let surplus = settled.len().saturating_sub(MAX_LINGERING);
        settled.drain(..surplus);
        let seen = Seen {
            tried: found.items,
            are_more: found.next.is_some(),
            settled,
        };
        let is_new = self.before.as_ref().is_none_or(|one| !one.is_as(&seen));
        let part = is_new.then(|| shown(&seen, now));
        self.before = Some(seen);
        Ok(part)
    }
}

fn shown(seen: &Seen, now: Timestamp) -> Markup {
    html! {
        @if seen.tried.is_empty() && seen.settled.is_empty() {
            p.panel { "Nothing is being tried. " a href="/history" { "What was issued and what failed" } }
        }
        ul.rows {
            @for (_, story) in seen.settled.iter().rev() { (settled_row(story)) }
            @for one in &seen.tried { (row(one, now)) }
        }
        @if seen.are_more {
            p.soft { "These are the " (SHOWN) " that are due next; there are more." }
        }
    }
}

fn row(one: &ProcessingChallenge, now: Timestamp) -> Markup {
    let challenge = &one.challenge;
    let tries = format!(
        "attempt {} of {}",
        one.retry.num_attempts, one.retry.max_attempts
    );
    html! {
        li.row.processing data-challenge=(challenge.id) {
            div.head {
                h2 { a href=(why_path(challenge.id.as_str())) { (one.identifier.value()) } }
                span.soft { (challenge.kind.as_str()) }
                (badge("processing"))
                span.next {
                    @match one.retry.next_attempt {
                        Some(next) => { "next attempt " (countdown(next, now)) }
                        None => "no more until the client asks again",
                    }
                }
            }
            p {
                (tries) ", slot " (one.retry.owner)
                @if let Some(last) = &one.last {
                    ", the last one at " time datetime=(last.started_at) { (last.started_at) }
                }
            }
            @if let Some(last) = &one.last { p { (last.observation.detail) } }
        }
    }
}

fn settled_row(story: &Story) -> Markup {
    html! {
        li class=(format!("row {}", story.status)) data-challenge=(story.challenge) {
            div.head {
                h2 { a href=(why_path(&story.challenge)) { (story.identifier.value()) } }
                span.soft { (story.kind) }
                (badge(&story.status))
            }
            p { (story.summary) }
        }
    }
}
