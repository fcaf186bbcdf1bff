//! External account keys, which an operator hands out so that new accounts can be told whose they
//! are, and the binding that shows one ([RFC 8555 § 7.3.4]).
//!
//! [RFC 8555 § 7.3.4]: https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4

use std::fmt;

use acme_types::{
    ExternalAccountKeyId, FlattenedJws, Identifier, Jwk, Problem, ProblemKind, ProfileName,
    ProvisionerName, Timestamp, decode_base64url, encode_base64url,
};
use aws_lc_rs::hmac;
use rand_core::CryptoRng;
use serde_json::{Map, Value};

use crate::policy::listed;
use crate::{NamePattern, SignedRequest, check_each};

/// Most bytes of a binding, which is kept and shown with its account.
const MAX_BINDING: usize = 4096;

/// The secret that an external account key and its holder share. Nothing prints it.
#[derive(Clone, Eq, PartialEq)]
pub struct MacSecret([u8; 32]);

impl MacSecret {
    /// A new secret from a cryptographic generator.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut octets = [0; 32];
        rng.fill_bytes(&mut octets);
        Self(octets)
    }

    /// The secret of these octets.
    #[must_use]
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its octets, for a store.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text that ACME clients take, base64url, for the one time that it is shown.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        encode_base64url(self.0)
    }
}

impl fmt::Debug for MacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacSecret(..)")
    }
}

/// A key that an operator hands out: who shows it may make an account, within its life and its
/// number of uses, and its accounts may order what it is bound to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExternalAccountKey {
    /// The key's id, the `kid` of a binding.
    pub id: ExternalAccountKeyId,
    /// The provisioner at which it is good.
    pub provisioner: ProvisionerName,
    /// What the holder signs the binding with.
    pub secret: MacSecret,
    /// For what its accounts may order; empty for all that the provisioner allows.
    pub names: Vec<NamePattern>,
    /// The profiles that its accounts may order; empty for all that the provisioner offers. The
    /// first is that of orders that ask for none, unless the default is among them.
    pub profiles: Vec<ProfileName>,
    /// How many accounts it may make; none for any number.
    pub max_uses: Option<u32>,
    /// How many accounts it has made.
    pub uses: u32,
    /// When it was handed out.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// Why a key makes no account.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExternalKeyRefusal {
    /// There is none of this id at this provisioner.
    #[error("there is no external account key of this kid here; check the kid and the directory")]
    Unknown,
    /// It was taken back.
    #[error("the external account key was revoked at {0}; ask the operator for another")]
    Revoked(Timestamp),
    /// Its time is over.
    #[error("the external account key expired at {0}; ask the operator for another")]
    Expired(Timestamp),
    /// It has made all its accounts.
    #[error("the external account key was used {0} times, as often as it may be; ask for another")]
    UsedUp(u32),
}

impl From<ExternalKeyRefusal> for Problem {
    fn from(refusal: ExternalKeyRefusal) -> Self {
        Self::new(ProblemKind::Unauthorized, refusal.to_string())
    }
}

impl ExternalAccountKey {
    /// The key after one more account was made with it.
    ///
    /// # Errors
    /// Which of its bounds does not allow that.
    pub fn used(mut self, now: Timestamp) -> Result<Self, ExternalKeyRefusal> {
        if let Some(at) = self.revoked_at {
            return Err(ExternalKeyRefusal::Revoked(at));
        }
        if let Some(at) = self.expires_at.filter(|at| *at <= now) {
            return Err(ExternalKeyRefusal::Expired(at));
        }
        if self.max_uses.is_some_and(|most| self.uses >= most) {
            return Err(ExternalKeyRefusal::UsedUp(self.uses));
        }
        self.uses = self.uses.saturating_add(1);
        Ok(self)
    }

    /// Checks what one of its accounts orders.
    ///
    /// # Errors
    /// `rejectedIdentifier`, with each identifier that the key is not bound to.
    pub fn check_identifiers(&self, identifiers: &[Identifier]) -> Result<(), Problem> {
        if self.names.is_empty() {
            return Ok(());
        }
        check_each(identifiers, |identifier| {
            if self.names.iter().any(|name| name.matches(identifier)) {
                return Ok(());
            }
            Err(format!(
                "{identifier} is not among what the account's external account key allows, {}; \
                 order one of these, or ask the operator for another key",
                listed(&self.names)
            ))
        })
    }
}

