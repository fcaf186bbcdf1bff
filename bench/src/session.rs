//! One ACME client: its connection, its account, its nonce, and its samples.

use std::sync::Arc;
use std::time::Duration;

use acme_types::ProblemKind;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::connection::{Answer, Connection, Endpoint};
use crate::error::{Error, Result};
use crate::key::{AccountKey, CertificateKey};
use crate::sample::{Kind, Samples};
use crate::wire::{Directory, Problem};

/// How often a request is repeated whose nonce was refused.
const MAX_BAD_NONCES: u32 = 10;
const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
const NO_BODY: Bytes = Bytes::new();

/// A client of one server.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) directory: Arc<Directory>,
    pub(crate) account: AccountKey,
    pub(crate) certificate_key: CertificateKey,
    pub(crate) samples: Samples,
    kid: Option<String>,
    nonce: Option<String>,
}

impl Session {
    /// A client with new keys and no account yet.
    pub(crate) fn new(endpoint: Arc<Endpoint>, directory: Arc<Directory>) -> Result<Self> {
        Ok(Self {
            connection: Connection::new(endpoint),
            directory,
            account: AccountKey::generate()?,
            certificate_key: CertificateKey::generate()?,
            samples: Samples::default(),
            kid: None,
            nonce: None,
        })
    }

    /// Takes what was sampled so far, leaving none.
    pub(crate) fn take_samples(&mut self) -> Samples {
        let mut samples = std::mem::take(&mut self.samples);
        samples.connections = std::mem::take(&mut self.connection.made);
        samples
    }

    /// Asks for a nonce and keeps it.
    pub(crate) async fn new_nonce(&mut self) -> Result<()> {
        let kind = Kind::NewNonce;
        let answer = self
            .connection
            .send(
                kind.as_str(),
                &Method::HEAD,
                &self.directory.new_nonce,
                NO_BODY,
            )
            .await?;
        self.samples.add(kind, answer.took);
        self.nonce = text(&answer.headers, &REPLAY_NONCE);
        if answer.status.is_success() && self.nonce.is_some() {
            Ok(())
        } else {
            Err(Error::Answer {
                request: kind.as_str(),
                what: format!("status {} and no nonce", answer.status),
            })
        }
    }

    /// Makes an account with a new key.
    pub(crate) async fn new_account(&mut self) -> Result<()> {
        self.account = AccountKey::generate()?;
        self.kid = None;
        let url = self.directory.new_account.clone();
        let answer = self
            .post(Kind::NewAccount, &url, r#"{"termsOfServiceAgreed":true}"#)
            .await?;
        self.kid = Some(answer.location(Kind::NewAccount)?);
        Ok(())
    }

    /// An unsigned GET.
    pub(crate) async fn get(&mut self, kind: Kind, url: &str) -> Result<Answer> {
        let answer = self
            .connection
            .send(kind.as_str(), &Method::GET, url, NO_BODY)
            .await?;
        self.samples.add(kind, answer.took);
        answer.accepted(kind)
    }

    /// A signed POST; an empty payload is POST-as-GET. Repeats it when the nonce is refused.
    pub(crate) async fn post(&mut self, kind: Kind, url: &str, payload: &str) -> Result<Answer> {
        let mut refused = 0;
        loop {
            if self.nonce.is_none() {
                self.new_nonce().await?;
            }
            let nonce = self.nonce.take().unwrap_or_default();
            let body = self
                .account
                .sign(self.kid.as_deref(), &nonce, url, payload)?;
            let answer = self
                .connection
                .send(kind.as_str(), &Method::POST, url, body.into())
                .await?;
            self.nonce = text(&answer.headers, &REPLAY_NONCE);
            if answer.has_bad_nonce() && refused < MAX_BAD_NONCES {
                refused += 1;
                self.samples.bad_nonces += 1;
                continue;
            }
            self.samples.add(kind, answer.took);
            return answer.accepted(kind);
        }
    }
}

impl Answer {
    fn accepted(self, kind: Kind) -> Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(Error::Refused {
            request: kind.as_str(),
            status: self.status.as_u16(),
            body: String::from_utf8_lossy(&self.body).into_owned(),
        })
    }

    fn has_bad_nonce(&self) -> bool {
        self.status.is_client_error()
            && serde_json::from_slice::<Problem>(&self.body)
                .is_ok_and(|problem| problem.kind == ProblemKind::BadNonce.urn())
    }

    /// Reads the body.
    pub(crate) fn json<T: DeserializeOwned>(&self, kind: Kind) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Answer {
            request: kind.as_str(),
            what: error.to_string(),
        })
    }

    /// The URL of what was made.
    pub(crate) fn location(&self, kind: Kind) -> Result<String> {
        text(&self.headers, &LOCATION).ok_or_else(|| Error::Answer {
            request: kind.as_str(),
            what: "no Location".to_owned(),
        })
    }

    /// How long the server asks to wait, where it says so in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = text(&self.headers, &RETRY_AFTER)?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
