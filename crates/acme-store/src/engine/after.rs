//! Where a page of a list begins.

use acme_core::Page;

/// A page's beginning; a text that is no place in a list begins nowhere.
pub(super) enum After<C> {
    Start,
    Place(C),
    Nowhere,
}

impl<C> After<C> {
    pub(super) fn parse(text: Option<&str>, parse: impl Fn(&str) -> Option<C>) -> Self {
        match text {
            None => Self::Start,
            Some(text) => parse(text).map_or(Self::Nowhere, Self::Place),
        }
    }

    /// The place to go on from; an empty page instead when there is none.
    pub(super) fn or_empty<T>(self) -> Result<Option<C>, Page<T>> {
        match self {
            Self::Start => Ok(None),
            Self::Place(place) => Ok(Some(place)),
            Self::Nowhere => Err(Page {
                items: Vec::new(),
                next: None,
            }),
        }
    }
}

/// Returns an empty page when `$after` is no place in a list.
macro_rules! place {
    ($after:expr, $parse:expr) => {
        match After::parse($after, $parse).or_empty() {
            Ok(place) => place,
            Err(empty) => return Ok(empty),
        }
    };
}

pub(super) use place;
