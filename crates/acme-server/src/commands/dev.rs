//! `dev`: the embedded default, everything under one directory, ready at once.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use acme_ca::{InitOptions, KeyType};
use acme_validate::Network;
use clap::Args;
use serde::Serialize;

use super::clients::Target;
use super::init::{Authority, CA_DIR, make_authority, value, write_config};
use super::io_failure;
use super::serve::SlotArgs;
use crate::cli::{CONFIG_FILE, DEV_DIR, NAME, SetArgs, variables};
use crate::config::{Assignment, Config, TemplateValue, template};
use crate::exit::Failure;
use crate::logging;
use crate::output::{OutputFormat, Report};

/// Runs a server for trying out: makes what it needs on first use, all under one directory
///
/// On first use it makes a certificate authority, a store and a configuration with a provisioner
/// "default" under DIR; later it goes on with what is there. It serves on loopback, reaches for proofs
/// on loopback too, at the ports that test clients know (http-01 5002, tls-alpn-01 5001), and prints
/// client commands ready to paste.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server dev
  acme-server dev --dir /tmp/ca --listen 127.0.0.1:24000
  acme-server dev --set validation.retry.schedule=eager --set log.level=debug")]
pub(crate) struct Dev {
    /// The directory for all that is made
    #[arg(long, value_name = "DIR", default_value = DEV_DIR)]
    dir: PathBuf,
    /// The address to serve ACME on; at first use 127.0.0.1:14000
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    slot: SlotArgs,
    #[command(flatten)]
    set: SetArgs,
}

/// Where `dev` serves ACME.
const ACME: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 14_000);
/// The ports on which test clients answer challenges.
const HTTP01_PORT: u16 = 5002;
const TLSALPN01_PORT: u16 = 5001;

impl Dev {
    /// Makes what is missing, and serves.
    ///
    /// # Errors
    /// [`Failure`] tells what could not be made, or why the server ended.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        if self.listen.is_some_and(|address| address.port() == 0) {
            return Err(Failure::usage("--listen needs a port: every URL names it"));
        }
        let (dir, authority) = self.make()?;
        let config = self.load(&dir)?;
        let traces = logging::start(&config.log, config.traces.as_ref());

        let first = config.provisioners.first();
        let report = Serving {
            directory: config.directories().into_iter().next().unwrap_or_default(),
            root: authority.root,
            root_sha256: authority.root_sha256,
            config: dir.join(CONFIG_FILE),
            http01_port: first.map_or(HTTP01_PORT, |one| one.validation.http01_port),
            tlsalpn01_port: first.map_or(TLSALPN01_PORT, |one| one.validation.tlsalpn01_port),
            admin: None,
            dir,
        };
        let host = HOST.parse().map_err(|_| Failure::failed("no host"))?;
        let place = report.dir.clone();
        let again = move || self.read(&place).map_err(|failure| failure.message);
        let served = super::serve::serve(config, Some(host), Box::new(again), move |ready| {
            let report = Serving {
                admin: ready.link,
                ..report
            };
            if let Err(failure) = output.print(&report) {
                tracing::warn!(error = %failure, "the server serves, but could not say so");
            }
        });
        if let Some(traces) = traces {
            traces.end();
        }
        served
    }

    fn make(&self) -> Result<(PathBuf, Authority), Failure> {
        // The keys are guarded by their own modes; clients of other users must reach the root.
        let ca = self.dir.join(CA_DIR);
        fs::create_dir_all(&ca).map_err(|error| io_failure("create", &ca, &error))?;
        // The commands that are printed must work from any directory.
        let dir = fs::canonicalize(&self.dir);
        let dir = dir.map_err(|error| io_failure("find", &self.dir, &error))?;
        let options = InitOptions {
            name: format!("{NAME} dev"),
            key_type: KeyType::default(),
            root: None,
            passphrase: None,
        };
        let authority = make_authority(&dir, &options)?;
        let number = |key, port: u16| TemplateValue {
            key,
            value: toml::Value::from(i64::from(port)),
        };
        let acme = self.listen.unwrap_or(ACME);
        let denied = Network::DENIED_BY_DEFAULT.iter();
        let denied = denied.filter(|network| !LOOPBACK.contains(&network.to_string().as_str()));
        let text = template(&[
            value("base_url", base_url(acme)),
            value("listen.acme", acme.to_string()),
            // Nobody scrapes a server that is tried out, and several on one machine would meet there.
            value("listen.metrics", ""),
            number("validation.http01_port", HTTP01_PORT),
            number("validation.https_port", TLSALPN01_PORT),
            number("validation.tlsalpn01_port", TLSALPN01_PORT),
            TemplateValue {
                key: "validation.deny_networks",
                value: denied.map(ToString::to_string).collect::<Vec<_>>().into(),
            },
        ]);
        write_config(&dir, &text)?;
        Ok((dir, authority))
    }

    fn assignments(&self) -> Vec<Assignment> {
        let mut assignments = Vec::new();
        if let Some(address) = self.listen {
            let option = |path: &[&str], text| Assignment::by_option("--listen", path, text);
            assignments.push(option(&["listen", "acme"], address.to_string()));
            assignments.push(option(&["base_url"], base_url(address)));
        }
        assignments.extend(self.set.assignments.iter().cloned());
        assignments.extend(self.slot.assignment());
        assignments
    }

    /// The configuration as it stands.
    fn read(&self, dir: &Path) -> Result<Config, Failure> {
        let file = dir.join(CONFIG_FILE);
        Ok(Config::load(&file, variables(), &self.assignments())?)
    }

    fn load(&self, dir: &Path) -> Result<Config, Failure> {
        let assignments = self.assignments();
        let load = |assignments: &[Assignment]| {
            Config::load(&dir.join(CONFIG_FILE), variables(), assignments)
        };
        let config = self.read(dir)?;
        // Beside another server on this machine the side doors stay shut; who named their address
        // wants to know instead.
        let mut shut = Vec::new();
        for (key, address) in [
            ("admin", config.listen.admin),
            ("metrics", config.listen.metrics),
        ] {
            let path = ["listen", key];
            let is_named = assignments.iter().any(|assignment| assignment.sets(&path));
            if let Some(address) = address
                && !is_named
                && TcpListener::bind(address).is_err()
            {
                eprintln!("note: {address} is taken: this server has no listen.{key}");
                shut.push(Assignment::by_option("dev", &path, ""));
            }
        }
        if shut.is_empty() {
            return Ok(config);
        }
        Ok(load(&[assignments, shut].concat())?)
    }
}

