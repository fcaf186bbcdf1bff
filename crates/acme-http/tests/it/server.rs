//! The API over a real store and a real authority, a clock that stands still, and a runner whose
//! attempts see what a test tells them to.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use acme_ca::{InitOptions, KeyType, LocalAuthority};
use acme_core::{
    AttemptRunner, AuthorityError, CaaCheck, Certificate, CertificateFilter, Claim, Clock as _,
    Entropy, Finding, HookMoment, HookQuestion, HookVerdict, IssueRequest, Issuer, IssuerId,
    LeaseVerdict, ManualClock, Observation, Phase, PolicyHook, PolicyHookError, Prepared, Probe,
    Provisioner, RetryPolicy, SignAuthority, Store, Tenure, Validator,
};
use acme_http::{ApiConfig, Services, routes};
use acme_store::MemoryStore;
use acme_types::{Identifier, ProvisionerName, Slot, Timestamp};
use async_trait::async_trait;
use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::Notify;
use warp::filters::BoxedFilter;

pub(crate) const BASE: &str = "https://ca.test";
/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
/// Longer than any test's clock moves.
const LEASE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long the answer to a challenge request waits, in these tests.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);

pub(crate) struct Server {
    api: BoxedFilter<(warp::reply::Response,)>,
    config: ApiConfig,
    services: Services,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) hook: Arc<Hook>,
    tenure: Arc<Tenure>,
}

impl Server {
    /// A server with two provisioners, `default` and `other`.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with a change to the provisioner `default`.
    pub(crate) async fn with(change: impl FnOnce(&mut Provisioner)) -> Self {
        Self::on(Arc::new(MemoryStore::new()), change).await
    }

    /// The same over another store.
    pub(crate) async fn on(store: Arc<dyn Store>, change: impl FnOnce(&mut Provisioner)) -> Self {
        let mut default = Provisioner::new(name("default"));
        default.retry.answer_within = ANSWER_WITHIN;
        change(&mut default);
        let other = Provisioner::new(name("other"));
        let provisioners = vec![Arc::new(default), Arc::new(other)];

        let clock = Arc::new(ManualClock::new(START));
        let tenure = Arc::new(tenure(&*store).await);
        let authority = Arc::new(Authority::load(provisioners));
        for issuer in authority.issuers() {
            store.put_issuer(&issuer).await.unwrap();
        }
        let runner = Arc::new(Runner::new(&store, &clock));
        let hook = Arc::new(Hook::default());
        let services = Services {
            store: Arc::clone(&store),
            authority: authority.clone(),
            validator: runner.clone(),
            runner: runner.clone(),
            publisher: None,
            policy_hook: Some(hook.clone()),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            tenure: Arc::clone(&tenure),
        };
        let mut config = ApiConfig::new(BASE.parse().unwrap(), [7; 32]);
        config.accepted_base_urls = vec!["https://old.test".parse().unwrap()];
        Self {
            api: routes(config.clone(), services.clone()),
            config,
            services,
            clock,
            store,
            authority,
            runner,
            hook,
            tenure,
        }
    }

    /// What other routes over the same parts need.
    pub(crate) fn parts(&self) -> (ApiConfig, Services) {
        (self.config.clone(), self.services.clone())
    }

    pub(crate) fn api(&self) -> BoxedFilter<(warp::reply::Response,)> {
        self.api.clone()
    }

