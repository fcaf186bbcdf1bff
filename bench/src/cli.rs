//! The command line.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::connection::{Endpoint, HttpVersion};

use crate::dns;
use crate::error::{Error, Result};
use crate::fill::Fill;
use crate::flow::Polls;
use crate::load::{Act, Clients, Plan, Server, Until};
use crate::measure::Watch;
use crate::name::Template;
use crate::report::{Meter, Report};
use crate::responder::{Behaviour, Proofs};
use crate::sample::Kind;
use crate::session::Session;
use crate::storm::{self, StormPlan};
use crate::wire::Directory;

/// Drives an ACME server with load and reports what it cost.
#[derive(Debug, Parser)]
#[command(name = "acme-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Mode {
    #[command(flatten)]
    Drive(Drive),
    /// Fill the store of an acme-server that does not run, to see what its size costs.
    Fill(Fill),
}

#[derive(Debug, Subcommand)]
enum Drive {
    /// Issue certificates: the whole flow with http-01.
    Issue {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        load: Load,
        /// When to poll again: `retry-after` as the server says, or so many milliseconds.
        #[arg(long, default_value = "retry-after")]
        poll: Polls,
        /// Make a new account for each issuance, not one for each client.
        #[arg(long)]
        account_each: bool,
    },
    /// Ask for nonces.
    Nonce {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        load: Load,
    },
    /// Make accounts.
    Account {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        load: Load,
    },
    /// Open orders and leave them.
    Order {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        load: Load,
    },
    /// Read one object of each client again and again.
    Poll {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        load: Load,
        /// What is read.
        #[arg(long, value_enum, default_value = "order")]
        object: Object,
    },
    /// Ask for many validations whose targets are down, then heal the targets.
    Storm {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        plan: StormPlan,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Object {
    Order,
    Authorization,
    Challenge,
    RenewalInfo,
}

/// What every mode takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// URL of the server's directory.
    #[arg(long)]
    pub(crate) directory: String,
    /// PEM file of certificates to trust; may be repeated.
    #[arg(long, required = true)]
    root: Vec<PathBuf>,
    /// The name to ask for; `{n}` becomes a number, an IP address asks for that.
    #[arg(long, default_value = "b{n}.bench.test")]
    pub(crate) name: Template,
    /// Where the server looks for http-01 proofs; may be repeated.
    #[arg(long, default_value = "127.0.0.1:5002")]
    responder: Vec<SocketAddr>,
    /// Serve DNS here: every name is 127.0.0.1, names that begin with `storm` are 127.0.0.2.
    #[arg(long)]
    dns: Option<SocketAddr>,
    /// LABEL=PID of a server process to measure with its descendants; may be repeated.
    #[arg(long)]
    pub(crate) watch: Vec<Watch>,
    /// Version of HTTP.
    #[arg(long, value_enum, default_value = "1")]
    http: HttpVersion,
    /// Threads of the load driver.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How to print the report.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Args, Debug)]
struct Load {
    /// Clients at work at once, each with its connection.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Acts in all.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Run for so many seconds rather than for a count.
    #[arg(long)]
    seconds: Option<u64>,
    /// Acts before the measuring starts.
    #[arg(long, default_value_t = 0)]
    warmup: u64,
    /// Number of the first name.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Make a new connection for each act, as clients that run once a day do.
    #[arg(long)]
    connection_each: bool,
}

impl Cli {
    /// Runs the mode; whether nothing failed.
    pub(crate) fn run(self) -> Result<bool> {
        match self.mode {
            Mode::Drive(drive) => drive.common().runtime()?.block_on(drive.run()),
            Mode::Fill(fill) => fill.run().map(|()| true),
        }
    }
}

impl Drive {
    const fn common(&self) -> &Common {
        match self {
            Self::Issue { common, .. }
            | Self::Nonce { common, .. }
            | Self::Account { common, .. }
            | Self::Order { common, .. }
            | Self::Poll { common, .. }
            | Self::Storm { common, .. } => common,
        }
    }

    async fn run(self) -> Result<bool> {
        let server = self.common().server().await?;
        let (common, load, mode, act) = match &self {
            Self::Storm { common, plan } => {
                let report = storm::run(&server, common, plan).await?;
                common.output.print(&report, storm::StormReport::table)?;
                return Ok(report.is_sound());
            }
            Self::Issue { common, load, .. } => (common, load, "issue", Act::Issue),
            Self::Nonce { common, load } => (common, load, "nonce", Act::Nonce),
            Self::Account { common, load } => (common, load, "account", Act::Account),
            Self::Order { common, load } => (common, load, "order", Act::Order),
            Self::Poll {
                common,
                load,
                object,
            } => {
                let (mode, act) = match object {
                    Object::Order => ("poll order", Act::PollOrder),
                    Object::Authorization => ("poll authorization", Act::PollAuthorization),
                    Object::Challenge => ("poll challenge", Act::PollChallenge),
                    Object::RenewalInfo => ("poll renewalInfo", Act::RenewalInfo),
                };
                (common, load, mode, act)
            }
        };
        let mut plan = load.plan(common, act);
        if let Self::Issue {
            poll, account_each, ..
        } = self
        {
            plan.polls = poll;
            plan.account_each = account_each;
        }
        let report = load.run(&server, common, plan, mode).await?;
        common.output.print(&report, Report::table)?;
        Ok(report.failed == 0)
    }
}

impl Common {
    fn runtime(&self) -> Result<Runtime> {
        let mut runtime = if self.threads > 1 {
            Builder::new_multi_thread()
        } else {
            Builder::new_current_thread()
        };
        runtime
            .worker_threads(self.threads.max(1))
            .enable_all()
            .build()
            .map_err(Error::io("starting the runtime"))
    }

    /// Starts the responder and the DNS server, and reads the directory.
    async fn server(&self) -> Result<Server> {
        let roots: Vec<_> = self.root.iter().map(PathBuf::as_path).collect();
        let proofs = Proofs::new(Behaviour::Serve, false);
        for address in &self.responder {
            proofs.listen(*address)?;
        }
        if let Some(address) = self.dns {
            dns::listen(address).await?;
        }
        let endpoint = Arc::new(Endpoint::new(&self.directory, &roots, self.http).await?);
        let nowhere = Directory::default();
        let mut session = Session::new(endpoint.clone(), Arc::new(nowhere))?;
        let kind = Kind::Directory;
        let directory = session.get(kind, &self.directory).await?.json(kind)?;
        Ok(Server {
            endpoint,
            directory: Arc::new(directory),
            proofs,
        })
    }

    /// Port of the server's http-01 validation.
    pub(crate) fn http01_port(&self) -> u16 {
        self.responder.first().map_or(80, SocketAddr::port)
    }
}

impl Load {
    fn plan(&self, common: &Common, act: Act) -> Plan {
        Plan {
            act,
            names: common.name.clone(),
            first_name: self.first,
            polls: Polls::RetryAfter,
            account_each: false,
            connection_each: self.connection_each,
        }
    }

    async fn run(
        &self,
        server: &Server,
        common: &Common,
        plan: Plan,
        mode: &'static str,
    ) -> Result<Report> {
        let mut clients = Clients::ready(server, &plan, self.clients).await?;
        if self.warmup > 0 {
            clients.run(Until::Count(self.warmup)).await?;
        }
        let until = self.seconds.map_or(Until::Count(self.count), |seconds| {
            Until::Time(Duration::from_secs(seconds))
        });
        let meter = Meter::start(&common.watch);
        let (samples, took) = clients.run(until).await?;
        Ok(meter.report(mode, &common.directory, self.clients, samples, took))
    }
}

impl Output {
    fn print<T: Serialize>(self, report: &T, table: impl Fn(&T) -> String) -> Result<()> {
        let text = match self {
            Self::Table => table(report),
            Self::Json => serde_json::to_string_pretty(report)
                .map_err(|error| Error::Usage(error.to_string()))?,
        };
        writeln!(std::io::stdout(), "{text}").map_err(Error::io("printing the report"))
    }
}
