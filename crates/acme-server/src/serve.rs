//! Wiring: store, lease, authority, validators, worker and API become one running server, and end
//! in order.

mod admin;
mod own_certificate;
mod stage;
mod watch_store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use acme_admin::{AdminConfig, AdminServices, link_url};
use acme_core::{
    AttemptRunner, Clock, Entropy, OperatorName, Origin, RevocationPublisher, SignAuthority,
    Tenure, Validator,
};
use acme_http::{ApiConfig, ServeLimits, Services};
use acme_types::{Slot, random_id};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::chain::Chain;
use crate::config::Config;
use crate::lease_keeper::{self, LeaseError, LeaseRequest};
use crate::logging;
use crate::metrics::Figures;
use crate::publisher::{Publication, Publisher};
use crate::system::{SystemClock, SystemEntropy};
use crate::tls;
use crate::upkeep::{self, UpkeepSettings};
use crate::worker::{Worker, WorkerLimits, WorkerPorts};

pub(crate) use admin::base_url as admin_url;
pub use stage::{ServeError, open_authority, open_store, open_validator};

/// How long a stop waits for attempts that are being made: what is not done by then is due again at
/// once for whoever takes the slot's work over, and others wait for that.
const ATTEMPTS_GRACE: Duration = Duration::from_millis(300);

/// Reads the configuration anew; the error says in words why it cannot be used.
pub type Reread = Box<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// A server that answers.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The address it listens on for ACME.
    pub acme: SocketAddr,
    /// The address it listens on for operators; none when it does not.
    pub admin: Option<SocketAddr>,
    /// The address of the link that begins a session for the host, once.
    pub link: Option<String>,
}

