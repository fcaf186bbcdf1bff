//! A store as an afternoon of a server leaves it behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use acme_core::{
    Account, BeginFinalize, BeginValidation, Claim, Clock as _, EntropyRng, Epoch, FinalizeVerdict,
    Finding, Issuer, IssuerId, LeaseVerdict, NewCertificate, Observation, Order, OrderRequest,
    Phase, Provisioner, RecordVerdict, Serial, Store as _,
};
use acme_server::system::{SystemClock, SystemEntropy};
use acme_store::SqliteStore;
use acme_types::{
    AccountId, AccountStatus, CertificateId, ChallengeId, Identifier, Jwk, Slot, Thumbprint,
    Timestamp,
};
use tempfile::TempDir;

/// A directory with a configuration and a store, and what is in it.
pub(crate) struct Prepared {
    dir: TempDir,
    pub(crate) account: String,
    pub(crate) order: String,
    pub(crate) authorization: String,
    pub(crate) challenge: String,
    /// The serial number and the id of the order's certificate, when it has one.
    pub(crate) certificate: Option<(String, String)>,
}

impl Prepared {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// What stands for the DER of the certificate and of its issuer: nothing here looks into them.
pub(crate) const LEAF: &[u8] = b"the certificate";
pub(crate) const ISSUER: &[u8] = b"its issuer";

/// An account with one order for `www.example.internal`, whose http-01 challenge has been tried
/// twice.
pub(crate) fn tried_twice() -> Prepared {
    prepare(async |fixture| {
        fixture.try_twice().await;
        None
    })
}

/// The same when the third attempt has met the proof and a certificate was issued.
pub(crate) fn issued() -> Prepared {
    prepare(async |fixture| {
        fixture.try_twice().await;
        fixture.prove().await;
        Some(fixture.issue().await)
    })
}

struct Fixture {
    store: SqliteStore,
    epoch: Epoch,
    provisioner: Provisioner,
    account_id: AccountId,
    order: Order,
    challenge_id: ChallengeId,
    now: Timestamp,
}

const SLOT: Slot = Slot::new(0);
const PATIENCE: Duration = Duration::from_secs(30);

fn prepare(fill: impl AsyncFnOnce(&mut Fixture) -> Option<(String, String)>) -> Prepared {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("acme-data");
    fs::create_dir(&data).unwrap();
    let config = "base_url = \"https://ca.internal\"\n[store]\nurl = \"sqlite:acme.db\"\n[ca]\ndir = \"ca\"\n";
    fs::write(data.join("acme-server.toml"), config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(data.join("acme.db")).unwrap();
        let mut fixture = Fixture::new(store).await;
        let certificate = fill(&mut fixture).await;
        fixture.store.close().await.unwrap();
        Prepared {
            dir,
            account: fixture.account_id.to_string(),
            order: fixture.order.id.to_string(),
            authorization: fixture.order.authorizations[0].to_string(),
            challenge: fixture.challenge_id.to_string(),
            certificate,
        }
    })
}

impl Fixture {
    async fn new(store: SqliteStore) -> Self {
        let now = SystemClock.now();
        let mut rng = EntropyRng(&SystemEntropy);
        let life = Duration::from_secs(60);
        let taken = store.take_lease(SLOT, "test", life, now).await.unwrap();
        let LeaseVerdict::Taken(lease) = taken else {
            panic!("{taken:?}");
        };
        let provisioner = Provisioner::new("default".parse().unwrap());
        let account = account(&provisioner, now, &mut rng);
        let account_id = account.id.clone();
        store
            .create_account(
                account,
                &acme_core::Origin::of_command(Timestamp::from_secs(0)),
            )
            .await
            .unwrap();
        let names = vec![Identifier::Dns("www.example.internal".parse().unwrap())];
        let opened = Order::open(
            &account_id,
            &provisioner,
            OrderRequest::new(names),
            now,
            &mut rng,
        );
        let (order, authorizations) = opened.unwrap();
        let challenge_id = authorizations[0].challenges[0].id.clone();
        store
            .create_order(order.clone(), authorizations)
            .await
            .unwrap();
        Self {
            store,
            epoch: lease.epoch,
            provisioner,
            account_id,
            order,
            challenge_id,
            now,
        }
    }

