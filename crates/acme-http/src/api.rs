//! The API as one warp filter: what it needs, how a request finds its handler, and the envelope
//! that every answer shares.

mod account;
mod authorization;
mod caa;
mod certificate;
mod challenge;
mod device;
mod directory;
mod finalize;
mod key_change;
mod order;
mod policy;
mod public;
mod renewal;
mod revocation;
mod status;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    Actor, AttemptRunner, Clock, Entropy, NonceKey, Origin, PolicyHook, Provisioner,
    RevocationPublisher, SignAuthority, Store, Tenure, Validator,
};
use acme_types::{AccountId, ProblemKind, ProvisionerName, RequestId, Timestamp};
use hyper::Method;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::account::Applicant;
use self::certificate::Form;
use crate::answer::Answer;
use crate::body;
use crate::failure::{Failure, Outcome};
use crate::keys::KeyCache;
use crate::metrics::{Meters, word_of};
use crate::nonces::Nonces;
use crate::request::{Request, Signer};
use crate::request_id;
use crate::urls::{Linker, Resource, Target};
use crate::{BaseUrl, BodyLimits, Peer};

/// The ports through which the API acts.
#[derive(Clone)]
pub struct Services {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// What signs, and knows the provisioners.
    pub authority: Arc<dyn SignAuthority>,
    /// Looks at CAA records again before a certificate is signed.
    pub validator: Arc<dyn Validator>,
    /// Makes attempts at once when there is room.
    pub runner: Arc<dyn AttemptRunner>,
    /// Shows what was revoked; none when that is not published.
    pub publisher: Option<Arc<dyn RevocationPublisher>>,
    /// Asked what may be ordered and signed, after all other rules; none when nobody else decides.
    pub policy_hook: Option<Arc<dyn PolicyHook>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where ids, tokens and serial numbers are drawn from.
    pub entropy: Arc<dyn Entropy>,
    /// The slot and epoch under which this process writes.
    pub tenure: Arc<Tenure>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("tenure", &self.tenure)
            .finish_non_exhaustive()
    }
}

/// What the API must be told.
#[derive(Clone)]
pub struct ApiConfig {
    /// Every URL is made from it, never from a Host header.
    pub base_url: BaseUrl,
    /// Earlier base URLs: a `kid` or `url` under one of them stays good.
    pub accepted_base_urls: Vec<BaseUrl>,
    /// What nonces are sealed with, the same for all replicas.
    pub nonce_key: [u8; 32],
    /// How long an attempt that a request has claimed may take; longer than any probe.
    pub attempt_patience: Duration,
    /// What `/version` tells.
    pub version: String,
    /// Most bytes of a body, and the time it may take to arrive.
    pub body: BodyLimits,
}

impl ApiConfig {
    /// A configuration with the defaults: no earlier base URL, 30 s for an attempt, this crate's
    /// version, bodies of at most 128 KiB within 10 s.
    #[must_use]
    pub fn new(base_url: BaseUrl, nonce_key: [u8; 32]) -> Self {
        Self {
            base_url,
            accepted_base_urls: Vec::new(),
            nonce_key,
            attempt_patience: Duration::from_secs(30),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            body: BodyLimits::default(),
        }
    }
}

impl ApiConfig {
    /// The URLs of an account, the one in use first.
    #[must_use]
    pub fn account_urls(&self, provisioner: &ProvisionerName, account: &AccountId) -> Vec<String> {
        let linker = Linker::new(self.base_url.clone(), self.accepted_base_urls.clone());
        linker.account_urls(provisioner, account)
    }
}

impl fmt::Debug for ApiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiConfig")
            .field("base_url", &self.base_url)
            .field("accepted_base_urls", &self.accepted_base_urls)
            .field("attempt_patience", &self.attempt_patience)
            .field("version", &self.version)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The API of every provisioner that the authority knows, and the authority's public files.
///
/// One filter takes in the parts of any request, and a table of our own finds the handler: many
/// routes tried one after another would cost more than the rest of a request's way through warp.
#[must_use]
pub fn routes(config: ApiConfig, services: Services) -> BoxedFilter<(Response,)> {
    filter(config.body, Api::new(config, services))
}

