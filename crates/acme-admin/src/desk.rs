//! The operators' desk as one warp filter: what it needs, how a request finds its handler, and the
//! one place that decides who may.

use std::fmt;
use std::sync::Arc;

use acme_core::{
    AdminStore, AttemptRunner, Clock, Entropy, EntropyRng, Origin, Peer, ProofKind,
    RevocationPublisher, SignAuthority, Tenure,
};
use acme_types::RequestId;
use bytes::Bytes;
use hyper::Method;
use tokio::sync::watch;
use tokio::time::Instant;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::answer::{Answer, Outcome};
use crate::body;
use crate::proof::{self, Asker};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::request::{Asked, NOBODY, Request};
use crate::routes::TABLES;
use crate::table::{self, Content, Found, Route};

/// The ports through which operators look and act.
#[derive(Clone)]
pub struct AdminServices {
    /// What is kept.
    pub store: Arc<dyn AdminStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where secrets and ids are drawn from.
    pub entropy: Arc<dyn Entropy>,
    /// What signs, and knows the provisioners.
    pub authority: Arc<dyn SignAuthority>,
    /// Shows what was revoked; none when that is not published.
    pub publisher: Option<Arc<dyn RevocationPublisher>>,
    /// The slot of this replica, and the epoch under which it writes.
    pub tenure: Arc<Tenure>,
    /// Told when something has become due.
    pub runner: Arc<dyn AttemptRunner>,
    /// What operators may do to the process.
    pub process: Arc<dyn Process>,
    /// Turns true when the server ends: then pages that change by themselves end too.
    pub ending: watch::Receiver<bool>,
}

impl fmt::Debug for AdminServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminServices").finish_non_exhaustive()
    }
}

/// What operators may do to the process that serves them.
pub trait Process: Send + Sync {
    /// The effective configuration, without secrets.
    fn configuration(&self) -> serde_json::Value;

    /// Begins to drain: no more connections, then the end.
    fn drain(&self);
}

/// What the desk must be told.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// The server's version.
    pub version: String,
}

impl Default for AdminConfig {
    /// This crate's version.
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The admin API and the pages of its sessions.
#[must_use]
pub fn routes(config: AdminConfig, services: AdminServices) -> BoxedFilter<(Response,)> {
    let desk = Arc::new(Desk { config, services });
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::ext::optional::<RequestId>())
        .and(warp::body::stream())
        .then(
            move |method: Method,
                  path: warp::path::FullPath,
                  query,
                  headers,
                  peer,
                  id: Option<RequestId>,
                  body| {
                let desk = Arc::clone(&desk);
                async move {
                    let started = Instant::now();
                    let body = if matches!(method, Method::GET | Method::HEAD) {
                        Ok(Bytes::new())
                    } else {
                        body::read(&headers, body).await
                    };
                    // The accept loop has made one; another server need not.
                    let entropy = &*desk.services.entropy;
                    let id = id.unwrap_or_else(|| RequestId::random(&mut EntropyRng(entropy)));
                    let request = Request {
                        id,
                        method,
                        path: path.as_str().to_owned(),
                        query,
                        headers,
                        peer,
                        body,
                    };
                    desk.answer(&request, started).await
                }
            },
        )
        .boxed()
}

/// The desk's parts, shared by all requests.
pub(crate) struct Desk {
    pub(crate) config: AdminConfig,
    pub(crate) services: AdminServices,
}

/// What is known of a request in the end, for its line in the log.
#[derive(Default)]
struct Trail {
    route: Option<&'static str>,
    asker: Option<Asker>,
}

impl Desk {
    async fn answer(&self, request: &Request, started: Instant) -> Response {
        let mut trail = Trail::default();
        let outcome = self.dispatch(request, &mut trail).await;
        let answer = outcome.unwrap_or_else(|refusal| {
            if request.is_of_a_browser() {
                Answer::refused_on_a_page(&refusal, request.id)
            } else {
                Answer::refused(&refusal, request.id)
            }
        });
        tracing::info!(
            method = %request.method,
            route = trail.route.unwrap_or("none"),
            status = answer.status.as_u16(),
            duration_ms = started.elapsed().as_micros() as f64 / 1000.0,
            operator = trail.asker.as_ref().map(|asker| asker.name.as_str()),
            problem = answer.problem,
            peer = request.peer.map(|peer| tracing::field::display(peer.0)),
            "admin request"
        );
        answer.into_response(request.method == Method::HEAD)
    }

    async fn dispatch(&self, request: &Request, trail: &mut Trail) -> Outcome {
        let (route, segments) = match table::find(TABLES, &request.method, &request.path) {
            Found::Route(route, segments) => (route, segments),
            Found::Methods(methods) => return Err(Refusal::MethodNotAllowed(methods)),
            Found::Nothing => {
                let detail = format!("there is nothing at {:?}", request.path);
                return Err(Refusal::NotFound(detail));
            }
        };
        trail.route = Some(route.path);
        let now = self.services.clock.now();
        let asker = self.admit(route, request).await?;
        trail.asker.clone_from(&asker);
        let asked = Asked {
            request,
            segments,
            query: match route.answer {
                Content::Json(_) => Query::parse(&request.query, route.query)?,
                Content::Page => Query::parse_form(&request.query, route.query)?,
            },
            asker,
            now,
        };
        (route.does)(self, &asked).await
    }

    /// Whence what is asked comes, for the audit trail.
    pub(crate) fn origin(&self, asked: &Asked<'_>) -> Origin {
        asked.origin(self.services.tenure.slot())
    }

    /// Who asks, if they may: the one place where roles and sessions' form tokens are looked at.
    async fn admit(&self, route: &Route, request: &Request) -> Result<Option<Asker>, Refusal> {
        let Some(needs) = route.role else {
            return Ok(None);
        };
        let (store, now) = (&*self.services.store, self.services.clock.now());
        let found = proof::asker(&request.headers, store, now).await?;
        let asker = found.ok_or(Refusal::Unauthorized(NOBODY))?;
        if asker.role < needs {
            return Err(Refusal::Forbidden {
                needs,
                has: asker.role,
            });
        }
        let changes = route.method != Method::GET;
        if changes && asker.via == ProofKind::Session && !has_form_token(request, &asker) {
            return Err(Refusal::Forged);
        }
        Ok(Some(asker))
    }
}

/// Whether a session's request carries what only a page of that session can know.
fn has_form_token(request: &Request, asker: &Asker) -> bool {
    let header = request.headers.get("x-csrf-token");
    let header = header.and_then(|value| value.to_str().ok());
    let given = header.map(str::to_owned).or_else(|| request.field("csrf"));
    // The token is the digest of a secret; what comparing it lets leak does not help to make one.
    given.is_some() && given == asker.form_token
}
