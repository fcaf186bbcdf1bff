//! Every URL of the API: built here, read here, and always under the configured base URL, never
//! under what a Host header says.

use std::fmt;
use std::str::FromStr;

use acme_core::IssuerId;
use acme_types::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, OrderId, ProvisionerName,
};

/// The scheme, host and port under which clients reach the server, such as `https://ca.internal`
/// or `https://[fd00::1]:8443`: no path, no trailing slash.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BaseUrl(Box<str>);

impl BaseUrl {
    /// The URL's text, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of a provisioner's directory, from which a client finds all others
    /// ([RFC 8555 § 7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1)).
    #[must_use]
    pub fn directory(&self, provisioner: &ProvisionerName) -> String {
        format!(
            "{self}/acme/{}/{}",
            provisioner.url_safe(),
            Resource::Directory
        )
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl(text.to_owned());
        let authority = text.strip_prefix("https://").ok_or_else(invalid)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            None | Some("443") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse::<u16>().map_err(|_| invalid())?)
            }
            Some(_) => return Err(invalid()),
        };
        let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(address) => {
                let address: std::net::Ipv6Addr = address.parse().map_err(|_| invalid())?;
                format!("[{address}]")
            }
            None if is_host_name(host) => host.to_ascii_lowercase(),
            None => return Err(invalid()),
        };
        Ok(Self(match port {
            None => format!("https://{host}").into(),
            Some(port) => format!("https://{host}:{port}").into(),
        }))
    }
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// The text is no base URL.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no base URL: https://, a host and perhaps a port, nothing else")]
pub struct InvalidBaseUrl(pub String);

/// A resource of one provisioner; its `Display` is the rest of its URL's path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Resource {
    Directory,
    NewNonce,
    NewAccount,
    Account(AccountId),
    Orders(AccountId),
    KeyChange,
    NewOrder,
    NewAuthorization,
    Order(OrderId),
    Finalize(OrderId),
    Authorization(AuthorizationId),
    Challenge(ChallengeId),
    Certificate(CertificateId),
    /// The certificate with another chain, counted from 1.
    AlternateChain(CertificateId, usize),
    RevokeCert,
    /// With what names a certificate, still escaped and not looked at yet.
    RenewalInfo(Option<String>),
}

impl Resource {
    /// The kind of resource, for logs and metrics: bounded, without ids.
    pub(crate) const fn route(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::NewNonce => "new-nonce",
            Self::NewAccount => "new-account",
            Self::Account(_) => "account",
            Self::Orders(_) => "orders",
            Self::KeyChange => "key-change",
            Self::NewOrder => "new-order",
            Self::NewAuthorization => "new-authz",
            Self::Order(_) => "order",
            Self::Finalize(_) => "finalize",
            Self::Authorization(_) => "authz",
            Self::Challenge(_) => "challenge",
            Self::Certificate(_) | Self::AlternateChain(..) => "certificate",
            Self::RevokeCert => "revoke-cert",
            Self::RenewalInfo(_) => "renewal-info",
        }
    }

    /// Whether GET and HEAD are served too; everything else is POST alone
    /// ([RFC 8555 § 6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3)).
    pub(crate) const fn allows_get(&self) -> bool {
        matches!(
            self,
            Self::Directory | Self::NewNonce | Self::RenewalInfo(_)
        )
    }

    /// Whether POST is served too.
    pub(crate) const fn allows_post(&self) -> bool {
        !matches!(self, Self::RenewalInfo(_))
    }

    fn parse(path: &str) -> Option<Self> {
        let mut segments = path.split('/');
        let parsed = match (
            segments.next()?,
            segments.next(),
            segments.next(),
            segments.next(),
        ) {
            // In the order of how often they are asked for.
            ("authz", Some(id), None, _) => Self::Authorization(id.parse().ok()?),
            ("new-nonce", None, ..) => Self::NewNonce,
            ("order", Some(id), None, _) => Self::Order(id.parse().ok()?),
            ("challenge", Some(id), None, _) => Self::Challenge(id.parse().ok()?),
            ("new-order", None, ..) => Self::NewOrder,
            ("order", Some(id), Some("finalize"), None) => Self::Finalize(id.parse().ok()?),
            ("certificate", Some(id), None, _) => Self::Certificate(id.parse().ok()?),
            ("certificate", Some(id), Some(number), None) => {
                Self::AlternateChain(id.parse().ok()?, ordinal(number)?)
            }
            ("directory", None, ..) => Self::Directory,
            ("new-account", None, ..) => Self::NewAccount,
            ("account", Some(id), None, _) => Self::Account(id.parse().ok()?),
            ("account", Some(id), Some("orders"), None) => Self::Orders(id.parse().ok()?),
            ("key-change", None, ..) => Self::KeyChange,
            ("revoke-cert", None, ..) => Self::RevokeCert,
            ("new-authz", None, ..) => Self::NewAuthorization,
            ("renewal-info", None, ..) => Self::RenewalInfo(None),
            ("renewal-info", Some(id), None, _) => Self::RenewalInfo(Some(id.to_owned())),
            _ => return None,
        };
        Some(parsed)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory
            | Self::NewNonce
            | Self::NewAccount
            | Self::KeyChange
            | Self::NewOrder
            | Self::NewAuthorization
            | Self::RevokeCert
            | Self::RenewalInfo(None) => f.write_str(self.route()),
            Self::Account(id) => write!(f, "account/{id}"),
            Self::Orders(id) => write!(f, "account/{id}/orders"),
            Self::Order(id) => write!(f, "order/{id}"),
            Self::Finalize(id) => write!(f, "order/{id}/finalize"),
            Self::Authorization(id) => write!(f, "authz/{id}"),
            Self::Challenge(id) => write!(f, "challenge/{id}"),
            Self::Certificate(id) => write!(f, "certificate/{id}"),
            Self::RenewalInfo(Some(id)) => write!(f, "renewal-info/{id}"),
            Self::AlternateChain(id, number) => write!(f, "certificate/{id}/{number}"),
        }
    }
}

