//! The decisions of an ACME server, pure: what a challenge becomes after an attempt and when it is
//! tried again, what an order may turn into, which JWS and which CSR is good; and the ports through
//! which the rest of a server is reached.
//!
//! Nothing here opens a socket, a file or a database, and nothing reads a clock: `now` and
//! entropy come in as arguments. State is an enum with data; a transition consumes it, takes `now`
//! and returns the next one.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod account;
mod asn1;
mod attestation;
mod audit;
mod audit_trail;
mod authority;
mod authorization;
mod caa;
mod certificate;
mod certs_only;
mod challenge;
mod clock;
mod csr;
mod device_name;
mod digest;
mod dns_persist;
mod element;
mod entropy;
mod external_account;
mod issuance;
mod issue_value;
mod issuer_choice;
mod jws;
mod key;
mod key_kind;
mod leaf;
mod leaf_contents;
mod lease;
mod metric;
mod name_pattern;
mod nonce;
mod observation;
mod ocsp;
mod operator;
mod operators;
mod order;
mod peer;
pub mod pem;
mod policy;
mod policy_hook;
mod profile;
mod provisioner;
mod records;
mod renewal;
mod retry;
mod revocation;
mod runner;
mod signature;
mod store;
mod story;
mod validator;

pub use account::Account;
pub use attestation::{
    AttestationClaim, AttestationFormat, AttestationPolicy, InvalidAttestationRoot,
};
pub use audit::{
    Actor, AuditAct, AuditBody, AuditClass, AuditEntry, AuditEvent, AuditFinding, AuditFlaw,
    ChainCheck, ChainHead, Origin, hexadecimal,
};
pub use audit_trail::{AuditFilter, AuditTrail};
pub use authority::{AuthorityError, IssueRequest, Prepared, SignAuthority};
pub use authorization::{Authorization, AuthorizationPolicy, AuthorizationState};
pub use caa::{CaaCheck, CaaMode, CaaRecord};
pub use certificate::{
    Certificate, Issuer, IssuerId, ParseSerialError, Revocation, RevocationReason, Serial,
};
pub use certs_only::certs_only;
pub use challenge::{
    Attempt, Challenge, ChallengeState, Claim, InFlight, MAX_SHOWN_ATTEMPTS, Stopped,
};
pub use clock::{Clock, ManualClock};
pub use csr::Csr;
pub use device_name::device_other_name;
pub use digest::{dns_account01_label, dns01_value, key_authorization_digest, thumbprint};
pub use dns_persist::persist_refusal;
pub use entropy::{Entropy, EntropyRng};
pub use external_account::{
    ExternalAccount, ExternalAccountBinding, ExternalAccountKey, ExternalKeyRefusal, MacSecret,
};
pub use issuance::Issuance;
pub use issuer_choice::{InvalidIssuerName, IssuerChoice, IssuerName};
pub use jws::{KeyChange, SignedRequest};
pub use key::{VerifyKey, jwk_from_spki, ml_dsa_oid, spki_of};
pub use key_kind::{KeyKind, KeyRules, UnknownKeyKind};
pub use leaf::{LeafFacts, certified_key};
pub use leaf_contents::{ExtendedKeyUsage, LeafContents, LeafKeyUsage, UnknownExtendedKeyUsage};
pub use lease::{Epoch, Lease, LeaseVerdict, Tenure};
pub use metric::{Metric, MetricKind};
pub use name_pattern::{InvalidNamePattern, NamePattern};
pub use nonce::{NONCE_LIFE, NonceKey};
pub use observation::{Finding, Judgement, Observation, Phase, printable};
pub use ocsp::{
    CertificateStatus, MAX_OCSP_CERTIFICATES, OcspCertId, OcspIssuer, OcspQuery, OcspRefusal,
    OcspReply, OcspRequest, SignedOcsp,
};
pub use operator::{
    InvalidOperatorName, Operator, OperatorName, Proof, ProofDigest, ProofKind, ProofSecret, Role,
    UnknownProofKind, UnknownRole,
};
pub use operators::{CreateOperatorVerdict, Operators};
pub use order::{
    MAX_PENDING_AUTHORIZATIONS, MAX_UNFINISHED_ORDERS, Order, OrderRequest, OrderState,
};
pub use peer::Peer;
pub use policy::{Policy, check_each};
pub use policy_hook::{
    HookEvent, HookMoment, HookQuestion, HookVerdict, PolicyHook, PolicyHookError,
};
pub use profile::Profile;
pub use provisioner::{Lifetimes, Provisioner};
pub use records::{AccountFilter, AdminStore, AuthorizationFilter, OrderFilter, Records};
pub use renewal::{
    EarlyRenewal, InvalidRenewalId, RenewalId, RenewalInfo, RenewalPolicy, Replacement,
    check_replacement,
};
pub use retry::{InvalidRetryPolicy, OnExhausted, Retry, RetryPolicy};
pub use revocation::{
    CrlRequest, CrlStanding, CrlVerdict, ParseIssuerIdError, PublishedCrl, RevocationEntry,
    RevocationPublisher,
};
pub use runner::AttemptRunner;
pub use store::{
    AccountVerdict, AuditRetention, BeginFinalize, BeginValidation, CertificateFilter, ClaimBatch,
    CreateAccountVerdict, CreateAuthorizationVerdict, CreateOrderVerdict, FinalizeVerdict, Judged,
    KeyChangeVerdict, NewCertificate, NonceVerdict, OrderView, Page, ProcessingChallenge, Pruned,
    RecordVerdict, Retention, RevokeVerdict, SpentNonce, Standing, Store, StoreError,
    ValidationView,
};
pub use story::{Retries, Story, Subject, Told, ToldAttempt, advice, roughly, tell};
pub use validator::{Probe, Validator};
