//! What the store's acts are given and what they answer. Each answer is a verdict: the caller never
//! counts rows.

use std::time::Duration;

use acme_types::{
    AccountId, AccountStatus, CertificateId, ChallengeId, Identifier, OrderId, Slot, Thumbprint,
    Timestamp,
};

use crate::{
    Account, Attempt, AuditClass, Authorization, Certificate, Challenge, Claim, Epoch,
    ExternalKeyRefusal, IssuerId, Observation, Order, Replacement, Retry, RetryPolicy, Revocation,
    Serial,
};

/// The answer to making an account.
#[derive(Clone, Debug)]
pub enum CreateAccountVerdict {
    /// It was done; the account as it is now.
    Done(Account),
    /// The key belongs to this account already.
    KeyInUse(Account),
    /// The external account key makes no account.
    ExternalKeyRefused(ExternalKeyRefusal),
    /// The key was told to be compromised.
    KeyBlocked,
}

/// The answer to changing an account.
#[derive(Clone, Debug)]
pub enum AccountVerdict {
    /// It was done; the account as it is now.
    Done(Account),
    /// There is no such account, or it may no longer act.
    Gone,
}

/// The answer to giving an account another key.
#[derive(Clone, Debug)]
pub enum KeyChangeVerdict {
    /// It was done; the account as it is now.
    Done(Account),
    /// The new key belongs to this account already.
    KeyInUse(Account),
    /// The key that was to be replaced is not the account's any more.
    KeyReplaced,
    /// The new key was told to be compromised.
    KeyBlocked,
    /// There is no such account, or it may no longer act.
    Gone,
}

/// The answer to storing a new order.
#[derive(Clone, Debug)]
pub enum CreateOrderVerdict {
    /// It is stored.
    Created,
    /// Its account may no longer act; nothing is stored.
    AccountEnded(AccountStatus),
    /// One of the authorizations that it was to rest on is not valid any more; nothing is stored.
    AuthorizationEnded,
    /// The certificate that it names in `replaces` was replaced before, or is being replaced by an
    /// order that is processing; nothing is stored.
    AlreadyReplaced(Replacement),
    /// The certificate that it names in `replaces` is not there any more; nothing is stored.
    NothingToReplace,
}

/// The answer to storing a new authorization.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CreateAuthorizationVerdict {
    /// It is stored.
    Created,
    /// Its account has [`crate::MAX_PENDING_AUTHORIZATIONS`] pending ones; nothing is stored.
    TooMany,
    /// Its account may no longer act; nothing is stored.
    AccountEnded(AccountStatus),
}

/// An order together with what its answer must know.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Whether a challenge of one of its pending authorizations is `processing`.
    pub being_tried: bool,
}

/// A client's request to validate a challenge.
#[derive(Clone, Debug)]
pub struct BeginValidation<'a> {
    /// The challenge.
    pub challenge_id: &'a ChallengeId,
    /// The account that asks; a challenge of another is not found.
    pub account_id: &'a AccountId,
    /// The slot that took the request, and will own the retries.
    pub slot: Slot,
    /// The epoch of its lease.
    pub epoch: Epoch,
    /// The provisioner's policy.
    pub policy: &'a RetryPolicy,
    /// Whether to claim the first attempt in the same act when it is due at once, and how long the
    /// claim may take.
    pub claim_for: Option<Duration>,
    /// The present time.
    pub now: Timestamp,
}

/// What a proof that came with a request was found to be.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// What it is.
    pub observation: &'a Observation,
    /// The key that a device was proven to keep, see
    /// [`attested_key`](crate::Authorization::attested_key).
    pub attested_key: Option<Thumbprint>,
}

/// A challenge after a client's request or poll, within its authorization.
#[derive(Clone, Debug)]
pub struct ValidationView {
    /// The authorization with all its challenges, as they are now.
    pub authorization: Authorization,
    /// The challenge's newest attempts (at most [`crate::MAX_SHOWN_ATTEMPTS`] + 1), newest first.
    pub attempts: Vec<Attempt>,
    /// The attempt that the caller has claimed and must now make, if it asked for one and one was
    /// due.
    pub claim: Option<Claim>,
    /// Whether this request has begun another window of attempts.
    pub rearmed: bool,
}

/// Attempts that a worker has claimed, and when to come back.
#[derive(Clone, Debug, Default)]
pub struct ClaimBatch {
    /// The attempts to make now.
    pub claims: Vec<Claim>,
    /// When the next attempt of the slot will be due, those claimed left out; none when nothing is
    /// armed. Not later than the present when the limit left some behind.
    pub next_due: Option<Timestamp>,
}

