//! What an act may do with the rows of a store: the seam between the acts, written once, and the
//! engines. Everything happens inside one transaction.

use acme_core::{
    Account, Attempt, Authorization, AuthorizationState, Certificate, Challenge, EarlyRenewal,
    ExternalAccountKey, InFlight, Issuer, Order, OrderState, Replacement, Revocation, Serial,
};
use acme_types::{
    AccountId, AccountStatus, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId,
    Identifier, OrderId, ProvisionerName, Slot, Thumbprint, Timestamp,
};

mod audit;
mod leases;
mod operators;
mod records;
mod revocations;
mod standing;

pub(crate) use audit::{AuditCursor, AuditRows, chain_name};
pub(crate) use leases::LeaseRows;
pub(crate) use operators::OperatorRows;
pub(crate) use records::RecordRows;
pub(crate) use revocations::RevocationRows;
pub(crate) use standing::StandingRows;

use crate::act::Outcome;
use crate::cursor::Cursor;

/// All rows of a store.
pub trait Rows:
    Send
    + LeaseRows
    + AccountRows
    + ExternalKeyRows
    + OrderRows
    + ChallengeRows
    + CertificateRows
    + RevocationRows
    + PruneRows
    + OperatorRows
    + RecordRows
    + StandingRows
    + AuditRows
{
}

impl<T> Rows for T where
    T: Send
        + LeaseRows
        + AccountRows
        + ExternalKeyRows
        + OrderRows
        + ChallengeRows
        + CertificateRows
        + RevocationRows
        + PruneRows
        + OperatorRows
        + RecordRows
        + StandingRows
        + AuditRows
{
}

/// How often a challenge was claimed and attempted over its whole life.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Claims.
    pub claims: u32,
    /// Attempts that were recorded.
    pub attempts: u32,
}

/// An authorization with the counters of its challenges, in the same order.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The authorization.
    pub authorization: Authorization,
    /// One entry for each challenge.
    pub counters: Vec<Counters>,
}

impl Tracked {
    /// The position of a challenge.
    pub fn position(&self, id: &ChallengeId) -> Option<usize> {
        self.authorization
            .challenges
            .iter()
            .position(|challenge| challenge.id == *id)
    }
}

/// What a claim must know beside its challenge.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is to be proven.
    pub identifier: Identifier,
    /// Whether it is to be proven for the identifier's wildcard.
    pub wildcard: bool,
    /// The account that must prove it.
    pub account_id: AccountId,
    /// The provisioner.
    pub provisioner: ProvisionerName,
    /// Thumbprint of the account's key.
    pub thumbprint: Thumbprint,
}

/// A challenge that is due.
#[derive(Clone, Debug)]
pub struct Due {
    /// The challenge.
    pub challenge: Challenge,
    /// How often it was claimed and attempted.
    pub counters: Counters,
    /// What a claim must know beside it.
    pub subject: Subject,
}

/// The set of certificates that a list walks along, by creation, newest first.
#[derive(Clone, Debug)]
pub enum Walk {
    /// All.
    All,
    /// Those of an account.
    Account(AccountId),
    /// Those for an identifier.
    Identifier(Identifier),
    /// Those that are revoked.
    Revoked,
}

/// Accounts.
pub trait AccountRows {
    /// Adds an account; false when its key has one at that provisioner.
    fn insert_account(&mut self, account: &Account) -> impl Future<Output = Outcome<bool>> + Send;

    /// The account of this id.
    fn account(&mut self, id: &AccountId) -> impl Future<Output = Outcome<Option<Account>>> + Send;

    /// The account of this id, held against other writers.
    fn lock_account(
        &mut self,
        id: &AccountId,
    ) -> impl Future<Output = Outcome<Option<Account>>> + Send;

    /// The status of an account, which stays so until the transaction ends; others may hold it at
    /// the same time.
    fn hold_account(
        &mut self,
        id: &AccountId,
    ) -> impl Future<Output = Outcome<Option<AccountStatus>>> + Send;

