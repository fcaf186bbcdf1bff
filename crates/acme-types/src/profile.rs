//! The name of a certificate profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a certificate profile, by which an order asks for it: 1 to 64 of ASCII letters,
/// digits, `-`, `_` and `.` (draft-ietf-acme-profiles leaves the form to the server).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(Box<str>);

impl ProfileName {
    /// Most characters of a name.
    pub const MAX_LENGTH: usize = 64;

    /// The name as clients write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, InvalidProfileName> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidProfileName)
        }
    }
}

impl TryFrom<String> for ProfileName {
    type Error = InvalidProfileName;

    fn try_from(text: String) -> Result<Self, InvalidProfileName> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a profile. It is not repeated: it may be long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a profile is named by 1 to 64 ASCII letters, digits, '-', '_' and '.'")]
pub struct InvalidProfileName;
