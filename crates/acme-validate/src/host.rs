//! The host that a probe turns to: a name to be resolved, or an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use acme_core::Finding;
use acme_types::Identifier;
use rustls::pki_types::ServerName;

use crate::progress::Failure;

/// The host that a probe turns to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

impl TryFrom<&Identifier> for Host {
    type Error = Failure;

    /// A device is no place in a network.
    fn try_from(identifier: &Identifier) -> Result<Self, Failure> {
        match identifier.base() {
            Identifier::Dns(name) => Ok(Self::Name(name.to_string())),
            Identifier::Ip(address) => Ok(Self::Address(address)),
            device @ (Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_)) => {
                let text = format!("{} {device} has no address", device.kind());
                Err(Failure::new(Finding::Internal, text))
            }
        }
    }
}

/// The host as a URL and a `Host` header spell it: IPv6 in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Host {
    /// The name for the TLS handshake of an ordinary client: none goes out for an address.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Self::Name(name) => ServerName::try_from(name.clone()).ok(),
            Self::Address(address) => Some(ServerName::from(*address)),
        }
    }

    /// The name for the handshake of tls-alpn-01: for an address its name in the reverse tree
    /// ([RFC 8738 § 6](https://www.rfc-editor.org/rfc/rfc8738#section-6)).
    pub(crate) fn alpn_server_name(&self) -> Option<ServerName<'static>> {
        let name = match self {
            Self::Name(name) => name.clone(),
            Self::Address(IpAddr::V4(address)) => reverse_v4(*address),
            Self::Address(IpAddr::V6(address)) => reverse_v6(*address),
        };
        ServerName::try_from(name).ok()
    }
}

fn reverse_v4(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa")
}

fn reverse_v6(address: Ipv6Addr) -> String {
    let nibbles = address
        .octets()
        .into_iter()
        .rev()
        .map(|octet| format!("{:x}.{:x}.", octet & 0x0f, octet >> 4));
    nibbles.chain(["ip6.arpa".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_by_the_reverse_tree() {
        let table = [
            ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
            (
                "2001:db8::567:89ab",
                "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ];
        for (address, expected) in table {
            let host = Host::Address(address.parse().unwrap());
            let name = host.alpn_server_name().unwrap();
            assert_eq!(name.to_str(), expected);
        }
    }
}
