//! The URLs that a configuration holds: the server's own, the store's, and links for people.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use acme_types::DnsName;

use super::StoreConfig;
use super::setting::{Setting, text};
use super::tree::Value;

/// The server's own URL: `https`, a host, perhaps a port; no path and no slash at the end.
#[derive(Clone, Debug)]
pub(super) struct BaseUrl(pub(super) String);

impl Setting for BaseUrl {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        let wrong = |what: &str| {
            Err(format!(
                "{text:?} {what}; write a URL such as https://ca.internal or https://10.0.0.5:8443"
            ))
        };
        let Some(rest) = text.strip_prefix("https://") else {
            return wrong("does not begin with https://");
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return wrong("has a path; the server answers at the root of its host");
        }
        if !is_host_and_port(authority) {
            return wrong("has no good host");
        }
        Ok(Self(format!("https://{}", authority.to_ascii_lowercase())))
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.0.clone())
    }
}

/// A link for people: `http` or `https` with a host.
#[derive(Clone, Debug)]
pub(super) struct Link(pub(super) String);

impl Setting for Link {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_some_and(is_host_and_port) && printable {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not a URL that begins with https:// or http://"
            ))
        }
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.0.clone())
    }
}

/// Whether the text is an `http` URL with a host.
pub(super) fn is_plain_http(text: &str) -> bool {
    let rest = text.strip_prefix("http://");
    let host = rest.and_then(|rest| rest.split(['/', '?']).next());
    host.is_some_and(is_host_and_port) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether the text is a DNS name or an address, and perhaps a port other than 0.
fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            host.parse::<std::net::Ipv4Addr>().is_ok()
                || host
                    .to_ascii_lowercase()
                    .parse::<DnsName>()
                    .is_ok_and(|name| !name.is_wildcard())
        }
    };
    host_fits && port_fits
}

impl Setting for StoreConfig {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() || path.ends_with('/') || path.contains('?') {
                Err(format!(
                    "{:?} names no file; write sqlite:///path/to/acme.db",
                    redacted(&text)
                ))
            } else {
                Ok(Self::Sqlite {
                    path: PathBuf::from(path),
                })
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            return match rest.split(['/', '?']).next() {
                None | Some("") => {
                    Err("names no host; write postgres://user@host/database".to_owned())
                }
                Some(_) => Ok(Self::Postgres { url: text }),
            };
        }
        Err(format!(
            "{:?} is no store; write sqlite:///path/to/acme.db or postgres://user@host/database",
            redacted(&text)
        ))
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.redacted())
    }
}

impl StoreConfig {
    /// The store's URL without its password.
    #[must_use]
    pub fn redacted(&self) -> String {
        match self {
            Self::Sqlite { path } if path.is_absolute() => format!("sqlite://{}", path.display()),
            Self::Sqlite { path } => format!("sqlite:{}", path.display()),
            Self::Postgres { url } => redacted(url),
        }
    }

    /// The same store, its file looked for from `directory`.
    pub(super) fn based_on(self, directory: &Path) -> Self {
        match self {
            Self::Sqlite { path } => Self::Sqlite {
                path: directory.join(path),
            },
            postgres @ Self::Postgres { .. } => postgres,
        }
    }
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// A URL with its password replaced, in the authority as in a `password` parameter. A password may
/// hold what it should not, an at sign or a slash: everything up to the last at sign goes.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // Not a URL, but perhaps meant as one, or `host=db password=…`.
        let may_hold_one = url.contains('@') || url.to_ascii_lowercase().contains("password");
        return if may_hold_one {
            REDACTED.to_owned()
        } else {
            url.to_owned()
        };
    };
    let rest = match rest.rsplit_once('@') {
        Some((credentials, host)) => match credentials.split_once(':') {
            Some((user, _)) => format!("{user}:{REDACTED}@{host}"),
            None => format!("{credentials}@{host}"),
        },
        None => rest.to_owned(),
    };
    let Some((before, query)) = rest.split_once('?') else {
        return format!("{scheme}://{rest}");
    };
    let parameters = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _))
                if name.eq_ignore_ascii_case("password")
                    || name.eq_ignore_ascii_case("sslpassword") =>
            {
                format!("{name}={REDACTED}")
            }
            _ => parameter.to_owned(),
        });
    format!(
        "{scheme}://{before}?{}",
        parameters.collect::<Vec<_>>().join("&")
    )
}

const REDACTED: &str = "REDACTED";

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Value {
        Value::Raw(text.to_owned())
    }

    #[test]
    fn base_urls_are_read_strictly() {
        for (text, expect) in [
            ("https://ca.internal", "https://ca.internal"),
            ("https://CA.internal/", "https://ca.internal"),
            ("https://10.0.0.5:8443", "https://10.0.0.5:8443"),
            ("https://[fd00::1]:8443", "https://[fd00::1]:8443"),
            ("https://[::1]", "https://[::1]"),
            ("https://localhost:14000", "https://localhost:14000"),
        ] {
            assert_eq!(BaseUrl::read(&raw(text)).unwrap().0, expect);
        }
        for text in [
            "ca.internal",
            "http://ca.internal",
            "https://",
            "https:///",
            "https://ca.internal/acme",
            "https://ca.internal?x",
            "https://ca.internal:0",
            "https://ca.internal:70000",
            "https://ca.internal:",
            "https://user@ca.internal",
            "https://*.internal",
            "https://a b",
            "https://[::1",
            "https://fd00::1",
            "https://ca..internal",
            "https://ca.internal:+1",
        ] {
            assert!(BaseUrl::read(&raw(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            (
                "postgres://ca:secret@db/acme",
                "postgres://ca:REDACTED@db/acme",
            ),
            ("postgres://ca@db/acme", "postgres://ca@db/acme"),
            (
                "postgres://ca:se@cr/et@db/acme",
                "postgres://ca:REDACTED@db/acme",
            ),
            ("postgres://ca:@db/acme", "postgres://ca:REDACTED@db/acme"),
            (
                "postgres://db/acme?user=ca&password=secret&x=1",
                "postgres://db/acme?user=ca&password=REDACTED&x=1",
            ),
            (
                "postgresql://db?PASSWORD=secret",
                "postgresql://db?PASSWORD=REDACTED",
            ),
        ] {
            let store = StoreConfig::read(&raw(url)).unwrap();
            assert_eq!(store.redacted(), shown);
            assert!(!format!("{store:?}").contains("secret"));
        }
    }

    #[test]
    fn stores_are_told_apart() {
        let path = |text: &str| match StoreConfig::read(&raw(text)) {
            Ok(StoreConfig::Sqlite { path }) => path.display().to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(path("sqlite:///var/lib/acme.db"), "/var/lib/acme.db");
        assert_eq!(path("sqlite://acme.db"), "acme.db");
        assert_eq!(path("sqlite:data/acme.db"), "data/acme.db");
        for text in [
            "",
            "acme.db",
            "sqlite:",
            "sqlite://",
            "sqlite:///tmp/",
            "mysql://u:secret@h/d",
            "postgres:/u:secret@h/d",
            "host=db user=u password=secret",
            "postgres://",
            "postgres:///acme",
        ] {
            let error = StoreConfig::read(&raw(text)).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
