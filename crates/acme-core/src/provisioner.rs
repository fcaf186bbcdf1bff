//! A provisioner: a named policy and its directory; who may ask, for what, for how long.

use std::time::Duration;

use acme_types::{ChallengeKind, Identifier, Problem, ProblemKind, ProfileName, ProvisionerName};

use crate::{
    AttestationPolicy, AuthorizationPolicy, CaaMode, Issuance, IssuerChoice, Policy, Profile,
    RenewalPolicy, RetryPolicy,
};

/// A named policy and its directory.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// Its name, which is also its id and a segment of its URLs.
    pub name: ProvisionerName,
    /// URL of the terms of service; a new account must agree when there is one.
    pub terms_of_service: Option<String>,
    /// URL of a page about this authority.
    pub website: Option<String>,
    /// Names under which CAA records permit this authority, and by which dns-persist-01 names it.
    pub caa_identities: Vec<String>,
    /// Whether CAA records are heeded.
    pub caa: CaaMode,
    /// Whether a new account needs an external account binding.
    pub require_eab: bool,
    /// The challenges it offers.
    pub challenges: Vec<ChallengeKind>,
    /// Whose attestations of devices it believes.
    pub attestation: AttestationPolicy,
    /// When challenges are tried again.
    pub retry: RetryPolicy,
    /// How long its objects live.
    pub lifetimes: Lifetimes,
    /// What the certificates of orders without a profile are like.
    pub issuance: Issuance,
    /// The profiles that orders may ask for, each name once.
    pub profiles: Vec<Profile>,
    /// The profile of orders that ask for none: one of the profiles; none to issue without one.
    pub default_profile: Option<ProfileName>,
    /// Which of the authority's issuers sign for it.
    pub issuers: IssuerChoice,
    /// For which names and keys it issues.
    pub policy: Policy,
    /// How its authorizations are come by, and what they serve for.
    pub authorizations: AuthorizationPolicy,
    /// When its certificates should be renewed.
    pub renewal: RenewalPolicy,
    /// Most identifiers in one order.
    pub max_identifiers: usize,
    /// Whether wildcards are issued.
    pub allow_wildcards: bool,
}

/// How long objects live that are not finished.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// From opening an order to its end, and that of its authorizations.
    pub order: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            order: Duration::from_secs(24 * 3600),
        }
    }
}

impl Provisioner {
    /// A provisioner with every default: http-01, dns-01 and tls-alpn-01, no terms of service.
    #[must_use]
    pub fn new(name: ProvisionerName) -> Self {
        Self {
            name,
            terms_of_service: None,
            website: None,
            caa_identities: Vec::new(),
            caa: CaaMode::Off,
            require_eab: false,
            challenges: ChallengeKind::USUAL.to_vec(),
            attestation: AttestationPolicy::default(),
            retry: RetryPolicy::default(),
            lifetimes: Lifetimes::default(),
            issuance: Issuance::default(),
            profiles: Vec::new(),
            default_profile: None,
            issuers: IssuerChoice::default(),
            policy: Policy::default(),
            authorizations: AuthorizationPolicy::default(),
            renewal: RenewalPolicy::default(),
            max_identifiers: 100,
            allow_wildcards: true,
        }
    }

    /// Checks that an order has not too few identifiers and not too many.
    ///
    /// # Errors
    /// `malformed`.
    pub fn check_number(&self, identifiers: &[Identifier]) -> Result<(), Problem> {
        let refuse = |detail: String| Err(Problem::new(ProblemKind::Malformed, detail));
        match identifiers.len() {
            0 => refuse("the order has no identifier".to_owned()),
            number if number > self.max_identifiers => refuse(format!(
                "the order has {number} identifiers; this provisioner allows {} in one order, so \
                 order more than one certificate",
                self.max_identifiers
            )),
            _ => Ok(()),
        }
    }

    /// Checks that some certificate of this provisioner, with one of its profiles or without, may have
    /// identifiers of this type.
    ///
    /// # Errors
    /// Which types they may have.
    pub fn check_type(&self, identifier: &Identifier) -> Result<(), String> {
        let profiles = self.profiles.iter().map(|profile| &profile.issuance);
        let mut others = profiles.map(|issuance| issuance.check_identifier(identifier));
        match self.issuance.check_identifier(identifier) {
            Err(refused) if !others.any(|checked| checked.is_ok()) => Err(refused),
            _ => Ok(()),
        }
    }

    /// Checks one identifier against this provisioner's rules.
    ///
    /// # Errors
    /// Which rule refuses it, and what to do.
    pub fn check_identifier(&self, identifier: &Identifier) -> Result<(), String> {
        if identifier.is_wildcard() && !self.allow_wildcards {
            return Err(
                "this provisioner issues no wildcards; order the names that are needed".to_owned(),
            );
        }
        self.policy.check_identifier(identifier)
    }
}
