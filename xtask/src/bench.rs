//! `cargo xtask bench`: what an issuance costs, here and in peers.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::chore::{Result, cargo, output, run};
use crate::serve;
use crate::tools;
use crate::workspace::{Metadata, root};

mod chart;
mod contender;
mod counts;
mod document;
mod driver;
mod figures;
mod process;

use contender::Contender;
use driver::{Driver, Workload};
use figures::Results;

/// What is measured, and how often.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Run Debian's pebble and caddy beside ours, and write docs/BENCHMARKS.md and its chart.
    #[arg(long)]
    peers: bool,
    /// Run ours on PostgreSQL too.
    #[arg(long)]
    postgres: bool,
    /// Rounds; each runs every server once, and the medians count.
    #[arg(long)]
    rounds: Option<usize>,
    /// Issuances of one run.
    #[arg(long, default_value_t = 2000)]
    count: u64,
    /// Count the server's instructions for one act with callgrind instead, and compare them with
    /// those in bench/counts.json.
    #[arg(long, conflicts_with = "peers")]
    counts: bool,
    /// Keep what --counts has counted.
    #[arg(long, requires = "counts")]
    keep: bool,
    /// Only these workloads.
    #[arg(long, value_enum)]
    only: Vec<Workload>,
}

/// Rounds of a comparison, and of a look at ours alone.
const ROUNDS_OF_PEERS: usize = 5;
const ROUNDS_ALONE: usize = 1;

impl Bench {
    /// Builds, runs and reports.
    pub(crate) fn run(&self) -> Result<()> {
        let mut contenders = vec![Contender::Ours];
        if self.postgres {
            contenders.push(Contender::OursOnPostgres);
        }
        if self.peers {
            contenders.extend([Contender::Pebble, Contender::Caddy]);
        }
        let places = Places::find(&contenders)?;
        if self.counts {
            return counts::count(&places, self.keep);
        }
        let workloads = if self.only.is_empty() {
            Workload::value_variants()
        } else {
            &self.only
        };
        let usual = if self.peers {
            ROUNDS_OF_PEERS
        } else {
            ROUNDS_ALONE
        };
        let mut results = Results::default();
        // Round by round, not server by server: what else the machine does meets all alike.
        for round in 1..=self.rounds.unwrap_or(usual) {
            for contender in &contenders {
                eprintln!("round {round}: {}", contender.title());
                self.run_one(&places, *contender, workloads, &mut results)?;
            }
        }
        println!("{}", document::summary(&results, &contenders));
        if self.peers {
            let docs = root().join("docs");
            std::fs::write(
                docs.join("benchmarks.svg"),
                chart::draw(&results, &contenders),
            )?;
            std::fs::write(
                docs.join("BENCHMARKS.md"),
                document::write(&results, &contenders, self.count),
            )?;
            eprintln!("wrote docs/BENCHMARKS.md and docs/benchmarks.svg");
        }
        Ok(())
    }

    fn run_one(
        &self,
        places: &Places,
        contender: Contender,
        workloads: &[Workload],
        results: &mut Results,
    ) -> Result<()> {
        let running = contender.start(places)?;
        let driver = Driver::new(&places.driver, &running);
        for workload in workloads {
            if contender.cannot(*workload) {
                continue;
            }
            match driver.run(*workload, self.count) {
                Ok(report) => results.add(contender, *workload, &report),
                // A peer that hangs is a result, not the end of the comparison; it does no more
                // in this round.
                Err(error) if contender.is_peer() => {
                    eprintln!("{}: {error}", contender.title());
                    results.fail(contender, *workload, error.to_string());
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Where the programs lie, and where their state may.
struct Places {
    server: PathBuf,
    driver: PathBuf,
    postgres: Option<PathBuf>,
    state: PathBuf,
}

impl Places {
    fn find(contenders: &[Contender]) -> Result<Self> {
        let target = Metadata::load()?.target_directory;
        for contender in contenders {
            if let Some(package) = contender.debian_package() {
                tools::from_path_or_debian(package, package)?;
            }
        }
        let server = serve::build(true)?;
        run(cargo().args(["build", "--locked", "--release", "-p", "acme-bench"]))?;
        let postgres = contenders
            .contains(&Contender::OursOnPostgres)
            .then(tools::postgres)
            .transpose()?;
        Ok(Self {
            server,
            driver: target.join("release/acme-bench"),
            postgres,
            state: target.join("bench"),
        })
    }

    /// An empty folder for one server's state.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let dir = self.state.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }
}

/// Makes a certificate authority and a server certificate for `localhost` under `dir`, for a peer
/// that does not make its own: `root.crt`, `tls.crt`, `tls.key`.
fn make_certificate(dir: &Path) -> Result<()> {
    let openssl = |args: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        output(
            command
                .args(args)
                .current_dir(dir)
                .stderr(std::process::Stdio::null()),
        )
    };
    std::fs::write(
        dir.join("extensions"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n",
    )?;
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let root = [
        "-keyout",
        "root.key",
        "-out",
        "root.crt",
        "-subj",
        "/CN=Bench root",
    ];
    openssl(&[&["req", "-x509", "-days", "7"], &key[..], &root].concat())?;
    let leaf = [
        "-keyout",
        "tls.key",
        "-out",
        "tls.csr",
        "-subj",
        "/CN=localhost",
    ];
    openssl(&[&["req"], &key[..], &leaf].concat())?;
    openssl(&[
        "x509",
        "-req",
        "-in",
        "tls.csr",
        "-CA",
        "root.crt",
        "-CAkey",
        "root.key",
        "-CAcreateserial",
        "-days",
        "7",
        "-extfile",
        "extensions",
        "-out",
        "tls.crt",
    ])?;
    Ok(())
}
