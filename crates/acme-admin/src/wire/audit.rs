//! Entries of the audit trail as they are shown.

use std::collections::BTreeMap;

use acme_core::{AuditBody, AuditEntry, hexadecimal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of the audit trail.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ShownEntry {
    /// The chain that it is in.
    pub(crate) chain: String,
    /// Counts the chain's entries from 1.
    pub(crate) number: u64,
    /// When it happened.
    pub(crate) at: String,
    /// What was done.
    pub(crate) act: String,
    /// `done`, `refused`, or `unreadable` for an entry that was tampered with.
    pub(crate) result: String,
    /// Who did it.
    pub(crate) actor: String,
    /// From where.
    pub(crate) address: Option<String>,
    /// The slot of the replica that did it.
    pub(crate) slot: Option<u8>,
    /// The request that asked for it.
    pub(crate) request: Option<String>,
    /// To what it was done.
    pub(crate) object: String,
    /// What else should be known.
    pub(crate) detail: BTreeMap<String, String>,
    /// Its digest, in hexadecimal.
    pub(crate) hash: String,
}

impl ShownEntry {
    pub(crate) fn new(entry: &AuditEntry) -> Self {
        let shown = Self {
            chain: entry.chain.clone(),
            number: entry.number,
            at: entry.at.to_string(),
            act: String::new(),
            result: "unreadable".to_owned(),
            actor: String::new(),
            address: None,
            slot: None,
            request: None,
            object: String::new(),
            detail: BTreeMap::new(),
            hash: hexadecimal(&entry.hash),
        };
        let Ok(body) = serde_json::from_str::<AuditBody>(&entry.body) else {
            return shown;
        };
        Self {
            act: body.act,
            result: body.result,
            actor: body.actor,
            address: body.address.map(|address| address.to_string()),
            slot: body.slot,
            request: body.request,
            object: body.object,
            detail: body.detail,
            ..shown
        }
    }
}
