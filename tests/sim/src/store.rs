//! The store as one process reaches it: the in-memory engine behind faults, watched by the oracle.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    Account, AccountVerdict, Attempt, Authorization, BeginFinalize, BeginValidation, Certificate,
    CertificateFilter, ChallengeState, Claim, ClaimBatch, CreateAccountVerdict,
    CreateAuthorizationVerdict, CreateOrderVerdict, CrlStanding, CrlVerdict, EarlyRenewal, Epoch,
    ExternalAccountKey, FinalizeVerdict, InFlight, Issuer, IssuerId, Judged, KeyChangeVerdict,
    Lease, LeaseVerdict, NonceVerdict, Observation, Order, OrderView, Origin, Page,
    ProcessingChallenge, Pruned, PublishedCrl, RecordVerdict, Retention, RetryPolicy,
    RevocationEntry, RevocationReason, RevokeVerdict, Serial, SpentNonce, Standing, Store,
    StoreError, ValidationView,
};
use acme_store::MemoryStore;
use acme_types::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId, Identifier, Jwk,
    OrderId, Problem, ProvisionerName, Slot, Thumbprint, Timestamp,
};
use async_trait::async_trait;
use tokio::time::sleep;

use crate::bug::Bug;
use crate::replica::Process;
use crate::world::World;

/// What happens to one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Done,
    /// It fails, and nothing has changed.
    FailsBefore,
    /// It is done, and the answer is lost.
    FailsAfter,
}

/// The store as one process reaches it.
#[derive(Debug)]
pub struct SimStore {
    world: Arc<World>,
    base: Arc<MemoryStore>,
    process: Arc<Process>,
}

impl SimStore {
    /// The store for a process.
    #[must_use]
    pub const fn new(world: Arc<World>, base: Arc<MemoryStore>, process: Arc<Process>) -> Self {
        Self {
            world,
            base,
            process,
        }
    }

    async fn call<T, F>(&self, act: &'static str, call: F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        self.process.gate().await;
        let (fate, wait) = self.world.seeded.draw(|rng| {
            let fate = match rng.below(60) {
                0 => Fate::FailsBefore,
                1 => Fate::FailsAfter,
                _ => Fate::Done,
            };
            let wait = if rng.one_in(4) {
                rng.millis(0, 40)
            } else {
                Duration::ZERO
            };
            (fate, wait)
        });
        sleep(wait).await;
        // Between two gates nothing awaits but the base, which never waits: the act is atomic.
        self.process.gate().await;
        let lost = || StoreError::Unavailable {
            context: format!("simulated fault in {act}"),
            source: None,
        };
        if fate == Fate::FailsBefore {
            self.note(act, "fails before it is done");
            return Err(lost());
        }
        let result = call.await;
        if let Err(error) = &result {
            self.note(act, &error.to_string());
        }
        self.process.gate().await;
        if fate == Fate::FailsAfter && result.is_ok() {
            self.note(act, "is done, its answer lost");
            return Err(lost());
        }
        result
    }

    fn note(&self, act: &str, what: &str) {
        self.world
            .oracle
            .note(&self.world, &self.process, &format!("{act}: {what}"));
    }

    fn forgets(&self, claim: &Claim) -> bool {
        let third = claim
            .challenge_id
            .as_str()
            .bytes()
            .next_back()
            .is_some_and(|b| b % 3 == 0);
        self.world.has(Bug::ForgetsClaims) && third
    }

    fn patience(&self, patience: Duration) -> Duration {
        if self.world.has(Bug::ClaimsWithoutPatience) {
            Duration::ZERO
        } else {
            patience
        }
    }

    fn watch_view(&self, view: &mut Option<ValidationView>) {
        let Some(view) = view else { return };
        for challenge in &mut view.authorization.challenges {
            let settled = challenge.state.status().is_settled();
            if settled && self.world.has(Bug::GoesBackwards) {
                challenge.state = ChallengeState::Pending;
            }
            self.world.oracle.saw(&self.world, challenge);
        }
    }

