//! The slot: the small, stable number of one server replica.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The small, stable number of one server replica, 0 to 255.
///
/// It owns retries in the store and stands in the first octet of every serial number, so two live
/// replicas never share one: a lease in the store guards it.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Slot(u8);

impl Slot {
    /// The slot of this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The slot's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The slot that a pod's name ends with: `acme-server-2` is slot 2.
    ///
    /// # Errors
    /// [`ParseSlotError`] when the name does not end with a hyphen and a number up to 255.
    pub fn from_pod_name(name: &str) -> Result<Self, ParseSlotError> {
        let (_, ordinal) = name
            .rsplit_once('-')
            .ok_or_else(|| ParseSlotError(name.to_owned()))?;
        ordinal.parse()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Slot {
    type Err = ParseSlotError;

    fn from_str(text: &str) -> Result<Self, ParseSlotError> {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse()
                .map(Self)
                .map_err(|_| ParseSlotError(text.to_owned()))
        } else {
            Err(ParseSlotError(text.to_owned()))
        }
    }
}

/// The text names no slot.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} names no slot; a slot is a number from 0 to 255")]
pub struct ParseSlotError(pub String);
