//! Many clients at once: each does the same act again and again until the count is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connection::Endpoint;
use crate::error::{Error, Result};
use crate::flow::{self, Polls};
use crate::name::Template;
use crate::responder::Proofs;
use crate::sample::{Kind, Samples};
use crate::session::Session;
use crate::wire::Directory;

/// After so many failures in a row a client stops: the server is broken, not slow.
const MAX_FAILURES_IN_A_ROW: u32 = 20;

/// What the clients do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// The whole flow.
    Issue,
    /// newNonce by HEAD.
    Nonce,
    /// newAccount with a new key.
    Account,
    /// newOrder and nothing after it.
    Order,
    /// POST-as-GET of one pending order.
    PollOrder,
    /// POST-as-GET of one pending authorization.
    PollAuthorization,
    /// POST-as-GET of one pending challenge.
    PollChallenge,
    /// GET of the renewal information of one certificate.
    RenewalInfo,
}

/// How the clients go about it.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) act: Act,
    pub(crate) names: Template,
    /// Number of the first name.
    pub(crate) first_name: u64,
    pub(crate) polls: Polls,
    /// A new account for each issuance, rather than one for each client.
    pub(crate) account_each: bool,
    /// A new connection for each act, as clients that run once a day make it.
    pub(crate) connection_each: bool,
}

/// When the clients stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// So many acts were begun.
    Count(u64),
    /// So much time went by.
    Time(Duration),
}

/// A server under load.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) proofs: Proofs,
}

/// Clients that are connected and, where the act needs it, have their account and their object.
pub(crate) struct Clients {
    server: Server,
    plan: Plan,
    workers: Vec<Worker>,
}

struct Worker {
    session: Session,
    /// URL that a polling client polls.
    object: String,
}

impl Clients {
    /// Connects so many clients and makes them ready for the plan.
    pub(crate) async fn ready(server: &Server, plan: &Plan, count: usize) -> Result<Self> {
        let mut making = JoinSet::new();
        for number in 0..count {
            let (server, plan) = (server.clone(), plan.clone());
            making.spawn(async move { Worker::ready(&server, &plan, number as u64).await });
        }
        let mut workers = Vec::with_capacity(count);
        while let Some(worker) = making.join_next().await {
            workers.push(worker.map_err(|error| Error::Usage(error.to_string()))??);
        }
        Ok(Self {
            server: server.clone(),
            plan: plan.clone(),
            workers,
        })
    }

    /// Runs until the end and returns what was sampled and the time it took. Numbers names on from
    /// `first_name`, and afterwards the plan's next name is a new one.
    pub(crate) async fn run(&mut self, until: Until) -> Result<(Samples, Duration)> {
        let begun = Arc::new(AtomicU64::new(0));
        let start = Instant::now();
        let mut running = JoinSet::new();
        for mut worker in self.workers.drain(..) {
            let (server, plan, begun) = (self.server.clone(), self.plan.clone(), begun.clone());
            running.spawn(async move {
                worker.run(&server, &plan, &begun, until, start).await;
                worker
            });
        }
        let mut samples = Samples::default();
        while let Some(worker) = running.join_next().await {
            let mut worker = worker.map_err(|error| Error::Usage(error.to_string()))?;
            samples.merge(worker.session.take_samples());
            self.workers.push(worker);
        }
        let took = start.elapsed();
        self.plan.first_name += begun.load(Ordering::Relaxed);
        Ok((samples, took))
    }
}

impl Worker {
    async fn ready(server: &Server, plan: &Plan, number: u64) -> Result<Self> {
        let mut session = Session::new(server.endpoint.clone(), server.directory.clone())?;
        session.new_nonce().await?;
        let mut object = String::new();
        if plan.act != Act::Nonce && plan.act != Act::Account {
            session.new_account().await?;
        }
        // A name of its own, outside the numbers that issuances use.
        let names = [plan.names.name(plan.first_name + (1 << 40) + number)];
        match plan.act {
            Act::Issue | Act::Nonce | Act::Account | Act::Order => {}
            Act::PollOrder => object = flow::open_order(&mut session, &names).await?.url,
            Act::PollAuthorization | Act::PollChallenge => {
                let opened = flow::open_order(&mut session, &names).await?;
                object = opened
                    .order
                    .authorizations
                    .into_iter()
                    .next()
                    .unwrap_or_default();
                if plan.act == Act::PollChallenge {
                    let challenge = flow::http01(&mut session, &object).await?;
                    object = challenge.map(|challenge| challenge.url).unwrap_or_default();
                }
            }
            Act::RenewalInfo => {
                let chain = flow::issue(&mut session, &names, &server.proofs, plan.polls).await?;
                object = crate::renewal::url(&server.directory, &chain)?;
            }
        }
        session.take_samples();
        Ok(Self { session, object })
    }

    async fn run(
        &mut self,
        server: &Server,
        plan: &Plan,
        begun: &AtomicU64,
        until: Until,
        start: Instant,
    ) {
        let mut failures = 0;
        while failures < MAX_FAILURES_IN_A_ROW {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            let over = match until {
                Until::Count(count) => number >= count,
                Until::Time(time) => start.elapsed() >= time,
            };
            if over {
                break;
            }
            if plan.connection_each {
                self.session.connection.close();
            }
            match self.act(server, plan, plan.first_name + number).await {
                Ok(()) => {
                    failures = 0;
                    self.session.samples.done += 1;
                }
                Err(error) => {
                    failures += 1;
                    self.session.samples.fail(&error);
                }
            }
        }
    }

    async fn act(&mut self, server: &Server, plan: &Plan, number: u64) -> Result<()> {
        let session = &mut self.session;
        match plan.act {
            Act::Issue => {
                if plan.account_each {
                    session.new_account().await?;
                }
                let names = [plan.names.name(number)];
                flow::issue(session, &names, &server.proofs, plan.polls).await?;
            }
            Act::Nonce => session.new_nonce().await?,
            Act::Account => session.new_account().await?,
            Act::Order => {
                flow::open_order(session, &[plan.names.name(number)]).await?;
            }
            Act::PollOrder => {
                session.post(Kind::OrderPoll, &self.object, "").await?;
            }
            Act::PollAuthorization => {
                session
                    .post(Kind::AuthorizationPoll, &self.object, "")
                    .await?;
            }
            Act::PollChallenge => {
                session.post(Kind::ChallengePoll, &self.object, "").await?;
            }
            Act::RenewalInfo => {
                session.get(Kind::RenewalInfo, &self.object).await?;
            }
        }
        Ok(())
    }
}
