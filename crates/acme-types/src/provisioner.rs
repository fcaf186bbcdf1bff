//! The name of a provisioner, and its form in a URL.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a provisioner: 1 to 64 characters, none of them a control character.
///
/// It is also the provisioner's id: names are unique in a configuration.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProvisionerName(Box<str>);

impl ProvisionerName {
    /// The name as it stands in configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one segment of a URL path, escaped as [RFC 3986 § 2.1] says.
    ///
    /// [RFC 3986 § 2.1]: https://www.rfc-editor.org/rfc/rfc3986#section-2.1
    #[must_use]
    pub fn url_safe(&self) -> String {
        let mut escaped = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    }
}

impl FromStr for ProvisionerName {
    type Err = InvalidProvisionerName;

    fn from_str(text: &str) -> Result<Self, InvalidProvisionerName> {
        let dots = text == "." || text == "..";
        let length = text.chars().count();
        if dots || !(1..=64).contains(&length) || text.chars().any(char::is_control) {
            Err(InvalidProvisionerName(text.to_owned()))
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl TryFrom<String> for ProvisionerName {
    type Error = InvalidProvisionerName;

    fn try_from(text: String) -> Result<Self, InvalidProvisionerName> {
        text.parse()
    }
}

impl From<ProvisionerName> for String {
    fn from(name: ProvisionerName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for ProvisionerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a provisioner.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} cannot name a provisioner: 1 to 64 characters, no control characters, not . or ..")]
pub struct InvalidProvisionerName(pub String);
