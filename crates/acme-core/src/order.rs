//! Orders ([RFC 8555 § 7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)): how one is
//! opened, and what it may turn into.

use std::collections::BTreeMap;

use acme_types::{
    AccountId, AuthorizationId, AuthorizationStatus, CertificateId, DnsName, Identifier, OrderId,
    OrderStatus, Problem, ProblemKind, ProfileName, ProvisionerName, Timestamp,
};
use rand_core::CryptoRng;

use crate::digest::sha256;
use crate::{Authorization, Provisioner, RenewalId, check_each};

/// How many unfinished orders an account may have for the same identifiers; one more supersedes the
/// oldest of them.
pub const MAX_UNFINISHED_ORDERS: usize = 10;

/// How many pending authorizations an account may have before it may ask for no more of them ahead of
/// orders.
pub const MAX_PENDING_AUTHORIZATIONS: u32 = 300;

/// `Retry-After` on an order that is not settled yet and is being worked on, in seconds.
const RETRY_AFTER_SECS: u64 = 3;

/// A request for one certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The order's id.
    pub id: OrderId,
    /// The account that opened it.
    pub account_id: AccountId,
    /// The provisioner.
    pub provisioner: ProvisionerName,
    /// What the certificate is for, sorted, each once.
    pub identifiers: Vec<Identifier>,
    /// The profile of the certificate; none for one without.
    pub profile: Option<ProfileName>,
    /// The requested start of validity.
    pub not_before: Option<Timestamp>,
    /// The requested end of validity.
    pub not_after: Option<Timestamp>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends unless it is finalized.
    pub expires_at: Timestamp,
    /// The authorizations it needs, each once, in the order of its identifiers.
    pub authorizations: Vec<AuthorizationId>,
    /// The certificate that the new one replaces, as the client has named it.
    pub replaces: Option<RenewalId>,
    /// How far it got.
    pub state: OrderState,
}

/// What a new order asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderRequest {
    /// What the certificate shall be for, sorted, each once.
    pub identifiers: Vec<Identifier>,
    /// The profile that was chosen for it, see [`Provisioner::choose_profile`].
    pub profile: Option<ProfileName>,
    /// When the certificate shall begin to be valid.
    pub not_before: Option<Timestamp>,
    /// The last second of its validity.
    pub not_after: Option<Timestamp>,
}

impl OrderRequest {
    /// A request for a certificate without a profile, of the usual validity.
    #[must_use]
    pub const fn new(identifiers: Vec<Identifier>) -> Self {
        Self {
            identifiers,
            profile: None,
            not_before: None,
            not_after: None,
        }
    }
}

/// How far an order got, as it is stored. Expiry is told by comparing with `now`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OrderState {
    /// Some authorization is not valid yet.
    Pending,
    /// Every authorization is valid.
    Ready,
    /// The certificate is being signed.
    Processing {
        /// The certificate that is being signed.
        certificate_id: CertificateId,
    },
    /// The certificate is there.
    Valid {
        /// The certificate.
        certificate_id: CertificateId,
    },
    /// It failed.
    Invalid {
        /// Why.
        error: Problem,
    },
}

impl OrderState {
    /// The stored status, expiry aside.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        match self {
            Self::Pending => OrderStatus::Pending,
            Self::Ready => OrderStatus::Ready,
            Self::Processing { .. } => OrderStatus::Processing,
            Self::Valid { .. } => OrderStatus::Valid,
            Self::Invalid { .. } => OrderStatus::Invalid,
        }
    }

    /// The state of an unfinished order in whose place its account has opened another.
    #[must_use]
    pub fn superseded(by: &OrderId) -> Self {
        Self::Invalid {
            error: Problem::new(
                ProblemKind::Unauthorized,
                format!("the account has opened the order {by} in place of this one"),
            ),
        }
    }

    /// The state after the order's authorizations have moved. `failed` tells what the failed
    /// challenge said, when one has.
    #[must_use]
    pub fn after_authorizations(
        self,
        authorizations: impl IntoIterator<Item = AuthorizationStatus>,
        failed: Option<&Problem>,
    ) -> Self {
        if !matches!(self, Self::Pending | Self::Ready) {
            return self;
        }
        let mut all_valid = true;
        for status in authorizations {
            match status {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending => all_valid = false,
                AuthorizationStatus::Invalid
                | AuthorizationStatus::Deactivated
                | AuthorizationStatus::Expired
                | AuthorizationStatus::Revoked => {
                    let error = failed.cloned().unwrap_or_else(|| {
                        Problem::new(
                            ProblemKind::Unauthorized,
                            format!("an authorization of this order is {status}"),
                        )
                    });
                    return Self::Invalid { error };
                }
            }
        }
        if all_valid {
            Self::Ready
        } else {
            Self::Pending
        }
    }
}

