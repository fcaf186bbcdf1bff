//! Patterns that say for which identifiers something is allowed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use acme_types::{DnsName, Identifier, RawIdentifier};

/// Identifiers that something is allowed for. As text: `db.lab.internal` is that name alone,
/// `*.lab.internal` every name below it and their wildcards, `10.1.0.0/16` every address in it,
/// `permanent-identifier:C02X` that device, `hardware-module:*` every hardware module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NamePattern {
    /// This name and no other.
    Exact(DnsName),
    /// Every name below this one, at any depth, and the wildcards of it and of them.
    Below(DnsName),
    /// Every address of a network.
    Network {
        /// Its first address.
        first: IpAddr,
        /// How many of its leading bits are fixed: 32 or 128 at most.
        prefix: u8,
    },
    /// This device and no other.
    Device(Identifier),
    /// Every device of a type of [`Identifier::TYPES`].
    Devices(&'static str),
}

/// The types of identifier that name devices.
const DEVICES: [&str; 2] = ["permanent-identifier", "hardware-module"];

impl NamePattern {
    /// Whether the pattern takes an identifier in.
    #[must_use]
    pub fn matches(&self, identifier: &Identifier) -> bool {
        match (self, identifier) {
            (Self::Exact(name), Identifier::Dns(asked)) => name == asked,
            (Self::Below(parent), Identifier::Dns(asked)) => asked
                .as_str()
                .strip_suffix(parent.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            (Self::Network { first, prefix }, Identifier::Ip(asked)) => bits(*first)
                .zip_same(bits(*asked))
                .is_some_and(|(a, b, width)| {
                    let host = width.saturating_sub(u32::from(*prefix));
                    a.checked_shr(host) == b.checked_shr(host)
                }),
            (Self::Device(device), asked) => device == asked,
            (Self::Devices(kind), asked) => *kind == asked.kind(),
            _ => false,
        }
    }
}

/// An address as a number, and how many bits it has.
struct Bits(u128, u32);

impl Bits {
    fn zip_same(self, other: Self) -> Option<(u128, u128, u32)> {
        (self.1 == other.1).then_some((self.0, other.0, self.1))
    }
}

fn bits(address: IpAddr) -> Bits {
    match address {
        IpAddr::V4(v4) => Bits(v4.to_bits().into(), 32),
        IpAddr::V6(v6) => Bits(v6.to_bits(), 128),
    }
}

impl FromStr for NamePattern {
    type Err = InvalidNamePattern;

    fn from_str(text: &str) -> Result<Self, InvalidNamePattern> {
        let invalid = |reason: String| InvalidNamePattern {
            text: text.to_owned(),
            reason,
        };
        let device = text.split_once(':').and_then(|(kind, value)| {
            let kind = DEVICES.into_iter().find(|one| *one == kind)?;
            Some((kind, value))
        });
        if let Some((kind, value)) = device {
            if value == "*" {
                return Ok(Self::Devices(kind));
            }
            let device = Identifier::try_from(RawIdentifier {
                kind: kind.to_owned(),
                value: value.to_owned(),
            });
            return device
                .map(Self::Device)
                .map_err(|error| invalid(error.to_string()));
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        if let Ok(first) = address.parse::<IpAddr>() {
            let Bits(value, width) = bits(first);
            let prefix: u8 = match prefix {
                Some(prefix) => prefix
                    .parse()
                    .map_err(|_| invalid(format!("{prefix:?} is no prefix length")))?,
                None => width as u8,
            };
            if u32::from(prefix) > width {
                return Err(invalid(format!("the prefix is longer than {width} bits")));
            }
            let host = width - u32::from(prefix);
            let kept = value.checked_shr(host).unwrap_or(0);
            if kept.checked_shl(host).unwrap_or(0) != value {
                return Err(invalid("it has bits set beyond its prefix".to_owned()));
            }
            return Ok(Self::Network { first, prefix });
        }
        let name: DnsName = text.parse().map_err(|error| invalid(format!("{error}")))?;
        Ok(if name.is_wildcard() {
            Self::Below(name.base())
        } else {
            Self::Exact(name)
        })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Network { first, prefix } => write!(f, "{first}/{prefix}"),
            Self::Device(device) => write!(f, "{}:{device}", device.kind()),
            Self::Devices(kind) => write!(f, "{kind}:*"),
        }
    }
}

/// The text is no pattern of names.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{text:?} is neither a name, nor *. and a name, nor a network as 10.1.0.0/16, nor a device as permanent-identifier:C02X: {reason}"
)]
pub struct InvalidNamePattern {
    text: String,
    reason: String,
}

