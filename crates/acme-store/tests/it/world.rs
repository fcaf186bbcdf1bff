//! A small world around a store: accounts, orders and observations as a server would bring them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use acme_core::{
    Account, AdminStore, Authorization, BeginFinalize, BeginValidation, Challenge, Claim,
    ClaimBatch, CreateAccountVerdict, Entropy, EntropyRng, Epoch, ExternalAccountKey,
    FinalizeVerdict, Finding, Issuer, IssuerId, LeaseVerdict, Lifetimes, MacSecret, NewCertificate,
    Observation, Order, OrderRequest, Origin, Phase, Provisioner, RecordVerdict, RetryPolicy,
    Serial, ValidationView,
};
use acme_types::{
    AccountId, AccountStatus, CertificateId, ChallengeKind, ExternalAccountKeyId, Identifier, Jwk,
    RawIdentifier, Slot, Thumbprint, Timestamp,
};

/// Where the tests' time begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_900_000_000);
/// How long leases live.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// How long a claimed attempt may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Time between attempts.
pub(crate) const INTERVAL: Duration = RetryPolicy::INTERVAL;
/// Life of orders and authorizations.
pub(crate) const LIFE: Duration = Duration::from_secs(3600);

/// Whence acts come of which nothing else is said.
pub(crate) static ORIGIN: Origin = Origin::of_command(START);

pub(crate) const A: Slot = Slot::new(0);
pub(crate) const B: Slot = Slot::new(1);

/// `START` and some seconds.
pub(crate) fn at(secs: u64) -> Timestamp {
    START.plus(Duration::from_secs(secs))
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

pub(crate) fn rng() -> EntropyRng<'static> {
    EntropyRng(&OsEntropy)
}

/// A store and the policy of its one provisioner.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) policy: RetryPolicy,
}

/// An order with its authorizations, and the account that opened it.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) account: Account,
    pub(crate) order: Order,
    pub(crate) authorizations: Vec<Authorization>,
}

impl Opened {
    /// A challenge of the first authorization.
    pub(crate) fn challenge(&self, kind: ChallengeKind) -> &Challenge {
        let mut challenges = self.authorizations[0].challenges.iter();
        challenges.find(|c| c.kind == kind).unwrap()
    }

    pub(crate) fn http(&self) -> &Challenge {
        self.challenge(ChallengeKind::Http01)
    }
}

impl World {
    pub(crate) fn new(store: Arc<dyn AdminStore>) -> Self {
        Self {
            store,
            policy: RetryPolicy::default(),
        }
    }

    pub(crate) fn provisioner(&self) -> Provisioner {
        Provisioner {
            retry: self.policy.clone(),
            lifetimes: Lifetimes { order: LIFE },
            ..Provisioner::new("default".parse().unwrap())
        }
    }

    /// Takes a slot's lease for a process that lives on.
    pub(crate) async fn lease(&self, slot: Slot, holder: &str, now: Timestamp) -> Epoch {
        let life = Duration::from_secs(7 * 86_400);
        match self
            .store
            .take_lease(slot, holder, life, now)
            .await
            .unwrap()
        {
            LeaseVerdict::Taken(lease) => lease.epoch,
            LeaseVerdict::Held(lease) => panic!("held: {lease:?}"),
        }
    }

    pub(crate) async fn account(&self) -> Account {
        let account = new_account();
        match self
            .store
            .create_account(account.clone(), &ORIGIN)
            .await
            .unwrap()
        {
            CreateAccountVerdict::Done(made) => assert_eq!(made, account),
            other => panic!("{other:?}"),
        }
        account
    }

    /// A key that accounts can be bound to, as often as it says.
    pub(crate) async fn external_key(&self, max_uses: Option<u32>) -> ExternalAccountKey {
        let key = external_key(max_uses);
        let created = self.store.create_external_account_key(key.clone(), &ORIGIN);
        created.await.unwrap();
        key
    }

    /// An order for DNS names.
    pub(crate) async fn open(&self, names: &[&str], now: Timestamp) -> Opened {
        let account = self.account().await;
        self.open_for(&account, names, now).await
    }

