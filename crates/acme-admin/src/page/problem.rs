//! Refusals, for people.

use acme_types::RequestId;
use maud::html;

use super::shell::frame;
use crate::answer::Answer;
use crate::refusal::Refusal;

/// The page that tells of a refusal.
pub(crate) fn problem(refusal: &Refusal, id: RequestId) -> Answer {
    let told = refusal.problem(id);
    let title = match refusal {
        Refusal::Unauthorized(_) => "Sign in first",
        Refusal::Forbidden { .. } | Refusal::Forged => "Not allowed",
        Refusal::NotFound(_) => "Not found",
        _ => "Not done",
    };
    let body = html! {
        p { (told.detail) }
        @if !matches!(refusal, Refusal::Unauthorized(_)) {
            p { a href="/" { "What is being tried now" } }
        }
        p.soft { "Nothing has changed. Request " code { (told.request_id) } "." }
    };
    let mut answer = frame(title, &html! {}, &body).status(refusal.status());
    answer.problem = Some(refusal.word());
    answer
}