/// The operator that `dev` makes its user.
const HOST: &str = "dev";

/// The denied networks that `dev` leaves out.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// The URL of a server that listens there; one that listens everywhere is reached by name.
fn base_url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("https://localhost:{}", listen.port())
    } else {
        format!("https://{listen}")
    }
}

#[derive(Serialize)]
struct Serving {
    directory: String,
    root: PathBuf,
    root_sha256: String,
    config: PathBuf,
    dir: PathBuf,
    http01_port: u16,
    tlsalpn01_port: u16,
    /// The one-time link to the admin listener.
    admin: Option<String>,
}

impl Report for Serving {
    fn text(&self) -> String {
        let target = Target {
            directory: &self.directory,
            root: &self.root,
            dir: &self.dir,
            http01_port: self.http01_port,
        };
        format!(
            "Serving ACME. Stop with Ctrl-C.\n\
             \n\
             Directory      {directory}\n\
             Root           {root}\n\
             \x20              SHA-256 {sha256}\n\
             Configuration  {config}\n\
             Proofs         http-01 at port {http01}, tls-alpn-01 at port {tlsalpn01}\n\
             {admin}\
             \n\
             Try one of these in another terminal:\n\
             \n\
             {certbot}\n\
             \n\
             {lego}\n\
             \n\
             {curl}\n\
             \n\
             What is being tried, and why it is not there yet:\n\
             \n\
             {NAME} challenge list --config {config}\n\
             {NAME} challenge why {name} --config {config}\n",
            directory = self.directory,
            root = self.root.display(),
            sha256 = self.root_sha256,
            config = self.config.display(),
            http01 = self.http01_port,
            tlsalpn01 = self.tlsalpn01_port,
            admin = self.admin.as_ref().map_or_else(String::new, |link| {
                format!("Admin          {link}\n\x20              (good once, for an hour)\n")
            }),
            certbot = target.certbot(),
            lego = target.lego(),
            curl = target.curl(),
            name = super::clients::NAME,
        )
    }
}