    pub(crate) async fn open_for(
        &self,
        account: &Account,
        names: &[&str],
        now: Timestamp,
    ) -> Opened {
        let opened = self.draw(account, names, now);
        self.store
            .create_order(opened.order.clone(), opened.authorizations.clone())
            .await
            .unwrap();
        opened
    }

    /// An order that is not stored yet.
    pub(crate) fn draw(&self, account: &Account, names: &[&str], now: Timestamp) -> Opened {
        let identifiers = names.iter().map(|name| dns(name)).collect();
        let (mut order, authorizations) = Order::open(
            &account.id,
            &self.provisioner(),
            OrderRequest::new(identifiers),
            now,
            &mut rng(),
        )
        .unwrap();
        // Some have one, some have none.
        order.profile = (names.len() > 1).then(|| "short".parse().unwrap());
        Opened {
            account: account.clone(),
            order,
            authorizations,
        }
    }

    /// The client asks for a validation, and the answering replica claims what is due at once.
    pub(crate) async fn request(
        &self,
        opened: &Opened,
        challenge: &Challenge,
        holder: (Slot, Epoch),
        now: Timestamp,
    ) -> ValidationView {
        let request = self.asking(opened, challenge, holder, now);
        self.store.begin_validation(request).await.unwrap().unwrap()
    }

    /// The client asks for a validation, and nothing is claimed.
    pub(crate) async fn arm(
        &self,
        opened: &Opened,
        challenge: &Challenge,
        holder: (Slot, Epoch),
        now: Timestamp,
    ) -> ValidationView {
        let request = BeginValidation {
            claim_for: None,
            ..self.asking(opened, challenge, holder, now)
        };
        self.store.begin_validation(request).await.unwrap().unwrap()
    }

    pub(crate) async fn poll(
        &self,
        opened: &Opened,
        challenge: &Challenge,
        holder: (Slot, Epoch),
        now: Timestamp,
    ) -> ValidationView {
        let request = self.asking(opened, challenge, holder, now);
        self.store.poll_validation(request).await.unwrap().unwrap()
    }

    pub(crate) fn asking<'a>(
        &'a self,
        opened: &'a Opened,
        challenge: &'a Challenge,
        (slot, epoch): (Slot, Epoch),
        now: Timestamp,
    ) -> BeginValidation<'a> {
        BeginValidation {
            challenge_id: &challenge.id,
            account_id: &opened.account.id,
            slot,
            epoch,
            policy: &self.policy,
            claim_for: Some(PATIENCE),
            now,
        }
    }

    pub(crate) async fn claim(&self, (slot, epoch): (Slot, Epoch), now: Timestamp) -> ClaimBatch {
        self.store
            .claim_due(slot, epoch, 100, PATIENCE, now)
            .await
            .unwrap()
    }

    /// Records what a claim saw, and gives the challenge as it is then.
    pub(crate) async fn record(
        &self,
        claim: &Claim,
        finding: Finding,
        now: Timestamp,
    ) -> Challenge {
        match self.try_record(claim, finding, now).await {
            RecordVerdict::Recorded(challenge) => *challenge,
            RecordVerdict::Superseded => panic!("superseded"),
        }
    }

    pub(crate) async fn try_record(
        &self,
        claim: &Claim,
        finding: Finding,
        now: Timestamp,
    ) -> RecordVerdict {
        self.store
            .record_attempt(claim, &saw(finding), &self.policy, now)
            .await
            .unwrap()
    }

    /// Proves every authorization of an order by http-01.
    pub(crate) async fn prove(&self, opened: &Opened, holder: (Slot, Epoch), now: Timestamp) {
        for authorization in &opened.authorizations {
            let challenge = authorization.challenges.iter();
            let challenge = challenge.min_by_key(|c| c.kind).unwrap();
            let view = self.request(opened, challenge, holder, now).await;
            self.record(&view.claim.unwrap(), Finding::Proof, now).await;
        }
    }

    pub(crate) async fn order(&self, opened: &Opened) -> Order {
        let view = self.store.find_order(&opened.order.id).await.unwrap();
        view.unwrap().order
    }

    pub(crate) async fn authorization(&self, opened: &Opened) -> Authorization {
        let id = &opened.authorizations[0].id;
        self.store.find_authorization(id).await.unwrap().unwrap().0
    }

    /// An order that a certificate is being signed for.
    pub(crate) async fn begin_finalize(
        &self,
        opened: &Opened,
        (slot, epoch): (Slot, Epoch),
        now: Timestamp,
    ) -> CertificateId {
        let certificate = self.new_certificate(now).await;
        let id = certificate.id.clone();
        let verdict = self
            .try_finalize(opened, certificate, (slot, epoch), now)
            .await;
        assert!(matches!(verdict, FinalizeVerdict::Done(_)), "{verdict:?}");
        id
    }

    pub(crate) async fn try_finalize(
        &self,
        opened: &Opened,
        certificate: NewCertificate,
        (slot, epoch): (Slot, Epoch),
        now: Timestamp,
    ) -> FinalizeVerdict {
        self.store
            .begin_finalize(BeginFinalize {
                order_id: &opened.order.id,
                certificate,
                slot,
                epoch,
                now,
            })
            .await
            .unwrap()
    }

    pub(crate) async fn new_certificate(&self, now: Timestamp) -> NewCertificate {
        let issuer = issuer();
        self.store.put_issuer(&issuer).await.unwrap();
        NewCertificate {
            id: CertificateId::random(&mut rng()),
            serial: Serial::random(A, &mut rng()),
            issuer: issuer.id,
            not_before: now,
            not_after: now.plus(Duration::from_secs(30 * 86_400)),
            tbs: tbs(),
        }
    }

    /// A signed certificate, and the order it is for.
    pub(crate) async fn issue(
        &self,
        opened: &Opened,
        holder: (Slot, Epoch),
        now: Timestamp,
    ) -> CertificateId {
        self.prove(opened, holder, now).await;
        let id = self.begin_finalize(opened, holder, now).await;
        let (slot, epoch) = holder;
        let verdict = self
            .store
            .complete_finalize(&id, &der(), slot, epoch, &ORIGIN)
            .await;
        assert!(matches!(verdict.unwrap(), FinalizeVerdict::Done(_)));
        id
    }
}