    /// The mark of the attempt that is being made, as the store has it.
    async fn mark(&self, id: &ChallengeId) -> Result<Option<InFlight>, StoreError> {
        let found = self.base.find_attempts(id).await?;
        let challenges = found
            .into_iter()
            .flat_map(|(authorization, _)| authorization.challenges);
        let same = |challenge: &acme_core::Challenge| challenge.id == *id;
        Ok(
            match challenges
                .into_iter()
                .find(same)
                .map(|challenge| challenge.state)
            {
                Some(ChallengeState::Processing { in_flight, .. }) => in_flight,
                _ => None,
            },
        )
    }

    /// A claim whose mark ran out at once still looks good to whoever holds it.
    fn prolong(&self, claim: &mut Claim, patience: Duration) {
        if self.world.has(Bug::ClaimsWithoutPatience) {
            claim.in_flight.until = claim.in_flight.started_at.plus(patience);
        }
    }

    async fn current_epoch(&self, slot: Slot) -> Option<Epoch> {
        let leases = self.base.leases().await.ok()?;
        leases
            .into_iter()
            .find(|lease| lease.slot == slot)
            .map(|lease| lease.epoch)
    }
}

macro_rules! sim_store {
    (plain { $(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)* } watched { $($watched:item)* }) => {
        #[async_trait]
        impl Store for SimStore {
            $(async fn $name(&self, $($arg: $ty),*) -> Result<$ret, StoreError> {
                self.call(stringify!($name), self.base.$name($($arg),*)).await
            })*
            $($watched)*
        }
    };
}

