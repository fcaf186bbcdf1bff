//! The built `acme-server`, started, killed and started again.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use crate::command::{Ran, program, run};
use crate::{Dns, free_port};

/// A server must answer this soon after its start.
const START_WITHIN: Duration = Duration::from_secs(30);
/// A server must end this soon after SIGTERM.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Where `dev` keeps its database, below its folder.
const DATABASE: &str = "acme.db";

/// What a scenario sets before it starts its server.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    set: Vec<String>,
    small_disk: bool,
    initialized: bool,
}

impl Settings {
    /// The embedded default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Overrides keys of the configuration, each in the form `key=value`.
    #[must_use]
    pub fn set(mut self, settings: &[&str]) -> Self {
        self.set.extend(settings.iter().map(|it| (*it).to_owned()));
        self
    }

    /// Keeps the database on a disk of its own, a few MiB in size, part of it taken until
    /// [`Server::free_disk`]. What is on it is gone when the server ends.
    #[must_use]
    pub fn on_small_disk(mut self) -> Self {
        self.small_disk = true;
        self
    }

    /// Makes authority and configuration with `init`, and runs `serve`, as an operator would.
    #[must_use]
    pub fn initialized(mut self) -> Self {
        self.initialized = true;
        self
    }

    /// Starts a server in a folder of its own and waits until it answers.
    pub async fn start(self) -> Server {
        let owned = TempDir::new().unwrap();
        let dir = owned.path().to_owned();
        let dns = Dns::start().await;
        let mut server = Server {
            port: free_port(),
            admin_port: free_port(),
            http01_port: free_port(),
            tlsalpn01_port: free_port(),
            log: dir.join("test.log"),
            dir,
            dns,
            settings: self,
            process: None,
            _owned: owned,
        };
        if server.settings.initialized {
            let dir = server.dir.to_str().unwrap();
            let init = ["init", "--dir", dir, "--dns", "ca.test"];
            run_server(&init).await.expect_success();
        }
        server.start().await;
        server
    }
}

/// What an operator hands out to who may make an account.
#[derive(Clone, Debug)]
pub struct ExternalKey {
    /// The `kid` of the binding.
    pub id: String,
    /// The secret, in base64url.
    pub hmac_key: String,
}

/// One `acme-server dev` with everything it needs. Killed when dropped; its log is shown when the
/// test fails.
#[derive(Debug)]
pub struct Server {
    /// The port on which it looks for http-01 answers.
    pub http01_port: u16,
    /// The port on which it looks for tls-alpn-01 answers.
    pub tlsalpn01_port: u16,
    /// The DNS that it asks.
    pub dns: Dns,
    port: u16,
    admin_port: u16,
    dir: PathBuf,
    log: PathBuf,
    settings: Settings,
    process: Option<Child>,
    _owned: TempDir,
}

impl Server {
    /// Where clients start.
    #[must_use]
    pub fn directory_url(&self) -> String {
        format!("https://127.0.0.1:{}/acme/default/directory", self.port)
    }

    /// The folder with its certificates and database.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The root certificate, in PEM.
    #[must_use]
    pub fn root_file(&self) -> PathBuf {
        self.dir.join("ca").join("root.crt")
    }

