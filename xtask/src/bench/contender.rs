//! The servers that are compared, and how each is started: as an operator would run it, on the
//! loopback, with a fresh state.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::driver::Workload;
use super::process::Server;
use super::{Places, make_certificate};
use crate::chore::{Result, run};

/// Where the driver answers DNS queries for servers that can be told of a resolver.
const RESOLVER: &str = "127.0.0.1:18053";
const HTTP01: u16 = 15002;

/// A server that is compared.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Contender {
    Ours,
    OursOnPostgres,
    Pebble,
    Caddy,
}

/// A server that runs, and how to reach it.
pub(super) struct Running {
    pub(super) directory: String,
    pub(super) root: PathBuf,
    /// What to ask certificates for.
    pub(super) name: &'static str,
    pub(super) responder: SocketAddr,
    pub(super) resolver: Option<&'static str>,
    /// Label and PID of each process to measure.
    pub(super) watches: Vec<(&'static str, u32)>,
    // Dropped in this order: the server before its database.
    _server: Server,
    _database: Option<Postgres>,
}

impl Contender {
    /// The name in tables.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ours => "acme-server (SQLite)",
            Self::OursOnPostgres => "acme-server (PostgreSQL)",
            Self::Pebble => "Pebble (memory)",
            Self::Caddy => "Caddy acme_server",
        }
    }

    pub(super) const fn is_peer(self) -> bool {
        matches!(self, Self::Pebble | Self::Caddy)
    }

    pub(super) const fn debian_package(self) -> Option<&'static str> {
        match self {
            Self::Ours | Self::OursOnPostgres => None,
            Self::Pebble => Some("pebble"),
            Self::Caddy => Some("caddy"),
        }
    }

    /// Whether the server is known not to finish the workload.
    pub(super) const fn cannot(self, workload: Workload) -> bool {
        // It reads under a lock that it holds already; with many clients a writer comes between,
        // and it hangs for ever.
        matches!(
            (self, workload),
            (Self::Pebble, Workload::Issue8 | Workload::Issue64)
        )
    }

    /// Starts the server.
    pub(super) fn start(self, places: &Places) -> Result<Running> {
        self.start_under(places, |program| Command::new(program))
    }

    /// Starts the server; `run` makes the command that runs our program.
    pub(super) fn start_under(
        self,
        places: &Places,
        run: impl FnOnce(&Path) -> Command,
    ) -> Result<Running> {
        match self {
            Self::Ours => ours(places, None, run(&places.server)),
            Self::OursOnPostgres => {
                let database = Postgres::start(places)?;
                ours(places, Some(database), run(&places.server))
            }
            Self::Pebble => pebble(places),
            Self::Caddy => caddy(places),
        }
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn ours(places: &Places, database: Option<Postgres>, mut command: Command) -> Result<Running> {
    let dir = places.fresh("acme-server")?;
    let listen = loopback(34000);
    command
        .args(["dev", "--dir", "data", "--listen", &listen.to_string()])
        .args(["--set", "listen.admin=127.0.0.1:35000"])
        .args(["--set", "listen.metrics=127.0.0.1:39402"])
        .args(["--set", &format!("validation.http01_port={HTTP01}")])
        .args(["--set", &format!("validation.resolvers=[\"{RESOLVER}\"]")])
        .current_dir(&dir);
    if let Some(database) = &database {
        command.args(["--set", &format!("store.url={}", database.url())]);
    }
    let server = Server::start(&mut command, &dir.join("log"), listen)?;
    let mut watches = vec![("server", server.id())];
    watches.extend(database.as_ref().map(|it| ("PostgreSQL", it.pid)));
    Ok(Running {
        directory: format!("https://127.0.0.1:{}/acme/default/directory", listen.port()),
        root: dir.join("data/ca/root.crt"),
        name: "b{n}.bench.test",
        responder: loopback(HTTP01),
        resolver: Some(RESOLVER),
        watches,
        _server: server,
        _database: database,
    })
}

fn pebble(places: &Places) -> Result<Running> {
    let dir = places.fresh("pebble")?;
    make_certificate(&dir)?;
    let listen = loopback(34001);
    let config = serde_json::json!({ "pebble": {
        "listenAddress": listen.to_string(),
        "managementListenAddress": "127.0.0.1:35001",
        "certificate": dir.join("tls.crt"),
        "privateKey": dir.join("tls.key"),
        "httpPort": HTTP01,
        "tlsPort": 15001,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
    }});
    std::fs::write(dir.join("config.json"), config.to_string())?;
    let mut command = Command::new("pebble");
    command
        .args(["-config", "config.json", "-dnsserver", RESOLVER])
        // Without its artificial delays, refusals and reuse.
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .env("PEBBLE_AUTHZREUSE", "0")
        .current_dir(&dir);
    let server = Server::start(&mut command, &dir.join("log"), listen)?;
    Ok(Running {
        directory: format!("https://localhost:{}/dir", listen.port()),
        root: dir.join("root.crt"),
        name: "b{n}.bench.test",
        responder: loopback(HTTP01),
        resolver: Some(RESOLVER),
        watches: vec![("server", server.id())],
        _server: server,
        _database: None,
    })
}

/// Caddy has no setting for the port of http-01 nor, in this version, for the resolver: it looks at
/// port 80 of a name that the machine itself knows.
const CADDYFILE: &str = "\
{
	admin off
	auto_https disable_redirects
	skip_install_trust
	storage file_system data
	http_port 34080
	https_port 34002
	log {
		level ERROR
	}
}
https://localhost:34002 {
	bind 127.0.0.1
	tls internal
	acme_server
}
";

