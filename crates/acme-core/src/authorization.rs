//! Authorizations: may this account use this identifier
//! ([RFC 8555 § 7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).

use acme_types::{
    AccountId, AuthorizationId, AuthorizationStatus, ChallengeKind, Identifier, ProvisionerName,
    Timestamp,
};

use crate::{Challenge, ChallengeState, Provisioner, RetryPolicy};

/// Longest `Retry-After` on an authorization, in seconds: certbot polls at most 30 times.
const MAX_RETRY_AFTER_SECS: u64 = 5;

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
    /// When it ends.
    pub expires_at: Timestamp,
    /// How far it got.
    pub state: AuthorizationState,
    /// The challenges; any one is enough.
    pub challenges: Vec<Challenge>,
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
    /// address never ([RFC 8738 § 7](https://www.rfc-editor.org/rfc/rfc8738#section-7)).
    #[must_use]
    pub fn offered(identifier: &Identifier, provisioner: &Provisioner) -> Vec<ChallengeKind> {
        let fits = |kind: &ChallengeKind| match kind {
            ChallengeKind::Http01 | ChallengeKind::TlsAlpn01 => !identifier.is_wildcard(),
            ChallengeKind::Dns01 | ChallengeKind::DnsAccount01 | ChallengeKind::DnsPersist01 => {
                matches!(identifier, Identifier::Dns(_))
            }
        };
        provisioner
            .challenges
            .iter()
            .copied()
            .filter(fits)
            .collect()
    }
}
