//! The JSON bodies of requests and answers ([RFC 8555 § 7]).
//!
//! Fields that a request type does not name are ignored, as RFC 8555 § 7.3 asks.
//!
//! [RFC 8555 § 7]: https://www.rfc-editor.org/rfc/rfc8555#section-7

use serde::{Deserialize, Serialize};

use crate::{
    AccountStatus, AuthorizationStatus, ChallengeKind, ChallengeStatus, Identifier, OrderStatus,
    Problem, ProfileName, RawIdentifier, Timestamp, Token,
};

/// The payload of newAccount ([RFC 8555 § 7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewAccountRequest {
    /// URLs by which the holder can be reached.
    pub contact: Vec<String>,
    /// Whether the client agrees to the terms of service.
    pub terms_of_service_agreed: bool,
    /// Whether only an account that exists may be answered.
    pub only_return_existing: bool,
    /// The inner JWS that binds an external account (§ 7.3.4).
    pub external_account_binding: Option<serde_json::Value>,
}

/// The payload of an account update ([RFC 8555 § 7.3.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.2)).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountUpdate {
    /// The new contacts; absent leaves them as they are.
    pub contact: Option<Vec<String>>,
    /// `deactivated` ends the account (§ 7.3.6); another word is refused.
    pub status: Option<String>,
    /// Agreement to changed terms (§ 7.3.3).
    pub terms_of_service_agreed: Option<bool>,
}

/// An account as the client sees it ([RFC 8555 § 7.1.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2)).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountBody {
    /// The account's status.
    pub status: AccountStatus,
    /// URLs by which the holder can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub contact: Vec<String>,
    /// Whether the terms of service were agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_agreed: Option<bool>,
    /// The binding the account was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account_binding: Option<serde_json::Value>,
    /// URL of the account's list of orders.
    pub orders: String,
}

/// A page of an account's orders ([RFC 8555 § 7.1.2.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2.1)).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrdersBody {
    /// URLs of orders.
    pub orders: Vec<String>,
}

/// The payload of newOrder ([RFC 8555 § 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrderRequest {
    /// What the certificate shall be for.
    pub identifiers: Vec<OrderedIdentifier>,
    /// When the certificate shall begin to be valid.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// When the certificate shall cease to be valid.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
    /// The certificate that the new one replaces
    /// ([RFC 9773 § 5](https://www.rfc-editor.org/rfc/rfc9773#section-5)).
    #[serde(default)]
    pub replaces: Option<String>,
    /// The profile that is asked for, as the client wrote it (draft-ietf-acme-profiles).
    #[serde(default)]
    pub profile: Option<String>,
}

/// An identifier of a newOrder.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderedIdentifier {
    /// The identifier.
    #[serde(flatten)]
    pub identifier: RawIdentifier,
    /// The name above it that the client can prove instead
    /// ([RFC 9444 § 4.3](https://www.rfc-editor.org/rfc/rfc9444#section-4.3)).
    #[serde(default)]
    pub ancestor_domain: Option<String>,
}

/// The payload of newAuthz ([RFC 8555 § 7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAuthorizationRequest {
    /// What shall be authorized.
    pub identifier: AuthorizedIdentifier,
    /// Whether the names below it shall be covered too
    /// ([RFC 9444 § 4.2](https://www.rfc-editor.org/rfc/rfc9444#section-4.2)).
    #[serde(default)]
    pub subdomain_auth_allowed: Option<bool>,
}

/// An identifier of a newAuthz.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizedIdentifier {
    /// The identifier.
    #[serde(flatten)]
    pub identifier: RawIdentifier,
    /// The same as that of the request: clients in use put it here.
    #[serde(default)]
    pub subdomain_auth_allowed: Option<bool>,
}

/// An order as the client sees it ([RFC 8555 § 7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBody {
    /// The order's status.
    pub status: OrderStatus,
    /// When the order ends if it is not finalized.
    pub expires: Timestamp,
    /// What the certificate is for.
    pub identifiers: Vec<Identifier>,
    /// The requested start of validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The requested end of validity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The certificate that the new one replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The profile of the certificate (draft-ietf-acme-profiles).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub profile: Option<ProfileName>,
    /// Why the order is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// URLs of the authorizations.
    pub authorizations: Vec<String>,
    /// URL to finalize the order.
    pub finalize: String,
    /// URL of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// An authorization as the client sees it ([RFC 8555 § 7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationBody {
    /// The identifier, without `*.`.
    pub identifier: Identifier,
    /// The authorization's status; `pending` while challenges are retried.
    pub status: AuthorizationStatus,
    /// When the authorization ends.
    pub expires: Timestamp,
    /// The challenges; any one of them is enough.
    pub challenges: Vec<ChallengeBody>,
    /// Whether the order asked for the wildcard of the identifier.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub wildcard: bool,
    /// Whether it covers the names below the identifier too
    /// ([RFC 9444 § 4.1](https://www.rfc-editor.org/rfc/rfc9444#section-4.1)).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub subdomain_auth_allowed: bool,
}

/// The payload of an authorization update ([RFC 8555 § 7.5.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.2)).
#[derive(Clone, Debug, Deserialize)]
pub struct AuthorizationUpdate {
    /// `deactivated` gives the authorization up; another word is refused.
    pub status: Option<String>,
}

/// The payload of a request for a validation
/// ([RFC 8555 § 7.5.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.1)): an object in which only the
/// proofs have a meaning that some challenges want along. Whether one is what it must be is looked at
/// where its challenge needs it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChallengeResponse {
    /// device-attest-01: the attestation object, in base64url.
    pub att_obj: Option<serde_json::Value>,
}

/// A challenge as the client sees it ([RFC 8555 § 8](https://www.rfc-editor.org/rfc/rfc8555#section-8)).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeBody {
    /// The kind of challenge.
    #[serde(rename = "type")]
    pub kind: ChallengeKind,
    /// URL of the challenge.
    pub url: String,
    /// The challenge's status.
    pub status: ChallengeStatus,
    /// The random text to prove control with.
    pub token: Token,
    /// dns-persist-01: the account's URL, as the record must name it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounturi: Option<String>,
    /// dns-persist-01: the names of this authority, one of which the record must begin with.
    #[serde(
        rename = "issuer-domain-names",
        skip_serializing_if = "Vec::is_empty",
        default
    )]
    pub issuer_domain_names: Vec<String>,
    /// When the proof was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated: Option<Timestamp>,
    /// Why the challenge is invalid, or why it is not valid yet; earlier attempts in `subproblems`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The payload of finalize ([RFC 8555 § 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
#[derive(Clone, Debug, Deserialize)]
pub struct FinalizeRequest {
    /// The CSR: DER in base64url.
    pub csr: String,
}

/// When a certificate should be renewed
/// ([RFC 9773 § 4.2](https://www.rfc-editor.org/rfc/rfc9773#section-4.2)).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfoBody {
    /// Between which times.
    pub suggested_window: SuggestedWindow,
    /// A page that tells why.
    #[serde(
        rename = "explanationURL",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub explanation_url: Option<String>,
}

/// The times between which a client draws the moment of a renewal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SuggestedWindow {
    /// Not before this.
    pub start: Timestamp,
    /// Not after this.
    pub end: Timestamp,
}

/// The payload of revokeCert ([RFC 8555 § 7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).
#[derive(Clone, Debug, Deserialize)]
pub struct RevocationRequest {
    /// The certificate: DER in base64url.
    pub certificate: String,
    /// The reason code of [RFC 5280 § 5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1).
    #[serde(default)]
    pub reason: Option<i64>,
}