sim_store! {
    plain {
        fn leases() -> Vec<Lease>;
        fn nonce_key(fresh: [u8; 32]) -> [u8; 32];
        fn spend_nonce(nonce: SpentNonce, now: Timestamp) -> NonceVerdict;
        fn create_account(account: Account, origin: &Origin) -> CreateAccountVerdict;
        fn create_external_account_key(key: ExternalAccountKey, origin: &Origin) -> ();
        fn find_external_account_key(id: &ExternalAccountKeyId) -> Option<ExternalAccountKey>;
        fn revoke_external_account_key(id: &ExternalAccountKeyId, now: Timestamp, origin: &Origin) -> Option<ExternalAccountKey>;
        fn list_external_account_keys(after: Option<&str>, limit: u32) -> Page<ExternalAccountKey>;
        fn find_account(id: &AccountId) -> Option<Account>;
        fn find_account_by_key(provisioner: &ProvisionerName, thumbprint: &Thumbprint) -> Option<Account>;
        fn update_account(id: &AccountId, contact: Option<Vec<String>>, terms_agreed: Option<bool>, origin: &Origin) -> AccountVerdict;
        fn deactivate_account(id: &AccountId, now: Timestamp, origin: &Origin) -> AccountVerdict;
        fn change_account_key(id: &AccountId, old: &Thumbprint, jwk: &Jwk, thumbprint: &Thumbprint, origin: &Origin) -> KeyChangeVerdict;
        fn list_accounts(after: Option<&str>, limit: u32) -> Page<Account>;
        fn find_order(id: &OrderId) -> Option<OrderView>;
        fn list_orders(account_id: &AccountId, after: Option<&str>, limit: u32, now: Timestamp) -> Page<OrderId>;
        fn find_authorization(id: &AuthorizationId) -> Option<(Authorization, Vec<Vec<Attempt>>)>;
        fn create_authorization(authorization: Authorization, now: Timestamp) -> CreateAuthorizationVerdict;
        fn find_valid_authorizations(account_id: &AccountId, identifiers: &[Identifier]) -> Vec<Authorization>;
        fn deactivate_authorization(id: &AuthorizationId, account_id: &AccountId, now: Timestamp) -> Option<Authorization>;
        fn postpone_attempt(claim: &Claim, to: Timestamp) -> ();
        fn expire_challenges(slot: Slot, epoch: Epoch, limit: u32, now: Timestamp) -> u32;
        fn find_attempts(id: &ChallengeId) -> Option<(Authorization, Vec<Attempt>)>;
        fn list_processing(after: Option<&str>, limit: u32) -> Page<ProcessingChallenge>;
        fn put_issuer(issuer: &Issuer) -> ();
        fn begin_finalize(request: BeginFinalize<'_>) -> FinalizeVerdict;
        fn fail_finalize(certificate_id: &CertificateId, error: &Problem, slot: Slot, epoch: Epoch, origin: &Origin) -> FinalizeVerdict;
        fn find_unsigned(slot: Slot, before: Timestamp, limit: u32) -> Vec<Certificate>;
        fn find_certificate(id: &CertificateId) -> Option<(Certificate, Issuer)>;
        fn find_certificate_by_serial(serial: &Serial) -> Option<Certificate>;
        fn list_certificates(filter: &CertificateFilter, after: Option<&str>, limit: u32) -> Page<Certificate>;
        fn revoke_certificate(serial: &Serial, reason: RevocationReason, now: Timestamp, origin: &Origin) -> RevokeVerdict;
        fn set_early_renewal(serial: &Serial, early_renewal: Option<EarlyRenewal>) -> Option<Certificate>;
        fn revocations(issuer: &IssuerId, after: u64, limit: u32) -> Vec<RevocationEntry>;
        fn crl_standing(issuer: &IssuerId, number: u64) -> Option<CrlStanding>;
        fn publish_crl(crl: &PublishedCrl, replaces: u64) -> CrlVerdict;
        fn prune(retention: &Retention, limit: u32, now: Timestamp) -> Pruned;
        fn standing(slot: Slot, now: Timestamp) -> Standing;
        fn ping() -> ();
    }
    watched {
        // The database's clock decides leases, whatever the process's own says.
        async fn take_lease(&self, slot: Slot, holder: &str, life: Duration, _: Timestamp) -> Result<LeaseVerdict, StoreError> {
            let act = async {
                let verdict = self.base.take_lease(slot, holder, life, self.world.now()).await?;
                if matches!(verdict, LeaseVerdict::Taken(_)) {
                    self.world.oracle.lost_lease(slot);
                }
                Ok(verdict)
            };
            let verdict = self.call("take_lease", act).await?;
            if let LeaseVerdict::Taken(lease) = &verdict {
                self.note("take_lease", &format!("has slot {slot}, epoch {}", lease.epoch.0));
            }
            Ok(verdict)
        }

        async fn renew_lease(&self, slot: Slot, epoch: Epoch, life: Duration, _: Timestamp) -> Result<Lease, StoreError> {
            let act = async { self.base.renew_lease(slot, epoch, life, self.world.now()).await };
            self.call("renew_lease", act).await
        }

        async fn release_lease(&self, slot: Slot, epoch: Epoch, _: Timestamp) -> Result<(), StoreError> {
            let act = async { self.base.release_lease(slot, epoch, self.world.now()).await };
            self.call("release_lease", act).await
        }

        async fn adopt(&self, slot: Slot, epoch: Epoch, limit: u32, _: Timestamp) -> Result<u32, StoreError> {
            let act = async {
                let now = self.world.now();
                let adopted = self.base.adopt(slot, epoch, limit, now).await?;
                if adopted > 0 {
                    let leases = self.base.leases().await?;
                    for lease in leases.iter().filter(|lease| lease.expires_at <= now) {
                        self.world.oracle.lost_lease(lease.slot);
                    }
                }
                Ok(adopted)
            };
            let adopted = self.call("adopt", act).await?;
            if adopted > 0 {
                self.note("adopt", &format!("took over {adopted}"));
            }
            Ok(adopted)
        }

        async fn create_order(&self, order: Order, authorizations: Vec<Authorization>) -> Result<CreateOrderVerdict, StoreError> {
            if self.world.has(Bug::LosesOrders) {
                return self.call("create_order", async { Ok(CreateOrderVerdict::Created) }).await;
            }
            self.call("create_order", self.base.create_order(order, authorizations)).await
        }

        async fn begin_validation(&self, mut request: BeginValidation<'_>) -> Result<Option<ValidationView>, StoreError> {
            let wanted = request.claim_for.unwrap_or_default();
            request.claim_for = request.claim_for.map(|patience| self.patience(patience));
            let act = async {
                let mut view = self.base.begin_validation(request).await?;
                self.watch_view(&mut view);
                Ok(view)
            };
            let mut view = self.call("begin_validation", act).await?;
            if let Some(view) = &mut view {
                view.claim = view.claim.take().filter(|claim| !self.forgets(claim));
                if let Some(claim) = &mut view.claim {
                    self.prolong(claim, wanted);
                }
            }
            Ok(view)
        }

        async fn poll_validation(&self, request: BeginValidation<'_>) -> Result<Option<ValidationView>, StoreError> {
            let act = async {
                let mut view = self.base.poll_validation(request).await?;
                self.watch_view(&mut view);
                Ok(view)
            };
            self.call("poll_validation", act).await
        }

        async fn conclude_validation(&self, request: BeginValidation<'_>, judged: Judged<'_>) -> Result<Option<ValidationView>, StoreError> {
            let act = async {
                let mut view = self.base.conclude_validation(request, judged).await?;
                self.watch_view(&mut view);
                Ok(view)
            };
            self.call("conclude_validation", act).await
        }

        async fn claim_due(&self, slot: Slot, epoch: Epoch, limit: u32, patience: Duration, now: Timestamp) -> Result<ClaimBatch, StoreError> {
            let hurry = Duration::from_secs(if self.world.has(Bug::Hurries) { 10 } else { 0 });
            let act = self.base.claim_due(slot, epoch, limit, self.patience(patience), now.plus(hurry));
            let mut batch = self.call("claim_due", act).await?;
            batch.claims.retain(|claim| !self.forgets(claim));
            for claim in &mut batch.claims {
                self.prolong(claim, patience);
            }
            Ok(batch)
        }

        async fn complete_finalize(&self, certificate_id: &CertificateId, der: &[u8], slot: Slot, epoch: Epoch, origin: &Origin) -> Result<FinalizeVerdict, StoreError> {
            let act = async {
                let verdict = self.base.complete_finalize(certificate_id, der, slot, epoch, origin).await?;
                if matches!(verdict, FinalizeVerdict::Done(_)) {
                    self.world.oracle.issued(&self.world, certificate_id, der);
                }
                Ok(verdict)
            };
            self.call("complete_finalize", act).await
        }

        async fn record_attempt(&self, claim: &Claim, observation: &Observation, policy: &RetryPolicy, now: Timestamp) -> Result<RecordVerdict, StoreError> {
            let act = async {
                let mark = self.mark(&claim.challenge_id).await?;
                let mut written = claim.clone();
                if let (true, Some(mark)) = (self.world.has(Bug::ForgetsEpochs), mark) {
                    written.in_flight = mark;
                }
                let current = self.current_epoch(claim.in_flight.slot).await;
                let verdict = self.base.record_attempt(&written, observation, policy, now).await?;
                if let RecordVerdict::Recorded(challenge) = &verdict {
                    let in_force = mark.is_some_and(|mark| {
                        let key = |m: &InFlight| (m.slot, m.epoch, m.number);
                        key(&mark) == key(&claim.in_flight) && current == Some(mark.epoch)
                    });
                    self.world.oracle.recorded(&self.world, &self.process, claim, in_force, challenge);
                }
                Ok(verdict)
            };
            self.call("record_attempt", act).await
        }
    }
}