    /// All that it has logged, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Starts it again after [`Self::kill`] or [`Self::terminate`], with the same folder and ports.
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.unwrap();
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", binary().display()));
        self.process = Some(child);
        let started = Instant::now();
        while let Err(error) = self.healthy().await {
            let ended = self.process.as_mut().and_then(|it| it.try_wait().unwrap());
            assert_eq!(ended, None, "it ended: {error}");
            assert!(started.elapsed() < START_WITHIN, "no answer: {error}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as a crash would, with no time for a last word (`kill -9`).
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running server");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("a running server");
        signal(&process, "TERM");
        let asked = Instant::now();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            if asked.elapsed() > STOP_WITHIN {
                process.kill().unwrap();
                panic!("it did not end within {STOP_WITHIN:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks it to read again what can be read again (SIGHUP).
    pub fn hang_up(&self) {
        signal(self.process.as_ref().expect("a running server"), "HUP");
    }

    /// Waits until it has logged this.
    pub async fn wait_for_log(&self, text: &str) {
        let asked = Instant::now();
        while !self.log().contains(text) {
            assert!(asked.elapsed() < START_WITHIN, "it never logged {text:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs the server's command a second time, beside the one that runs.
    pub async fn second_process(&self) -> Ran {
        let mut command = self.command();
        for (port, setting) in [(free_port(), "listen.acme"), (free_port(), "listen.admin")] {
            command.args(["--set", &format!("{setting}=127.0.0.1:{port}")]);
        }
        run(&mut command.into()).await
    }

    /// Runs an operator's command of the same binary, on this server's configuration.
    pub async fn cli(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(binary());
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.join("acme-server.toml"));
        run(&mut command.into()).await
    }

    /// A new key for external account binding, good for one account.
    pub async fn external_key(&self) -> ExternalKey {
        let ran = self.cli(&["eab", "create", "--output", "json"]).await;
        let made: serde_json::Value = serde_json::from_str(&ran.expect_success().stdout).unwrap();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        ExternalKey {
            id: text("id"),
            hmac_key: text("hmac_key"),
        }
    }

    /// Where the admin API listens.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.admin_port)
    }

    /// Fetches a public file over TLS, trusting the root alone. Returns status line and headers,
    /// then the body.
    ///
    /// # Errors
    /// A text that says why there is no answer.
    pub async fn get(&self, path: &str) -> Result<(String, String), String> {
        let root = CertificateDer::from_pem_file(self.root_file());
        let mut roots = RootCertStore::empty();
        roots
            .add(root.map_err(|error| format!("{error:?}"))?)
            .map_err(|error| error.to_string())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let exchange = async {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            let connector = TlsConnector::from(Arc::new(config));
            let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
            let mut stream = connector.connect(name, stream).await?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nuser-agent: acme-tests\r\n\
                 connection: close\r\n\r\n",
                self.port
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            // The peer may hang up without a TLS close.
            let _ = stream.read_to_end(&mut answer).await;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = exchange.await.map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no whole answer")?;
        Ok((head.to_owned(), body.to_owned()))
    }

    async fn healthy(&self) -> Result<(), String> {
        let (head, _) = self.get("/health").await?;
        let status = head.lines().next().unwrap_or_default();
        let good = status.split(' ').nth(1) == Some("200");
        good.then_some(()).ok_or_else(|| status.to_owned())
    }

    /// The bytes of the database file.
    #[must_use]
    pub fn database(&self) -> Vec<u8> {
        std::fs::read(self.dir.join(DATABASE)).unwrap()
    }

    /// Changes the database of a server that does not run.
    pub async fn sql(&self, statement: &str) {
        assert!(self.process.is_none(), "it runs");
        // Python brings SQLite with it, and the tests need it for certbot anyway.
        let script = "import sqlite3, sys\n\
                      with sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])\n";
        let mut command = Command::new(program("ACME_TEST_PYTHON", "python3"));
        command
            .args(["-c", script])
            .arg(self.dir.join(DATABASE))
            .arg(statement);
        run(&mut command.into()).await.expect_success();
    }

    /// Gives room on the disk of [`Settings::on_small_disk`].
    pub fn free_disk(&self) {
        let process = self.process.as_ref().expect("a running server");
        // The disk is seen by the server alone.
        let seen = PathBuf::from(format!("/proc/{}/root", process.id()));
        let disk = self.disk();
        let disk = disk.strip_prefix("/").unwrap_or(&disk);
        std::fs::remove_file(seen.join(disk).join("taken")).unwrap();
    }

    fn disk(&self) -> PathBuf {
        self.dir.join("disk")
    }

    fn command(&self) -> Command {
        let mut command = if self.settings.small_disk {
            self.on_small_disk()
        } else {
            Command::new(binary())
        };
        let address = format!("127.0.0.1:{}", self.port);
        if self.settings.initialized {
            let config = self.dir.join("acme-server.toml");
            command.arg("serve").arg("--config").arg(config);
            let url = format!("base_url=https://{address}");
            command.args(["--set", &url, "--set", &format!("listen.acme={address}")]);
            command.args([
                "--set",
                "listen.metrics=",
                "--set",
                "validation.deny_networks=[]",
            ]);
        } else {
            command.arg("dev").arg("--dir").arg(&self.dir);
            command.args(["--listen", &address]);
        }
        let own = [
            format!("listen.admin=127.0.0.1:{}", self.admin_port),
            format!("validation.http01_port={}", self.http01_port),
            format!("validation.tlsalpn01_port={}", self.tlsalpn01_port),
            format!("validation.resolvers=[\"{}\"]", self.dns.address()),
        ];
        for setting in own.iter().chain(&self.settings.set) {
            command.args(["--set", setting]);
        }
        if self.settings.small_disk {
            let url = format!("store.url=sqlite://{}/acme.db", self.disk().display());
            command.args(["--set", &url]);
        }
        command
    }

    /// The binary in a name space of its own, where a small disk is mounted; no privilege is
    /// needed for that.
    fn on_small_disk(&self) -> Command {
        let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" && \
                      head -c 2m /dev/zero > \"$1/taken\" && shift && exec \"$@\"";
        std::fs::create_dir_all(self.disk()).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(["sh", "-c", script, "sh"])
            .arg(self.disk())
            .arg(binary());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of the server\n{}", self.log());
        }
    }
}

/// Runs a command of the binary to its end.
pub async fn run_server(args: &[&str]) -> Ran {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(binary());
    command.args(args).current_dir(dir.path());
    run(&mut command.into()).await
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.id().to_string()])
        .status();
    assert!(status.expect("kill").success(), "cannot send {name}");
}

/// The binary under test: the one that `cargo xtask test` names, else built once.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("ACME_SERVER_BIN") {
            return binary.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "-p", "acme-server"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(
            built.expect("cargo").success(),
            "acme-server does not build"
        );
        // The test binary lies in the `deps` folder beside it.
        let this = std::env::current_exe().unwrap();
        let profile = this.parent().and_then(Path::parent);
        profile.expect("a target folder").join("acme-server")
    })
}