/// What may be had over plain HTTP too: revocation lists, OCSP, and the authority's public files.
/// All of it is signed, or is checked by a fingerprint.
#[must_use]
pub fn public_routes(config: ApiConfig, services: Services) -> BoxedFilter<(Response,)> {
    let limits = config.body;
    let api = Api {
        speaks_acme: false,
        ..Api::new(config, services)
    };
    filter(limits, api)
}

fn filter(limits: BodyLimits, api: Api) -> BoxedFilter<(Response,)> {
    let api = Arc::new(api);
    let query = warp::query::raw()
        .map(Some)
        .or(warp::any().map(|| None))
        .unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::ext::optional::<RequestId>())
        .and(warp::body::stream())
        .then(
            move |method,
                  path: warp::path::FullPath,
                  query,
                  headers,
                  peer,
                  id: Option<RequestId>,
                  body| {
                let api = Arc::clone(&api);
                // The accept loop has made one, and logs for it already; another server has not.
                let (id, span) = match id {
                    Some(id) => (id, Span::none()),
                    None => {
                        let id = request_id::new(&*api.services.entropy);
                        (id, request_id::span(id))
                    }
                };
                let handling = async move {
                    let started = Instant::now();
                    // Nothing but POST has a body that is looked at.
                    let body = if method == Method::POST {
                        body::read(&headers, body, limits).await
                    } else {
                        Ok(bytes::Bytes::new())
                    };
                    let request = Request {
                        id,
                        method,
                        path: path.as_str().to_owned(),
                        query,
                        headers,
                        peer,
                        body,
                    };
                    api.answer(&request, started).await
                };
                handling.instrument(span)
            },
        )
        .boxed()
}

/// The API's parts, shared by all requests.
pub(crate) struct Api {
    pub(crate) services: Services,
    pub(crate) linker: Linker,
    pub(crate) nonces: Nonces,
    pub(crate) keys: KeyCache,
    pub(crate) meters: Meters,
    attempt_patience: Duration,
    version: String,
    speaks_acme: bool,
}

/// What is known of a request in the end, for its line in the log.
#[derive(Default)]
struct Trail {
    account: Option<AccountId>,
}

impl Api {
    fn new(config: ApiConfig, services: Services) -> Self {
        Self {
            linker: Linker::new(config.base_url, config.accepted_base_urls),
            nonces: Nonces::new(
                NonceKey::new(config.nonce_key),
                Arc::clone(&services.tenure),
            ),
            keys: KeyCache::default(),
            meters: Meters::new(),
            attempt_patience: config.attempt_patience,
            version: config.version,
            speaks_acme: true,
            services,
        }
    }

    async fn answer(&self, request: &Request, started: Instant) -> Response {
        let target = Target::parse(&request.path);
        let provisioner = match &target {
            Some(Target::Acme(name, _)) => self.services.authority.load_provisioner_by_id(name),
            _ => None,
        };
        let mut trail = Trail::default();
        let outcome = self
            .dispatch(request, target.as_ref(), provisioner.as_ref(), &mut trail)
            .await;
        let answer = outcome.unwrap_or_else(Failure::into_answer);
        let answer = self.envelope(answer, request, target.as_ref(), provisioner.as_deref());
        let took = started.elapsed();
        let route = target.as_ref().map_or("none", Target::route);
        let problem = answer.problem.as_ref().map(|problem| problem.kind);
        self.meters
            .answered(route, answer.status.as_u16(), problem, took);
        if let (Some(Target::Acme(_, resource)), Some(provisioner)) = (&target, &provisioner) {
            self.tell_outcome(resource, provisioner, &trail, &answer);
        }
        log(
            request,
            target.as_ref(),
            provisioner.as_deref(),
            &trail,
            &answer,
            took,
        );
        answer.into_response(request.id, request.method == Method::HEAD)
    }

