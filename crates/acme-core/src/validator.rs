//! The port to the network: one probe of one challenge.

use std::time::Duration;

use acme_types::{
    ChallengeKind, DnsName, Identifier, KeyAuthorization, ProvisionerName, Timestamp, Token,
};
use async_trait::async_trait;

use crate::{CaaCheck, CaaMode, Finding, Observation, Phase};

/// What to look up, and what to expect.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Whose settings rule (ports, resolvers, denied networks).
    pub provisioner: ProvisionerName,
    /// What must be shown, and where.
    pub kind: ChallengeKind,
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// Whether it is to be proven for the identifier's wildcard.
    pub wildcard: bool,
    /// The challenge's token.
    pub token: Token,
    /// What must be shown.
    pub key_authorization: KeyAuthorization,
    /// The URLs of the account that must prove, the one in use first.
    pub account_urls: Vec<String>,
    /// The names of this authority in DNS: those that CAA and dns-persist-01 know it by.
    pub issuer_names: Vec<String>,
    /// Whether CAA records must permit what the proof is for.
    pub caa: CaaMode,
    /// The present time.
    pub now: Timestamp,
}

impl Probe {
    /// What CAA records must be asked once the proof is there; none where they are not heeded.
    #[must_use]
    pub fn caa_check(&self) -> Option<CaaCheck> {
        Some(CaaCheck {
            provisioner: self.provisioner.clone(),
            identifier: self.identifier.clone(),
            wildcard: self.wildcard,
            method: self.kind,
            account_urls: self.account_urls.clone(),
            issuer_names: self.issuer_names.clone(),
            private_suffixes: self.caa.private_suffixes()?.to_vec(),
        })
    }
}

impl CaaMode {
    /// The suffixes under which records are looked for with tolerance; none where they are not
    /// looked for at all.
    #[must_use]
    pub fn private_suffixes(&self) -> Option<&[DnsName]> {
        match self {
            Self::Off => None,
            Self::On => Some(&[]),
            Self::PrivateSuffixes(suffixes) => Some(suffixes),
        }
    }
}

/// Looks whether a challenge's proof is there.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Makes one attempt. It never fails: whatever happens is an observation. A proof counts only
    /// where CAA records permit what it is for, see [`Probe::caa_check`].
    async fn probe(&self, probe: &Probe) -> Observation;

    /// Looks at CAA records alone, for a proof that was seen long ago: [`Finding::Proof`] when they
    /// permit the certificate. A validator that knows no DNS permits nothing.
    async fn check_caa(&self, check: &CaaCheck) -> Observation {
        Observation {
            finding: Finding::CaaFailure,
            phase: Phase::Dns,
            address: None,
            detail: format!(
                "this server cannot look up the CAA records of {}",
                check.identifier
            ),
            took: Duration::ZERO,
        }
    }
}
