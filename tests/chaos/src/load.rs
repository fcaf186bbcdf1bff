//! The clients: they ask for certificates all the while, whatever happens to the replicas, and note
//! what they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use acme_core::LeafFacts;
use acme_types::{
    AuthorizationBody, AuthorizationStatus, ChallengeBody, ChallengeKind, ChallengeStatus,
    KeyAuthorization, OrderBody, OrderStatus, ProblemKind, encode_base64url,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::time::sleep;

use crate::client::{AccountKey, Answer, Endpoint, Outside, Session, Trouble};
use crate::error::{Error, Result};
use crate::invariant::{Findings, Invariant};
use crate::ledger::{KnownAccount, KnownCertificate, KnownChallenge, KnownOrder, Ledger, Progress};
use crate::seeded::Seeded;
use crate::setting::Setting;
use crate::target::{Absence, Plan, Target, address, any_absence};
use crate::time::now;

/// Pause before a request that failed is made again.
const PAUSE: Duration = Duration::from_millis(250);

/// What the clients share.
#[derive(Debug)]
pub struct World {
    /// The setting of the run.
    pub setting: Setting,
    /// Where clients connect.
    pub endpoint: Endpoint,
    /// Requests and nonces.
    pub outside: Arc<Outside>,
    /// The URL to make accounts.
    pub new_account: String,
    /// The URL to make orders.
    pub new_order: String,
    /// The port of http-01.
    pub http01_port: u16,
    /// What was acknowledged.
    pub ledger: Ledger,
    /// What was looked at and found.
    pub findings: Findings,
    /// The present round.
    pub round: AtomicU32,
    /// Whether the clients shall end.
    pub is_ending: AtomicBool,
    /// How many orders were asked for.
    pub n_orders: AtomicU32,
}

/// One client.
struct Client {
    world: Arc<World>,
    seeded: Seeded,
    session: Session,
    account: Arc<KnownAccount>,
}

/// The client has nothing more to do with an order: it was told to end, or the order did not go as
/// it should, which is noted.
struct Over;

type Step<T> = std::result::Result<T, Over>;

/// Asks for certificates whose proofs are there, one after the other.
pub async fn issue(world: Arc<World>, mut seeded: Seeded) {
    let Some(mut client) = Client::new(world, seeded.fork()).await else {
        return;
    };
    loop {
        let plan = match seeded.chance(20) {
            true => {
                Plan::Slow(seeded.within(Duration::from_millis(50)..Duration::from_millis(600)))
            }
            false => Plan::Ready,
        };
        client.work(plan, &mut seeded).await;
        if client
            .is_over(seeded.within(Duration::from_millis(100)..Duration::from_millis(500)))
            .await
        {
            return;
        }
    }
}

/// Asks for certificates whose proofs come late, are wrong, or never come.
pub async fn wait(world: Arc<World>, mut seeded: Seeded) {
    let Some(mut client) = Client::new(world, seeded.fork()).await else {
        return;
    };
    loop {
        let interval = client.world.setting.interval;
        let absence = any_absence(&mut seeded);
        let at = now().plus(seeded.within(interval..interval * 40));
        let plan = match seeded.below(10) {
            0 => Plan::Wrong(absence, at),
            1 => Plan::Never(Absence::Refuse),
            _ => Plan::Late(absence, at),
        };
        client.work(plan, &mut seeded).await;
        if client.is_over(Duration::from_millis(100)).await {
            return;
        }
    }
}

impl Client {
    async fn new(world: Arc<World>, seeded: Seeded) -> Option<Self> {
        loop {
            match Self::with_new_account(&world).await {
                Ok((session, account)) => {
                    return Some(Self {
                        world,
                        seeded,
                        session,
                        account,
                    });
                }
                Err(_) if world.is_ending() => return None,
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn with_new_account(world: &Arc<World>) -> Result<(Session, Arc<KnownAccount>)> {
        let key = Arc::new(AccountKey::generate()?);
        let mut session = Session::new(
            world.endpoint.clone(),
            Arc::clone(&world.outside),
            Arc::clone(&key),
            None,
        );
        let contact = "mailto:operator@example.test".to_owned();
        let payload = format!(r#"{{"termsOfServiceAgreed":true,"contact":["{contact}"]}}"#);
        let answer = session.post(&world.new_account, &payload).await;
        let answer = answer.map_err(|trouble| Error::stage(trouble.to_string()))?;
        let url = answer
            .header("location")
            .filter(|_| answer.status.is_success());
        let url = url.ok_or_else(|| {
            world.findings.violated(
                Invariant::NothingLost,
                format!("no account: {}", answer.text()),
            );
            Error::stage(answer.text())
        })?;
        session.set_account(url.clone());
        let account = world.ledger.add_account(KnownAccount { url, key, contact });
        Ok((session, account))
    }

    /// Takes one order as far as it goes.
    async fn work(&mut self, plan: Plan, seeded: &mut Seeded) {
        if seeded.chance(5)
            && let Ok((session, account)) = Self::with_new_account(&self.world).await
        {
            (self.session, self.account) = (session, account);
        }
        if let Ok(order) = self.open().await {
            let _ = self.certify(&order, plan).await;
            let mut progress = order.now.lock().await;
            progress.is_over = true;
            if let Some(challenge) = &progress.challenge {
                challenge.target.close();
            }
        }
    }

    async fn is_over(&self, pause: Duration) -> bool {
        sleep(pause).await;
        self.world.is_ending()
    }

    async fn open(&mut self) -> Step<Arc<KnownOrder>> {
        let number = self.world.n_orders.fetch_add(1, Ordering::Relaxed) + 1;
        let identifier = address(number);
        let payload = format!(r#"{{"identifiers":[{{"type":"ip","value":"{identifier}"}}]}}"#);
        let url = self.world.new_order.clone();
        let answer = self.insist(&url, &payload, None).await?;
        let body: OrderBody = self.read(&answer)?;
        let url = answer.header("location").ok_or(Over)?;
        Ok(self.world.ledger.add_order(KnownOrder {
            number,
            round: self.world.round.load(Ordering::Relaxed),
            account: Arc::clone(&self.account),
            url,
            finalize: body.finalize,
            identifier,
            now: Progress {
                authorization: body
                    .authorizations
                    .into_iter()
                    .next()
                    .map(|url| (url, AuthorizationStatus::Pending)),
                ..Progress::new(body.status)
            }
            .into(),
        }))
    }

    async fn certify(&mut self, order: &KnownOrder, plan: Plan) -> Step<()> {
        self.begin(order, plan).await?;
        let status = self.watch(order, plan).await?;
        let is_expected = match status {
            AuthorizationStatus::Valid => plan.proves(),
            AuthorizationStatus::Invalid => plan.contradicts(),
            _ => false,
        };
        self.world
            .findings
            .check(Invariant::ValidOnlyByProof, is_expected, || {
                format!(
                    "order {}: the authorization is {status}, its target was {plan:?}",
                    order.number
                )
            });
        if status == AuthorizationStatus::Valid {
            self.finalize(order).await?;
        }
        Ok(())
    }

    /// Reads the authorization, sets the target up, asks for the validation.
    async fn begin(&mut self, order: &KnownOrder, plan: Plan) -> Step<()> {
        let mut progress = order.now.lock().await;
        let Some((url, _)) = progress.authorization.clone() else {
            return Err(Over);
        };
        let answer = self.insist(&url, "", None).await?;
        let body: AuthorizationBody = self.read(&answer)?;
        progress.saw_authorization(&self.world.findings, order.number, body.status);
        let challenge = body
            .challenges
            .into_iter()
            .find(|it| it.kind == ChallengeKind::Http01)
            .ok_or(Over)?;
        let id = challenge
            .url
            .rsplit('/')
            .next()
            .and_then(|id| id.parse().ok())
            .ok_or(Over)?;
        let proof = KeyAuthorization::new(&challenge.token, &self.account.key.thumbprint());
        let at = std::net::SocketAddrV4::new(order.identifier, self.world.http01_port);
        let target = Target::start(
            at,
            plan,
            challenge.token.as_str(),
            proof.as_str().to_owned(),
        );
        let url = challenge.url.clone();
        progress.challenge = Some(KnownChallenge {
            id,
            url: challenge.url,
            status: challenge.status,
            requested_at: Vec::new(),
            target: Arc::new(target),
        });
        if self.seeded.chance(15) {
            // Twice at the same time, mostly at two replicas.
            let mut other = Session::new(
                self.world.endpoint.clone(),
                Arc::clone(&self.world.outside),
                Arc::clone(&self.account.key),
                Some(self.account.url.clone()),
            );
            let (one, two) = tokio::join!(self.session.post(&url, "{}"), other.post(&url, "{}"));
            for answer in [one, two]
                .into_iter()
                .flatten()
                .filter(|it| it.status.is_success())
            {
                let body: ChallengeBody = self.read(&answer)?;
                if let Some(challenge) = &mut progress.challenge {
                    challenge.requested_at.push(now());
                    // The two answers may be read in either order.
                    if body.status.is_settled() || challenge.status == ChallengeStatus::Pending {
                        challenge.status = body.status;
                    }
                }
            }
        }
        self.request(order, &mut progress).await
    }

    /// Asks for the validation, again or for the first time.
    async fn request(&mut self, order: &KnownOrder, progress: &mut Progress) -> Step<()> {
        let Some(url) = progress.challenge.as_ref().map(|it| it.url.clone()) else {
            return Err(Over);
        };
        let answer = self.insist(&url, "{}", None).await?;
        let body: ChallengeBody = self.read(&answer)?;
        progress.saw_challenge(&self.world.findings, order.number, body.status);
        if let Some(challenge) = &mut progress.challenge {
            challenge.requested_at.push(now());
        }
        Ok(())
    }

    /// Polls the authorization until it is settled, and asks again from time to time.
    async fn watch(&mut self, order: &KnownOrder, plan: Plan) -> Step<AuthorizationStatus> {
        let setting = &self.world.setting;
        let (interval, again) = (setting.interval, setting.ask_again_after());
        let quick = matches!(plan, Plan::Ready | Plan::Slow(_));
        let give_up_at = now().plus(again + self.seeded.within(Duration::ZERO..again));
        let mut asked_at = now();
        loop {
            let pause = if quick {
                PAUSE..PAUSE * 2
            } else {
                interval..interval * 3
            };
            let pause = self.seeded.within(pause);
            sleep(pause).await;
            let mut progress = order.now.lock().await;
            let Some((url, _)) = progress.authorization.clone() else {
                return Err(Over);
            };
            let answer = self.insist(&url, "", None).await?;
            let body: AuthorizationBody = self.read(&answer)?;
            progress.saw_authorization(&self.world.findings, order.number, body.status);
            let challenge = body
                .challenges
                .iter()
                .find(|it| it.kind == ChallengeKind::Http01);
            if let Some(challenge) = challenge {
                progress.saw_challenge(&self.world.findings, order.number, challenge.status);
            }
            if body.status != AuthorizationStatus::Pending {
                return Ok(body.status);
            }
            if matches!(plan, Plan::Never(_)) && now() > give_up_at {
                return Err(Over);
            }
            if now().since(asked_at) > again {
                self.request(order, &mut progress).await?;
                asked_at = now();
            }
        }
    }

    /// Finalizes, and fetches the certificate.
    async fn finalize(&mut self, order: &KnownOrder) -> Step<()> {
        let csr = request_for(order).ok_or(Over)?;
        let payload = format!(r#"{{"csr":"{}"}}"#, encode_base64url(csr));
        let url = loop {
            let mut progress = order.now.lock().await;
            // An earlier request may have been done without an answer.
            let answer = self
                .insist(&order.finalize, &payload, Some(ProblemKind::OrderNotReady))
                .await?;
            let answer = match answer.status.is_success() {
                true => answer,
                false => self.insist(&order.url, "", None).await?,
            };
            let body: OrderBody = self.read(&answer)?;
            progress.saw_order(&self.world.findings, order.number, body.status);
            match (body.status, body.certificate) {
                (OrderStatus::Valid, Some(url)) => break url,
                (OrderStatus::Ready | OrderStatus::Processing, _) => {}
                (status, _) => {
                    let detail = format!(
                        "order {} with a valid authorization is {status}",
                        order.number
                    );
                    self.world
                        .findings
                        .violated(Invariant::NothingBackwards, detail);
                    return Err(Over);
                }
            }
            drop(progress);
            sleep(PAUSE).await;
            if self.world.is_ending() {
                return Err(Over);
            }
        };
        let mut progress = order.now.lock().await;
        let pem = self.insist(&url, "", None).await?.text();
        let serial = serial_of(&pem);
        self.world
            .findings
            .check(Invariant::NothingLost, serial.is_some(), || {
                format!("order {}: its certificate is {pem:?}", order.number)
            });
        let serial = serial.ok_or(Over)?;
        let other = self.world.ledger.claim_serial(serial, order.number);
        self.world
            .findings
            .check(Invariant::NoSerialTwice, other.is_none(), || {
                format!(
                    "orders {} and {other:?} have the serial number {serial}",
                    order.number
                )
            });
        progress.certificate = Some(KnownCertificate { url, pem, serial });
        Ok(())
    }

    /// Makes a request until it is answered. A refusal is a violation unless it is of the kind that
    /// may come.
    async fn insist(&mut self, url: &str, payload: &str, may: Option<ProblemKind>) -> Step<Answer> {
        loop {
            if self.world.is_ending() {
                return Err(Over);
            }
            match self.session.post(url, payload).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) if may.is_some_and(|kind| answer.is_problem(kind)) => return Ok(answer),
                Ok(answer) => {
                    let invariant = match answer.is_problem(ProblemKind::BadNonce) {
                        true => Invariant::NonceGood,
                        false => Invariant::NothingLost,
                    };
                    self.world.findings.violated(
                        invariant,
                        format!("{url}: {} {}", answer.status, answer.text()),
                    );
                    return Err(Over);
                }
                Err(Trouble::NotSent(_) | Trouble::Broken(_) | Trouble::AtFault { .. }) => {
                    sleep(PAUSE).await
                }
            }
        }
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Step<T> {
        answer.json().ok_or_else(|| {
            let detail = format!("an answer that cannot be read: {}", answer.text());
            self.world.findings.violated(Invariant::NothingLost, detail);
            Over
        })
    }
}

impl World {
    /// Whether the clients shall end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}

/// The serial number of the first certificate of a chain in PEM.
#[must_use]
pub fn serial_of(pem: &str) -> Option<acme_core::Serial> {
    let chain = acme_core::pem::certificates_from_pem(pem).ok()?;
    Some(LeafFacts::parse(chain.first()?)?.serial)
}

/// The DER of a CSR with a key of its own.
fn request_for(order: &KnownOrder) -> Option<Vec<u8>> {
    let mut params = CertificateParams::new(vec![order.identifier.to_string()]).ok()?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&KeyPair::generate().ok()?).ok()?;
    Some(request.der().to_vec())
}
