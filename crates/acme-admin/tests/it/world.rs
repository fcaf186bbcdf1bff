//! A desk over a store in memory and a real authority, and requests to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acme_admin::{AdminConfig, AdminServices, Process, routes};
use acme_ca::{InitOptions, KeyType, LocalAuthority};
use acme_core::{
    AdminStore, AttemptRunner, Claim, Clock as _, Entropy, EntropyRng, Epoch, Lease, LeaseVerdict,
    ManualClock, Operator, Proof, ProofKind, ProofSecret, Provisioner, Role, Tenure,
};
use acme_store::MemoryStore;
use acme_types::{Slot, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::reply::Response;

/// Random bytes of the system.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

/// The slot of the replica.
pub(crate) const SLOT: Slot = Slot::new(0);

/// A process that goes on, and tells whether it was to drain.
#[derive(Default)]
pub(crate) struct Still(pub(crate) AtomicBool);

impl Process for Still {
    fn configuration(&self) -> Value {
        serde_json::json!({ "base_url": "https://ca.internal" })
    }

    fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Leaves attempts to nobody: what is due stays due.
struct Idle;

#[async_trait::async_trait]
impl AttemptRunner for Idle {
    fn has_room(&self) -> bool {
        false
    }

    async fn run(&self, _: Claim) {}

    fn wake(&self) {}
}

/// A desk, and what is behind it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) desk: BoxedFilter<(Response,)>,
    pub(crate) process: Arc<Still>,
    pub(crate) epoch: Epoch,
    _dir: TempDir,
}

/// An answer, read.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The status and the end of the problem's type.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.text
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let kind = problem["type"].as_str().unwrap();
        let word = kind.strip_prefix("urn:acme-server:admin:").unwrap();
        (self.status, word.to_owned())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let now: Timestamp = "2030-01-31T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let dir = tempfile::tempdir().unwrap();
        let options = InitOptions {
            name: "Test".to_owned(),
            key_type: KeyType::P256,
            root: None,
            passphrase: None,
        };
        acme_ca::init(dir.path(), &options, &SystemEntropy, now).unwrap();
        let provisioner = Arc::new(Provisioner::new("default".parse().unwrap()));
        let authority = LocalAuthority::load(dir.path(), None, vec![provisioner], now).unwrap();
        let store: Arc<dyn AdminStore> = Arc::new(MemoryStore::new());
        let life = Duration::from_secs(86_400);
        let taken = store.take_lease(SLOT, "test", life, now).await.unwrap();
        let LeaseVerdict::Taken(Lease { epoch, .. }) = taken else {
            panic!("held: {taken:?}");
        };
        let process = Arc::new(Still::default());
        let services = AdminServices {
            store: Arc::clone(&store),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            authority: Arc::new(authority),
            publisher: None,
            tenure: Arc::new(Tenure::new(SLOT, epoch)),
            runner: Arc::new(Idle),
            process: Arc::clone(&process) as Arc<dyn Process>,
            ending: tokio::sync::watch::channel(false).1,
        };
        Self {
            store,
            clock,
            desk: routes(AdminConfig::default(), services),
            process,
            epoch,
            _dir: dir,
        }
    }

    /// A secret that proves to be this operator, for an hour.
    pub(crate) async fn secret(&self, name: &str, role: Role, kind: ProofKind) -> ProofSecret {
        let now = self.clock.now();
        let secret = ProofSecret::random(&mut EntropyRng(&SystemEntropy));
        let operator = Operator {
            name: name.parse().unwrap(),
            role,
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let proof = Proof {
            digest: secret.digest(),
            kind,
            operator: operator.name.clone(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
        };
        self.store
            .create_operator(
                operator,
                vec![],
                &acme_core::Origin::of_command(Timestamp::from_secs(0)),
            )
            .await
            .unwrap();
        assert!(
            self.store
                .add_proof(
                    proof,
                    &acme_core::Origin::of_command(Timestamp::from_secs(0))
                )
                .await
                .unwrap()
        );
        secret
    }

    /// A bearer token of an operator of this role.
    pub(crate) async fn token(&self, role: Role) -> String {
        let secret = self.secret(role.as_str(), role, ProofKind::Token).await;
        secret.to_token()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Got {
        self.send(
            "GET",
            path,
            &[("authorization", &format!("Bearer {token}"))],
            "",
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Got {
        let headers = [
            ("authorization", &*format!("Bearer {token}")),
            ("content-type", "application/json"),
        ];
        self.send("POST", path, &headers, body).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let mut request = warp::test::request().method(method).path(path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.reply(&self.desk).await;
        Got {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: String::from_utf8(answer.body().to_vec()).unwrap(),
        }
    }
}
