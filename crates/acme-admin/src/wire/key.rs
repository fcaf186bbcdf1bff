//! External account keys as they are shown.

use acme_core::{ExternalAccountKey, ExternalKeyRefusal};
use acme_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An external account key, without its secret.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownKey {
    /// Its id, the `kid` of bindings.
    pub(crate) id: String,
    /// The provisioner at which it is good.
    pub(crate) provisioner: String,
    /// `good`, `used up`, `expired` or `revoked`.
    pub(crate) status: String,
    /// How many accounts it has made.
    pub(crate) uses: u32,
    /// How many it may make; absent for any number.
    pub(crate) max_uses: Option<u32>,
    /// For what its accounts may order; empty for all.
    pub(crate) names: Vec<String>,
    /// The profiles that they may order; empty for all.
    pub(crate) profiles: Vec<String>,
    /// When it was handed out.
    pub(crate) created_at: String,
    /// When it ends.
    pub(crate) expires_at: Option<String>,
    /// When it was revoked.
    pub(crate) revoked_at: Option<String>,
}

/// What an external account key shall be.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyRequest {
    /// The provisioner at which it is good.
    pub(crate) provisioner: String,
    /// How many accounts it may make; absent for any number.
    #[serde(default)]
    pub(crate) max_uses: Option<u32>,
    /// When it ends, RFC 3339; absent for never.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) expires_at: Option<Timestamp>,
    /// For what its accounts may order: names, `*.NAME`, networks; empty for all.
    #[serde(default)]
    pub(crate) names: Vec<String>,
    /// The profiles that they may order; empty for all.
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
}

/// An external account key with its secret, which is told this once.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct NewKey {
    /// The key.
    #[serde(flatten)]
    pub(crate) key: ShownKey,
    /// The HMAC key, base64url, as ACME clients take it.
    pub(crate) hmac_key: String,
}

impl ShownKey {
    pub(crate) fn new(key: &ExternalAccountKey, now: Timestamp) -> Self {
        let status = match key.clone().used(now) {
            Ok(_) => "good",
            Err(ExternalKeyRefusal::Revoked(_)) => "revoked",
            Err(ExternalKeyRefusal::Expired(_)) => "expired",
            Err(_) => "used up",
        };
        Self {
            id: key.id.to_string(),
            provisioner: key.provisioner.to_string(),
            status: status.to_owned(),
            uses: key.uses,
            max_uses: key.max_uses,
            names: key.names.iter().map(ToString::to_string).collect(),
            profiles: key.profiles.iter().map(ToString::to_string).collect(),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}