/// The answer to recording an attempt.
#[derive(Clone, Debug)]
pub enum RecordVerdict {
    /// It was recorded; the challenge as it is now.
    Recorded(Box<Challenge>),
    /// The claim was not in force any more (recorded before, lost by time, or the challenge was
    /// settled otherwise); nothing has changed.
    Superseded,
}

/// A certificate that is about to be signed.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// Its id.
    pub id: CertificateId,
    /// Its serial number, which no other certificate may have.
    pub serial: Serial,
    /// Who will sign it.
    pub issuer: IssuerId,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// DER of the to-be-signed form.
    pub tbs: Vec<u8>,
}

/// A client's request to finalize an order.
#[derive(Clone, Debug)]
pub struct BeginFinalize<'a> {
    /// The order.
    pub order_id: &'a OrderId,
    /// What will be signed.
    pub certificate: NewCertificate,
    /// The slot that signs.
    pub slot: Slot,
    /// The epoch of its lease.
    pub epoch: Epoch,
    /// The present time.
    pub now: Timestamp,
}

/// The answer to beginning or completing a finalization.
#[derive(Clone, Debug)]
pub enum FinalizeVerdict {
    /// It was done; the order as it is now.
    Done(Order),
    /// The order is not in the state that this needs; as it is now.
    NotReady(Order),
    /// There is no such order.
    NotFound,
    /// The key that is to be certified was told to be compromised; nothing has changed.
    KeyBlocked,
}

/// The answer to a revocation.
#[derive(Clone, Debug)]
pub enum RevokeVerdict {
    /// It is revoked now.
    Revoked(Box<Certificate>),
    /// It was revoked before; nothing has changed.
    AlreadyRevoked(Revocation),
    /// There is no such certificate.
    NotFound,
}

/// A nonce that a client has used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SpentNonce {
    /// The slot that issued it.
    pub slot: Slot,
    /// The epoch of that slot's lease.
    pub epoch: Epoch,
    /// Counts the nonces of that epoch.
    pub counter: u64,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it would have run out.
    pub expires_at: Timestamp,
}

/// The answer to spending a nonce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NonceVerdict {
    /// It was good, and is spent now.
    Fresh,
    /// It was spent before, has run out, or it cannot be known that it was not.
    Refused,
}

/// One page of a list, and where the next begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to pass as `after` for the next page; none at the end.
    pub next: Option<String>,
}

/// Which certificates to list.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// Only those for this identifier.
    pub identifier: Option<Identifier>,
    /// Only those of this account.
    pub account_id: Option<AccountId>,
    /// Only those that end before this.
    pub expires_before: Option<Timestamp>,
    /// Only those that are revoked, or those that are not.
    pub revoked: Option<bool>,
}

/// A challenge that is being tried, for people.
#[derive(Clone, Debug)]
pub struct ProcessingChallenge {
    /// The challenge.
    pub challenge: Challenge,
    /// What is to be proven, without `*.`.
    pub identifier: Identifier,
    /// Its retries.
    pub retry: Retry,
    /// The newest attempt.
    pub last: Option<Attempt>,
}

/// How long what has ended stays readable, counted from its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// Orders and authorizations with their challenges and attempts, after they expired.
    pub orders: Duration,
    /// Certificates, after they expired.
    pub certificates: Duration,
    /// Entries of the audit trail, by class, after they were written.
    pub audit: AuditRetention,
}

/// How long entries of the audit trail are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditRetention {
    /// Certificates that were issued or refused.
    pub issuance: Duration,
    /// Accounts and their keys.
    pub account: Duration,
    /// All that operators do, revocations, and starts of the server.
    pub control: Duration,
}

impl AuditRetention {
    /// How long entries of a class are kept.
    #[must_use]
    pub const fn of(&self, class: AuditClass) -> Duration {
        match class {
            AuditClass::Issuance => self.issuance,
            AuditClass::Account => self.account,
            AuditClass::Control => self.control,
        }
    }
}

impl Default for AuditRetention {
    /// 400 days, and 800 for what operators do.
    fn default() -> Self {
        Self {
            issuance: Duration::from_secs(400 * 86_400),
            account: Duration::from_secs(400 * 86_400),
            control: Duration::from_secs(800 * 86_400),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            orders: Duration::from_secs(7 * 86_400),
            certificates: Duration::from_secs(90 * 86_400),
            audit: AuditRetention::default(),
        }
    }
}

/// How much one batch of pruning has removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// Orders.
    pub orders: u64,
    /// Authorizations, with their challenges and attempts.
    pub authorizations: u64,
    /// Certificates.
    pub certificates: u64,
    /// Spent nonces.
    pub nonces: u64,
    /// Entries of the audit trail.
    pub audit: u64,
}
