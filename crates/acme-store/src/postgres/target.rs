//! Which database, and how it is reached: the URL, with libpq's words about TLS.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Connection, Socket};

use super::tls::{MakeTls, Stream, Verification};
use crate::OpenError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may be silent before it is given up.
const SILENCE: Duration = Duration::from_secs(15);

/// A database and how to reach it.
pub(crate) struct Target {
    config: Config,
    tls: MakeTls,
}

impl std::fmt::Debug for Target {
    /// The password is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("hosts", &self.config.get_hosts())
            .field("dbname", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let refuse = |reason: String| OpenError::Url(reason);
        let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_url {
            return Err(refuse("it does not begin with postgres://".to_owned()));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = Vec::new();
        let mut words = TlsWords::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                percent_decoded(value)
                    .ok_or_else(|| refuse(format!("the value of {key} is not well escaped")))
            };
            match key {
                "sslmode" => words.mode = Some(value()?),
                "sslrootcert" => words.root = Some(value()?.into()),
                "sslcert" => words.cert = Some(value()?.into()),
                "sslkey" => words.key = Some(value()?.into()),
                _ => rest.push(pair),
            }
        }
        let url = format!("{base}?{}", rest.join("&"));
        let mut config: Config =
            url.trim_end_matches('?')
                .parse()
                .map_err(|error: tokio_postgres::Error| {
                    let cause = std::error::Error::source(&error);
                    refuse(cause.map_or_else(|| error.to_string(), ToString::to_string))
                })?;
        let (mode, verification) = words.meaning()?;
        config.ssl_mode(mode);
        if config.get_application_name().is_none() {
            config.application_name("acme-server");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(SILENCE));
        let identity = words.cert.as_deref().zip(words.key.as_deref());
        let tls = MakeTls::new(&verification, identity)?;
        Ok(Self { config, tls })
    }

    /// A new session.
    pub(crate) async fn connect(
        &self,
    ) -> Result<(Client, Connection<Socket, Stream<Socket>>), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// libpq's parameters about TLS, as they were written.
#[derive(Default)]
struct TlsWords {
    mode: Option<String>,
    root: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsWords {
    fn meaning(&self) -> Result<(SslMode, Verification), OpenError> {
        let root = || {
            self.root.clone().ok_or_else(|| {
                let mode = self.mode.as_deref().unwrap_or_default();
                OpenError::Url(format!(
                    "sslmode={mode} needs sslrootcert, a file of certificates to trust"
                ))
            })
        };
        if self.cert.is_some() != self.key.is_some() {
            let reason = "sslcert and sslkey go together";
            return Err(OpenError::Url(reason.to_owned()));
        }
        Ok(match self.mode.as_deref().unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Verification::None),
            "prefer" => (SslMode::Prefer, Verification::None),
            // As in libpq, a root that is named is a root that is asked for.
            "require" => match &self.root {
                Some(root) => (SslMode::Require, Verification::Chain(root.clone())),
                None => (SslMode::Require, Verification::None),
            },
            "verify-ca" => (SslMode::Require, Verification::Chain(root()?)),
            "verify-full" => (SslMode::Require, Verification::Full(root()?)),
            other => {
                return Err(OpenError::Url(format!(
                    "sslmode={other} is not known; use disable, prefer, require, verify-ca or \
                     verify-full"
                )));
            }
        })
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            octets.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<SslMode, &str>) {
        match (Target::parse(url), expected) {
            (Ok(target), Ok(mode)) => assert_eq!(target.config.get_ssl_mode(), mode, "{url}"),
            (Err(OpenError::Url(reason)), Err(part)) => {
                assert!(reason.contains(part), "{url}: {reason}");
            }
            (parsed, expected) => panic!("{url}: {parsed:?}, not {expected:?}"),
        }
    }

    #[test]
    fn urls_are_read() {
        check("postgres://me@db/acme", Ok(SslMode::Prefer));
        check("postgresql://me:secret@db:5433/acme?", Ok(SslMode::Prefer));
        check("postgres://db/acme?sslmode=disable", Ok(SslMode::Disable));
        check(
            "postgres://db/acme?sslmode=require&connect_timeout=3",
            Ok(SslMode::Require),
        );
        check("postgres://%2Frun%2Fpostgresql/acme", Ok(SslMode::Prefer));
        check(
            "postgres://a,b/acme?target_session_attrs=read-write",
            Ok(SslMode::Prefer),
        );
        check("mysql://db/acme", Err("postgres://"));
        check("host=db", Err("postgres://"));
        check("postgres://db/acme?sslmode=allow", Err("verify-full"));
        check("postgres://db/acme?sslmode=verify-ca", Err("sslrootcert"));
        check("postgres://db/acme?sslmode=verify-full", Err("sslrootcert"));
        check("postgres://db/acme?sslcert=a.pem", Err("sslkey"));
        check("postgres://db/acme?sslrootcert=%zz", Err("sslrootcert"));
        check("postgres://db/acme?nonsense=1", Err("nonsense"));
        check(
            "postgres://db/acme?sslmode=verify-ca&sslrootcert=/no/such",
            Err("/no/such"),
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let target = Target::parse("postgres://me:secret@db/acme").unwrap();
        assert!(!format!("{target:?}").contains("secret"));
    }
}
