//! Pages of lists.

use acme_core::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cursor;

/// A page of a list.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Listed<T> {
    /// The entries; fewer than `limit`, even none, does not mean that there are no more.
    pub(crate) items: Vec<T>,
    /// What to give as `cursor` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> Listed<T> {
    /// A store's page of the list of this name.
    pub(crate) fn new<U>(list: &str, page: Page<U>, show: impl Fn(&U) -> T) -> Self {
        Self {
            items: page.items.iter().map(show).collect(),
            next: page.next.map(|place| cursor::seal(list, &place)),
        }
    }
}
