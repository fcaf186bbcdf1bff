//! DNS names that may stand in a certificate: LDH labels, A-labels, a wildcard only as the whole
//! left-most label.

use std::fmt;
use std::str::FromStr;

/// Longest name in octets, without a trailing dot ([RFC 1035 § 2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A DNS name in its one canonical text: lower case, LDH labels, valid A-labels, no trailing dot;
/// perhaps with `*.` in front ([RFC 8555 § 7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)).
///
/// A name of one label (`db`, `localhost`) is allowed: private networks use them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DnsName(Box<str>);

impl DnsName {
    /// The whole name, `*.` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the left-most label is `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without `*.`: what an authorization for it names.
    #[must_use]
    pub fn base(&self) -> Self {
        Self(self.0.strip_prefix("*.").unwrap_or(&self.0).into())
    }

    /// Whether this name lies below another one, at any depth.
    #[must_use]
    pub fn is_below(&self, parent: &Self) -> bool {
        self.0
            .strip_suffix(parent.as_str())
            .is_some_and(|rest| rest.ends_with('.'))
    }

    /// The names above this one, the nearest first; of a wildcard those above what it stands for.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let base = self.0.strip_prefix("*.").unwrap_or(&self.0);
        base.match_indices('.')
            .map(move |(dot, _)| Self(base[dot + 1..].into()))
    }

    /// The wildcard of this name; the name itself when it is one already.
    #[must_use]
    pub fn wildcard(&self) -> Self {
        if self.is_wildcard() {
            self.clone()
        } else {
            Self(format!("*.{}", self.0).into())
        }
    }
}

impl FromStr for DnsName {
    type Err = DnsNameError;

    fn from_str(text: &str) -> Result<Self, DnsNameError> {
        if !text.is_ascii() {
            return Err(DnsNameError::NotAscii);
        }
        let name = text.to_ascii_lowercase();
        if name.is_empty() {
            return Err(DnsNameError::Empty);
        }
        if name.len() > MAX_NAME {
            return Err(DnsNameError::TooLong);
        }
        if name.ends_with('.') {
            return Err(DnsNameError::TrailingDot);
        }
        let base = name.strip_prefix("*.").unwrap_or(&name);
        base.split('.').try_for_each(check_label)?;
        // Such a name would be read as an IPv4 address by many a consumer of the certificate.
        let last = base.rsplit('.').next().unwrap_or(base);
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DnsNameError::LooksLikeIp);
        }
        Ok(Self(name.into()))
    }
}

fn check_label(label: &str) -> Result<(), DnsNameError> {
    if label.is_empty() {
        return Err(DnsNameError::EmptyLabel);
    }
    if label.len() > MAX_LABEL {
        return Err(DnsNameError::LabelTooLong(label.into()));
    }
    if label.contains('*') {
        return Err(DnsNameError::MisplacedWildcard);
    }
    let ldh = label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !ldh || label.starts_with('-') || label.ends_with('-') {
        return Err(DnsNameError::NotLdh(label.into()));
    }
    if label.as_bytes().get(2..4) == Some(b"--") {
        let decodes = label.starts_with("xn--") && {
            let (unicode, result) = idna::domain_to_unicode(label);
            // The A-label must be the one that its own Unicode form encodes to.
            result.is_ok() && idna::domain_to_ascii(&unicode).is_ok_and(|ascii| ascii == label)
        };
        if !decodes {
            return Err(DnsNameError::InvalidALabel(label.into()));
        }
    }
    Ok(())
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a DNS name that a certificate may carry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsNameError {
    /// No text at all.
    #[error("the name is empty")]
    Empty,
    /// A character outside ASCII: the client must send A-labels.
    #[error(
        "the name has characters outside ASCII; send internationalized labels as xn-- A-labels"
    )]
    NotAscii,
    /// More than 253 characters.
    #[error("the name is longer than 253 characters")]
    TooLong,
    /// A dot at the end.
    #[error("the name ends with a dot")]
    TrailingDot,
    /// Two dots in a row, or one in front.
    #[error("the name has an empty label")]
    EmptyLabel,
    /// A label of more than 63 characters.
    #[error("the label {0:?} is longer than 63 characters")]
    LabelTooLong(String),
    /// A label that is not letters, digits and inner hyphens.
    #[error("the label {0:?} is not letters, digits and inner hyphens")]
    NotLdh(String),
    /// `*` anywhere but as the whole left-most label.
    #[error("a wildcard may only be the whole left-most label, as in *.example.org")]
    MisplacedWildcard,
    /// `??--` that is not a valid A-label.
    #[error("the label {0:?} is not a valid internationalized label")]
    InvalidALabel(String),
    /// The last label is all digits.
    #[error("the name looks like an IP address; ask for an identifier of type ip")]
    LooksLikeIp,
}
