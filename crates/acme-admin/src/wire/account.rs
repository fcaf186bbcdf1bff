//! Accounts as they are shown.

use acme_core::Account;
use acme_types::encode_base64url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownAccount {
    /// Its id.
    pub(crate) id: String,
    /// The provisioner it belongs to.
    pub(crate) provisioner: String,
    /// `valid`, `deactivated` or `revoked`.
    pub(crate) status: String,
    /// URLs by which the holder can be reached.
    pub(crate) contact: Vec<String>,
    /// Whether the terms of service were agreed to.
    pub(crate) terms_agreed: bool,
    /// The thumbprint of its key (RFC 7638), base64url.
    pub(crate) thumbprint: String,
    /// The external account key that it is bound to.
    pub(crate) external_account_key: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
}

impl From<&Account> for ShownAccount {
    fn from(account: &Account) -> Self {
        let bound = account.external_account.as_ref();
        Self {
            id: account.id.to_string(),
            provisioner: account.provisioner.to_string(),
            status: account.status.as_str().to_owned(),
            contact: account.contact.clone(),
            terms_agreed: account.terms_agreed,
            thumbprint: encode_base64url(account.thumbprint.0),
            external_account_key: bound.map(|bound| bound.key_id.to_string()),
            created_at: account.created_at.to_string(),
        }
    }
}
