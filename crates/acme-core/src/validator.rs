//! The port to the network: one probe of one challenge.

use acme_types::{ChallengeKind, Identifier, KeyAuthorization, ProvisionerName, Token};
use async_trait::async_trait;

use crate::Observation;

/// What to look up, and what to expect.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Whose settings rule (ports, resolvers, denied networks).
    pub provisioner: ProvisionerName,
    /// What must be shown, and where.
    pub kind: ChallengeKind,
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// The challenge's token.
    pub token: Token,
    /// What must be shown.
    pub key_authorization: KeyAuthorization,
}

/// Looks whether a challenge's proof is there.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Makes one attempt. It never fails: whatever happens is an observation.
    async fn probe(&self, probe: &Probe) -> Observation;
}
