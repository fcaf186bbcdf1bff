//! The page that a one-time link leads to.

use acme_core::ProofSecret;
use maud::html;

use super::shell::frame;
use crate::answer::Answer;

/// Asks whether to begin a session; without a link, tells how to come by one.
pub(crate) fn sign_in(link: Option<&ProofSecret>) -> Answer {
    let body = html! {
        @if let Some(link) = link {
            form method="post" action="/login" {
                input type="hidden" name="link" value=(link.to_text());
                p { "This link begins a session in this browser, once." }
                div.actions { button.main { "Sign in" } }
            }
        } @else {
            p { "A one-time link begins a session here." }
            p { code { "acme-server admin link NAME --config FILE" } " prints one." }
        }
    };
    frame("Sign in", &html! {}, &body)
}