    /// The account of this key at a provisioner.
    fn account_by_key(
        &mut self,
        provisioner: &ProvisionerName,
        thumbprint: &Thumbprint,
    ) -> impl Future<Output = Outcome<Option<Account>>> + Send;

    /// The accounts of this key, at all provisioners.
    fn accounts_of_key(
        &mut self,
        thumbprint: &Thumbprint,
    ) -> impl Future<Output = Outcome<Vec<AccountId>>> + Send;

    /// Replaces an account's changeable parts.
    fn set_account(&mut self, account: &Account) -> impl Future<Output = Outcome<()>> + Send;

    /// Accounts by creation, newest first.
    fn accounts(
        &mut self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Account>>> + Send;
}

/// Keys that accounts are bound to.
pub trait ExternalKeyRows {
    /// Adds a key.
    fn insert_external_key(
        &mut self,
        key: &ExternalAccountKey,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The key of this id.
    fn external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> impl Future<Output = Outcome<Option<ExternalAccountKey>>> + Send;

    /// The key of this id, held against other writers.
    fn lock_external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> impl Future<Output = Outcome<Option<ExternalAccountKey>>> + Send;

    /// Replaces a key that is locked.
    fn set_external_key(
        &mut self,
        key: &ExternalAccountKey,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Keys by creation, newest first.
    fn external_keys(
        &mut self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<ExternalAccountKey>>> + Send;
}

/// Orders and authorizations.
pub trait OrderRows {
    /// Adds an order and says which authorizations it waits for.
    fn insert_order(&mut self, order: &Order) -> impl Future<Output = Outcome<()>> + Send;

    /// Adds authorizations with their challenges.
    fn insert_authorizations(
        &mut self,
        authorizations: &[Authorization],
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The order of this id.
    fn order(&mut self, id: &OrderId) -> impl Future<Output = Outcome<Option<Order>>> + Send;

    /// The order of this id, held against other writers.
    fn lock_order(&mut self, id: &OrderId) -> impl Future<Output = Outcome<Option<Order>>> + Send;

    /// Orders that are pending or ready and wait for an authorization, by id, held against other
    /// writers.
    fn lock_open_orders(
        &mut self,
        authorization: &AuthorizationId,
    ) -> impl Future<Output = Outcome<Vec<Order>>> + Send;

    /// Orders of an account that are pending or ready, by id, held against other writers.
    fn lock_open_orders_of_account(
        &mut self,
        account: &AccountId,
    ) -> impl Future<Output = Outcome<Vec<Order>>> + Send;

    /// Orders of the same likeness that are pending or ready, by id, held against other writers.
    fn lock_open_orders_like(
        &mut self,
        order: &Order,
    ) -> impl Future<Output = Outcome<Vec<Order>>> + Send;

    /// Sets an order's state.
    fn set_order(
        &mut self,
        id: &OrderId,
        state: &OrderState,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Ids and creation times of an account's orders that are not invalid at `now`, newest first.
    fn orders_of_account(
        &mut self,
        account: &AccountId,
        after: Option<&Cursor>,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<Vec<Cursor>>> + Send;

    /// Whether a challenge of one of these authorizations is processing while its authorization is
    /// pending.
    fn is_being_tried(
        &mut self,
        authorizations: &[AuthorizationId],
    ) -> impl Future<Output = Outcome<bool>> + Send;

    /// States and ends of authorizations, in no order.
    fn authorization_states(
        &mut self,
        ids: &[AuthorizationId],
    ) -> impl Future<Output = Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>>> + Send;

    /// The same of those of an account, which stay so until the transaction ends; others may hold
    /// them at the same time.
    fn hold_authorizations(
        &mut self,
        account: &AccountId,
        ids: &[AuthorizationId],
    ) -> impl Future<Output = Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>>> + Send;

    /// Authorizations of an account for these identifiers whose state is valid.
    fn valid_authorizations(
        &mut self,
        account: &AccountId,
        identifiers: &[Identifier],
    ) -> impl Future<Output = Outcome<Vec<Authorization>>> + Send;

    /// Sets the key that the device of an authorization was proven to keep.
    fn set_attested_key(
        &mut self,
        id: &AuthorizationId,
        key: &Thumbprint,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Sets the end of an authorization.
    fn prolong_authorization(
        &mut self,
        id: &AuthorizationId,
        expires_at: Timestamp,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The authorization of this id.
    fn authorization(
        &mut self,
        id: &AuthorizationId,
    ) -> impl Future<Output = Outcome<Option<Tracked>>> + Send;

    /// The authorization of this id, held with its challenges against other writers.
    fn lock_authorization(
        &mut self,
        id: &AuthorizationId,
    ) -> impl Future<Output = Outcome<Option<Tracked>>> + Send;

    /// The authorization of this challenge.
    fn authorization_of_challenge(
        &mut self,
        id: &ChallengeId,
    ) -> impl Future<Output = Outcome<Option<Tracked>>> + Send;

    /// The authorization of this challenge, held with its challenges against other writers.
    fn lock_authorization_of_challenge(
        &mut self,
        id: &ChallengeId,
    ) -> impl Future<Output = Outcome<Option<Tracked>>> + Send;

    /// Pending authorizations of an account, by id.
    fn pending_authorizations_of_account(
        &mut self,
        account: &AccountId,
    ) -> impl Future<Output = Outcome<Vec<AuthorizationId>>> + Send;

    /// How many authorizations of an account are pending at `now`, counted up to `most`.
    fn count_pending(
        &mut self,
        account: &AccountId,
        most: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<u32>> + Send;

    /// Sets an authorization's state.
    fn set_authorization(
        &mut self,
        id: &AuthorizationId,
        state: AuthorizationState,
    ) -> impl Future<Output = Outcome<()>> + Send;
}

/// Challenges and attempts.
pub trait ChallengeRows {
    /// Sets a challenge's state and counters.
    fn set_challenge(
        &mut self,
        challenge: &Challenge,
        counters: Counters,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Sets the mark of a claim on a challenge that has not changed otherwise. The mark need not
    /// outlive the process where only that process may claim.
    fn mark_claimed(
        &mut self,
        challenge: &Challenge,
        counters: Counters,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// A challenge of that provisioner alone, held against other writers, with its counters and the
    /// end of its authorization.
    fn lock_challenge(
        &mut self,
        id: &ChallengeId,
        provisioner: &ProvisionerName,
    ) -> impl Future<Output = Outcome<Option<(Challenge, Counters, Timestamp)>>> + Send;

    /// Sets what an attempt that came to no conclusion changes, and takes the claim's mark away.
    fn set_attempted(
        &mut self,
        challenge: &Challenge,
        counters: Counters,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Adds an attempt.
    fn insert_attempt(
        &mut self,
        challenge: &ChallengeId,
        attempt: &Attempt,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The newest attempts of a challenge, newest first.
    fn newest_attempts(
        &mut self,
        challenge: &ChallengeId,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Attempt>>> + Send;

    /// All attempts of a challenge, oldest first.
    fn all_attempts(
        &mut self,
        challenge: &ChallengeId,
    ) -> impl Future<Output = Outcome<Vec<Attempt>>> + Send;

    /// Challenges of a slot whose attempt is due and that nobody is attempting (a claim whose time
    /// is over or whose lease has moved on does not count), the most overdue first; those that
    /// another transaction holds are left out.
    fn lock_due(
        &mut self,
        slot: Slot,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<Vec<Due>>> + Send;

    /// When something of a slot must be looked at next, claims that started at `now` left out.
    fn next_due(
        &mut self,
        slot: Slot,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<Option<Timestamp>>> + Send;

    /// What a claim within an authorization must know.
    fn subject(
        &mut self,
        authorization: &AuthorizationId,
    ) -> impl Future<Output = Outcome<Option<Subject>>> + Send;

    /// Whether the lease under which an attempt was started has moved on.
    fn is_stale(&mut self, in_flight: &InFlight) -> impl Future<Output = Outcome<bool>> + Send;

    /// Processing challenges of a slot whose authorization has expired.
    fn expired(
        &mut self,
        slot: Slot,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<Vec<ChallengeId>>> + Send;

    /// Gives processing challenges of one slot that are armed, or whose authorization has expired,
    /// to another; returns how many.
    fn adopt_challenges(
        &mut self,
        from: Slot,
        to: Slot,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Outcome<u32>> + Send;

    /// Processing challenges of a slot with what is to be proven: first those that are armed, by
    /// the time of the next attempt and id, then the others by id.
    fn processing(
        &mut self,
        slot: Slot,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<(Challenge, Identifier)>>> + Send;
}

/// A place in the list of processing challenges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DueCursor {
    /// When the next attempt is due; those without come last.
    pub next_attempt: Option<Timestamp>,
    /// The challenge.
    pub id: ChallengeId,
}

/// Certificates and issuers.
pub trait CertificateRows {
    /// Adds an issuer unless it is there.
    fn insert_issuer(&mut self, issuer: &Issuer) -> impl Future<Output = Outcome<()>> + Send;

    /// Adds a certificate that a slot is about to sign.
    fn insert_certificate(
        &mut self,
        certificate: &Certificate,
        signing_slot: Slot,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The certificate of this id.
    fn certificate(
        &mut self,
        id: &CertificateId,
    ) -> impl Future<Output = Outcome<Option<Certificate>>> + Send;

    /// The certificate of this id with its issuer.
    fn certificate_and_issuer(
        &mut self,
        id: &CertificateId,
    ) -> impl Future<Output = Outcome<Option<(Certificate, Issuer)>>> + Send;

    /// The certificate of this serial number.
    fn certificate_by_serial(
        &mut self,
        serial: &Serial,
    ) -> impl Future<Output = Outcome<Option<Certificate>>> + Send;

    /// The certificate of this serial number, held against other writers.
    fn lock_certificate_by_serial(
        &mut self,
        serial: &Serial,
    ) -> impl Future<Output = Outcome<Option<Certificate>>> + Send;

    /// The certificate was signed: `der` holds it.
    fn set_signed(
        &mut self,
        certificate: &Certificate,
        der: &[u8],
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The certificate will not be signed.
    fn set_given_up(&mut self, id: &CertificateId) -> impl Future<Output = Outcome<()>> + Send;

    /// The certificate is revoked.
    fn set_revoked(
        &mut self,
        id: &CertificateId,
        revocation: Revocation,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// The operator wants the certificate renewed, or need not have it so.
    fn set_early_renewal(
        &mut self,
        id: &CertificateId,
        early_renewal: Option<&EarlyRenewal>,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// What replaces the certificate.
    fn set_replacement(
        &mut self,
        id: &CertificateId,
        replacement: &Replacement,
    ) -> impl Future<Output = Outcome<()>> + Send;
    /// Certificates that a slot was to sign before a time and has not, oldest first.
    fn unsigned(
        &mut self,
        slot: Slot,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Certificate>>> + Send;
    /// Gives certificates that one slot was to sign to another; returns how many.
    fn adopt_certificates(
        &mut self,
        from: Slot,
        to: Slot,
        limit: u32,
    ) -> impl Future<Output = Outcome<u32>> + Send;
    /// Certificates by creation, newest first.
    fn certificates(
        &mut self,
        walk: &Walk,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Certificate>>> + Send;
}

/// Removal of what has ended.
pub trait PruneRows {
    /// Removes orders that expired before a time and are not being finalized; returns how many.
    fn prune_orders(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
    /// Removes authorizations that expired before a time and that no order names, with their
    /// challenges and attempts; returns how many.
    fn prune_authorizations(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
    /// Removes certificates that expired before a time and are not being signed; returns how many.
    fn prune_certificates(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
}
