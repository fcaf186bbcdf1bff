//! Accounts ([RFC 8555 § 7.1.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2)).

use acme_types::{AccountId, AccountStatus, Jwk, ProvisionerName, Thumbprint, Timestamp};

use crate::ExternalAccount;

/// An account: one key at one provisioner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// The provisioner it belongs to.
    pub provisioner: ProvisionerName,
    /// The account's key.
    pub jwk: Jwk,
    /// The key's thumbprint.
    pub thumbprint: Thumbprint,
    /// Whether the account may act.
    pub status: AccountStatus,
    /// URLs by which the holder can be reached.
    pub contact: Vec<String>,
    /// Whether the terms of service were agreed to.
    pub terms_agreed: bool,
    /// The external account that it is bound to.
    pub external_account: Option<ExternalAccount>,
    /// When it was made.
    pub created_at: Timestamp,
}
