//! Signed requests: the strict JWS of ACME ([RFC 8555 § 6.2]), and the inner one of a key change
//! ([§ 7.3.5]).
//!
//! [RFC 8555 § 6.2]: https://www.rfc-editor.org/rfc/rfc8555#section-6.2
//! [§ 7.3.5]: https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5

use acme_types::{
    Algorithm, FlattenedJws, Jwk, JwsShapeError, KeyReference, Problem, ProblemKind,
    ProtectedHeader, decode_base64url,
};
use serde::Deserialize;

use crate::VerifyKey;

/// A request whose form is right, and whose signature has not been looked at yet.
///
/// The caller finds the key (shown in the request, or the account's), calls
/// [`SignedRequest::verify`], and only then compares the URL and spends the nonce, so that a
/// request nobody signed burns no nonce.
#[derive(Debug)]
pub struct SignedRequest<'a> {
    jws: FlattenedJws<'a>,
    header: ProtectedHeader,
}

impl<'a> SignedRequest<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// - `badSignatureAlgorithm`, with the accepted ones: an algorithm that is not accepted, as
    ///   `none` or a MAC;
    /// - `badPublicKey`: a `jwk` that is no public key of a known kind;
    /// - `badNonce`: there is no nonce;
    /// - `malformed`: everything else that is wrong with the form, a nonce that is not base64url
    ///   among it ([RFC 8555 § 6.5.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.5.2)).
    pub fn parse(body: &'a [u8]) -> Result<Self, Problem> {
        let jws = FlattenedJws::parse(body).map_err(shape_problem)?;
        let header = jws.protected_header().map_err(shape_problem)?;
        let Some(nonce) = &header.nonce else {
            // A client that repeats with the fresh nonce of this answer is helped best by badNonce.
            let detail = "the protected header has no nonce; get one from newNonce";
            return Err(Problem::new(ProblemKind::BadNonce, detail));
        };
        if nonce.is_empty() || decode_base64url(nonce).is_err() {
            return Err(malformed(
                "the nonce is not base64url; use the Replay-Nonce as the server sent it",
            ));
        }
        Ok(Self { jws, header })
    }

    /// The protected header.
    #[must_use]
    pub const fn header(&self) -> &ProtectedHeader {
        &self.header
    }

    /// The anti-replay nonce.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.header.nonce.as_deref().unwrap_or_default()
    }

    /// The signature algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// Verifies the signature; gives the payload, empty for a POST-as-GET.
    ///
    /// # Errors
    /// - `badSignatureAlgorithm`, with those that fit: the algorithm does not fit the key;
    /// - `malformed`: the signature is not the key's, or the payload is not base64url.
    pub fn verify(&self, key: &VerifyKey) -> Result<Vec<u8>, Problem> {
        verify(&self.jws, self.header.alg, key)
    }
}

/// A request to give an account another key, signed by both.
#[derive(Clone, Debug)]
pub struct KeyChange {
    /// URL of the account.
    pub account: String,
    /// The key that the client takes to be the account's now.
    pub old_key: Jwk,
    /// The key that shall be the account's.
    pub new_key: Jwk,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChangePayload {
    account: String,
    old_key: serde_json::Value,
}

impl KeyChange {
    /// Reads and verifies the inner JWS, which is the payload of the (verified) outer request.
    ///
    /// That `old_key` is the account's key now, and `new_key` no account's, is for the caller, who
    /// knows the accounts.
    ///
    /// # Errors
    /// - `badSignatureAlgorithm` or `badPublicKey` for the new key, as for any request;
    /// - `malformed`: the inner JWS names an account or has a nonce, was made for another URL or for
    ///   an account other than the outer request's, or is not signed by the new key.
    pub fn parse(outer: &SignedRequest<'_>, payload: &[u8]) -> Result<Self, Problem> {
        let jws = FlattenedJws::parse(payload).map_err(inner_problem)?;
        let header = jws.protected_header().map_err(inner_problem)?;
        let KeyReference::Jwk(new_key) = &header.key else {
            return Err(malformed(
                "the inner JWS has kid; it must show the new key as jwk",
            ));
        };
        if header.nonce.is_some() {
            return Err(malformed("the inner JWS has a nonce; it must have none"));
        }
        if header.url != outer.header.url {
            return Err(malformed(
                "the inner JWS was made for another url than the outer",
            ));
        }
        let payload = verify(&jws, header.alg, &VerifyKey::new(new_key)?)?;
        let payload: KeyChangePayload = serde_json::from_slice(&payload)
            .map_err(|e| malformed(format!("the payload of the inner JWS cannot be read: {e}")))?;
        if !matches!(&outer.header.key, KeyReference::Kid(kid) if *kid == payload.account) {
            return Err(malformed(
                "the inner JWS names another account than the outer's kid",
            ));
        }
        let old_key = payload
            .old_key
            .to_string()
            .parse()
            .map_err(|e| malformed(format!("oldKey cannot be read: {e}")))?;
        Ok(Self {
            account: payload.account,
            old_key,
            new_key: Jwk::clone(new_key),
        })
    }
}

fn verify(
    jws: &FlattenedJws<'_>,
    algorithm: Algorithm,
    key: &VerifyKey,
) -> Result<Vec<u8>, Problem> {
    if !key.algorithms().contains(&algorithm) {
        let detail = format!("{algorithm} does not fit the key");
        return Err(Problem::new(ProblemKind::BadSignatureAlgorithm, detail)
            .with_algorithms(key.algorithms()));
    }
    let signature = decode_base64url(jws.signature.as_bytes())
        .map_err(|e| malformed(format!("the signature is {e}")))?;
    let message = [jws.protected.as_bytes(), b".", jws.payload.as_bytes()].concat();
    if !key.verifies(algorithm, &message, &signature) {
        return Err(malformed(
            "the signature does not verify; is it made with the account's key over protected.payload?",
        ));
    }
    decode_base64url(jws.payload.as_bytes()).map_err(|e| malformed(format!("the payload is {e}")))
}

fn shape_problem(error: JwsShapeError) -> Problem {
    let detail = error.to_string();
    match error {
        JwsShapeError::Algorithm(_) => Problem::new(ProblemKind::BadSignatureAlgorithm, detail)
            .with_algorithms(Algorithm::USUAL),
        JwsShapeError::Key(_) => Problem::new(ProblemKind::BadPublicKey, detail),
        _ => malformed(detail),
    }
}

fn inner_problem(error: JwsShapeError) -> Problem {
    let problem = shape_problem(error);
    Problem {
        detail: format!("in the inner JWS: {}", problem.detail),
        ..problem
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}