pub(crate) fn dns(name: &str) -> Identifier {
    Identifier::try_from(RawIdentifier {
        kind: "dns".to_owned(),
        value: name.to_owned(),
    })
    .unwrap()
}

pub(crate) fn issuer() -> Issuer {
    Issuer {
        id: IssuerId([7; 32]),
        chain: vec![vec![0x30, 1, 2], vec![0x30; 300]],
    }
}

/// A to-be-signed form, as far as its outermost layer goes.
pub(crate) fn tbs() -> Vec<u8> {
    vec![0x30, 0x03, 0x02, 0x01, 0x05]
}

/// The same, signed.
pub(crate) fn der() -> Vec<u8> {
    [&[0x30, 0x08][..], &tbs(), &[0x03, 0x01, 0x00]].concat()
}

pub(crate) fn new_account() -> Account {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let mut x = [COUNT.fetch_add(1, Ordering::Relaxed); 32];
    aws_lc_rs::rand::fill(&mut x[1..]).unwrap();
    Account {
        id: AccountId::random(&mut rng()),
        provisioner: "default".parse().unwrap(),
        jwk: Jwk::Ed25519 { x },
        thumbprint: Thumbprint(x),
        status: AccountStatus::Valid,
        contact: vec!["mailto:someone@example.com".to_owned()],
        terms_agreed: true,
        external_account: None,
        created_at: START,
    }
}

pub(crate) fn external_key(max_uses: Option<u32>) -> ExternalAccountKey {
    ExternalAccountKey {
        id: ExternalAccountKeyId::random(&mut rng()),
        provisioner: "default".parse().unwrap(),
        secret: MacSecret::random(&mut rng()),
        names: vec![
            "*.lab.internal".parse().unwrap(),
            "10.1.0.0/16".parse().unwrap(),
        ],
        profiles: vec!["short".parse().unwrap(), "tls-server".parse().unwrap()],
        max_uses,
        uses: 0,
        created_at: START,
        expires_at: Some(at(86_400)),
        revoked_at: None,
    }
}

pub(crate) fn saw(finding: Finding) -> Observation {
    Observation {
        finding,
        phase: Phase::Connect,
        address: Some("[fd00::7]:80".parse().unwrap()),
        detail: format!("a test that saw {}", finding.as_str()),
        took: Duration::from_micros(3141),
    }
}
