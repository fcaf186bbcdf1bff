//! Where a page of a list ends: opaque text for the caller, a key for the engine.

use acme_types::Timestamp;

use crate::rows::DueCursor;

/// A place in a list that goes by creation, newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// When the entry was made.
    pub(crate) created_at: Timestamp,
    /// The entry's id.
    pub(crate) id: String,
}

impl Cursor {
    /// The text that a caller hands back.
    pub(crate) fn to_text(&self) -> String {
        format!("{}.{}", self.created_at.as_millis(), self.id)
    }

    /// Reads such a text; none when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (millis, id) = text.split_once('.')?;
        Some(Self {
            created_at: Timestamp::from_millis(millis.parse().ok()?),
            id: id.to_owned(),
        })
    }
}

impl DueCursor {
    /// The text that a caller hands back.
    pub(crate) fn to_text(&self) -> String {
        let next = self.next_attempt.map(|at| at.as_millis().to_string());
        format!("{}.{}", next.unwrap_or_default(), self.id)
    }

    /// Reads such a text; none when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (millis, id) = text.split_once('.')?;
        let next_attempt = match millis {
            "" => None,
            millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
        };
        Some(Self {
            next_attempt,
            id: id.parse().ok()?,
        })
    }
}
