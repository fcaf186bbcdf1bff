//! A throw-away PostgreSQL server: one for all tests of a run, or one that a test may break.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A server that is running.
pub(crate) struct Server {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    options: String,
    databases: AtomicU32,
    /// Stops the server and removes its files when this process ends, however it ends.
    _undertaker: Child,
}

impl Server {
    /// The server of this run.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("", |_| ()))
    }

    /// A new server; `prepare` may put files into its directory, which are the server's then.
    pub(crate) fn start(options: &str, prepare: impl FnOnce(&Path)) -> Self {
        let bin = binaries();
        let dir = TempDir::with_prefix("acme-store-postgres-").unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        prepare(&dir);
        if is_root() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(&dir));
        }
        let data = dir.join("data");
        as_postgres(&format!(
            "{}/initdb -D {} -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8",
            bin.display(),
            data.display()
        ));
        let stop = format!(
            "{}/pg_ctl -D {} -m immediate -w stop; rm -rf {}",
            bin.display(),
            data.display(),
            dir.display()
        );
        // It waits for the end of its input, which comes with the end of this process.
        let undertaker = shell(&format!("cat > /dev/null; {stop}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            bin,
            dir,
            port,
            options: options.to_owned(),
            databases: AtomicU32::new(0),
            _undertaker: undertaker,
        };
        server.run();
        server
    }

    /// Starts the server again after [`Server::stop`].
    pub(crate) fn run(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 \
             -c deadlock_timeout=100ms {}",
            self.port,
            self.dir.display(),
            self.options
        );
        as_postgres(&format!(
            "{}/pg_ctl -D {} -l {}/log -o '{options}' -w start > /dev/null",
            self.bin.display(),
            self.dir.join("data").display(),
            self.dir.display()
        ));
    }

    /// Stops the server: `fast` as an operator would, `immediate` as a crash does.
    pub(crate) fn stop(&self, mode: &str) {
        as_postgres(&format!(
            "{}/pg_ctl -D {} -m {mode} -w stop > /dev/null",
            self.bin.display(),
            self.dir.join("data").display()
        ));
    }

    /// The URL of a database by TCP.
    pub(crate) fn url(&self, host: &str, database: &str) -> String {
        format!("postgres://postgres@{host}:{}/{database}", self.port)
    }

    /// Makes an empty database; its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("acme_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        super::sql(
            &self.url("127.0.0.1", "postgres"),
            &format!("CREATE DATABASE {name}"),
        )
        .await
        .unwrap();
        self.url("127.0.0.1", &name)
    }
}

/// Where the server's programs are: on the path, or where Debian's package puts them.
fn binaries() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let packaged = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut packaged: Vec<PathBuf> = packaged
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    packaged.sort();
    std::env::split_paths(&on_path)
        .chain(packaged.into_iter().rev())
        .find(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists())
        .expect("PostgreSQL is not installed; on Debian: apt-get install postgresql")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// A shell as a user that the server consents to run as: it refuses root.
fn shell(script: &str) -> Command {
    if is_root() {
        let mut command = Command::new("su");
        command.args(["postgres", "-s", "/bin/sh", "-c", script]);
        command.current_dir("/");
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }
}

fn as_postgres(script: &str) {
    run(&mut shell(script));
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
