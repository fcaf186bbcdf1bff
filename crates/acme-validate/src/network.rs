//! Networks in CIDR notation, and which addresses a probe may dial.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR notation ([RFC 4632 § 3.1], [RFC 4291 § 2.3]): `10.0.0.0/8`, `fe80::/10`. An
/// address without a prefix length is the network of that one address.
///
/// An IPv4-mapped network (`::ffff:10.0.0.0/104`) is the IPv4 network that it maps.
///
/// [RFC 4632 § 3.1]: https://www.rfc-editor.org/rfc/rfc4632#section-3.1
/// [RFC 4291 § 2.3]: https://www.rfc-editor.org/rfc/rfc4291#section-2.3
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// What no probe should dial unless it is told to: loopback, link-local (the metadata services
    /// of most clouds are there), the metadata service of one more cloud, the unspecified address
    /// and multicast.
    pub const DENIED_BY_DEFAULT: &'static [Self] = &[
        Self::v4(Ipv4Addr::new(127, 0, 0, 0), 8),
        Self::v6(Ipv6Addr::LOCALHOST, 128),
        Self::v4(Ipv4Addr::new(169, 254, 0, 0), 16),
        Self::v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
        Self::v6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254), 128),
        Self::v4(Ipv4Addr::new(0, 0, 0, 0), 8),
        // Many systems take a connection to :: for one to ::1.
        Self::v6(Ipv6Addr::UNSPECIFIED, 128),
        Self::v4(Ipv4Addr::new(224, 0, 0, 0), 4),
        Self::v6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
    ];

    const fn v4(address: Ipv4Addr, prefix: u8) -> Self {
        Self {
            address: IpAddr::V4(address),
            prefix,
        }
    }

    const fn v6(address: Ipv6Addr, prefix: u8) -> Self {
        Self {
            address: IpAddr::V6(address),
            prefix,
        }
    }

    /// Whether the address lies in this network. An IPv4-mapped IPv6 address (`::ffff:10.0.3.7`) is
    /// taken for the IPv4 address that it maps.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = mask_v4(self.prefix);
                network.to_bits() == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = mask_v6(self.prefix);
                network.to_bits() == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let malformed = || ParseNetworkError::Malformed(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            // `u8::from_str` would take a sign.
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| malformed())?
            }
            Some(_) => return Err(malformed()),
        };
        if prefix > width {
            return Err(malformed());
        }
        let network = match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(mapped)) if prefix >= 96 => Self::v4(mapped, prefix - 96),
            _ => Self { address, prefix },
        };
        if network.contains(network.address) {
            Ok(network)
        } else {
            Err(ParseNetworkError::HostBits {
                text: text.to_owned(),
                meant: network.without_host_bits(),
            })
        }
    }
}

impl Network {
    fn without_host_bits(self) -> Self {
        match self.address {
            IpAddr::V4(address) => Self::v4(
                Ipv4Addr::from_bits(address.to_bits() & mask_v4(self.prefix)),
                self.prefix,
            ),
            IpAddr::V6(address) => Self::v6(
                Ipv6Addr::from_bits(address.to_bits() & mask_v6(self.prefix)),
                self.prefix,
            ),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is not a [`Network`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseNetworkError {
    /// Not an address, a slash and a prefix length that fits.
    #[error("{0:?} is not a network; write an address and a prefix length, as in 10.0.0.0/8")]
    Malformed(String),
    /// The address has bits beyond the prefix: either one may be the mistake.
    #[error(
        "{text:?} has bits set beyond its prefix; if the whole network is meant, write {meant}"
    )]
    HostBits {
        /// The text.
        text: String,
        /// The network that holds the address.
        meant: Network,
    },
}

/// Which addresses may be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) deny: Vec<Network>,
    /// Empty: everything that is not denied.
    pub(crate) allow: Vec<Network>,
}

impl Reach {
    /// Why the address may not be dialled; `None` when it may.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<Refusal> {
        let embedded = translated_v4(address);
        let denied = self.deny.iter().find(|network| {
            network.contains(address) || embedded.is_some_and(|v4| network.contains(v4))
        });
        if let Some(network) = denied {
            return Some(Refusal::Denied(*network));
        }
        let allowed = self.allow.is_empty() || self.allow.iter().any(|n| n.contains(address));
        (!allowed).then_some(Refusal::NotAllowed)
    }
}

/// Why an address may not be dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Denied(Network),
    NotAllowed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(network) => write!(f, "in the denied network {network}"),
            Self::NotAllowed => f.write_str("in none of the allowed networks"),
        }
    }
}

/// The IPv4 address to which a NAT64 gateway translates this one
/// ([RFC 6052 § 2.1](https://www.rfc-editor.org/rfc/rfc6052#section-2.1)): it would carry a probe
/// into a denied IPv4 network.
fn translated_v4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let octets = v6.octets();
    let (prefix, rest) = octets.split_at(12);
    let v4 = <[u8; 4]>::try_from(rest).ok()?;
    (prefix == [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]).then(|| IpAddr::V4(v4.into()))
}

/// A shift by the whole width, which a prefix of 0 asks for, would overflow.
const fn mask_v4(prefix: u8) -> u32 {
    match u32::MAX.checked_shl(32 - prefix as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

const fn mask_v6(prefix: u8) -> u128 {
    match u128::MAX.checked_shl(128 - prefix as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        let table = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.3.7", "10.0.3.7", true),
            ("10.0.3.7", "10.0.3.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("fe80::/10", "febf::1", true),
            ("fe80::/10", "fec0::1", false),
            ("10.0.0.0/8", "::ffff:10.0.3.7", true),
            ("::/0", "::ffff:10.0.3.7", false),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ];
        for (network, address, expected) in table {
            let parsed: Network = network.parse().unwrap();
            let found = parsed.contains(address.parse().unwrap());
            assert_eq!(found, expected, "{network} contains {address}");
        }
    }

    #[test]
    fn a_network_is_shown_as_it_is_written() {
        for text in ["10.0.0.0/8", "::1/128", "fe80::/10", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for network in Network::DENIED_BY_DEFAULT {
            assert_eq!(network.to_string().parse(), Ok(*network));
        }
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10/8",
            "::/129",
            "web/8",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert_eq!(error, ParseNetworkError::Malformed(text.to_owned()));
        }
    }

    #[test]
    fn bits_beyond_the_prefix_are_told_with_what_may_be_meant() {
        let error = "10.0.3.7/8".parse::<Network>().unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/8"), "{error}");
        assert!("fe80::1/10".parse::<Network>().is_err());
    }

    #[test]
    fn denied_wins_over_allowed_and_is_not_evaded_by_another_spelling() {
        let reach = Reach {
            deny: Network::DENIED_BY_DEFAULT.to_vec(),
            allow: Vec::new(),
        };
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "::1",
            "::",
            "0.0.0.0",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
        ] {
            let refusal = reach.refusal(address.parse().unwrap());
            assert!(matches!(refusal, Some(Refusal::Denied(_))), "{address}");
        }
        for address in ["10.0.3.7", "192.168.1.1", "fd00::7", "64:ff9b::a00:307"] {
            assert_eq!(reach.refusal(address.parse().unwrap()), None, "{address}");
        }

        let narrow = Reach {
            deny: vec!["10.0.3.0/24".parse().unwrap()],
            allow: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let refusal = |text: &str| narrow.refusal(text.parse().unwrap());
        assert_eq!(refusal("10.0.4.1"), None);
        assert!(matches!(refusal("10.0.3.1"), Some(Refusal::Denied(_))));
        assert_eq!(refusal("192.168.1.1"), Some(Refusal::NotAllowed));
    }
}