fn caddy(places: &Places) -> Result<Running> {
    let dir = places.fresh("caddy")?;
    let listen = loopback(34002);
    std::fs::write(dir.join("Caddyfile"), CADDYFILE)?;
    let mut command = Command::new("caddy");
    command
        .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
        .env("HOME", &dir)
        .env("XDG_DATA_HOME", dir.join("share"))
        .env("XDG_CONFIG_HOME", dir.join("config"))
        .current_dir(&dir);
    let server = Server::start(&mut command, &dir.join("log"), listen)?;
    let root = dir.join("data/pki/authorities/local/root.crt");
    Ok(Running {
        directory: "https://localhost:34002/acme/local/directory".to_owned(),
        root,
        name: "localhost",
        responder: loopback(80),
        resolver: None,
        watches: vec![("server", server.id())],
        _server: server,
        _database: None,
    })
}

/// A throw-away PostgreSQL with its usual settings: what was committed is on the disk.
#[derive(Debug)]
struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    pid: u32,
}

const POSTGRES_PORT: u16 = 35432;

impl Postgres {
    fn start(places: &Places) -> Result<Self> {
        let programs = places
            .postgres
            .clone()
            .ok_or("PostgreSQL was not looked for")?;
        let dir = places.fresh("postgresql")?;
        let data = dir.join("data");
        // The server refuses to run as root.
        if unprivileged().is_some() {
            run(Command::new("chown").arg("postgres").arg(&dir))?;
        }
        let initdb = programs.join("initdb");
        run(as_postgres(&initdb)
            .arg("-D")
            .arg(&data)
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"])
            .stdout(std::process::Stdio::null()))?;
        let options = format!(
            "-p {POSTGRES_PORT} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        );
        run(as_postgres(&programs.join("pg_ctl"))
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(dir.join("log"))
            .args(["-o", &options, "-w", "start"])
            .stdout(std::process::Stdio::null()))?;
        let pid_file = std::fs::read_to_string(data.join("postmaster.pid"))?;
        let pid = pid_file.lines().next().unwrap_or_default().trim().parse()?;
        Ok(Self {
            programs,
            data,
            pid,
        })
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{POSTGRES_PORT}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stopped = run(as_postgres(&self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(&self.data)
            .args(["-m", "fast", "-w", "stop"])
            .stdout(std::process::Stdio::null()));
        if let Err(error) = stopped {
            eprintln!("{error}");
        }
    }
}

/// The program, run by the user `postgres` when this is root.
fn as_postgres(program: &Path) -> Command {
    match unprivileged() {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command.current_dir("/");
            command
        }
        None => Command::new(program),
    }
}

fn unprivileged() -> Option<&'static str> {
    crate::tools::is_root().then_some("postgres")
}
