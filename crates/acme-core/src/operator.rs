//! Operators: people and programs that look after the server, what each may do, and how they prove
//! who they are.

use std::fmt;
use std::str::FromStr;

use acme_types::{Timestamp, decode_base64url, encode_base64url};
use aws_lc_rs::digest::{SHA256, digest};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

/// Most characters of an operator's name.
const MAX_NAME: usize = 64;
/// What the text of a token begins with, so that scanners for leaked secrets know it.
const TOKEN_PREFIX: &str = "acmeadm_";

/// What an operator may do; each may all that those before it may.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything that is no secret.
    Viewer,
    /// Revokes, deactivates, tries again, hands out external account keys.
    Operator,
    /// Drains the server and looks at its configuration.
    Admin,
}

impl Role {
    /// The role's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::Viewer, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// The word names no role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a role is viewer, operator or admin")]
pub struct UnknownRole;

/// An operator's name: 1 to 64 letters, digits and `.`, `_`, `@`, `-`, the first a letter or digit.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(Box<str>);

impl OperatorName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorName {
    type Err = InvalidOperatorName;

    fn from_str(text: &str) -> Result<Self, InvalidOperatorName> {
        let is_good = |b: u8| b.is_ascii_alphanumeric() || b"._@-".contains(&b);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if begins && text.len() <= MAX_NAME && text.bytes().all(is_good) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidOperatorName)
        }
    }
}

impl TryFrom<String> for OperatorName {
    type Error = InvalidOperatorName;

    fn try_from(text: String) -> Result<Self, InvalidOperatorName> {
        text.parse()
    }
}

impl From<OperatorName> for String {
    fn from(name: OperatorName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorName({})", self.0)
    }
}

/// The text is no operator's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "an operator's name is 1 to {MAX_NAME} letters, digits and . _ @ -, and begins with a letter or digit"
)]
pub struct InvalidOperatorName;

/// Someone who looks after the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// The name.
    pub name: OperatorName,
    /// What they may do.
    pub role: Role,
    /// When they were made one.
    pub created_at: Timestamp,
    /// When they stop being one by themselves; none for never.
    pub expires_at: Option<Timestamp>,
    /// When they were told to stop.
    pub revoked_at: Option<Timestamp>,
}

impl Operator {
    /// Whether they may do anything at `now`.
    #[must_use]
    pub fn may_act(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// By what an operator is known.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProofKind {
    /// A secret that a program sends with each request.
    Token,
    /// A secret that begins a session, once.
    Link,
    /// The secret of a browser's session.
    Session,
    /// A TLS client certificate.
    Certificate,
}

impl ProofKind {
    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Link => "link",
            Self::Session => "session",
            Self::Certificate => "certificate",
        }
    }
}

impl FromStr for ProofKind {
    type Err = UnknownProofKind;

    fn from_str(text: &str) -> Result<Self, UnknownProofKind> {
        [Self::Token, Self::Link, Self::Session, Self::Certificate]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownProofKind)
    }
}

/// The word names no kind of proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no kind of proof")]
pub struct UnknownProofKind;

/// The SHA-256 of a secret or of a certificate: all that is kept of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProofDigest(pub [u8; 32]);

impl ProofDigest {
    /// The digest of these octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, octets).as_ref());
        Self(sum)
    }
}

/// What proves that someone is an operator, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// What is known of it.
    pub digest: ProofDigest,
    /// What it is.
    pub kind: ProofKind,
    /// Whom it proves to be.
    pub operator: OperatorName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

/// A secret of 256 random bits. It is shown once and nothing prints it otherwise.
#[derive(Clone, Eq, PartialEq)]
pub struct ProofSecret([u8; 32]);

impl ProofSecret {
    /// A new secret from a cryptographic generator.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut octets = [0; 32];
        rng.fill_bytes(&mut octets);
        Self(octets)
    }

    /// Reads what [`Self::to_text`] or [`Self::to_token`] has written; none when it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix(TOKEN_PREFIX).unwrap_or(text);
        let octets = decode_base64url(bare).ok()?;
        Some(Self(octets.try_into().ok()?))
    }

    /// The text for the one time that it is shown: 43 characters of base64url.
    #[must_use]
    pub fn to_text(&self) -> String {
        encode_base64url(self.0)
    }

    /// The same as a bearer token, with a beginning that can be told from other secrets.
    #[must_use]
    pub fn to_token(&self) -> String {
        format!("{TOKEN_PREFIX}{}", self.to_text())
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> ProofDigest {
        ProofDigest::of(&self.0)
    }

    /// A text that only who knows the secret can make, and that does not tell the secret: what the
    /// forms of a session carry so that no other site can send them.
    #[must_use]
    pub fn form_token(&self) -> String {
        let mut labelled = b"acme-admin form token\0".to_vec();
        labelled.extend_from_slice(&self.0);
        encode_base64url(ProofDigest::of(&labelled).0)
    }
}

impl fmt::Debug for ProofSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "ops@example.com", "ci-1", &"x".repeat(64)] {
            assert!(good.parse::<OperatorName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "ä", "a/b", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_operator_acts_until_the_end() {
        let at = Timestamp::from_secs;
        let operator = Operator {
            name: "ops".parse().unwrap(),
            role: Role::Viewer,
            created_at: at(0),
            expires_at: Some(at(10)),
            revoked_at: None,
        };
        assert!(operator.may_act(at(9)) && !operator.may_act(at(10)));
        let revoked = Operator {
            revoked_at: Some(at(5)),
            ..operator
        };
        assert!(!revoked.may_act(at(6)));
    }

    #[test]
    fn a_secret_is_read_back_and_nothing_else_is_one() {
        let secret = ProofSecret([7; 32]);
        assert_eq!(ProofSecret::parse(&secret.to_text()), Some(secret.clone()));
        assert_eq!(ProofSecret::parse(&secret.to_token()), Some(secret.clone()));
        for bad in ["", "acmeadm_", "AA", &format!("{}A", secret.to_text())] {
            assert_eq!(ProofSecret::parse(bad), None, "{bad:?}");
        }
        assert_eq!(format!("{secret:?}"), "ProofSecret(..)");
        assert_ne!(secret.form_token(), secret.to_text());
    }
}