/// A number from 1 on, in the one way in which it is written.
fn ordinal(digits: &str) -> Option<usize> {
    let number: usize = digits.parse().ok().filter(|number| *number > 0)?;
    (digits == number.to_string()).then_some(number)
}

/// What the path of a request names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A resource of a provisioner, which need not exist.
    Acme(ProvisionerName, Resource),
    /// `/roots.pem`.
    Roots,
    /// `/intermediates.pem`.
    Intermediates,
    /// `/root/{sha256}`.
    Root([u8; 32]),
    /// `/crl/{issuer}.crl`.
    Crl(IssuerId),
    /// `/ocsp`, or `/ocsp/` and a question, still escaped.
    Ocsp(Option<String>),
    /// `/health`.
    Health,
    /// `/version`.
    Version,
}

/// Every [`Target::route`], and that of what is nowhere.
pub(crate) const ROUTES: [&str; 23] = [
    "directory",
    "new-nonce",
    "new-account",
    "account",
    "orders",
    "key-change",
    "new-order",
    "new-authz",
    "order",
    "finalize",
    "authz",
    "challenge",
    "certificate",
    "revoke-cert",
    "renewal-info",
    "roots",
    "intermediates",
    "root",
    "crl",
    "ocsp",
    "health",
    "version",
    "none",
];

impl Target {
    /// The kind of target, for logs and metrics: bounded, without names and ids.
    pub(crate) const fn route(&self) -> &'static str {
        match self {
            Self::Acme(_, resource) => resource.route(),
            Self::Roots => "roots",
            Self::Intermediates => "intermediates",
            Self::Root(_) => "root",
            Self::Crl(_) => "crl",
            Self::Ocsp(_) => "ocsp",
            Self::Health => "health",
            Self::Version => "version",
        }
    }

    /// Reads a path as it stands in the request, still escaped. Only the one spelling that this
    /// server writes itself is known.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/acme/") {
            let (segment, rest) = rest.split_once('/')?;
            let provisioner = provisioner_of(segment)?;
            return Some(Self::Acme(provisioner, Resource::parse(rest)?));
        }
        match path {
            "/roots.pem" => Some(Self::Roots),
            "/intermediates.pem" => Some(Self::Intermediates),
            "/ocsp" => Some(Self::Ocsp(None)),
            "/health" => Some(Self::Health),
            "/version" => Some(Self::Version),
            _ => {
                if let Some(question) = path.strip_prefix("/ocsp/") {
                    return Some(Self::Ocsp(Some(question.to_owned())));
                }
                if let Some(name) = path.strip_prefix("/crl/") {
                    return Some(Self::Crl(name.strip_suffix(".crl")?.parse().ok()?));
                }
                Some(Self::Root(sha256_of(path.strip_prefix("/root/")?)?))
            }
        }
    }
}