/// The external account key that an account was made with, and the binding that showed it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExternalAccount {
    /// The key.
    pub key_id: ExternalAccountKeyId,
    /// The binding's JWS, JSON, as the client sent it.
    pub binding: String,
}

/// The inner JWS of a newAccount, its form checked and its MAC not yet.
#[derive(Debug)]
pub struct ExternalAccountBinding<'a> {
    json: &'a str,
    jws: FlattenedJws<'a>,
    algorithm: hmac::Algorithm,
    key_id: String,
}

impl<'a> ExternalAccountBinding<'a> {
    /// Reads the `externalAccountBinding` of a newAccount.
    ///
    /// # Errors
    /// - `malformed`: it is no flattened JWS, or its header has no kid, has a nonce or a key, or
    ///   another url than the outer request;
    /// - `badSignatureAlgorithm`: it is not signed by HS256, HS384 or HS512.
    pub fn parse(json: &'a str, outer: &SignedRequest<'_>) -> Result<Self, Problem> {
        if json.len() > MAX_BINDING {
            return Err(malformed(format!("is longer than {MAX_BINDING} bytes")));
        }
        let jws = FlattenedJws::parse(json.as_bytes())
            .map_err(|error| malformed(format!("cannot be read: {error}")))?;
        let header = decode_base64url(jws.protected.as_bytes())
            .map_err(|error| malformed(format!("has a protected header that is {error}")))?;
        let header: Map<String, Value> = serde_json::from_slice(&header)
            .map_err(|error| malformed(format!("has no protected header: {error}")))?;
        if let Some(member) = ["nonce", "jwk", "crit", "b64"]
            .into_iter()
            .find(|member| header.contains_key(*member))
        {
            return Err(malformed(format!(
                "must not have {member} in its protected header"
            )));
        }
        let text = |member: &str| {
            let value = header.get(member).and_then(Value::as_str);
            value.ok_or_else(|| malformed(format!("needs {member} in its protected header")))
        };
        let algorithm = match text("alg")? {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            other => {
                let detail = format!(
                    "the externalAccountBinding is signed by {other:?}; use HS256, HS384 or HS512"
                );
                return Err(Problem::new(ProblemKind::BadSignatureAlgorithm, detail));
            }
        };
        if text("url")? != outer.header().url {
            return Err(malformed("has another url than the outer request"));
        }
        Ok(Self {
            json,
            key_id: text("kid")?.to_owned(),
            jws,
            algorithm,
        })
    }

    /// The id of the key that it claims; none when no key can have it.
    #[must_use]
    pub fn key_id(&self) -> Option<ExternalAccountKeyId> {
        self.key_id.parse().ok()
    }

    /// Checks the MAC, and that the account's key is the one that was bound.
    ///
    /// # Errors
    /// `unauthorized` when the MAC is not the key's or another account key was bound; `malformed`
    /// when the MAC or the payload cannot be read.
    pub fn verify(
        self,
        key: &ExternalAccountKey,
        account_key: &Jwk,
    ) -> Result<ExternalAccount, Problem> {
        let mac = decode_base64url(self.jws.signature.as_bytes())
            .map_err(|error| malformed(format!("has a signature that is {error}")))?;
        let message = [
            self.jws.protected.as_bytes(),
            b".",
            self.jws.payload.as_bytes(),
        ]
        .concat();
        let secret = hmac::Key::new(self.algorithm, key.secret.octets());
        if hmac::verify(&secret, &message, &mac).is_err() {
            return Err(unauthorized(
                "the MAC of the externalAccountBinding is not the key's; check the HMAC key",
            ));
        }
        let payload = decode_base64url(self.jws.payload.as_bytes())
            .map_err(|error| malformed(format!("has a payload that is {error}")))?;
        let bound: Jwk = std::str::from_utf8(&payload)
            .map_err(|_| malformed("has a payload that is no text"))?
            .parse()
            .map_err(|error| malformed(format!("has a payload that is no key: {error}")))?;
        if bound != *account_key {
            return Err(unauthorized(
                "the externalAccountBinding binds another account key than the request's",
            ));
        }
        Ok(ExternalAccount {
            key_id: key.id.clone(),
            binding: self.json.to_owned(),
        })
    }
}

fn malformed(what: impl fmt::Display) -> Problem {
    let detail = format!("the externalAccountBinding {what}");
    Problem::new(ProblemKind::Malformed, detail)
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, detail)
}

#[cfg(test)]
mod tests;