    /// Sends a request as it is; `path` may also be a URL of this server.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let mut request = warp::test::request().method(method).path(path).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let response = request.reply(&self.api).await;
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, "").await
    }

    pub(crate) async fn nonce(&self) -> String {
        let reply = self.get("/acme/default/new-nonce").await;
        reply.header("replay-nonce").expect("a nonce").to_owned()
    }

    /// Another process takes the slot, and this one has not noticed yet.
    pub(crate) async fn lose_slot(&self) {
        let (slot, epoch, now) = (self.tenure.slot(), self.tenure.epoch(), self.clock.now());
        self.store.release_lease(slot, epoch, now).await.unwrap();
        let taken = self.store.take_lease(slot, "thief", LEASE, now).await;
        assert!(matches!(taken, Ok(LeaseVerdict::Taken(_))), "{taken:?}");
    }

    /// Every certificate that was begun.
    pub(crate) async fn certificates(&self) -> Vec<Certificate> {
        let all = CertificateFilter::default();
        let page = self.store.list_certificates(&all, None, 1000).await;
        page.unwrap().items
    }

    /// Makes every attempt that is due.
    pub(crate) async fn tick(&self) {
        let now = self.clock.now();
        let (slot, epoch) = (self.tenure.slot(), self.tenure.epoch());
        let patience = Duration::from_secs(30);
        let batch = self.store.claim_due(slot, epoch, 100, patience, now);
        for claim in batch.await.unwrap().claims {
            self.runner.attempt(claim).await;
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location").expect("a Location")
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").map(|text| text.parse().unwrap())
    }

    /// The URLs of the links with this relation.
    pub(crate) fn links(&self, relation: &str) -> Vec<String> {
        let suffix = format!(">;rel=\"{relation}\"");
        self.headers
            .get_all("link")
            .iter()
            .filter_map(|value| value.to_str().unwrap().strip_suffix(&suffix))
            .map(|url| url.strip_prefix('<').unwrap().to_owned())
            .collect()
    }

    /// The URL of the first link with this relation.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        self.links(relation).into_iter().next()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("{error}: {self:?}"),
        }
    }

    /// The last word of a problem's type; none when this is no problem.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.header("content-type") != Some("application/problem+json") {
            return None;
        }
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        assert!(!body["detail"].as_str().unwrap().is_empty(), "{body}");
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"));
        assert!(self.header("x-request-id").is_some(), "{body}");
        let kind = body["type"].as_str().unwrap();
        let word = kind.strip_prefix("urn:ietf:params:acme:error:");
        Some(word.expect("an ACME error type").to_owned())
    }

    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, kind: &str) -> Self {
        assert_eq!(
            (self.status, self.problem().as_deref()),
            (status, Some(kind)),
            "{self:?}"
        );
        self
    }
}

pub(crate) fn name(text: &str) -> ProvisionerName {
    text.parse().unwrap()
}

async fn tenure(store: &dyn Store) -> Tenure {
    let taken = store
        .take_lease(Slot::default(), "test", LEASE, START)
        .await;
    match taken.unwrap() {
        LeaseVerdict::Taken(lease) => Tenure::new(lease.slot, lease.epoch),
        LeaseVerdict::Held(lease) => panic!("{lease:?}"),
    }
}

#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

/// A policy hook that answers what a test has set for a moment, and otherwise allows.
#[derive(Default)]
pub(crate) struct Hook {
    answers: Mutex<Vec<(HookMoment, HookAnswer)>>,
}

/// What a hook answers: a verdict, or none that counts.
pub(crate) type HookAnswer = Option<HookVerdict>;

impl Hook {
    /// From now on, and until it is set anew.
    pub(crate) fn answers(&self, moment: HookMoment, answer: HookAnswer) {
        *self.answers.lock().unwrap() = vec![(moment, answer)];
    }
}

#[async_trait]
impl PolicyHook for Hook {
    async fn decide(&self, question: HookQuestion<'_>) -> Result<HookVerdict, PolicyHookError> {
        let answers = self.answers.lock().unwrap();
        let moment = question.event.moment();
        match answers.iter().find(|(at, _)| *at == moment) {
            None => Ok(HookVerdict::Allow),
            Some((_, Some(verdict))) => Ok(verdict.clone()),
            Some((_, None)) => Err(PolicyHookError("planted".into())),
        }
    }
}

/// What the authority does when it is asked.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    Well,
    /// Takes no name below `constrained.test`.
    Constrained,
    PrepareAway,
    PrepareRefuses,
    SignAway,
    SignRefuses,
    /// Signs when it is notified.
    SignWaits(Arc<Notify>),
}

/// The built-in authority, with moods.
pub(crate) struct Authority {
    inner: LocalAuthority,
    mood: Mutex<Mood>,
    /// Other chains that it has for whatever issuer.
    pub(crate) alternates: OnceLock<Vec<Vec<Vec<u8>>>>,
}

impl Authority {
    fn load(provisioners: Vec<Arc<Provisioner>>) -> Self {
        static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
        let dir = DIR.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            init(dir.path());
            dir
        });
        let inner = LocalAuthority::load(dir.path(), None, provisioners, START).unwrap();
        Self {
            inner,
            mood: Mutex::new(Mood::Well),
            alternates: OnceLock::new(),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        self.mood.lock().unwrap().clone()
    }
}

fn init(dir: &Path) {
    let options = InitOptions {
        name: "Test".to_owned(),
        key_type: KeyType::P256,
        root: None,
        passphrase: None,
    };
    acme_ca::init(dir, &options, &SystemEntropy, START).unwrap();
}

