//! Which of an authority's issuers signs for a provisioner.

use std::fmt;
use std::str::FromStr;

use crate::KeyKind;

/// The name of one of an authority's issuers: 1 to 64 letters, digits, hyphens, underscores and
/// dots, the first no dot. An authority has it for its own use; no client sees it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IssuerName(Box<str>);

/// Most characters of an issuer's name.
const MAX_NAME: usize = 64;

impl IssuerName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IssuerName {
    type Err = InvalidIssuerName;

    fn from_str(text: &str) -> Result<Self, InvalidIssuerName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let good = (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('.');
        if good {
            Ok(Self(text.into()))
        } else {
            Err(InvalidIssuerName(text.to_owned()))
        }
    }
}

/// The text is no name of an issuer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is no name of an issuer: 1 to 64 letters, digits, hyphens, underscores and dots, the \
     first no dot"
)]
pub struct InvalidIssuerName(pub String);

/// Which issuer signs for which kind of key; where nothing is said, the authority's own first one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IssuerChoice {
    /// For all kinds of key that are not named.
    pub default: Option<IssuerName>,
    /// For one kind of key; each kind at most once.
    pub by_key: Vec<(KeyKind, IssuerName)>,
}

impl IssuerChoice {
    /// The issuer for a kind of key, or for one that is not known; none for the authority's first.
    #[must_use]
    pub fn of(&self, kind: Option<KeyKind>) -> Option<&IssuerName> {
        let named = self.by_key.iter().find(|(of, _)| Some(*of) == kind);
        named.map(|(_, name)| name).or(self.default.as_ref())
    }

    /// Every issuer that is named.
    pub fn named(&self) -> impl Iterator<Item = &IssuerName> {
        let by_key = self.by_key.iter().map(|(_, name)| name);
        self.default.iter().chain(by_key)
    }

    /// Whether some kind of key is left to the authority's first issuer.
    #[must_use]
    pub fn may_be_first(&self) -> bool {
        self.default.is_none()
            && KeyKind::ALL
                .iter()
                .any(|kind| self.of(Some(*kind)).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_its_own_issuer_or_the_default() {
        let name = |text: &str| text.parse::<IssuerName>().unwrap();
        let mut choice = IssuerChoice::default();
        assert_eq!(choice.of(Some(KeyKind::Rsa)), None);
        assert!(choice.may_be_first());

        choice.by_key.push((KeyKind::Rsa, name("rsa")));
        assert_eq!(choice.of(Some(KeyKind::Rsa)), Some(&name("rsa")));
        assert_eq!(choice.of(Some(KeyKind::P256)), None);
        assert!(choice.may_be_first());

        choice.default = Some(name("ec"));
        assert_eq!(choice.of(Some(KeyKind::Rsa)), Some(&name("rsa")));
        assert_eq!(choice.of(Some(KeyKind::P256)), Some(&name("ec")));
        assert_eq!(choice.of(None), Some(&name("ec")));
        assert!(!choice.may_be_first());
        assert!(choice.named().eq([&name("ec"), &name("rsa")]));
    }

    #[test]
    fn names_are_file_names() {
        for text in ["a", "rsa-2030", "A.b_c", &"x".repeat(64)] {
            assert_eq!(text.parse::<IssuerName>().unwrap().to_string(), text);
        }
        for text in ["", ".", "..", ".a", "a/b", "a b", "\u{e9}", &"x".repeat(65)] {
            assert!(text.parse::<IssuerName>().is_err(), "{text}");
        }
    }
}