    async fn try_twice(&mut self) {
        let request = BeginValidation {
            challenge_id: &self.challenge_id,
            account_id: &self.account_id,
            slot: SLOT,
            epoch: self.epoch,
            policy: &self.provisioner.retry,
            claim_for: Some(PATIENCE),
            now: self.now,
        };
        let view = self.store.begin_validation(request).await.unwrap().unwrap();
        let refused = "10.0.3.7:80 refused the connection after 1 ms";
        self.record(
            view.claim.unwrap(),
            Finding::ConnectRefused,
            Phase::Connect,
            refused,
        )
        .await;
        let claim = self.next_claim().await;
        let not_found = "connected to 10.0.3.7:80 after 1 ms, 404 Not Found";
        self.record(claim, Finding::HttpStatus, Phase::Http, not_found)
            .await;
    }

    async fn prove(&mut self) {
        let claim = self.next_claim().await;
        self.record(claim, Finding::Proof, Phase::Compare, "200 OK")
            .await;
    }

    async fn next_claim(&mut self) -> Claim {
        self.now = self.now.plus(Duration::from_secs(12));
        let claimed = self
            .store
            .claim_due(SLOT, self.epoch, 10, PATIENCE, self.now);
        claimed.await.unwrap().claims.remove(0)
    }

    async fn record(&self, claim: Claim, finding: Finding, phase: Phase, detail: &str) {
        let observation = Observation {
            finding,
            phase,
            address: Some("10.0.3.7:80".parse().unwrap()),
            detail: detail.to_owned(),
            took: Duration::from_millis(2),
        };
        let policy = &self.provisioner.retry;
        let recorded = self
            .store
            .record_attempt(&claim, &observation, policy, self.now)
            .await;
        assert!(
            matches!(recorded, Ok(RecordVerdict::Recorded(_))),
            "{recorded:?}"
        );
    }

    async fn issue(&self) -> (String, String) {
        let mut rng = EntropyRng(&SystemEntropy);
        let issuer = Issuer {
            id: IssuerId([3; 32]),
            chain: vec![ISSUER.to_vec()],
        };
        self.store.put_issuer(&issuer).await.unwrap();
        let certificate = NewCertificate {
            id: CertificateId::random(&mut rng),
            serial: Serial::random(SLOT, &mut rng),
            issuer: issuer.id,
            not_before: self.now,
            not_after: self.now.plus(Duration::from_secs(30 * 86_400)),
            tbs: b"to be signed".to_vec(),
        };
        let (id, serial) = (certificate.id.clone(), certificate.serial);
        let request = BeginFinalize {
            order_id: &self.order.id,
            certificate,
            slot: SLOT,
            epoch: self.epoch,
            now: self.now,
        };
        let begun = self.store.begin_finalize(request).await;
        assert!(matches!(begun, Ok(FinalizeVerdict::Done(_))), "{begun:?}");
        let completed = self
            .store
            .complete_finalize(
                &id,
                LEAF,
                SLOT,
                self.epoch,
                &acme_core::Origin::of_command(Timestamp::from_secs(0)),
            )
            .await;
        assert!(
            matches!(completed, Ok(FinalizeVerdict::Done(_))),
            "{completed:?}"
        );
        (serial.to_string(), id.to_string())
    }
}

fn account(provisioner: &Provisioner, now: Timestamp, rng: &mut EntropyRng<'_>) -> Account {
    // The example key of RFC 8037, appendix A.
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    Account {
        id: AccountId::random(rng),
        provisioner: provisioner.name.clone(),
        thumbprint: Thumbprint([7; 32]),
        jwk,
        status: AccountStatus::Valid,
        contact: vec!["mailto:ops@example.internal".to_owned()],
        terms_agreed: false,
        external_account: None,
        created_at: now,
    }
}