impl Order {
    /// Opens an order and the authorizations it needs, each with its challenges.
    ///
    /// # Errors
    /// - `rejectedIdentifier` that names each identifier for which the provisioner does not issue;
    /// - `malformed` when there are none or too many of them, or when the requested validity is out
    ///   of its bounds;
    /// - `invalidProfile` when the provisioner has no such profile.
    pub fn open(
        account_id: &AccountId,
        provisioner: &Provisioner,
        request: OrderRequest,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<Authorization>), Problem> {
        let OrderRequest {
            identifiers,
            profile,
            not_before,
            not_after,
        } = request;
        let issuance = provisioner.issuance_of(profile.as_ref())?;
        provisioner.check_number(&identifiers)?;
        check_each(&identifiers, |identifier| {
            provisioner.check_identifier(identifier)?;
            issuance.check_identifier(identifier)?;
            if Authorization::offered(identifier, provisioner).is_empty() {
                return Err(format!(
                    "this provisioner offers no challenge by which {identifier} could be proven"
                ));
            }
            Ok(())
        })?;
        issuance.validity(not_before, not_after, now)?;
        let expires_at = now.plus(provisioner.lifetimes.order).truncated_to_second();
        let mut authorizations = Vec::with_capacity(identifiers.len());
        for identifier in &identifiers {
            let opened = Authorization::open(account_id, provisioner, identifier, false, now, rng);
            authorizations.push(opened?);
        }
        let order = Self {
            id: OrderId::dated(now, rng),
            account_id: account_id.clone(),
            provisioner: provisioner.name.clone(),
            identifiers,
            profile,
            not_before,
            not_after,
            created_at: now,
            expires_at,
            authorizations: authorizations.iter().map(|a| a.id.clone()).collect(),
            replaces: None,
            state: OrderState::Pending,
        };
        Ok((order, authorizations))
    }

    /// Lets the order rest on other authorizations than those of its own, which were just opened,
    /// one for each identifier: on valid ones that its account has, and on new ones for names above
    /// (`ancestors`, by identifier) that the client can prove instead. `authorizations` are the new
    /// ones in the end.
    ///
    /// # Errors
    /// `rejectedIdentifier` when a name above cannot be proven at this provisioner.
    pub fn rest_on(
        &mut self,
        authorizations: &mut Vec<Authorization>,
        valid: &[Authorization],
        ancestors: &BTreeMap<Identifier, DnsName>,
        provisioner: &Provisioner,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Problem> {
        let now = self.created_at;
        let mut new: Vec<Authorization> = Vec::with_capacity(authorizations.len());
        let mut ids: Vec<AuthorizationId> = Vec::with_capacity(authorizations.len());
        let own = std::mem::take(authorizations);
        for (identifier, own) in self.identifiers.iter().zip(own) {
            let mut served = valid.iter();
            let id = if let Some(served) = served.find(|v| v.serves(identifier, provisioner, now)) {
                self.expires_at = self.expires_at.min(served.expires_at);
                served.id.clone()
            } else if let Some(name) = ancestors.get(identifier) {
                let name = Identifier::Dns(name.clone());
                match new.iter().find(|a| a.subdomains && a.identifier == name) {
                    Some(opened) => opened.id.clone(),
                    None => {
                        let account = &self.account_id;
                        let opened =
                            Authorization::open(account, provisioner, &name, true, now, rng)?;
                        let id = opened.id.clone();
                        new.push(opened);
                        id
                    }
                }
            } else {
                let id = own.id.clone();
                new.push(own);
                id
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if new.is_empty() {
            self.state = OrderState::Ready;
        }
        self.authorizations = ids;
        *authorizations = new;
        Ok(())
    }

    /// The same for all orders of an account for the same identifiers.
    #[must_use]
    pub fn likeness(&self) -> [u8; 32] {
        let mut text = self.account_id.to_string();
        for identifier in &self.identifiers {
            text.push(' ');
            text.push_str(&identifier.to_string());
        }
        sha256(text.as_bytes())
    }

    /// The state at `now`: an order that was not finalized before its time is over is invalid.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> OrderState {
        match &self.state {
            OrderState::Pending | OrderState::Ready if self.expires_at <= now => {
                OrderState::Invalid {
                    error: Problem::new(
                        ProblemKind::Unauthorized,
                        format!("the order expired at {}; open a new one", self.expires_at),
                    ),
                }
            }
            state => state.clone(),
        }
    }

    /// Seconds after which a client should read the order again: while it is processing, or pending
    /// with a challenge that is being tried; none otherwise.
    #[must_use]
    pub fn retry_after(&self, being_tried: bool, now: Timestamp) -> Option<u64> {
        match self.state_at(now) {
            OrderState::Processing { .. } => Some(RETRY_AFTER_SECS),
            OrderState::Pending if being_tried => Some(RETRY_AFTER_SECS),
            _ => None,
        }
    }
}
