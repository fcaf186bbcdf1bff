//! What issuances cost the store alone: everything that the server asks of it for one certificate
//! with one name, over and over, by several clients at once.
//!
//! `cargo run --release -p acme-store --example cost -- sqlite:/tmp/cost.db 64 20000`
//! `cargo run --release -p acme-store --example cost -- postgres://me@localhost/cost 64 20000`

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that fails has nothing to say"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use acme_core::{
    Account, BeginFinalize, BeginValidation, Entropy, EntropyRng, Epoch, FinalizeVerdict, Finding,
    Issuer, IssuerId, LeaseVerdict, Lifetimes, NewCertificate, Observation, Order, OrderRequest,
    Phase, Provisioner, Serial, SpentNonce, Store,
};
use acme_store::{MemoryStore, PostgresStore, SqliteStore};
use acme_types::{
    AccountId, AccountStatus, CertificateId, Identifier, Jwk, Slot, Thumbprint, Timestamp,
    parse_identifiers,
};

/// Whence acts come of which nothing else is said.
static ORIGIN: acme_core::Origin = acme_core::Origin::of_command(Timestamp::from_secs(0));

const SLOT: Slot = Slot::new(0);
const DAY: Duration = Duration::from_secs(86_400);

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, clients, issuances] = arguments.as_slice() else {
        panic!("usage: cost sqlite:FILE|memory|postgres://... CLIENTS ISSUANCES");
    };
    let (clients, issuances): (u64, u64) = (clients.parse().unwrap(), issuances.parse().unwrap());
    let store: Arc<dyn Store> = if let Some(file) = target.strip_prefix("sqlite:") {
        Arc::new(SqliteStore::open(file).unwrap())
    } else if target == "memory" {
        Arc::new(MemoryStore::new())
    } else {
        Arc::new(PostgresStore::connect(target).await.unwrap())
    };
    let now = Timestamp::from_secs(1_900_000_000);
    let LeaseVerdict::Taken(lease) = store.take_lease(SLOT, "cost", DAY, now).await.unwrap() else {
        panic!("another process holds the slot");
    };
    store.put_issuer(&issuer()).await.unwrap();

    let left = Arc::new(AtomicU64::new(issuances));
    let nonces = Arc::new(AtomicU64::new(0));
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let client = Client {
            store: store.clone(),
            nonces: nonces.clone(),
            epoch: lease.epoch,
            now,
        };
        let left = left.clone();
        tasks.push(tokio::spawn(async move {
            let account = client.account().await;
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            {
                client.issue(&account).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (wall, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
    let each = |span: Duration| span.as_micros() as u64 / issuances;
    println!(
        "{issuances} issuances by {clients} clients: {} per second, {} µs of CPU each in this process",
        issuances as u128 * 1_000_000 / wall.as_micros().max(1),
        each(cpu),
    );
}

struct Client {
    store: Arc<dyn Store>,
    nonces: Arc<AtomicU64>,
    epoch: Epoch,
    now: Timestamp,
}

impl Client {
    /// What every signed request asks first.
    async fn request(&self, account: &AccountId) {
        let nonce = SpentNonce {
            slot: SLOT,
            epoch: self.epoch,
            counter: self.nonces.fetch_add(1, Ordering::Relaxed),
            issued_at: self.now,
            expires_at: self.now.plus(Duration::from_secs(3600)),
        };
        self.store.find_account(account).await.unwrap().unwrap();
        self.store.spend_nonce(nonce, self.now).await.unwrap();
    }

    async fn account(&self) -> Account {
        let mut x = [0; 32];
        OsEntropy.fill(&mut x);
        let account = Account {
            id: AccountId::random(&mut EntropyRng(&OsEntropy)),
            provisioner: "default".parse().unwrap(),
            jwk: Jwk::Ed25519 { x },
            thumbprint: Thumbprint(x),
            status: AccountStatus::Valid,
            contact: vec!["mailto:someone@example.com".to_owned()],
            terms_agreed: true,
            external_account: None,
            created_at: self.now,
        };
        self.store
            .create_account(account.clone(), &ORIGIN)
            .await
            .unwrap();
        account
    }

    async fn issue(&self, account: &Account) {
        let rng = &mut EntropyRng(&OsEntropy);
        let provisioner = provisioner();
        let (order, authorizations) = Order::open(
            &account.id,
            &provisioner,
            OrderRequest::new(vec![name()]),
            self.now,
            rng,
        )
        .unwrap();
        let (order_id, authorization) = (order.id.clone(), authorizations[0].clone());
        self.request(&account.id).await;
        self.store
            .create_order(order, authorizations)
            .await
            .unwrap();

        self.request(&account.id).await;
        self.store
            .find_authorization(&authorization.id)
            .await
            .unwrap();

        self.request(&account.id).await;
        let http = authorization.challenges.iter();
        let http = http.min_by_key(|challenge| challenge.kind).unwrap();
        let view = self
            .store
            .begin_validation(BeginValidation {
                challenge_id: &http.id,
                account_id: &account.id,
                slot: SLOT,
                epoch: self.epoch,
                policy: &provisioner.retry,
                claim_for: Some(Duration::from_secs(30)),
                now: self.now,
            })
            .await
            .unwrap();
        let claim = view.unwrap().claim.unwrap();
        let seen = Observation {
            finding: Finding::Proof,
            phase: Phase::Compare,
            address: Some("127.0.0.1:80".parse().unwrap()),
            detail: "connected to 127.0.0.1:80 after 1 ms, 200 OK".to_owned(),
            took: Duration::from_millis(1),
        };
        let record = self
            .store
            .record_attempt(&claim, &seen, &provisioner.retry, self.now);
        record.await.unwrap();

        self.request(&account.id).await;
        self.store
            .find_authorization(&authorization.id)
            .await
            .unwrap();

        self.request(&account.id).await;
        self.store.find_order(&order_id).await.unwrap();
        let certificate_id = CertificateId::random(rng);
        let finalize = BeginFinalize {
            order_id: &order_id,
            certificate: NewCertificate {
                id: certificate_id.clone(),
                serial: Serial::random(SLOT, rng),
                issuer: issuer().id,
                not_before: self.now,
                not_after: self.now.plus(DAY),
                tbs: tbs(),
            },
            slot: SLOT,
            epoch: self.epoch,
            now: self.now,
        };
        let begun = self.store.begin_finalize(finalize).await.unwrap();
        assert!(matches!(begun, FinalizeVerdict::Done(_)), "{begun:?}");
        let der = [&[0x30, 0x82, 0x02, 0x0a][..], &tbs(), &[0; 70]].concat();
        let complete =
            self.store
                .complete_finalize(&certificate_id, &der, SLOT, self.epoch, &ORIGIN);
        complete.await.unwrap();

        self.request(&account.id).await;
        self.store
            .find_certificate(&certificate_id)
            .await
            .unwrap()
            .unwrap();
    }
}

/// As long as that of a usual leaf.
fn tbs() -> Vec<u8> {
    [&[0x30, 0x82, 0x01, 0xc0][..], &[5; 448]].concat()
}

fn issuer() -> Issuer {
    Issuer {
        id: IssuerId([7; 32]),
        chain: vec![vec![0x30; 500]],
    }
}

fn name() -> Identifier {
    let raw = serde_json::from_str(r#"[{"type":"dns","value":"www.example.com"}]"#).unwrap();
    parse_identifiers(raw).unwrap().remove(0)
}

fn provisioner() -> Provisioner {
    Provisioner {
        lifetimes: Lifetimes { order: DAY },
        ..Provisioner::new("default".parse().unwrap())
    }
}

/// User and system time of this process, in the 10 ms steps of `/proc`.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = after_name.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
