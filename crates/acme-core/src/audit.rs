//! The audit trail: who did what to which object, in chains of entries each of which names the one
//! before it by its digest. `docs/AUDIT.md` tells others how to check them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use acme_types::{AccountId, RequestId, Slot, Thumbprint, Timestamp, encode_base64url};
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::OperatorName;

mod check;

pub use check::{AuditFinding, AuditFlaw, ChainCheck};

/// Who does something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Actor {
    /// The server by itself.
    Server,
    /// A command on the server's machine.
    Command,
    /// An ACME account.
    Account(AccountId),
    /// Who holds a key that is no account's, as that of a certificate.
    Key(Thumbprint),
    /// An operator.
    Operator(OperatorName),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Command => f.write_str("command"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Key(thumbprint) => write!(f, "key:{}", encode_base64url(thumbprint.0)),
            Self::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}

/// Whence an act comes: who wants it, from where, by which request, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub address: Option<IpAddr>,
    /// The request that asks for it.
    pub request: Option<RequestId>,
    /// The slot of the replica that does it; none for a command.
    pub slot: Option<Slot>,
    /// When.
    pub at: Timestamp,
}

impl Origin {
    /// The replica of a slot, by itself.
    #[must_use]
    pub const fn of_server(slot: Slot, at: Timestamp) -> Self {
        Self {
            actor: Actor::Server,
            address: None,
            request: None,
            slot: Some(slot),
            at,
        }
    }

    /// A command on the server's machine.
    #[must_use]
    pub const fn of_command(at: Timestamp) -> Self {
        Self {
            actor: Actor::Command,
            address: None,
            request: None,
            slot: None,
            at,
        }
    }

    /// The same, by someone else.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }
}

/// Entries that are kept for the same time, and in chains of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditClass {
    /// Certificates that were issued or refused.
    Issuance,
    /// Accounts and their keys.
    Account,
    /// All that operators do, revocations, and starts of the server.
    Control,
}

impl AuditClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Issuance, Self::Account, Self::Control];

    /// The class's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Account => "account",
            Self::Control => "control",
        }
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $class:ident;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum AuditAct {
            $($(#[$doc])* $variant,)*
        }

        impl AuditAct {
            /// Every act.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The act's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The class that it belongs to.
            #[must_use]
            pub const fn class(self) -> AuditClass {
                match self { $(Self::$variant => AuditClass::$class,)* }
            }
        }
    };
}

acts! {
    /// A certificate was issued.
    CertificateIssue = "certificate.issue", Issuance;
    /// A certificate was refused.
    CertificateRefuse = "certificate.refuse", Issuance;
    /// An account was made.
    AccountCreate = "account.create", Account;
    /// Contacts or agreement of an account were changed.
    AccountUpdate = "account.update", Account;
    /// An account was deactivated.
    AccountDeactivate = "account.deactivate", Account;
    /// An account ended, since its key was told to be compromised.
    AccountRevoke = "account.revoke", Account;
    /// An account was given another key.
    AccountKeyChange = "account.key-change", Account;
    /// An authorization was given up by an operator.
    AuthorizationDeactivate = "authorization.deactivate", Account;
    /// A certificate was revoked.
    CertificateRevoke = "certificate.revoke", Control;
    /// An external account key was handed out.
    KeyCreate = "eab-key.create", Control;
    /// An external account key was revoked.
    KeyRevoke = "eab-key.revoke", Control;
    /// An operator was made.
    OperatorCreate = "operator.create", Control;
    /// An operator was revoked.
    OperatorRevoke = "operator.revoke", Control;
    /// A one-time link was handed out.
    LinkCreate = "operator.link", Control;
    /// A session was begun.
    SessionBegin = "operator.session", Control;
    /// A challenge was told to be tried at once.
    ChallengeRearm = "challenge.rearm", Control;
    /// A replica was told to drain.
    Drain = "server.drain", Control;
    /// What is logged was changed.
    LogLevel = "server.log-level", Control;
    /// A replica started.
    Start = "server.start", Control;
}

