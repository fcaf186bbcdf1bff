//! The port to what is kept. Each method is one protocol act and one transaction; what it returned
//! is durable.

use std::time::Duration;

use acme_types::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId, Identifier, Jwk,
    OrderId, Problem, ProvisionerName, Slot, Thumbprint, Timestamp,
};
use async_trait::async_trait;

use crate::{
    Account, Attempt, Authorization, Certificate, Claim, CrlStanding, CrlVerdict, EarlyRenewal,
    Epoch, ExternalAccountKey, Issuer, IssuerId, Lease, LeaseVerdict, Observation, Order, Origin,
    PublishedCrl, RetryPolicy, RevocationEntry, RevocationReason, Serial,
};

mod act;
mod standing;

pub use act::{
    AccountVerdict, AuditRetention, BeginFinalize, BeginValidation, CertificateFilter, ClaimBatch,
    CreateAccountVerdict, CreateAuthorizationVerdict, CreateOrderVerdict, FinalizeVerdict, Judged,
    KeyChangeVerdict, NewCertificate, NonceVerdict, OrderView, Page, ProcessingChallenge, Pruned,
    RecordVerdict, Retention, RevokeVerdict, SpentNonce, ValidationView,
};
pub use standing::Standing;

/// Why the store did not do it. Nothing has changed, unless the act is told to be repeatable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store cannot be reached, is full or is busy; the same may work a little later.
    #[error("the store is not available: {context}")]
    Unavailable {
        /// What was being done.
        context: String,
        /// What went wrong.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The lease of the slot has passed to another process; this one must stop acting for it.
    #[error("the lease of slot {slot} has moved past epoch {}", epoch.0)]
    Fenced {
        /// The slot.
        slot: Slot,
        /// The epoch that is no longer good.
        epoch: Epoch,
    },
    /// What is stored cannot be read as what it should be.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// What is kept. Every method is one transaction and durable when it returns; `now` is the
/// application's time. An act that takes an [`Origin`] leaves an entry in the audit trail, in the
/// same transaction, unless it changed nothing.
///
/// # Errors
/// Every method may fail with [`StoreError::Unavailable`] or [`StoreError::Corrupt`]; those that
/// name an epoch also with [`StoreError::Fenced`], having changed nothing.
#[async_trait]
#[allow(clippy::missing_errors_doc, reason = "told once, on the trait")]
pub trait Store: Send + Sync {
    // --- slots ---

    /// Takes a slot's lease for `life`: when it is free, has run out, or is this holder's own. The
    /// epoch grows by one each time.
    async fn take_lease(
        &self,
        slot: Slot,
        holder: &str,
        life: Duration,
        now: Timestamp,
    ) -> Result<LeaseVerdict, StoreError>;

    /// Renews a lease. [`StoreError::Fenced`] when the epoch has moved on.
    async fn renew_lease(
        &self,
        slot: Slot,
        epoch: Epoch,
        life: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError>;

    /// Hands a lease back: it has run out at once, and others may adopt what the slot owns.
    async fn release_lease(
        &self,
        slot: Slot,
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Every lease there ever was, by slot.
    async fn leases(&self) -> Result<Vec<Lease>, StoreError>;

    /// Takes over at most `limit` armed challenges and unfinished orders of slots whose lease has
    /// run out; returns how many.
    async fn adopt(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError>;

    // --- nonces ---

    /// The key that nonces are sealed with, the same for all replicas; `fresh` is kept when there is
    /// none yet.
    async fn nonce_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// Spends a nonce whose seal is good: at most one call with the same nonce is ever answered
    /// [`NonceVerdict::Fresh`], at all replicas together, whatever crashed in between. Only this
    /// memory need not be durable: what it may have lost is refused.
    async fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> Result<NonceVerdict, StoreError>;

    // --- accounts ---

    /// Makes an account unless its key has one at that provisioner. An external account key that it
    /// is bound to is used once more, see [`ExternalAccountKey::used`], in the same act: no key
    /// makes more accounts than it may.
    async fn create_account(
        &self,
        account: Account,
        origin: &Origin,
    ) -> Result<CreateAccountVerdict, StoreError>;

    /// The account of this id.
    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// The account of this key at a provisioner.
    async fn find_account_by_key(
        &self,
        provisioner: &ProvisionerName,
        thumbprint: &Thumbprint,
    ) -> Result<Option<Account>, StoreError>;

    /// Sets contacts or agreement of a valid account.
    async fn update_account(
        &self,
        id: &AccountId,
        contact: Option<Vec<String>>,
        terms_agreed: Option<bool>,
        origin: &Origin,
    ) -> Result<AccountVerdict, StoreError>;

    /// Ends an account; what it has pending is deactivated with it, and no more attempts are made.
    async fn deactivate_account(
        &self,
        id: &AccountId,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<AccountVerdict, StoreError>;

    /// Gives a valid account another key in place of `old`: of two changes that race under the same
    /// old key, one is done.
    async fn change_account_key(
        &self,
        id: &AccountId,
        old: &Thumbprint,
        jwk: &Jwk,
        thumbprint: &Thumbprint,
        origin: &Origin,
    ) -> Result<KeyChangeVerdict, StoreError>;

    /// A page of accounts, by creation, newest first.
    async fn list_accounts(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Account>, StoreError>;

    // --- external account keys ---

    /// Keeps a new external account key.
    async fn create_external_account_key(
        &self,
        key: ExternalAccountKey,
        origin: &Origin,
    ) -> Result<(), StoreError>;

    /// The external account key of this id.
    async fn find_external_account_key(
        &self,
        id: &ExternalAccountKeyId,
    ) -> Result<Option<ExternalAccountKey>, StoreError>;

    /// Takes an external account key back: it makes no more accounts. Those that it has made go on.
    /// Returns it as it is now; none when there is no such key.
    async fn revoke_external_account_key(
        &self,
        id: &ExternalAccountKeyId,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<Option<ExternalAccountKey>, StoreError>;

    /// A page of external account keys, by creation, newest first.
    async fn list_external_account_keys(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ExternalAccountKey>, StoreError>;

    // --- orders and authorizations ---

    /// Stores an order of a valid account with its authorizations: an order that races with the end
    /// of its account is refused, or ends with it.
    ///
    /// Authorizations that it names and that are not among the new ones must be its account's and
    /// pending or valid; all valid when the order is ready. The oldest unfinished orders of its
    /// account for the same identifiers are superseded when there are more than
    /// [`crate::MAX_UNFINISHED_ORDERS`].
    ///
    /// An order that replaces a certificate ends the unfinished one that was to replace it before,
    /// see [`crate::OrderState::superseded`]: of two that race, the later one goes on.
    async fn create_order(
        &self,
        order: Order,
        authorizations: Vec<Authorization>,
    ) -> Result<CreateOrderVerdict, StoreError>;

    /// The order of this id.
    async fn find_order(&self, id: &OrderId) -> Result<Option<OrderView>, StoreError>;

    /// A page of an account's orders that are not invalid, by creation, newest first.
    async fn list_orders(
        &self,
        account_id: &AccountId,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<OrderId>, StoreError>;

    /// The authorization of this id with its challenges, and for each challenge that is
    /// `processing` or `invalid` its newest attempts (at most [`crate::MAX_SHOWN_ATTEMPTS`] + 1),
    /// newest first; the second member runs along the challenges.
    async fn find_authorization(
        &self,
        id: &AuthorizationId,
    ) -> Result<Option<(Authorization, Vec<Vec<Attempt>>)>, StoreError>;

    /// Stores an authorization that no order waits for, unless its account has too many pending ones.
    async fn create_authorization(
        &self,
        authorization: Authorization,
        now: Timestamp,
    ) -> Result<CreateAuthorizationVerdict, StoreError>;

    /// The authorizations of an account for these identifiers, wildcard or not, that are valid but
    /// for their expiry, in no order.
    async fn find_valid_authorizations(
        &self,
        account_id: &AccountId,
        identifiers: &[Identifier],
    ) -> Result<Vec<Authorization>, StoreError>;

    /// Gives an authorization up, pending or valid; its challenges stop, its open orders become
    /// invalid. Returns it as it is now; none when there is no such authorization of that account.
    async fn deactivate_authorization(
        &self,
        id: &AuthorizationId,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Authorization>, StoreError>;

    // --- challenges ---

    /// A client asks for a validation; see [`crate::ChallengeState::requested`]. A challenge whose
    /// authorization is settled or expired is returned as it is, and so is one whose proof comes with
    /// its request, see [`Store::conclude_validation`]. None when there is no such challenge of that
    /// account.
    async fn begin_validation(
        &self,
        request: BeginValidation<'_>,
    ) -> Result<Option<ValidationView>, StoreError>;

    /// A client polls a challenge; see [`crate::ChallengeState::polled`]. Reads only, unless the
    /// poll re-arms a window that has ended; `claim_for` is not heeded.
    async fn poll_validation(
        &self,
        request: BeginValidation<'_>,
    ) -> Result<Option<ValidationView>, StoreError>;

    /// A client's request has brought its proof along, and that was judged: the first and only
    /// attempt of a challenge that [comes with its request](acme_types::ChallengeKind), with all that
    /// follows from it, in one. A challenge that is settled, and one whose authorization is settled or
    /// expired, is returned as it is. None when there is no such challenge of that account.
    async fn conclude_validation(
        &self,
        request: BeginValidation<'_>,
        judged: Judged<'_>,
    ) -> Result<Option<ValidationView>, StoreError>;

    /// Claims at most `limit` due attempts of a slot, the most overdue first, each for `patience`.
    async fn claim_due(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        patience: Duration,
        now: Timestamp,
    ) -> Result<ClaimBatch, StoreError>;

    /// Records what a claimed attempt saw: the attempt's row, the challenge's next state, and what
    /// follows from it for authorization and orders, all in one.
    async fn record_attempt(
        &self,
        claim: &Claim,
        observation: &Observation,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Result<RecordVerdict, StoreError>;

    /// Puts a claimed attempt off to `to`, since there is no room to make it now: the claim's mark is
    /// taken away, and nothing is counted. A claim that is not in force any more changes nothing.
    async fn postpone_attempt(&self, claim: &Claim, to: Timestamp) -> Result<(), StoreError>;

    /// Ends at most `limit` challenges of a slot that are `processing` although their authorization
    /// has expired; returns how many.
    async fn expire_challenges(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError>;

    /// Every attempt of a challenge, oldest first, with its challenge and identifier.
    async fn find_attempts(
        &self,
        id: &ChallengeId,
    ) -> Result<Option<(Authorization, Vec<Attempt>)>, StoreError>;

    /// A page of challenges that are `processing`, the next due first.
    async fn list_processing(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ProcessingChallenge>, StoreError>;

    // --- certificates ---

    /// Keeps an issuer's chain, so that what it signed can be served after it is replaced.
    async fn put_issuer(&self, issuer: &Issuer) -> Result<(), StoreError>;

    /// A ready order becomes `processing`: serial number and to-be-signed form are kept before
    /// anything is signed.
    async fn begin_finalize(
        &self,
        request: BeginFinalize<'_>,
    ) -> Result<FinalizeVerdict, StoreError>;

    /// The certificate was signed: the order becomes `valid`. Repeating it changes nothing; the
    /// first certificate stays.
    async fn complete_finalize(
        &self,
        certificate_id: &CertificateId,
        der: &[u8],
        slot: Slot,
        epoch: Epoch,
        origin: &Origin,
    ) -> Result<FinalizeVerdict, StoreError>;

    /// The authority refused: the order becomes `invalid`, the serial number is never used.
    async fn fail_finalize(
        &self,
        certificate_id: &CertificateId,
        error: &Problem,
        slot: Slot,
        epoch: Epoch,
        origin: &Origin,
    ) -> Result<FinalizeVerdict, StoreError>;

    /// At most `limit` certificates of a slot that were to be signed before `before` and are not:
    /// their process died in between.
    async fn find_unsigned(
        &self,
        slot: Slot,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Certificate>, StoreError>;

    /// The certificate of this id and its issuer's chain.
    async fn find_certificate(
        &self,
        id: &CertificateId,
    ) -> Result<Option<(Certificate, Issuer)>, StoreError>;

    /// The certificate of this serial number.
    async fn find_certificate_by_serial(
        &self,
        serial: &Serial,
    ) -> Result<Option<Certificate>, StoreError>;

    /// A page of certificates, newest first.
    async fn list_certificates(
        &self,
        filter: &CertificateFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Certificate>, StoreError>;

    /// Revokes a certificate that was signed, and enters that in the log of its issuer.
    ///
    /// A key that is told to be compromised is blocked for ever, also when the certificate was
    /// revoked before: no account is made with it, none changes to it, no certificate is issued for
    /// it, and the accounts that have it, at every provisioner, end as `revoked`.
    async fn revoke_certificate(
        &self,
        serial: &Serial,
        reason: RevocationReason,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<RevokeVerdict, StoreError>;

    /// Says that the operator wants a certificate renewed at once, or with none that it need not be;
    /// gives the certificate as it is then, none when there is no such certificate or it is not
    /// signed.
    async fn set_early_renewal(
        &self,
        serial: &Serial,
        early_renewal: Option<EarlyRenewal>,
    ) -> Result<Option<Certificate>, StoreError>;

    // --- revocation ---

    /// At most `limit` entries of an issuer's log of revocations, from the one after `after` on,
    /// oldest first. What was read up to a number need not be read again: entries never come later
    /// with a smaller one. Those of certificates that expired long ago are gone.
    async fn revocations(
        &self,
        issuer: &IssuerId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RevocationEntry>, StoreError>;

    /// How far an issuer's log has come, and the newest list if it is newer than that of `number`
    /// (0 when none is known); none when there is no such issuer.
    async fn crl_standing(
        &self,
        issuer: &IssuerId,
        number: u64,
    ) -> Result<Option<CrlStanding>, StoreError>;

    /// Makes a list the newest of its issuer, if the one of the number `replaces` (0 for none) still
    /// is, and its own number is greater: no replica ever goes back.
    async fn publish_crl(
        &self,
        crl: &PublishedCrl,
        replaces: u64,
    ) -> Result<CrlVerdict, StoreError>;

    // --- upkeep ---

    /// Removes at most `limit` of each class of what has ended long enough ago.
    async fn prune(
        &self,
        retention: &Retention,
        limit: u32,
        now: Timestamp,
    ) -> Result<Pruned, StoreError>;

    /// How much of a slot and of the whole is waiting. Other than every other act it may take some
    /// tens of milliseconds, so it is asked for now and then, where nobody waits.
    async fn standing(&self, slot: Slot, now: Timestamp) -> Result<Standing, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