    /// Counts what became of an order or certificate; a refusal has a line of its own in the log.
    fn tell_outcome(
        &self,
        resource: &Resource,
        provisioner: &Provisioner,
        trail: &Trail,
        answer: &Answer,
    ) {
        // A request whose signer is not known yet has not asked for anything.
        let Some(account) = &trail.account else {
            return;
        };
        let meters = || self.meters.of(&provisioner.name);
        match (resource, &answer.problem) {
            (Resource::NewOrder, None) => meters().orders_opened.increment(1),
            (Resource::RevokeCert, None) => meters().revoked.increment(1),
            (Resource::NewOrder | Resource::Finalize(_), Some(problem))
                if answer.status.is_client_error()
                    && problem.kind != ProblemKind::OrderNotReady =>
            {
                if *resource == Resource::NewOrder {
                    meters().orders_refused.increment(1);
                } else {
                    meters().refused.increment(1);
                }
                tracing::info!(
                    route = resource.route(),
                    provisioner = provisioner.name.as_str(),
                    account = account.as_str(),
                    problem = word_of(problem.kind),
                    detail = problem.detail,
                    "refused"
                );
            }
            _ => {}
        }
    }

    async fn dispatch(
        &self,
        request: &Request,
        target: Option<&Target>,
        provisioner: Option<&Arc<Provisioner>>,
        trail: &mut Trail,
    ) -> Outcome {
        match target {
            None => Err(self.nothing_at(&request.path)),
            Some(Target::Acme(..)) if !self.speaks_acme => {
                Err(Failure::not_found("ACME is spoken over HTTPS alone"))
            }
            Some(Target::Acme(name, resource)) => match provisioner {
                Some(provisioner) => self.acme(request, resource, provisioner, trail).await,
                None => {
                    let detail = format!("there is no provisioner {:?}", name.as_str());
                    Err(Failure::not_found(detail))
                }
            },
            Some(Target::Ocsp(path)) => self.ocsp(request, path.as_deref()).await,
            Some(Target::Crl(issuer)) if is_read(&request.method) => self.crl(request, issuer),
            Some(public) if is_read(&request.method) => self.public(public).await,
            Some(_) => Err(Failure::method_not_allowed("GET, HEAD")),
        }
    }

    async fn acme(
        &self,
        request: &Request,
        resource: &Resource,
        provisioner: &Arc<Provisioner>,
        trail: &mut Trail,
    ) -> Outcome {
        if let (true, Resource::RenewalInfo(id)) = (is_read(&request.method), resource) {
            return self.renewal_info(provisioner, id.as_deref()).await;
        }
        if is_read(&request.method) && resource.allows_get() {
            return Ok(self.read(resource, provisioner, &request.method));
        }
        if request.method != Method::POST || !resource.allows_post() {
            let allowed = match (resource.allows_get(), resource.allows_post()) {
                (true, true) => "GET, HEAD, POST",
                (true, false) => "GET, HEAD",
                (false, _) => "POST",
            };
            return Err(Failure::method_not_allowed(allowed));
        }
        let now = self.services.clock.now();
        let rules = tracing::debug_span!("rules", route = resource.route());
        let verifying = self.verify(request, resource, provisioner, now);
        let verified = verifying.instrument(rules).await?;
        if let Signer::Account(account) = &verified.signer {
            trail.account = Some(account.id.clone());
        }
        let payload = verified.payload;
        let origin = self.origin(request, &verified.signer, now);
        match (resource, verified.signer) {
            (Resource::NewAccount, Signer::Key(jwk, thumbprint)) => {
                let applicant = Applicant {
                    jws: &verified.jws,
                    jwk,
                    thumbprint,
                };
                self.new_account(provisioner, applicant, &payload, &origin, trail)
                    .await
            }
            (Resource::RevokeCert, signer) => {
                self.revoke(provisioner, &signer, &payload, &origin).await
            }
            (resource, signer) => {
                let account = signer.account()?;
                match resource {
                    Resource::Directory | Resource::NewNonce => {
                        payload.expect_empty()?;
                        Ok(self.read(resource, provisioner, &request.method))
                    }
                    Resource::Authorization(id) => {
                        self.authorization(provisioner, &account, id, &payload, now)
                            .await
                    }
                    Resource::Challenge(id) => {
                        self.challenge(provisioner, &account, id, &payload, now)
                            .await
                    }
                    Resource::Order(id) => {
                        self.order(provisioner, &account, id, &payload, now).await
                    }
                    Resource::NewOrder => {
                        self.new_order(provisioner, &account, &payload, now).await
                    }
                    Resource::NewAuthorization => {
                        self.new_authorization(provisioner, &account, &payload, now)
                            .await
                    }
                    Resource::Finalize(id) => {
                        self.finalize(provisioner, &account, id, &payload, &origin)
                            .await
                    }
                    Resource::Certificate(id) => {
                        let form = Form::accepted(&request.headers);
                        self.certificate(provisioner, &account, id, 0, form, &payload)
                            .await
                    }
                    Resource::AlternateChain(id, chain) => {
                        let form = Form::accepted(&request.headers);
                        self.certificate(provisioner, &account, id, *chain, form, &payload)
                            .await
                    }
                    Resource::Account(id) => {
                        self.account(provisioner, account, id, &payload, &origin)
                            .await
                    }
                    Resource::Orders(id) => {
                        let query = request.query.as_deref();
                        self.orders(provisioner, &account, id, query, &payload, now)
                            .await
                    }
                    Resource::KeyChange => {
                        self.key_change(provisioner, account, &verified.jws, &payload, &origin)
                            .await
                    }
                    Resource::NewAccount | Resource::RevokeCert | Resource::RenewalInfo(_) => Err(
                        Failure::Bug("a resource of its own came to the common table"),
                    ),
                }
            }
        }
    }

