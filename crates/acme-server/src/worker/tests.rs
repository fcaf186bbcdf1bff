//! The beginning and the end of attempts: a claim that waited is not used; what was being made when a
//! worker ends is due again at once.

use std::sync::atomic::AtomicU32;

use acme_core::{
    Account, AuthorityError, BeginValidation, EntropyRng, Epoch, IssueRequest, Issuer, IssuerId,
    LeaseVerdict, ManualClock, Order, OrderRequest, Prepared, Provisioner,
};
use acme_store::MemoryStore;
use acme_types::{AccountId, AccountStatus, Identifier, Jwk, ProvisionerName, Slot, Thumbprint};

use super::*;
use crate::system::{SystemClock, SystemEntropy};

const LEASE: Duration = Duration::from_secs(15);
const ENDING: Slot = Slot::new(0);
const OTHER: Slot = Slot::new(1);

/// A target that never answers.
#[derive(Default)]
struct Silent {
    asked: AtomicU32,
}

#[async_trait]
impl Validator for Silent {
    async fn probe(&self, _: &Probe) -> Observation {
        self.asked.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

/// An authority that is only asked for its provisioner.
struct Policy(Arc<Provisioner>);

#[async_trait]
impl SignAuthority for Policy {
    fn load_provisioner_by_id(&self, _: &ProvisionerName) -> Option<Arc<Provisioner>> {
        Some(Arc::clone(&self.0))
    }

    async fn prepare(&self, _: &IssueRequest) -> Result<Prepared, AuthorityError> {
        Err(AuthorityError::UnknownIssuer)
    }

    async fn sign(&self, _: IssuerId, _: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        Err(AuthorityError::UnknownIssuer)
    }

    fn issuers(&self) -> Vec<Issuer> {
        Vec::new()
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

async fn lease(store: &dyn Store, slot: Slot) -> Epoch {
    let taken = store.take_lease(slot, "test", LEASE, SystemClock.now());
    match taken.await.unwrap() {
        LeaseVerdict::Taken(lease) => lease.epoch,
        LeaseVerdict::Held(lease) => panic!("{lease:?}"),
    }
}

/// An order whose challenge was asked for at a slot, but not claimed.
async fn armed(store: &dyn Store, provisioner: &Provisioner, slot: Slot, epoch: Epoch) {
    let now = SystemClock.now();
    let mut rng = EntropyRng(&SystemEntropy);
    let account = Account {
        id: AccountId::random(&mut rng),
        provisioner: provisioner.name.clone(),
        jwk: Jwk::Ed25519 { x: [7; 32] },
        thumbprint: Thumbprint([7; 32]),
        status: AccountStatus::Valid,
        contact: Vec::new(),
        terms_agreed: false,
        external_account: None,
        created_at: now,
    };
    let account_id = account.id.clone();
    store
        .create_account(
            account,
            &acme_core::Origin::of_command(Timestamp::from_secs(0)),
        )
        .await
        .unwrap();
    let name = vec![Identifier::Dns("silent.test".parse().unwrap())];
    let opened = Order::open(
        &account_id,
        provisioner,
        OrderRequest::new(name),
        now,
        &mut rng,
    );
    let (order, authorizations) = opened.unwrap();
    let challenge_id = authorizations[0].challenges[0].id.clone();
    store.create_order(order, authorizations).await.unwrap();
    let request = BeginValidation {
        challenge_id: &challenge_id,
        account_id: &account_id,
        slot,
        epoch,
        policy: &provisioner.retry,
        claim_for: None,
        now,
    };
    store.begin_validation(request).await.unwrap().unwrap();
}

/// A worker of the slot that ends, whose probes never do.
fn worker(
    store: &Arc<MemoryStore>,
    validator: &Arc<Silent>,
    provisioner: Arc<Provisioner>,
    clock: Arc<dyn Clock>,
    epoch: Epoch,
) -> Worker {
    let ports = WorkerPorts {
        account_urls: Arc::new(|_, _| Vec::new()),
        store: Arc::clone(store) as Arc<dyn Store>,
        validator: Arc::clone(validator) as Arc<dyn Validator>,
        authority: Arc::new(Policy(provisioner)),
        clock,
        tenure: Arc::new(Tenure::new(ENDING, epoch)),
    };
    Worker::new(ports, WorkerLimits::default())
}

#[tokio::test]
async fn a_claim_that_has_waited_is_put_off() {
    let patience = WorkerLimits::default().patience();
    for (waited, begins) in [(BEGIN_WITHIN, true), (BEGIN_WITHIN * 2, false)] {
        let provisioner = Arc::new(Provisioner::new("test".parse().unwrap()));
        let store = Arc::new(MemoryStore::new());
        let epoch = lease(&*store, ENDING).await;
        armed(&*store, &provisioner, ENDING, epoch).await;
        let now = SystemClock.now();
        let claimed = store.claim_due(ENDING, epoch, 10, patience, now);
        let claim = claimed.await.unwrap().claims.pop().unwrap();

        let validator = Arc::new(Silent::default());
        let clock = Arc::new(ManualClock::new(now.plus(waited)));
        let worker = worker(&store, &validator, provisioner, clock, epoch);
        let ended = timeout(Duration::from_millis(500), worker.run(claim)).await;
        assert_eq!(ended.is_err(), begins, "{waited:?}");
        assert_eq!(validator.asked.load(Ordering::Relaxed), u32::from(begins));
        // The claim of the one that waited is not waited for.
        let again = store.claim_due(ENDING, epoch, 10, patience, now.plus(waited));
        assert_eq!(again.await.unwrap().claims.is_empty(), begins);
    }
}

#[tokio::test]
async fn what_was_being_made_at_the_end_is_due_at_once() {
    let provisioner = Arc::new(Provisioner::new("test".parse().unwrap()));
    let store = Arc::new(MemoryStore::new());
    let epoch = lease(&*store, ENDING).await;
    let other = lease(&*store, OTHER).await;
    armed(&*store, &provisioner, ENDING, epoch).await;
    let validator = Arc::new(Silent::default());
    let limits = WorkerLimits::default();
    let worker = worker(
        &store,
        &validator,
        provisioner,
        Arc::new(SystemClock),
        epoch,
    );
    let stop = watch::Sender::new(false);
    let stopped = stop.subscribe();
    let work = tokio::spawn(async move { worker.run_until(stopped, Duration::ZERO).await });
    while validator.asked.load(Ordering::Relaxed) == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    stop.send_replace(true);
    work.await.unwrap();

    let now = SystemClock.now();
    store.release_lease(ENDING, epoch, now).await.unwrap();
    assert_eq!(store.adopt(OTHER, other, 10, now).await.unwrap(), 1);
    let claimed = store.claim_due(OTHER, other, 10, limits.patience(), SystemClock.now());
    assert_eq!(claimed.await.unwrap().claims.len(), 1);
}
