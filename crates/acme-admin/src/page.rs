//! The pages for people: HTML made here, readable without JavaScript, with nothing from elsewhere.
//!
//! Each view is a file of its own and asks the store what the admin API asks. What others wrote
//! (names, what a web server answered) goes into a page only through maud, which escapes it.

mod accounts;
mod assets;
mod certificates;
mod history;
mod keys;
mod live;
mod now;
mod problem;
mod shell;
mod sign_in;
mod slots;
mod why;

pub(crate) use assets::asset;
pub(crate) use certificates::WORDS as CERTIFICATE_WORDS;
pub(crate) use history::WORDS as HISTORY_WORDS;
pub(crate) use live::Events;
pub(crate) use problem::problem;
pub(crate) use sign_in::sign_in;
