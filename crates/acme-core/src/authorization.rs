//! Authorizations: may this account use this identifier
//! ([RFC 8555 § 7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).

use std::collections::BTreeSet;
use std::time::Duration;

use acme_types::{
    AccountId, AuthorizationId, AuthorizationStatus, ChallengeId, ChallengeKind, Identifier, Jwk,
    Problem, ProblemKind, ProvisionerName, RawIdentifier, Subproblem, Thumbprint, Timestamp, Token,
};
use rand_core::CryptoRng;

use crate::{Challenge, ChallengeState, Provisioner, RetryPolicy, thumbprint};

/// Longest `Retry-After` on an authorization, in seconds: certbot polls at most 30 times.
const MAX_RETRY_AFTER_SECS: u64 = 5;
/// An authorization serves no new order in the last part of this many of an order's life.
const LEAST_TIME_LEFT: u32 = 8;

/// Whether an account may use an identifier, and the challenges by which it may prove so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorization {
    /// The authorization's id.
    pub id: AuthorizationId,
    /// The account that it is for.
    pub account_id: AccountId,
    /// The provisioner.
    pub provisioner: ProvisionerName,
    /// The identifier, without `*.`.
    pub identifier: Identifier,
    /// Whether it is for the identifier's wildcard.
    pub wildcard: bool,
    /// Whether it covers the names below the identifier too
    /// ([RFC 9444](https://www.rfc-editor.org/rfc/rfc9444)).
    pub subdomains: bool,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How long it lives from the moment on that it is valid; none when that changes nothing.
    pub valid_for: Option<Duration>,
    /// The key that its device was proven to keep: no certificate for another key rests on it. None
    /// when it was proven otherwise.
    pub attested_key: Option<Thumbprint>,
    /// How far it got.
    pub state: AuthorizationState,
    /// The challenges; any one is enough.
    pub challenges: Vec<Challenge>,
}

/// How a provisioner's authorizations are come by, and what they serve for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuthorizationPolicy {
    /// How long a valid authorization serves further orders of its account, counted from its proof;
    /// zero when each order needs its own.
    pub reuse: Duration,
    /// Whether a client may have an identifier authorized before it orders
    /// ([RFC 8555 § 7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
    pub pre_authorization: bool,
    /// Whether an authorization for a name may cover the names below it
    /// ([RFC 9444](https://www.rfc-editor.org/rfc/rfc9444)).
    pub subdomains: bool,
}

/// How far an authorization got, as it is stored. Expiry is told by comparing with `now`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthorizationState {
    /// No challenge was met yet.
    Pending,
    /// A challenge was met.
    Valid,
    /// A challenge was contradicted, or time ran out before one was met.
    Invalid,
    /// Its holder gave it up.
    Deactivated,
    /// The operator took it back.
    Revoked,
}

impl AuthorizationState {
    /// The status of this state at `now`: a pending one ends `invalid` and a valid one `expired`
    /// ([RFC 8555 § 7.1.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6)).
    #[must_use]
    pub fn status(self, expires_at: Timestamp, now: Timestamp) -> AuthorizationStatus {
        let over = expires_at <= now;
        match self {
            Self::Pending if over => AuthorizationStatus::Invalid,
            Self::Pending => AuthorizationStatus::Pending,
            Self::Valid if over => AuthorizationStatus::Expired,
            Self::Valid => AuthorizationStatus::Valid,
            Self::Invalid => AuthorizationStatus::Invalid,
            Self::Deactivated => AuthorizationStatus::Deactivated,
            Self::Revoked => AuthorizationStatus::Revoked,
        }
    }

    /// The state after one of the challenges has moved.
    #[must_use]
    pub const fn after_challenge(self, challenge: &ChallengeState) -> Self {
        match (self, challenge) {
            (Self::Pending, ChallengeState::Valid { .. }) => Self::Valid,
            (Self::Pending, ChallengeState::Invalid { .. }) => Self::Invalid,
            (state, _) => state,
        }
    }
}

