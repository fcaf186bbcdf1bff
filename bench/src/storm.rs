//! A storm: many challenges whose targets are down, issuance beside them, and the hour when the
//! targets come back.

mod lateness;
mod metrics;
mod report;

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::task::JoinSet;

use crate::cli::Common;
use crate::dns;
use crate::error::{Error, Result};
use crate::flow::{self, Polls};
use crate::load::{Act, Clients, Plan, Server, Until};
use crate::name::Template;
use crate::report::Meter;
use crate::responder::{Behaviour, Proofs};
use crate::sample::{Kind, Samples};
use crate::session::Session;
use crate::wire::{Challenge, Status};

use lateness::Lateness;
use metrics::Scrape;
pub(crate) use report::StormReport;

/// What a storm is made of.
#[derive(Args, Debug)]
pub(crate) struct StormPlan {
    /// Challenges to ask for.
    #[arg(long, default_value_t = 10_000)]
    challenges: u64,
    /// How their targets are down.
    #[arg(long, value_enum, default_value = "refuse")]
    target: Target,
    /// The names of the storm; they must lead to 127.0.0.2.
    #[arg(long, default_value = "storm{n}.bench.test")]
    storm_name: Template,
    /// Names in one order.
    #[arg(long, default_value_t = 50)]
    names_per_order: u64,
    /// Clients that ask, each with its account.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Seconds to hold the targets down after the last challenge was asked for.
    #[arg(long, default_value_t = 36)]
    hold: u64,
    /// Clients that issue beside the storm; as long alone before it, for comparison.
    #[arg(long, default_value_t = 8)]
    beside: usize,
    /// Seconds from the request to each attempt, as the server's schedule has it.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "0,12,24,36,48,60,72,84,96,108,120"
    )]
    schedule: Vec<u64>,
    /// Longest wait for all to be valid, in seconds after the targets are up again.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Address of the server's metrics, for the lateness that it measured itself: the only one
    /// there is for targets that refuse.
    #[arg(long)]
    metrics: Option<SocketAddr>,
}

/// How a target is down.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Target {
    /// Nothing listens: the connection is refused.
    Refuse,
    /// The connection is closed without an answer.
    Close,
    /// The answer is 500.
    Fail500,
    /// No answer comes.
    Hang,
}

/// A challenge that was asked for.
struct Asked {
    challenge: Challenge,
    at: Instant,
}

/// One client of the storm and its challenges.
struct Asker {
    session: Session,
    asked: Vec<Asked>,
}

/// Runs a storm.
pub(crate) async fn run(server: &Server, common: &Common, plan: &StormPlan) -> Result<StormReport> {
    let proofs = Proofs::new(plan.target.behaviour(), true);
    let address = SocketAddrV4::new(dns::STORM, common.http01_port()).into();
    if plan.target != Target::Refuse {
        proofs.listen(address)?;
    }
    let hold = Duration::from_secs(plan.hold);
    let mut beside = Clients::ready(server, &beside_plan(common), plan.beside).await?;
    if plan.beside > 0 {
        eprintln!("issuing alone for {} s", plan.hold);
    }
    let (alone, alone_took) = beside.run(Until::Time(hold)).await?;

    eprintln!("asking for {} validations", plan.challenges);
    let meter = Meter::start(&common.watch);
    let idle = meter.processes(1);
    let start = Instant::now();
    let mut askers = ask_all(server, plan, &proofs).await?;
    let asking = start.elapsed();
    let asked = askers.iter().map(|asker| asker.asked.len() as u64).sum();

    eprintln!("holding the targets down for {} s", plan.hold);
    let filled = Meter::start(&common.watch);
    let before = Scrape::read(plan.metrics).await?;
    let held = Instant::now();
    let (during, during_took) = beside.run(Until::Time(hold)).await?;
    // Nobody may be issuing beside.
    tokio::time::sleep(hold.saturating_sub(held.elapsed())).await;
    let after = Scrape::read(plan.metrics).await?;
    let holding = filled.processes(1);

    let healed = Instant::now();
    if plan.target == Target::Refuse {
        proofs.listen(address)?;
    }
    proofs.behave(Behaviour::Serve);
    eprintln!("the targets are up");
    let all_served = wait_until_served(&proofs, Duration::from_secs(plan.patience), healed).await;
    let lateness = Lateness::of(&askers, &proofs, &plan.schedule, healed);
    let statuses = poll_all(&mut askers).await?;

    let mut samples = Samples::default();
    for asker in &mut askers {
        samples.merge(asker.session.take_samples());
    }
    Ok(StormReport::new(report::Parts {
        target: plan.target,
        asked,
        asking,
        alone: (alone, alone_took),
        during: (during, during_took),
        idle,
        holding,
        lateness,
        measured_by_server: before
            .zip(after)
            .map(|(before, after)| after.since(&before)),
        all_served,
        statuses,
        samples,
        machine: meter.machine(),
    }))
}

