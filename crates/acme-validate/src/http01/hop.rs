//! One URL that is visited, and the rules by which the next one may be.

use std::fmt;
use std::net::IpAddr;

use acme_types::Token;
use url::Url;

use crate::host::Host;

/// Longest `Location` that is followed, in octets.
const MAX_LOCATION: usize = 2000;

/// How a host is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// One URL that is visited.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hop {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    /// Path and query, as they go out.
    pub(super) target: String,
}

impl Hop {
    /// Where the file must be. The host is taken as it is and never read as a URL's: `0x7f.0x1` is
    /// an address there, and a name here.
    pub(super) fn first(host: Host, port: u16, token: &Token) -> Self {
        Self {
            scheme: Scheme::Http,
            host,
            port,
            target: format!("/.well-known/acme-challenge/{token}"),
        }
    }

    /// The `Host` header: the port stands there only if it is not the usual one.
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Where a `Location` leads from here, or why it is not followed.
    pub(super) fn follow(&self, location: &[u8], ports: &[u16]) -> Result<Self, String> {
        if location.len() > MAX_LOCATION {
            return Err(format!("which is longer than {MAX_LOCATION} bytes"));
        }
        let text = std::str::from_utf8(location).map_err(|_| "which is not text".to_owned())?;
        let next = Url::parse(&self.to_string())
            .and_then(|base| base.join(text))
            .map_err(|e| format!("which is no URL: {e}"))?;

        let scheme = match next.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("and only http and https are followed".to_owned()),
        };
        if !next.username().is_empty() || next.password().is_some() {
            return Err("and a URL with a user name or password is not followed".to_owned());
        }
        let host = match next.host() {
            Some(url::Host::Domain(name)) => Host::Name(name.to_owned()),
            Some(url::Host::Ipv4(address)) => Host::Address(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Host::Address(IpAddr::V6(address)),
            None => return Err("which has no host".to_owned()),
        };
        let port = next.port().unwrap_or_else(|| scheme.default_port());
        if !ports.contains(&port) {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            return Err(format!(
                "and only the ports {} are followed",
                ports.join(", ")
            ));
        }
        let target = match next.query() {
            Some(query) => format!("{}?{query}", next.path()),
            None => next.path().to_owned(),
        };
        Ok(Self {
            scheme,
            host,
            port,
            target,
        })
    }
}

/// The URL.
impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(host: &str) -> Hop {
        let host = match host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(host.to_owned()),
        };
        Hop::first(host, 80, &"A".repeat(22).parse().unwrap())
    }

    #[test]
    fn a_location_is_read_as_browsers_read_it() {
        let table = [
            ("http://other.example/x", "http://other.example/x"),
            (
                "https://Other.Example/x?y=%20#z",
                "https://other.example/x?y=%20",
            ),
            ("/there", "http://web.example/there"),
            (
                "there?x",
                "http://web.example/.well-known/acme-challenge/there?x",
            ),
            ("//other.example", "http://other.example/"),
            ("http://web.example:80/", "http://web.example/"),
            ("https://web.example:8443/", "https://web.example:8443/"),
            ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
            // Spellings of 127.0.0.1, so that they are looked at as what they are.
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0x7f000001/", "http://127.0.0.1/"),
            ("http://0177.0.0.1/", "http://127.0.0.1/"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("http://%31%32%37.0.0.1/", "http://127.0.0.1/"),
            ("http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"),
        ];
        for (location, expected) in table {
            let next = first("web.example").follow(location.as_bytes(), &[80, 443, 8443]);
            assert_eq!(
                next.map(|n| n.to_string()),
                Ok(expected.to_owned()),
                "{location}"
            );
        }
    }

    #[test]
    fn what_may_not_be_followed_is_refused_with_the_reason() {
        let long = format!("/{}", "x".repeat(MAX_LOCATION));
        let table = [
            ("ftp://other.example/", "only http and https"),
            ("file:///etc/passwd", "only http and https"),
            ("gopher://127.0.0.1:6379/_x", "only http and https"),
            ("http://user@other.example/", "user name or password"),
            ("http://:secret@other.example/", "user name or password"),
            ("http://other.example:22/", "only the ports 80, 443"),
            ("http://other.example:99999/", "no URL"),
            ("http://", "no URL"),
            ("http://[::1%25eth0]/", "no URL"),
            (long.as_str(), "longer than 2000 bytes"),
        ];
        for (location, reason) in table {
            let refused = first("web.example").follow(location.as_bytes(), &[80, 443]);
            let why = refused.unwrap_err();
            assert!(why.contains(reason), "{location}: {why}");
        }
        assert!(first("web.example").follow(b"/\xff", &[80]).is_err());
    }

    #[test]
    fn a_host_header_names_a_port_only_when_it_is_unusual() {
        let table = [
            ("web.example", 80, "web.example"),
            ("web.example", 5002, "web.example:5002"),
            ("192.0.2.1", 80, "192.0.2.1"),
            ("2001:db8::1", 80, "[2001:db8::1]"),
            ("2001:db8::1", 5002, "[2001:db8::1]:5002"),
        ];
        for (host, port, expected) in table {
            let hop = Hop {
                port,
                ..first(host)
            };
            assert_eq!(hop.authority(), expected);
        }
    }
}