impl Authorization {
    /// A new one, each challenge with a token of its own: one token for all would let one proof stand
    /// for another.
    ///
    /// # Errors
    /// `rejectedIdentifier` when the provisioner offers no challenge by which this can be proven.
    pub fn open(
        account_id: &AccountId,
        provisioner: &Provisioner,
        identifier: &Identifier,
        subdomains: bool,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Problem> {
        let mut kinds = Self::offered(identifier, provisioner);
        if subdomains {
            // A web server proves its own name; only who rules the zone rules the names below.
            kinds.retain(|kind| *kind == ChallengeKind::Dns01);
        }
        if kinds.is_empty() {
            let detail = format!(
                "this provisioner offers no challenge by which {identifier} could be proven"
            );
            let refused = Subproblem {
                kind: ProblemKind::RejectedIdentifier,
                detail: detail.clone(),
                identifier: Some(RawIdentifier::from(identifier.clone())),
            };
            let problem = Problem::new(refused.kind, detail);
            return Err(problem.with_subproblems(vec![refused]));
        }
        let id = AuthorizationId::dated(now, rng);
        let challenges = kinds
            .into_iter()
            .map(|kind| Challenge {
                id: ChallengeId::dated(now, rng),
                authorization_id: id.clone(),
                kind,
                token: Token::random(rng),
                state: ChallengeState::Pending,
            })
            .collect();
        let reuse = provisioner.authorizations.reuse;
        Ok(Self {
            id,
            account_id: account_id.clone(),
            provisioner: provisioner.name.clone(),
            identifier: identifier.base(),
            wildcard: identifier.is_wildcard(),
            subdomains,
            expires_at: now.plus(provisioner.lifetimes.order).truncated_to_second(),
            valid_for: (!reuse.is_zero()).then_some(reuse),
            attested_key: None,
            state: AuthorizationState::Pending,
            challenges,
        })
    }

    /// What the authorizations that cover some identifiers may be for: these, and all names above.
    #[must_use]
    pub fn candidates(identifiers: &[Identifier]) -> Vec<Identifier> {
        let mut candidates = BTreeSet::new();
        for identifier in identifiers {
            if let Identifier::Dns(name) = identifier {
                candidates.extend(name.ancestors().map(Identifier::Dns));
            }
            candidates.insert(identifier.base());
        }
        candidates.into_iter().collect()
    }

    /// Whether this, when it is valid, lets its account have a certificate for the identifier.
    #[must_use]
    pub fn covers(&self, identifier: &Identifier) -> bool {
        let base = identifier.base();
        let is_same = self.identifier == base;
        match (&self.identifier, &base) {
            _ if is_same && self.wildcard == identifier.is_wildcard() => true,
            (Identifier::Dns(parent), Identifier::Dns(name)) if self.subdomains => {
                is_same || name.is_below(parent)
            }
            _ => false,
        }
    }

    /// Whether this serves a new order for the identifier: it is valid, covers it, was proven not
    /// too long ago, and does not end so soon that the order could not be finished.
    #[must_use]
    pub fn serves(
        &self,
        identifier: &Identifier,
        provisioner: &Provisioner,
        now: Timestamp,
    ) -> bool {
        let proven_at = self
            .challenges
            .iter()
            .find_map(|challenge| match challenge.state {
                ChallengeState::Valid { validated_at } => Some(validated_at),
                _ => None,
            });
        let time_left = provisioner.lifetimes.order / LEAST_TIME_LEFT;
        self.covers(identifier)
            && self.status(now) == AuthorizationStatus::Valid
            && self.expires_at > now.plus(time_left)
            && proven_at.is_some_and(|at| at.plus(provisioner.authorizations.reuse) > now)
    }

    /// Checks the key of a certificate that is to rest on this: where a device was attested, it must be
    /// the key that the device keeps.
    ///
    /// # Errors
    /// `badCSR`.
    pub fn check_key(&self, jwk: &Jwk) -> Result<(), Problem> {
        match &self.attested_key {
            Some(attested) if *attested != thumbprint(jwk) => {
                let detail = format!(
                    "the CSR is refused: its key is not the one that was attested for {} {}; sign the \
                     CSR with that key, or give the authorization up and attest another one",
                    self.identifier.kind(),
                    self.identifier
                );
                Err(Problem::new(ProblemKind::BadCsr, detail))
            }
            _ => Ok(()),
        }
    }

    /// When it ends now that it has become valid, if that is later than before.
    #[must_use]
    pub fn prolonged(&self, now: Timestamp) -> Option<Timestamp> {
        let until = now.plus(self.valid_for?).truncated_to_second();
        let is_longer = self.state == AuthorizationState::Valid && until > self.expires_at;
        is_longer.then_some(until)
    }

    /// The status at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> AuthorizationStatus {
        self.state.status(self.expires_at, now)
    }

    /// Seconds after which a client should read a pending authorization again while one of its
    /// challenges is being tried; none otherwise.
    #[must_use]
    pub fn retry_after(&self, policy: &RetryPolicy, now: Timestamp) -> Option<u64> {
        if self.status(now) != AuthorizationStatus::Pending {
            return None;
        }
        let waits = self
            .challenges
            .iter()
            .filter_map(|c| c.retry_after(policy, now));
        waits.min().map(|wait| wait.min(MAX_RETRY_AFTER_SECS))
    }

    /// The kinds of challenge that a provisioner offers for an identifier: a wildcard can only be
    /// proven by DNS ([RFC 8555 § 8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)), an
    /// address never ([RFC 8738 § 7](https://www.rfc-editor.org/rfc/rfc8738#section-7)), a device
    /// only by its attestation.
    #[must_use]
    pub fn offered(identifier: &Identifier, provisioner: &Provisioner) -> Vec<ChallengeKind> {
        let fits = |kind: &ChallengeKind| match kind {
            ChallengeKind::Http01 | ChallengeKind::TlsAlpn01 => {
                !identifier.is_wildcard() && !identifier.is_device()
            }
            ChallengeKind::Dns01 | ChallengeKind::DnsAccount01 | ChallengeKind::DnsPersist01 => {
                matches!(identifier, Identifier::Dns(_))
            }
            ChallengeKind::DeviceAttest01 => identifier.is_device(),
        };
        provisioner
            .challenges
            .iter()
            .copied()
            .filter(fits)
            .collect()
    }
}