    /// Whence an act comes, for the audit trail.
    fn origin(&self, request: &Request, signer: &Signer, now: Timestamp) -> Origin {
        Origin {
            actor: match signer {
                Signer::Account(account) => Actor::Account(account.id.clone()),
                Signer::Key(_, thumbprint) => Actor::Key(*thumbprint),
            },
            address: request.peer.map(|peer| peer.0.ip()),
            request: Some(request.id),
            slot: Some(self.services.tenure.slot()),
            at: now,
        }
    }

    /// The headers that every answer shares ([RFC 8555 § 6.5], [§ 7.1]).
    ///
    /// [RFC 8555 § 6.5]: https://www.rfc-editor.org/rfc/rfc8555#section-6.5
    /// [§ 7.1]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1
    fn envelope(
        &self,
        mut answer: Answer,
        request: &Request,
        target: Option<&Target>,
        provisioner: Option<&Provisioner>,
    ) -> Answer {
        let resource = match target {
            Some(Target::Acme(_, resource)) => Some(resource),
            _ => None,
        };
        let is_nonce = resource == Some(&Resource::NewNonce) && provisioner.is_some();
        let is_ocsp = matches!(target, Some(Target::Ocsp(_)));
        if (request.method == Method::POST && !is_ocsp) || (is_nonce && answer.status.is_success())
        {
            let nonce = self.nonces.issue(self.services.clock.now());
            answer = answer.header(HeaderName::from_static("replay-nonce"), nonce);
        }
        if let Some(provisioner) = provisioner
            && resource != Some(&Resource::Directory)
        {
            let directory = self.url(provisioner, &Resource::Directory);
            answer = answer.link(&directory, "index");
        }
        answer
            .headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        answer
    }

    fn url(&self, provisioner: &Provisioner, resource: &Resource) -> String {
        self.linker.url(&provisioner.name, resource)
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// One line for each request; that of a nonce only for those who look closely.
fn log(
    request: &Request,
    target: Option<&Target>,
    provisioner: Option<&Provisioner>,
    trail: &Trail,
    answer: &Answer,
    took: Duration,
) {
    macro_rules! tell {
        ($level:ident) => {
            tracing::$level!(
                method = %request.method,
                route = target.map_or("none", Target::route),
                status = answer.status.as_u16(),
                duration_ms = took.as_micros() as f64 / 1000.0,
                provisioner = provisioner.map(|p| p.name.as_str()),
                account = trail.account.as_ref().map(AccountId::as_str),
                problem = answer.problem.as_ref().map(|problem| word_of(problem.kind)),
                peer = request.peer.map(|peer| tracing::field::display(peer.0)),
                "request"
            );
        };
    }
    // Each client asks for nonces, and there is nothing to say about them.
    let is_nonce = matches!(target, Some(Target::Acme(_, Resource::NewNonce)));
    if is_nonce && answer.status.is_success() {
        tell!(debug);
    } else {
        tell!(info);
    }
}