/// The provisioner of a path segment, undoing [`ProvisionerName::url_safe`].
pub(crate) fn provisioner_of(segment: &str) -> Option<ProvisionerName> {
    let name: ProvisionerName = if segment.contains('%') {
        unescape(segment)?.parse().ok()?
    } else {
        segment.parse().ok()?
    };
    (name.url_safe() == segment).then_some(name)
}

/// Undoes the escapes of a path; none when one is broken or the text is not UTF-8.
pub(crate) fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            bytes.push(hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads 64 hexadecimal digits, either case.
fn sha256_of(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (octet, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *octet = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(digest)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Builds the URLs that clients are given, and knows them again when they come back.
#[derive(Clone, Debug)]
pub(crate) struct Linker {
    base: BaseUrl,
    accepted: Vec<BaseUrl>,
}

impl Linker {
    pub(crate) const fn new(base: BaseUrl, accepted: Vec<BaseUrl>) -> Self {
        Self { base, accepted }
    }

    /// The URL of a resource.
    pub(crate) fn url(&self, provisioner: &ProvisionerName, resource: &Resource) -> String {
        format!("{}/acme/{}/{resource}", self.base, provisioner.url_safe())
    }

    /// The base URL in use.
    pub(crate) const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The URL of the authority's intermediates.
    pub(crate) fn intermediates(&self) -> String {
        format!("{}/intermediates.pem", self.base)
    }

    /// The URLs of an account, the one in use first: a `kid` under an earlier base URL stays good.
    pub(crate) fn account_urls(
        &self,
        provisioner: &ProvisionerName,
        account: &AccountId,
    ) -> Vec<String> {
        let resource = Resource::Account(account.clone());
        let path = format!("/acme/{}/{resource}", provisioner.url_safe());
        let bases = std::iter::once(&self.base).chain(&self.accepted);
        bases.map(|base| format!("{base}{path}")).collect()
    }

    /// Whether `url`, as a client signed it, is the one that this request was sent to.
    pub(crate) fn is_of_request(&self, url: &str, path: &str, query: Option<&str>) -> bool {
        self.rest(url).is_some_and(|rest| match query {
            None => rest == path,
            Some(query) => rest
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('?'))
                .is_some_and(|rest| rest == query),
        })
    }

    /// The account that a `kid` names, if it is an account URL of this provisioner.
    pub(crate) fn account_of(&self, kid: &str, provisioner: &ProvisionerName) -> Option<AccountId> {
        match Target::parse(self.rest(kid)?)? {
            Target::Acme(name, Resource::Account(id)) if name == *provisioner => Some(id),
            _ => None,
        }
    }

    /// What follows the base URL, or one of those that were the base URL once.
    fn rest<'a>(&self, url: &'a str) -> Option<&'a str> {
        std::iter::once(&self.base)
            .chain(&self.accepted)
            .find_map(|base| url.strip_prefix(base.as_str()))
            .filter(|rest| rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdefghijABCDEFGHIJ01";

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn base_urls() {
        for (text, canonical) in [
            ("https://ca.internal", "https://ca.internal"),
            ("https://CA.Internal/", "https://ca.internal"),
            ("https://ca.internal:443", "https://ca.internal"),
            ("https://ca.internal:8443", "https://ca.internal:8443"),
            ("https://127.0.0.1:14000", "https://127.0.0.1:14000"),
            ("https://[FD00:0::1]:14000", "https://[fd00::1]:14000"),
            ("https://[::1]", "https://[::1]"),
        ] {
            assert_eq!(base(text).as_str(), canonical);
        }
        for text in [
            "",
            "http://ca.internal",
            "https://",
            "https://:443",
            "https://ca.internal/acme",
            "https://ca.internal?x",
            "https://user@ca.internal",
            "https://ca.internal:0x10",
            "https://ca.internal:+80",
            "https://ca.internal:99999",
            "https://ca.internal:",
            "https://[::1",
            "https://::1",
            "https://ca internal",
        ] {
            assert_eq!(
                text.parse::<BaseUrl>(),
                Err(InvalidBaseUrl(text.to_owned()))
            );
        }
    }

    #[test]
    fn every_url_is_read_as_it_was_written() {
        let resources = [
            Resource::Directory,
            Resource::NewNonce,
            Resource::NewAccount,
            Resource::Account(ID.parse().unwrap()),
            Resource::NewAuthorization,
            Resource::RenewalInfo(None),
            Resource::RenewalInfo(Some("AQID.AQID".to_owned())),
            Resource::Orders(ID.parse().unwrap()),
            Resource::KeyChange,
            Resource::NewOrder,
            Resource::Order(ID.parse().unwrap()),
            Resource::Finalize(ID.parse().unwrap()),
            Resource::Authorization(ID.parse().unwrap()),
            Resource::Challenge(ID.parse().unwrap()),
            Resource::Certificate(ID.parse().unwrap()),
            Resource::AlternateChain(ID.parse().unwrap(), 2),
            Resource::RevokeCert,
        ];
        let linker = Linker::new(base("https://ca.internal"), Vec::new());
        for name in ["default", "a b/c", "Zürich%41", "~"] {
            let name: ProvisionerName = name.parse().unwrap();
            for resource in &resources {
                let url = linker.url(&name, resource);
                let path = url.strip_prefix("https://ca.internal").unwrap();
                assert_eq!(
                    Target::parse(path),
                    Some(Target::Acme(name.clone(), resource.clone()))
                );
            }
        }
    }

    #[test]
    fn other_spellings_are_unknown() {
        for path in [
            "",
            "/",
            "/acme",
            "/acme/",
            "/acme/default",
            "/acme/default/",
            "/acme/default/new-nonce/",
            "/acme/default/new-nonce/x",
            "/acme/default//new-nonce",
            "/acme/def%61ult/new-nonce",
            "/acme/a%2fb/new-nonce",
            "/acme/%ff/new-nonce",
            "/acme/%2/new-nonce",
            "/acme/%/new-nonce",
            "/acme/../new-nonce",
            "/acme/%2E%2E/new-nonce",
            "/acme/default/order/short",
            "/acme/default/order/0123456789abcdefghijABCDEFGHIJ0_",
            "/acme/default/order/0123456789abcdefghijABCDEFGHIJ01/",
            "/acme/default/order/0123456789abcdefghijABCDEFGHIJ01/finalize/",
            "/ACME/default/new-nonce",
            "/root/",
            "/root/00",
            "/health/",
            "/roots.pem/",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
        let fingerprint = "AB".repeat(32);
        assert_eq!(
            Target::parse(&format!("/root/{fingerprint}")),
            Some(Target::Root([0xab; 32]))
        );
    }

    #[test]
    fn urls_of_earlier_names_stay_good_and_foreign_ones_do_not() {
        let linker = Linker::new(
            base("https://ca.internal"),
            vec![base("https://old.internal:8443")],
        );
        let name: ProvisionerName = "default".parse().unwrap();
        let path = "/acme/default/new-order";
        for (url, own) in [
            ("https://ca.internal/acme/default/new-order", true),
            ("https://old.internal:8443/acme/default/new-order", true),
            ("https://ca.internal/acme/default/new-order?", false),
            ("https://ca.internal/acme/default/new-orders", false),
            ("https://ca.internal.evil/acme/default/new-order", false),
            ("https://ca.internal:444/acme/default/new-order", false),
            ("http://ca.internal/acme/default/new-order", false),
            ("/acme/default/new-order", false),
            ("", false),
        ] {
            assert_eq!(linker.is_of_request(url, path, None), own, "{url}");
        }
        let paged = "https://ca.internal/acme/default/new-order?cursor=x";
        assert!(linker.is_of_request(paged, path, Some("cursor=x")));
        assert!(!linker.is_of_request(paged, path, Some("cursor=y")));
        assert!(!linker.is_of_request(paged, path, None));

        let id: AccountId = ID.parse().unwrap();
        assert_eq!(
            linker.account_urls(&name, &id),
            [
                format!("https://ca.internal/acme/default/account/{ID}"),
                format!("https://old.internal:8443/acme/default/account/{ID}"),
            ]
        );
        let account = |kid: &str| linker.account_of(kid, &name);
        assert_eq!(
            account(&format!("https://ca.internal/acme/default/account/{ID}")),
            Some(id.clone())
        );
        assert_eq!(
            account(&format!(
                "https://old.internal:8443/acme/default/account/{ID}"
            )),
            Some(id)
        );
        for kid in [
            format!("https://ca.internal/acme/other/account/{ID}"),
            format!("https://ca.internal/acme/default/order/{ID}"),
            format!("https://else.internal/acme/default/account/{ID}"),
            format!("https://ca.internal/acme/default/account/{ID}/orders"),
            ID.to_owned(),
        ] {
            assert_eq!(account(&kid), None, "{kid}");
        }
    }
}
