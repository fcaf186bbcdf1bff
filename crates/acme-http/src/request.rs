//! A request, from its bytes to a signer and a payload that later code may trust.

use acme_core::{Account, Provisioner, SignedRequest, VerifyKey, thumbprint};
use acme_types::{
    AccountStatus, Jwk, KeyReference, Problem, ProblemKind, RequestId, Thumbprint, Timestamp,
};
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::failure::Failure;
use crate::urls::Resource;
use crate::{BodyError, Peer};

/// A request as the filter takes it in.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    /// The path as it was sent, still escaped.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: Option<Peer>,
    pub(crate) body: Result<Bytes, BodyError>,
}

impl Request {
    /// Whether the body is told to be a JWS
    /// ([RFC 8555 § 6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)); parameters of the
    /// media type are not looked at.
    fn is_jose(&self) -> bool {
        let media = self.content_type().split(';').next().unwrap_or_default();
        media.trim().eq_ignore_ascii_case("application/jose+json")
    }

    /// Empty when there is none that can be read.
    fn content_type(&self) -> &str {
        let value = self.headers.get(CONTENT_TYPE);
        let value = value.and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Who may sign a request to a resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    /// An account, by `kid`.
    Account,
    /// A key that is shown, by `jwk`.
    Key,
    /// Either.
    Any,
}

impl Resource {
    const fn expected_signer(&self) -> Expected {
        match self {
            Self::NewAccount => Expected::Key,
            Self::RevokeCert => Expected::Any,
            Self::Directory
            | Self::NewNonce
            | Self::Account(_)
            | Self::Orders(_)
            | Self::KeyChange
            | Self::NewOrder
            | Self::NewAuthorization
            | Self::Order(_)
            | Self::Finalize(_)
            | Self::Authorization(_)
            | Self::Challenge(_)
            | Self::Certificate(_)
            | Self::AlternateChain(..)
            | Self::RenewalInfo(_) => Expected::Account,
        }
    }
}

/// Who signed a request.
#[derive(Debug)]
pub(crate) enum Signer {
    /// An account of the provisioner that may act.
    Account(Box<Account>),
    /// A key that need not be an account's.
    Key(Jwk, Thumbprint),
}

impl Signer {
    pub(crate) fn account(self) -> Result<Account, Failure> {
        match self {
            Self::Account(account) => Ok(*account),
            Self::Key(..) => Err(Failure::Bug("a resource for accounts let a bare key pass")),
        }
    }
}

/// A request whose signature, URL and nonce are good, by a signer who may act.
#[derive(Debug)]
pub(crate) struct Verified<'a> {
    pub(crate) jws: SignedRequest<'a>,
    pub(crate) signer: Signer,
    pub(crate) payload: Payload,
}

/// The payload of a verified request.
#[derive(Debug)]
pub(crate) struct Payload(pub(crate) Vec<u8>);

impl Payload {
    /// Whether this is a POST-as-GET
    /// ([RFC 8555 § 6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3)).
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses anything but a POST-as-GET.
    pub(crate) fn expect_empty(&self) -> Result<(), Failure> {
        if self.is_empty() {
            Ok(())
        } else {
            let detail = "this resource is only read: the payload must be empty (POST-as-GET)";
            Err(Failure::malformed(detail))
        }
    }

    /// Reads a JSON object.
    pub(crate) fn object<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        // A struct can also be read from an array, which is no ACME payload.
        let first = self.0.iter().find(|b| !b.is_ascii_whitespace());
        if first != Some(&b'{') {
            return Err(Failure::malformed("the payload is not a JSON object"));
        }
        serde_json::from_slice(&self.0)
            .map_err(|e| Failure::malformed(format!("the payload cannot be read: {e}")))
    }
}

impl Api {
    /// Checks a POST, cheapest and harmless first. The nonce is spent after the signature and the
    /// URL, so that a request which its signer did not make burns none.
    pub(crate) async fn verify<'a>(
        &self,
        request: &'a Request,
        resource: &Resource,
        provisioner: &Provisioner,
        now: Timestamp,
    ) -> Result<Verified<'a>, Failure> {
        if !request.is_jose() {
            let detail = match request.content_type() {
                "" => "a POST without Content-Type; it must be application/jose+json".to_owned(),
                other => {
                    format!("a POST of {other:?}; its Content-Type must be application/jose+json")
                }
            };
            let problem = Problem::new(ProblemKind::Malformed, detail).with_status(415);
            return Err(problem.into());
        }
        let body = request.body.as_ref().map_err(|error| *error)?;
        let jws = SignedRequest::parse(body)?;
        let (signer, key) = self
            .find_signer(&jws, resource.expected_signer(), provisioner)
            .await?;
        let payload = jws.verify(&key)?;
        let url = &jws.header().url;
        if !self
            .linker
            .is_of_request(url, &request.path, request.query.as_deref())
        {
            let detail = format!(
                "the request was signed for {url:?} and sent elsewhere; take all URLs as they are \
                 in the directory and in answers, they begin with {}",
                self.linker.base()
            );
            return Err(Failure::new(ProblemKind::Unauthorized, detail));
        }
        self.nonces
            .spend(jws.nonce(), &*self.services.store, &self.meters, now)
            .await?;
        if let Signer::Account(account) = &signer
            && account.status != AccountStatus::Valid
        {
            return Err(Failure::account_ended(account.status));
        }
        // Its kind of key may have been taken out of the configuration; another key mends that.
        if let (Signer::Account(account), false) = (&signer, *resource == Resource::KeyChange) {
            provisioner.policy.keys.check_account_key(&account.jwk)?;
        }
        Ok(Verified {
            jws,
            signer,
            payload: Payload(payload),
        })
    }

    async fn find_signer(
        &self,
        jws: &SignedRequest<'_>,
        expected: Expected,
        provisioner: &Provisioner,
    ) -> Result<(Signer, VerifyKey), Failure> {
        match (&jws.header().key, expected) {
            (KeyReference::Jwk(jwk), Expected::Key | Expected::Any) => {
                let thumbprint = thumbprint(jwk);
                let key = self.keys.verify_key(jwk, &thumbprint)?;
                Ok((Signer::Key(Jwk::clone(jwk), thumbprint), key))
            }
            (KeyReference::Kid(kid), Expected::Account | Expected::Any) => {
                let Some(id) = self.linker.account_of(kid, &provisioner.name) else {
                    let detail = format!(
                        "kid {kid:?} is no account URL of this directory; it is the Location of \
                         the answer to newAccount"
                    );
                    return Err(Failure::malformed(detail));
                };
                let account = self.services.store.find_account(&id).await?;
                let Some(account) = account.filter(|a| a.provisioner == provisioner.name) else {
                    let detail = format!("there is no account {kid}");
                    return Err(Failure::new(ProblemKind::AccountDoesNotExist, detail));
                };
                let key = self.keys.verify_key(&account.jwk, &account.thumbprint)?;
                Ok((Signer::Account(Box::new(account)), key))
            }
            (KeyReference::Kid(_), Expected::Key) => {
                let detail = "newAccount must be signed with jwk: there is no account yet";
                Err(Failure::malformed(detail))
            }
            (KeyReference::Jwk(_), Expected::Account) => {
                let detail = "this request must be signed with kid: the account's URL";
                Err(Failure::malformed(detail))
            }
        }
    }
}
