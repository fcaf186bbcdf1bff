//! Every nonce that the clients used, and those that were refused.

use std::collections::VecDeque;
use std::sync::Mutex;

use acme_types::Timestamp;

use crate::time::locked;

/// Spent nonces that are kept to be presented again.
const KEPT: usize = 4000;

/// Whether a nonce was spent by a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spending {
    /// The request was answered: it was.
    Done,
    /// The request was never answered: nobody knows.
    Unknown,
    /// The request never left, or the server failed: most likely not.
    Unlikely,
}

/// The book of nonces.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    presented: u64,
    spent: VecDeque<String>,
    unknown: VecDeque<String>,
    refused: Vec<Refusal>,
}

/// A nonce that was good as far as its client knew, and was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// When the client got it.
    pub issued_at: Timestamp,
    /// When it was refused.
    pub refused_at: Timestamp,
}

impl Nonces {
    pub(crate) fn presented(&self, nonce: String, spending: Spending) {
        let mut book = locked(&self.0);
        book.presented += 1;
        let kept = match spending {
            Spending::Done => &mut book.spent,
            Spending::Unknown => &mut book.unknown,
            Spending::Unlikely => return,
        };
        if kept.len() == KEPT {
            // Every second one stays, so that old ones are presented again too.
            let mut odd = false;
            kept.retain(|_| {
                odd = !odd;
                odd
            });
        }
        kept.push_back(nonce);
    }

    pub(crate) fn refused(&self, issued_at: Timestamp, refused_at: Timestamp) {
        locked(&self.0).refused.push(Refusal {
            issued_at,
            refused_at,
        });
    }

    /// How many were presented that should be good.
    #[must_use]
    pub fn n_presented(&self) -> u64 {
        locked(&self.0).presented
    }

    /// The refusals since this was asked last.
    #[must_use]
    pub fn take_refusals(&self) -> Vec<Refusal> {
        std::mem::take(&mut locked(&self.0).refused)
    }

    /// Nonces that were spent: the newest `newest`, and as many of all, evenly.
    #[must_use]
    pub fn spent_sample(&self, newest: usize) -> Vec<String> {
        let book = locked(&self.0);
        let step = (book.spent.len() / newest.max(1)).max(1);
        let old = book.spent.iter().step_by(step).take(newest);
        old.chain(book.spent.iter().rev().take(newest))
            .cloned()
            .collect()
    }

    /// The nonces of which nobody knows whether they were spent, forgotten here.
    #[must_use]
    pub fn take_unknown(&self) -> Vec<String> {
        locked(&self.0).unknown.drain(..).collect()
    }
}