/// What happened, to be told in an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEvent {
    /// What was done, or was to be.
    pub act: AuditAct,
    /// To what, as `certificate:ID`.
    pub object: String,
    /// Whether it was done; it was refused otherwise.
    pub done: bool,
    /// What else should be known, by name.
    pub detail: BTreeMap<String, String>,
}

impl AuditEvent {
    /// Something that was done to an object of this kind and id.
    #[must_use]
    pub fn done(act: AuditAct, kind: &str, id: impl fmt::Display) -> Self {
        Self {
            act,
            object: format!("{kind}:{id}"),
            done: true,
            detail: BTreeMap::new(),
        }
    }

    /// The same with something else that should be known.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.detail.insert(name.to_owned(), value.to_string());
        self
    }

    /// The same, refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.done = false;
        self
    }
}

/// The members of an entry, in the order in which they are written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditBody {
    /// The chain that the entry is in.
    pub chain: String,
    /// Counts the chain's entries from 1.
    pub number: u64,
    /// The digest of the entry before it, in hexadecimal; zeros for the first.
    pub previous: String,
    /// When it happened.
    pub at: Timestamp,
    /// What was done.
    pub act: String,
    /// `done` or `refused`.
    pub result: String,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub address: Option<IpAddr>,
    /// The slot of the replica that did it.
    pub slot: Option<u8>,
    /// The request that asked for it.
    pub request: Option<String>,
    /// To what it was done.
    pub object: String,
    /// What else should be known.
    pub detail: BTreeMap<String, String>,
}

/// An entry of the trail, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEntry {
    /// The chain that it is in.
    pub chain: String,
    /// Counts the chain's entries from 1.
    pub number: u64,
    /// When it happened, to the second.
    pub at: Timestamp,
    /// An [`AuditBody`] as JSON without white space: what the digest is of.
    pub body: String,
    /// SHA-256 of the body.
    pub hash: [u8; 32],
}

/// Where a chain stands: its last entry, and the last one that is not kept any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainHead {
    /// The chain.
    pub chain: String,
    /// The number of its last entry; 0 when there was none.
    pub number: u64,
    /// The digest of its last entry; zeros when there was none.
    pub hash: [u8; 32],
    /// The number of the last entry that was pruned; 0 when none was.
    pub anchor_number: u64,
    /// The digest of the last entry that was pruned; zeros when none was.
    pub anchor_hash: [u8; 32],
}

impl ChainHead {
    /// A chain without entries.
    #[must_use]
    pub const fn empty(chain: String) -> Self {
        Self {
            chain,
            number: 0,
            hash: [0; 32],
            anchor_number: 0,
            anchor_hash: [0; 32],
        }
    }

    /// The entry that comes next, and the head with it.
    #[must_use]
    pub fn next(self, origin: &Origin, event: &AuditEvent) -> (AuditEntry, Self) {
        let number = self.number + 1;
        // The text tells seconds, and both must tell the same.
        let at = origin.at.truncated_to_second();
        let body = AuditBody {
            chain: self.chain.clone(),
            number,
            previous: hexadecimal(&self.hash),
            at,
            act: event.act.as_str().to_owned(),
            result: if event.done { "done" } else { "refused" }.to_owned(),
            actor: origin.actor.to_string(),
            address: origin.address,
            slot: origin.slot.map(Slot::number),
            request: origin.request.map(|id| id.to_string()),
            object: event.object.clone(),
            detail: event.detail.clone(),
        };
        // Strings, numbers and maps of strings: nothing that JSON cannot say.
        let body = serde_json::to_string(&body).unwrap_or_default();
        let hash = sha256(body.as_bytes());
        let entry = AuditEntry {
            chain: self.chain.clone(),
            number,
            at,
            body,
            hash,
        };
        let head = Self {
            number,
            hash,
            ..self
        };
        (entry, head)
    }
}

/// Digits of a digest.
#[must_use]
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, octets).as_ref());
    sum
}

#[cfg(test)]
mod tests;
