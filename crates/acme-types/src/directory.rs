//! The directory: where a client finds every other URL ([RFC 8555 § 7.1.1]).
//!
//! [RFC 8555 § 7.1.1]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ProfileName;

/// The URLs of one provisioner. `meta` is always there: two clients in use read it unasked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Where nonces come from.
    pub new_nonce: String,
    /// Where accounts are made and found.
    pub new_account: String,
    /// Where orders are opened.
    pub new_order: String,
    /// Where an identifier is authorized before it is ordered
    /// ([RFC 8555 § 7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_authz: Option<String>,
    /// Where certificates are revoked.
    pub revoke_cert: String,
    /// Where it is told when a certificate should be renewed
    /// ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renewal_info: Option<String>,
    /// Where an account changes its key.
    pub key_change: String,
    /// What else a client should know.
    pub meta: DirectoryMeta,
}

/// What a client should know before it makes an account.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryMeta {
    /// URL of the terms of service that a new account must agree to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// URL of a page about this authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// The names under which CAA records permit this authority.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub caa_identities: Vec<String>,
    /// The profiles that orders may ask for, each with what it is for, for people
    /// (draft-ietf-acme-profiles).
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub profiles: BTreeMap<ProfileName, String>,
    /// Whether a new account needs an external account binding.
    #[serde(default)]
    pub external_account_required: bool,
    /// Whether an authorization for a name may cover the names below it
    /// ([RFC 9444](https://www.rfc-editor.org/rfc/rfc9444)).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub subdomain_auth_allowed: bool,
}