/// Serves until SIGTERM or SIGINT, then ends in order: no more connections, requests finished,
/// attempts finished or given up, the lease handed back, the store closed.
///
/// `ready` is called once, when the server answers. A `host` is made an admin unless they are one,
/// and a one-time link for them is told with it.
/// `ready` is called once, when the server answers. At SIGHUP `again` reads the configuration anew, for
/// the level of the log; the files of the server's own certificate are read again too.
///
/// # Errors
/// [`ServeError`] tells what could not be had at the start, or that the slot was lost to another
/// process.
pub async fn run(
    config: Config,
    slot: Slot,
    host: Option<OperatorName>,
    again: Reread,
    ready: impl FnOnce(Ready),
) -> Result<(), ServeError> {
    // First, so that whatever counts finds it in place.
    let figures = match config.listen.metrics {
        Some(_) => Figures::begin()?,
        None => None,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let signals = Signals::caught().map_err(ServeError::Io)?;
    // Bound first: the cheapest thing that may fail.
    let listener = bind(config.listen.acme).await?;
    let health = match config.listen.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let public = match config.listen.public {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let admin = match config.listen.admin {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    // First no more connections, then no more work; the lease is kept until the work has stopped.
    let drain = watch::Sender::new(false);
    let stop = watch::Sender::new(false);
    let release = watch::Sender::new(false);
    let serve_limits = ServeLimits {
        connections: config.limits.connections,
        drain: config.limits.drain,
        ..ServeLimits::default()
    };
    let readiness = Arc::new(stage::Readiness::new(drain.subscribe()));
    // It answers from the start, and until everything else has ended: both must be seen.
    let health = health.map(|listener| {
        let shown = figures.clone();
        let render = move || shown.as_ref().map(Figures::render).unwrap_or_default();
        let routes = acme_http::health_routes(readiness.clone(), Arc::new(render));
        let end = turned_true(release.subscribe());
        let ids = Arc::clone(&entropy);
        tokio::spawn(acme_http::serve(
            listener,
            None,
            serve_limits,
            routes,
            ids,
            end,
        ))
    });
    // The server's own certificate is renewed and not revoked: nobody shall look for it where
    // revocation is published.
    let own_authority: Arc<dyn SignAuthority> = Arc::new(open_authority(&config, clock.now())?);
    let authority = match stage::open_publishing_authority(&config, clock.now())? {
        Some(authority) => Arc::new(authority),
        None => Arc::clone(&own_authority),
    };
    let validator: Arc<dyn Validator> = Arc::new(open_validator(&config)?);
    let opened = open_store(&config.store).await?;
    let store = opened.store();
    let admin_store = opened.admin_store();
    if let Some(address) = config.listen.admin {
        admin::check_operators(&*admin_store, address, clock.now()).await?;
    }

    let request = LeaseRequest {
        slot,
        holder: random_id(&mut acme_core::EntropyRng(&*entropy)),
        life: config.slot.lease,
    };
    let lease = lease_keeper::take(&*store, &request, &*clock).await?;
    info!(slot = %slot, epoch = lease.epoch.0, "slot taken");
    let tenure = Arc::new(Tenure::new(slot, lease.epoch));
    for issuer in authority.issuers() {
        store.put_issuer(&issuer).await?;
    }
    let own =
        own_certificate::first(&config, &*own_authority, slot, &*entropy, clock.now()).await?;

    let limits = worker_limits(&config);
    let mut fresh = [0; 32];
    entropy.fill(&mut fresh);
    let api_config = ApiConfig {
        attempt_patience: limits.patience(),
        ..stage::api_config(&config, store.nonce_key(fresh).await?)?
    };
    let urls = api_config.clone();
    let ports = WorkerPorts {
        store: Arc::clone(&store),
        validator: Arc::clone(&validator),
        authority: Arc::clone(&authority),
        clock: Arc::clone(&clock),
        tenure: Arc::clone(&tenure),
        account_urls: Arc::new(move |provisioner, id| urls.account_urls(provisioner, id)),
    };
    let worker = Worker::new(ports.clone(), limits);
    let publication = config.ca.publication;
    let publisher = (publication != Publication::default()).then(|| {
        let (store, authority) = (Arc::clone(&store), Arc::clone(&authority));
        Publisher::new(store, authority, Arc::clone(&clock), publication)
    });
    if let Some(publisher) = &publisher {
        publisher.round().await?;
    }
    let shown = publisher.clone();
    let runner: Arc<dyn AttemptRunner> = Arc::new(worker.clone());
    let services = Services {
        store: Arc::clone(&store),
        authority: Arc::clone(&authority),
        validator,
        runner: Arc::clone(&runner),
        policy_hook: stage::open_policy_hooks(&config, &clock)?,
        publisher: shown.map(|publisher| Arc::new(publisher) as Arc<dyn RevocationPublisher>),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        tenure: Arc::clone(&tenure),
    };
    let revocations = services.publisher.clone();
    let public_routes = acme_http::public_routes(api_config.clone(), services.clone());
    let routes = acme_http::routes(api_config, services);

    let keeper = tokio::spawn(lease_keeper::keep(
        Arc::clone(&store),
        request,
        Arc::clone(&clock),
        Arc::clone(&tenure),
        release.subscribe(),
    ));
    let upkeep = tokio::spawn(upkeep::run_until(
        ports.clone(),
        worker.clone(),
        UpkeepSettings {
            retention: config.retention,
            ..UpkeepSettings::default()
        },
        stop.subscribe(),
    ));
    let renewal = tokio::spawn(own_certificate::keep(
        config.clone(),
        own.clone(),
        slot,
        own_authority,
        Arc::clone(&entropy),
        Arc::clone(&clock),
        stop.subscribe(),
    ));
    let watching = figures.map(|figures| {
        let (store, clock) = (Arc::clone(&store), Arc::clone(&clock));
        [
            tokio::spawn(watch_store::sum_up(figures, stop.subscribe())),
            tokio::spawn(watch_store::look(store, clock, slot, stop.subscribe())),
        ]
    });
    let publishing = tokio::spawn({
        let stopped = stop.subscribe();
        async move {
            if let Some(publisher) = publisher {
                publisher.run_until(stopped).await;
            }
        }
    });
    let wakeups = opened.wakeups(slot).map(|mut wakeups| {
        let worker = worker.clone();
        tokio::spawn(async move {
            loop {
                wakeups.next().await;
                worker.wake();
            }
        })
    });
    let attempts = tokio::spawn({
        let stopped = stop.subscribe();
        async move { worker.run_until(stopped, ATTEMPTS_GRACE).await }
    });
    let acme = listener.local_addr().map_err(ServeError::Io)?;
    let own_tls = Arc::new(tls::server_config(own.shown())?);
    let api = tokio::spawn(acme_http::serve(
        listener,
        Some(own_tls),
        serve_limits,
        routes,
        Arc::clone(&entropy),
        turned_true(drain.subscribe()),
    ));
    let admin_address = match &admin {
        Some(listener) => Some(listener.local_addr().map_err(ServeError::Io)?),
        None => None,
    };
    let origin = Origin::of_server(slot, clock.now());
    admin_store.note(admin::started(&config), &origin).await?;
    let (process, told_to_drain) = admin::OwnProcess::new(&config);
    let link = match (admin_address, &host) {
        (Some(address), Some(host)) => {
            let base = admin::base_url(&config, address);
            let link = admin::invite(&*admin_store, host, &*entropy, clock.now()).await?;
            Some(link_url(&base, &link))
        }
        _ => None,
    };
    let desk = AdminServices {
        store: admin_store,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        authority: Arc::clone(&authority),
        publisher: revocations,
        tenure: Arc::clone(&tenure),
        runner: Arc::clone(&runner),
        process: Arc::new(process),
        ending: drain.subscribe(),
    };
    let admin = match admin {
        Some(listener) => {
            let routes = acme_admin::routes(AdminConfig::default(), desk);
            let tls = Some(Arc::new(tls::server_config(own.shown())?));
            let end = turned_true(drain.subscribe());
            let ids = Arc::clone(&entropy);
            let serving = acme_http::serve(listener, tls, serve_limits, routes, ids, end);
            Some(tokio::spawn(serving))
        }
        None => None,
    };
    let public = public.map(|listener| {
        let end = turned_true(drain.subscribe());
        let ids = Arc::clone(&entropy);
        let serving = acme_http::serve(listener, None, serve_limits, public_routes, ids, end);
        tokio::spawn(serving)
    });
    info!(address = %acme, base_url = config.base_url, slot = %slot, "serving");
    readiness.started(Arc::clone(&store));
    if let Some(address) = admin_address {
        info!(%address, "serving operators");
    }
    ready(Ready {
        acme,
        admin: admin_address,
        link,
    });

    let lost = wait_for_end(keeper, signals, told_to_drain, &own, &config, &again).await;
    drain.send_replace(true);
    if lost.is_some() {
        // Another process does the work already.
        stop.send_replace(true);
    }
    for listener in [Some(api), public, admin].into_iter().flatten() {
        if let Err(error) = listener.await {
            error!(%error, "the API had ended early");
        }
    }
    stop.send_replace(true);
    let tasks = [upkeep, attempts, renewal, publishing].into_iter();
    for task in tasks.chain(watching.into_iter().flatten()) {
        if let Err(error) = task.await {
            error!(%error, "a task had ended early");
        }
    }
    if let Some(wakeups) = wakeups {
        wakeups.abort();
    }
    release.send_replace(true);
    if let Some(health) = health {
        let _ = health.await;
    }
    let outcome = match lost {
        Some(error) => Err(error),
        None => {
            if let Err(error) = store.release_lease(slot, tenure.epoch(), clock.now()).await {
                warn!(error = %Chain(&error), "the lease could not be handed back; it runs out by itself");
            }
            Ok(())
        }
    };
    drop(store);
    opened.close().await;
    info!("ended");
    outcome
}

fn worker_limits(config: &Config) -> WorkerLimits {
    let probes = config.provisioners.iter().map(|p| p.validation.timeout);
    WorkerLimits {
        attempts: config.limits.attempts,
        attempts_per_target: config.limits.attempts_per_target,
        attempts_per_account: config.limits.attempts_per_account,
        probe_timeout: probes
            .max()
            .unwrap_or_else(|| WorkerLimits::default().probe_timeout),
        ..WorkerLimits::default()
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

async fn turned_true(mut flag: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = flag.wait_for(|set| *set).await;
}

/// Writes at the level that the configuration has now.
fn reload_level(again: &Reread) {
    let changed = again().and_then(|config| {
        logging::set_level(&config.log.level)?;
        Ok(config.log.level)
    });
    match changed {
        Ok(level) => info!(level, "SIGHUP: the level of the log was read again"),
        Err(error) => warn!(error, "SIGHUP: the log keeps the level it has"),
    }
}

/// The signals that a server heeds.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them from now on: one that comes during the start is heeded after it.
    fn caught() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Returns when the server shall end: by signal, or with the reason why it must.
async fn wait_for_end(
    mut keeper: tokio::task::JoinHandle<Result<(), LeaseError>>,
    Signals {
        mut terminate,
        mut interrupt,
        mut hangup,
    }: Signals,
    mut told_to_drain: watch::Receiver<bool>,
    own: &own_certificate::Own,
    config: &Config,
    again: &Reread,
) -> Option<ServeError> {
    loop {
        tokio::select! {
            _ = terminate.recv() => {
                info!("SIGTERM: draining");
                return None;
            }
            _ = interrupt.recv() => {
                info!("SIGINT: draining");
                return None;
            }
            Ok(()) = told_to_drain.changed() => {
                info!("an operator wants it: draining");
                return None;
            }
            _ = hangup.recv() => {
                own.reload(config);
                reload_level(again);
            }
            ended = &mut keeper => {
                return match ended {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => {
                        error!(error = %Chain(&error), "the slot is lost; the server ends");
                        Some(error.into())
                    }
                    Err(error) => Some(ServeError::Io(std::io::Error::other(error))),
                };
            }
        }
    }
}