#[cfg(test)]
mod tests {
    use acme_types::RawIdentifier;

    use super::*;

    fn identifier(text: &str) -> Identifier {
        let kind = if text.parse::<IpAddr>().is_ok() {
            "ip"
        } else {
            "dns"
        };
        Identifier::try_from(RawIdentifier {
            kind: kind.to_owned(),
            value: text.to_owned(),
        })
        .unwrap()
    }

    #[test]
    fn patterns_take_in_what_they_say() {
        for (pattern, taken, left) in [
            (
                "DB.lab.internal",
                &["db.lab.internal"][..],
                &[
                    "*.db.lab.internal",
                    "x.db.lab.internal",
                    "lab.internal",
                    "10.0.0.1",
                ][..],
            ),
            (
                "*.lab.internal",
                &[
                    "db.lab.internal",
                    "a.b.lab.internal",
                    "*.lab.internal",
                    "*.a.lab.internal",
                ],
                &[
                    "lab.internal",
                    "evillab.internal",
                    "lab.internal.evil",
                    "*.internal",
                    "10.0.0.1",
                ],
            ),
            (
                "10.1.0.0/16",
                &["10.1.0.0", "10.1.255.255"],
                &["10.2.0.0", "10.0.255.255", "::ffff:10.1.0.1", "a.internal"],
            ),
            ("10.1.0.7", &["10.1.0.7"], &["10.1.0.6", "10.1.0.8"]),
            ("fd00::/8", &["fd00::1", "fdff::"], &["fe80::1", "10.0.0.1"]),
            ("0.0.0.0/0", &["10.0.0.1", "255.255.255.255"], &["::1"]),
            ("::/0", &["::1", "ffff::"], &["10.0.0.1"]),
        ] {
            let pattern: NamePattern = pattern.parse().unwrap();
            assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()));
            for name in taken {
                assert!(pattern.matches(&identifier(name)), "{pattern} {name}");
            }
            for name in left {
                assert!(!pattern.matches(&identifier(name)), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn devices_are_named_by_their_type() {
        let device = |text: &str| {
            let (kind, value) = text.split_once(':').unwrap();
            let (kind, value) = (kind.to_owned(), value.to_owned());
            Identifier::try_from(RawIdentifier { kind, value }).unwrap()
        };
        for (pattern, taken, left) in [
            (
                "permanent-identifier:C02X",
                &["permanent-identifier:C02X"][..],
                &[
                    "permanent-identifier:c02x",
                    "permanent-identifier:C02X/1.2.3",
                    "dns:c02x",
                ][..],
            ),
            (
                "hardware-module:*",
                &["hardware-module:S/1.2.3"],
                &["permanent-identifier:S/1.2.3", "dns:s"],
            ),
        ] {
            let pattern: NamePattern = pattern.parse().unwrap();
            assert_eq!(pattern.to_string().parse(), Ok(pattern.clone()));
            assert!(taken.iter().all(|text| pattern.matches(&device(text))));
            assert!(!left.iter().any(|text| pattern.matches(&device(text))));
        }
        for text in ["permanent-identifier:", "hardware-module:S", "device:x"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            ".lab.internal",
            "a.*.internal",
            "*.*.internal",
            "a b",
            "10.1.0.0/33",
            "10.1.0.1/16",
            "10.1.0.0/",
            "10.1.0.0/x",
            "fd00::1/8",
            "a.internal/8",
            "300.1.1.1",
        ] {
            assert!(text.parse::<NamePattern>().is_err(), "{text:?}");
        }
    }
}