impl Target {
    const fn behaviour(self) -> Behaviour {
        match self {
            // Nobody listens yet; when somebody does, the target has healed.
            Self::Refuse => Behaviour::Serve,
            Self::Close => Behaviour::Close,
            Self::Fail500 => Behaviour::Fail,
            Self::Hang => Behaviour::Hang,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Close => "close",
            Self::Fail500 => "fail with 500",
            Self::Hang => "hang",
        }
    }
}

fn beside_plan(common: &Common) -> Plan {
    Plan {
        act: Act::Issue,
        names: common.name.clone(),
        first_name: 0,
        polls: Polls::RetryAfter,
        account_each: false,
        connection_each: false,
    }
}

async fn ask_all(server: &Server, plan: &StormPlan, proofs: &Proofs) -> Result<Vec<Asker>> {
    let next = Arc::new(AtomicU64::new(0));
    let mut asking = JoinSet::new();
    for _ in 0..plan.clients {
        let (next, proofs, names) = (next.clone(), proofs.clone(), plan.storm_name.clone());
        let (all, each) = (plan.challenges, plan.names_per_order.max(1));
        let session = Session::new(server.endpoint.clone(), server.directory.clone())?;
        let mut asker = Asker {
            session,
            asked: Vec::new(),
        };
        asking.spawn(async move {
            asker.session.new_account().await?;
            loop {
                let first = next.fetch_add(each, Ordering::Relaxed);
                if first >= all {
                    return Ok::<_, Error>(asker);
                }
                let last = (first + each).min(all);
                let names: Vec<_> = (first..last).map(|n| names.name(n)).collect();
                let opened = flow::open_order(&mut asker.session, &names).await?;
                for authorization in &opened.order.authorizations {
                    asker.ask(authorization, &proofs).await?;
                }
            }
        });
    }
    let mut askers = Vec::with_capacity(plan.clients);
    while let Some(asker) = asking.join_next().await {
        askers.push(asker.map_err(|error| Error::Usage(error.to_string()))??);
    }
    Ok(askers)
}

impl Asker {
    async fn ask(&mut self, authorization: &str, proofs: &Proofs) -> Result<()> {
        let Some(challenge) = flow::http01(&mut self.session, authorization).await? else {
            return Ok(());
        };
        let proof = self.session.account.key_authorization(&challenge.token);
        proofs.put(&challenge.token, proof);
        let at = Instant::now();
        self.session
            .post(Kind::Challenge, &challenge.url, "{}")
            .await?;
        self.asked.push(Asked { challenge, at });
        Ok(())
    }
}

/// Waits until every proof was served; how long after the healing that was, None when it was not
/// within `patience`.
async fn wait_until_served(
    proofs: &Proofs,
    patience: Duration,
    healed: Instant,
) -> Option<Duration> {
    while healed.elapsed() < patience {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let proofs = proofs.lock();
        if proofs.values().all(|proof| proof.served_at.is_some()) {
            let last = proofs.values().filter_map(|proof| proof.served_at).max();
            return last.map(|last| last.saturating_duration_since(healed));
        }
    }
    None
}

/// How many challenges have each status, read from the server.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
struct Statuses {
    valid: u64,
    processing: u64,
    pending: u64,
    invalid: u64,
}

async fn poll_all(askers: &mut [Asker]) -> Result<Statuses> {
    let mut statuses = Statuses::default();
    for asker in askers {
        for Asked { challenge, .. } in &asker.asked {
            let kind = Kind::ChallengePoll;
            let answer = asker.session.post(kind, &challenge.url, "").await?;
            let place = match answer.json::<Challenge>(kind)?.status {
                Status::Valid => &mut statuses.valid,
                Status::Processing => &mut statuses.processing,
                Status::Pending => &mut statuses.pending,
                _ => &mut statuses.invalid,
            };
            *place += 1;
        }
    }
    Ok(statuses)
}
