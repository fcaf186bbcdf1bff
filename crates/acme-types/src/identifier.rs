//! Identifiers: what a certificate is for ([RFC 8555 § 9.7.7], [RFC 8738]).
//!
//! [RFC 8555 § 9.7.7]: https://www.rfc-editor.org/rfc/rfc8555#section-9.7.7
//! [RFC 8738]: https://www.rfc-editor.org/rfc/rfc8738

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    DeviceIdentifierError, DnsName, DnsNameError, HardwareModule, PermanentIdentifier, Problem,
    ProblemKind, Subproblem,
};

/// What a certificate is for, parsed and in canonical form.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(into = "RawIdentifier", try_from = "RawIdentifier")]
pub enum Identifier {
    /// A DNS name, perhaps a wildcard.
    Dns(DnsName),
    /// An IP address ([RFC 8738](https://www.rfc-editor.org/rfc/rfc8738)).
    Ip(IpAddr),
    /// The identity that its maker gave a device
    /// ([draft-ietf-acme-device-attest](https://datatracker.ietf.org/doc/draft-ietf-acme-device-attest/)).
    PermanentIdentifier(PermanentIdentifier),
    /// The hardware that keeps the certificate's key (the same draft).
    HardwareModule(HardwareModule),
}

impl Identifier {
    /// The wire words of every type of identifier.
    pub const TYPES: &'static [&'static str] =
        &["dns", "ip", "permanent-identifier", "hardware-module"];

    /// Whether this names a device, not a place in a network.
    #[must_use]
    pub const fn is_device(&self) -> bool {
        matches!(self, Self::PermanentIdentifier(_) | Self::HardwareModule(_))
    }

    /// Whether this is a DNS name with `*.` in front.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.is_wildcard())
    }

    /// What an authorization for this names: a wildcard loses its `*.`.
    #[must_use]
    pub fn base(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.base()),
            Self::Ip(_) | Self::PermanentIdentifier(_) | Self::HardwareModule(_) => self.clone(),
        }
    }

    /// The wire word of the kind, one of [`Identifier::TYPES`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
            Self::PermanentIdentifier(_) => "permanent-identifier",
            Self::HardwareModule(_) => "hardware-module",
        }
    }

    /// The canonical text without its kind; an IP address as RFC 5952 spells it.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.to_string(),
            Self::Ip(ip) => ip.to_string(),
            Self::PermanentIdentifier(device) => device.to_string(),
            Self::HardwareModule(module) => module.to_string(),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
            Self::PermanentIdentifier(device) => device.fmt(f),
            Self::HardwareModule(module) => module.fmt(f),
        }
    }
}

impl TryFrom<RawIdentifier> for Identifier {
    type Error = IdentifierError;

    fn try_from(raw: RawIdentifier) -> Result<Self, IdentifierError> {
        match raw.kind.as_str() {
            "dns" => Ok(Self::Dns(raw.value.parse()?)),
            "ip" => raw
                .value
                .parse()
                .map(Self::Ip)
                .map_err(|_| IdentifierError::Ip),
            "permanent-identifier" => Ok(Self::PermanentIdentifier(raw.value.parse()?)),
            "hardware-module" => Ok(Self::HardwareModule(raw.value.parse()?)),
            _ => Err(IdentifierError::UnknownKind(raw.kind)),
        }
    }
}

/// An identifier as the client wrote it, not yet checked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RawIdentifier {
    /// One of [`Identifier::TYPES`], or a kind that this server does not know.
    #[serde(rename = "type")]
    pub kind: String,
    /// The identifier's text.
    pub value: String,
}

impl From<Identifier> for RawIdentifier {
    fn from(identifier: Identifier) -> Self {
        Self {
            kind: identifier.kind().to_owned(),
            value: identifier.value(),
        }
    }
}

/// Parses the identifiers of a request, sorts them and drops repeated ones.
///
/// # Errors
/// One problem that names each bad identifier in `subproblems` ([RFC 8555 § 6.7.1]); a list with no
/// identifier is `malformed`.
///
/// [RFC 8555 § 6.7.1]: https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1
pub fn parse_identifiers(raw: Vec<RawIdentifier>) -> Result<Vec<Identifier>, Problem> {
    if raw.is_empty() {
        return Err(Problem::new(
            ProblemKind::Malformed,
            "the list of identifiers is empty",
        ));
    }
    let mut identifiers = Vec::with_capacity(raw.len());
    let mut refused = Vec::new();
    for raw in raw {
        match Identifier::try_from(raw.clone()) {
            Ok(identifier) => identifiers.push(identifier),
            Err(error) => refused.push(Subproblem {
                kind: error.problem_kind(),
                detail: error.to_string(),
                identifier: Some(raw),
            }),
        }
    }
    match refused.first() {
        None => {
            identifiers.sort();
            identifiers.dedup();
            Ok(identifiers)
        }
        Some(first) => {
            let detail = match refused.len() {
                1 => first.detail.clone(),
                n => format!("{n} identifiers are refused, see subproblems"),
            };
            Err(Problem::new(first.kind, detail).with_subproblems(refused))
        }
    }
}

/// Why an identifier is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Not a DNS name that a certificate may carry.
    #[error(transparent)]
    Dns(#[from] DnsNameError),
    /// Not an IPv4 or IPv6 address.
    #[error("the value is not an IPv4 or IPv6 address")]
    Ip,
    /// Not the identifier of a device.
    #[error(transparent)]
    Device(#[from] DeviceIdentifierError),
    /// A kind of identifier that this server does not issue for.
    #[error("identifiers of type {0:?} are not supported here; use dns or ip")]
    UnknownKind(String),
}

impl IdentifierError {
    /// The ACME error type of this refusal.
    #[must_use]
    pub const fn problem_kind(&self) -> ProblemKind {
        match self {
            Self::Dns(_) | Self::Ip | Self::Device(_) => ProblemKind::Malformed,
            Self::UnknownKind(_) => ProblemKind::UnsupportedIdentifier,
        }
    }
}
