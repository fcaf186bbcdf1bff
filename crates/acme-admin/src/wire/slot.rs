//! Slots and their leases as they are shown.

use acme_core::Lease;
use acme_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A slot and its lease.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownSlot {
    /// The slot.
    pub(crate) slot: u8,
    /// Whether a process holds it now.
    pub(crate) held: bool,
    /// How often its lease was taken.
    pub(crate) epoch: i64,
    /// A random name of the process that holds it; empty when it was handed back.
    pub(crate) holder: String,
    /// When the lease runs out unless it is renewed.
    pub(crate) expires_at: String,
}

impl ShownSlot {
    pub(crate) fn new(lease: &Lease, now: Timestamp) -> Self {
        Self {
            slot: lease.slot.number(),
            held: !lease.holder.is_empty() && lease.expires_at > now,
            epoch: lease.epoch.0,
            holder: lease.holder.clone(),
            expires_at: lease.expires_at.to_string(),
        }
    }
}

/// A replica that drains.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Draining {
    /// Its slot.
    pub(crate) slot: u8,
}
