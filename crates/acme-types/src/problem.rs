//! Problem documents ([RFC 7807]) with the error types of ACME ([RFC 8555 § 6.7]).
//!
//! [RFC 7807]: https://www.rfc-editor.org/rfc/rfc7807
//! [RFC 8555 § 6.7]: https://www.rfc-editor.org/rfc/rfc8555#section-6.7

use serde::{Deserialize, Serialize};

use crate::{Algorithm, RawIdentifier};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:literal;)*) => {
        /// The type of an error, a URN under `urn:ietf:params:acme:error:`.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl ProblemKind {
            /// Every type this server sends.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The full URN.
            #[must_use]
            pub const fn urn(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The HTTP status that goes with the type unless a problem says otherwise.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

kinds! {
    /// The account named does not exist.
    AccountDoesNotExist = "urn:ietf:params:acme:error:accountDoesNotExist", 400;
    /// The certificate that an order names was replaced before (RFC 9773 § 7.4).
    AlreadyReplaced = "urn:ietf:params:acme:error:alreadyReplaced", 409;
    /// The certificate was revoked before.
    AlreadyRevoked = "urn:ietf:params:acme:error:alreadyRevoked", 400;
    /// What is said to attest a device is not acceptable (draft-ietf-acme-device-attest).
    BadAttestationStatement = "urn:ietf:params:acme:error:badAttestationStatement", 400;
    /// The CSR is unacceptable.
    BadCsr = "urn:ietf:params:acme:error:badCSR", 400;
    /// The nonce is unknown, spent or too old; the client tries again with the new one.
    BadNonce = "urn:ietf:params:acme:error:badNonce", 400;
    /// The key is too weak or of a kind not accepted.
    BadPublicKey = "urn:ietf:params:acme:error:badPublicKey", 400;
    /// The revocation reason is not accepted.
    BadRevocationReason = "urn:ietf:params:acme:error:badRevocationReason", 400;
    /// The JWS algorithm is not accepted; `algorithms` lists those that are.
    BadSignatureAlgorithm = "urn:ietf:params:acme:error:badSignatureAlgorithm", 400;
    /// CAA records forbid this authority.
    Caa = "urn:ietf:params:acme:error:caa", 403;
    /// See `subproblems`.
    Compound = "urn:ietf:params:acme:error:compound", 400;
    /// The server could not connect to the validation target.
    Connection = "urn:ietf:params:acme:error:connection", 400;
    /// A DNS query failed during validation.
    Dns = "urn:ietf:params:acme:error:dns", 400;
    /// A new account needs an external account binding.
    ExternalAccountRequired = "urn:ietf:params:acme:error:externalAccountRequired", 403;
    /// What was received does not match the challenge.
    IncorrectResponse = "urn:ietf:params:acme:error:incorrectResponse", 403;
    /// A contact URL is not valid.
    InvalidContact = "urn:ietf:params:acme:error:invalidContact", 400;
    /// The profile that an order asks for is not offered, or not for this order
    /// (draft-ietf-acme-profiles).
    InvalidProfile = "urn:ietf:params:acme:error:invalidProfile", 400;
    /// The request is malformed.
    Malformed = "urn:ietf:params:acme:error:malformed", 400;
    /// The order is not ready to be finalized.
    OrderNotReady = "urn:ietf:params:acme:error:orderNotReady", 403;
    /// The client asks too often.
    RateLimited = "urn:ietf:params:acme:error:rateLimited", 429;
    /// The server does not issue for this identifier.
    RejectedIdentifier = "urn:ietf:params:acme:error:rejectedIdentifier", 400;
    /// The fault is the server's.
    ServerInternal = "urn:ietf:params:acme:error:serverInternal", 500;
    /// A TLS error during validation.
    Tls = "urn:ietf:params:acme:error:tls", 400;
    /// The client may not do this.
    Unauthorized = "urn:ietf:params:acme:error:unauthorized", 403;
    /// A contact URL uses a scheme not supported.
    UnsupportedContact = "urn:ietf:params:acme:error:unsupportedContact", 400;
    /// An identifier of a type not supported.
    UnsupportedIdentifier = "urn:ietf:params:acme:error:unsupportedIdentifier", 400;
    /// A person must do something first, as agreeing to the terms of service.
    UserActionRequired = "urn:ietf:params:acme:error:userActionRequired", 403;
}

/// What went wrong, for the client: sent as `application/problem+json`, and kept as the `error` of
/// orders and challenges.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The type of the error.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// What happened and what to do, for a person.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// One entry for each identifier or each earlier attempt that failed
    /// ([RFC 8555 § 6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1)).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subproblems: Vec<Subproblem>,
    /// The signature algorithms accepted, with `badSignatureAlgorithm`
    /// ([RFC 8555 § 6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub algorithms: Vec<Algorithm>,
}

impl Problem {
    /// A problem with the status that goes with its kind.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: kind.http_status(),
            subproblems: Vec::new(),
            algorithms: Vec::new(),
        }
    }

    /// The same with another HTTP status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with subproblems.
    #[must_use]
    pub fn with_subproblems(mut self, subproblems: Vec<Subproblem>) -> Self {
        self.subproblems = subproblems;
        self
    }

    /// The same, naming the algorithms that are accepted.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }
}

/// One part of a [`Problem`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Subproblem {
    /// The type of the error.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// What happened, for a person.
    pub detail: String,
    /// The identifier it is about, as the client wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identifier: Option<RawIdentifier>,
}