#[async_trait]
impl SignAuthority for Authority {
    fn load_provisioner_by_id(&self, id: &ProvisionerName) -> Option<Arc<Provisioner>> {
        self.inner.load_provisioner_by_id(id)
    }

    fn check_identifier(
        &self,
        provisioner: &ProvisionerName,
        identifier: &Identifier,
    ) -> Result<(), String> {
        if matches!(self.mood(), Mood::Constrained)
            && identifier.value().ends_with(".constrained.test")
        {
            return Err("planted".to_owned());
        }
        self.inner.check_identifier(provisioner, identifier)
    }

    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError> {
        match self.mood() {
            Mood::PrepareAway => Err(AuthorityError::Unavailable("planted".into())),
            Mood::PrepareRefuses => Err(AuthorityError::Refused("planted".to_owned())),
            _ => self.inner.prepare(request).await,
        }
    }

    async fn sign(&self, issuer: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        match self.mood() {
            Mood::SignAway => return Err(AuthorityError::Unavailable("planted".into())),
            Mood::SignRefuses => return Err(AuthorityError::Refused("planted".to_owned())),
            Mood::SignWaits(until) => until.notified().await,
            _ => {}
        }
        self.inner.sign(issuer, tbs).await
    }

    fn issuers(&self) -> Vec<Issuer> {
        self.inner.issuers()
    }

    fn alternate_chains(&self, _: IssuerId) -> &[Vec<Vec<u8>>] {
        self.alternates.get().map_or(&[], Vec::as_slice)
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        self.inner.roots()
    }
}

/// Makes attempts at once; what they see is set by the test.
pub(crate) struct Runner {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    sees: Mutex<(Finding, String)>,
    has_room: AtomicBool,
    hangs: AtomicBool,
    caa: Mutex<(Finding, String)>,
    pub(crate) caa_checks: Mutex<Vec<CaaCheck>>,
    pub(crate) runs: AtomicUsize,
    pub(crate) wakes: AtomicUsize,
}

impl Runner {
    fn new(store: &Arc<dyn Store>, clock: &Arc<ManualClock>) -> Self {
        Self {
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            sees: Mutex::new((Finding::Proof, "as expected".to_owned())),
            has_room: AtomicBool::new(true),
            hangs: AtomicBool::new(false),
            caa: Mutex::new((Finding::Proof, "permitted".to_owned())),
            caa_checks: Mutex::default(),
            runs: AtomicUsize::new(0),
            wakes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn sees(&self, finding: Finding, detail: &str) {
        *self.sees.lock().unwrap() = (finding, detail.to_owned());
    }

    /// What CAA records say when they are looked at again.
    pub(crate) fn sees_caa(&self, finding: Finding, detail: &str) {
        *self.caa.lock().unwrap() = (finding, detail.to_owned());
    }

    pub(crate) fn set_room(&self, has_room: bool) {
        self.has_room.store(has_room, Ordering::SeqCst);
    }

    /// From now on no attempt comes to an end.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    /// Attempts that requests have handed over, and wake-ups.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let load = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (load(&self.runs), load(&self.wakes))
    }

    async fn attempt(&self, claim: Claim) {
        let (finding, detail) = self.sees.lock().unwrap().clone();
        let observation = Observation {
            finding,
            phase: Phase::Http,
            address: Some("10.0.3.7:80".parse().unwrap()),
            detail,
            took: Duration::from_millis(3),
        };
        let now = self.clock.now();
        let policy = RetryPolicy::default();
        let recorded = self
            .store
            .record_attempt(&claim, &observation, &policy, now);
        recorded.await.unwrap();
    }
}

#[async_trait]
impl Validator for Runner {
    async fn probe(&self, _: &Probe) -> Observation {
        unreachable!("requests make no probe by themselves")
    }

    async fn check_caa(&self, check: &CaaCheck) -> Observation {
        self.caa_checks.lock().unwrap().push(check.clone());
        let (finding, detail) = self.caa.lock().unwrap().clone();
        Observation {
            finding,
            phase: Phase::Dns,
            address: None,
            detail,
            took: Duration::from_millis(3),
        }
    }
}

#[async_trait]
impl AttemptRunner for Runner {
    fn has_room(&self) -> bool {
        self.has_room.load(Ordering::SeqCst)
    }

    async fn run(&self, claim: Claim) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.attempt(claim).await;
    }

    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}
