//! A throw-away PostgreSQL server: made in a folder of its own, on a free port of loopback, gone
//! when it is dropped. It can be stopped in every way that a database is, and started again.
//!
//! Nothing here knows of ACME, and nothing is asynchronous; any test can use it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::port::free_port;

/// The role that owns everything; it needs no password from loopback.
const ROLE: &str = "acme";
/// The account that runs the server when the tests run as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";

/// How a server is stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// Sessions are ended, everything is written: a clean end.
    Fast,
    /// Everything stops at once, as in a crash; the next start recovers from the log.
    Immediate,
}

/// Whether what is committed outlives the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// As in production.
    Full,
    /// Nothing is flushed: quicker, for tests that never crash the server.
    None,
}

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    port: u16,
    options: String,
    is_root: bool,
    dir: TempDir,
}

impl Postgres {
    /// Makes a server and starts it, with one empty database `acme`; takes a second or two.
    ///
    /// The programs are those of the folder `ACME_TEST_PG_BIN`, else those on the path, else the
    /// newest where Debian's package puts them.
    ///
    /// # Errors
    /// When there is no PostgreSQL, or it does not start.
    pub fn start(durability: Durability) -> Result<Self> {
        let dir = TempDir::with_prefix("acme-postgres-").map_err(Error::io("making a folder"))?;
        let port = free_port()?;
        let flushing = match durability {
            Durability::Full => "",
            Durability::None => " -c fsync=off -c synchronous_commit=off -c full_page_writes=off",
        };
        let server = Self {
            bin: programs()?,
            port,
            options: format!(
                "-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300{flushing}",
                dir.path().display()
            ),
            is_root: is_root(),
            dir,
        };
        if server.is_root {
            let owner = Command::new("chown")
                .arg(ACCOUNT)
                .arg(server.dir.path())
                .status();
            if !owner.is_ok_and(|status| status.success()) {
                return Err(Error::stage(format!(
                    "PostgreSQL does not run as root, and there is no account {ACCOUNT:?} to run it"
                )));
            }
        }
        let data = server.data();
        let data = data.display();
        server.program(
            "initdb",
            &format!("-D {data} -U {ROLE} -A trust --no-sync -E UTF8 --locale=C"),
        )?;
        server.start_again()?;
        server.create_database(ROLE)?;
        Ok(server)
    }

    /// Where a client finds a database of this server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Makes another empty database.
    ///
    /// # Errors
    /// When it is there already, or the server does not run.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.program(
            "createdb",
            &format!("-h 127.0.0.1 -p {} -U {ROLE} {name}", self.port),
        )
    }

    /// What the server calls itself, such as `15.14`.
    ///
    /// # Errors
    /// When its program cannot be run.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(self.bin.join("postgres"))
            .arg("--version")
            .output();
        let output = output.map_err(Error::io("postgres --version"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text
            .split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .to_owned())
    }

    /// Stops it and returns when it has ended.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self, stop: Stop) -> Result<()> {
        let mode = match stop {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.program(
            "pg_ctl",
            &format!("-D {} -m {mode} -w -s stop", self.data().display()),
        )
    }

    /// Starts it after [`Self::stop`] and returns when it takes connections.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&self) -> Result<()> {
        let (data, log) = (self.data(), self.log());
        self.program(
            "pg_ctl",
            &format!(
                "-D {} -l {} -o '{}' -w -s start",
                data.display(),
                log.display(),
                self.options
            ),
        )
    }

    /// Kills the process behind one client's connection (SIGKILL). The server then ends all others,
    /// since their shared memory may be damaged, and recovers as after a crash.
    ///
    /// # Errors
    /// When no client is connected.
    pub fn kill_one_backend(&self) -> Result<()> {
        let file = self.data().join("postmaster.pid");
        let text =
            fs::read_to_string(&file).map_err(Error::io(format!("reading {}", file.display())))?;
        let postmaster = text.lines().next().unwrap_or_default().to_owned();
        let backend = children(&postmaster).into_iter().find(|pid| {
            let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&title).contains("127.0.0.1(")
        });
        let backend = backend.ok_or_else(|| Error::stage("nobody is connected to PostgreSQL"))?;
        let killed = Command::new("kill").args(["-KILL", &backend]).status();
        match killed {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Error::stage(format!("cannot kill the backend {backend}"))),
        }
    }

    /// Whether it takes connections.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let status = Command::new(self.bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status();
        status.is_ok_and(|status| status.success())
    }

    /// What it has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// Runs one of PostgreSQL's programs to its end; the words are for a shell.
    fn program(&self, name: &str, words: &str) -> Result<()> {
        let line = format!("{} {words}", self.bin.join(name).display());
        let mut command = if self.is_root {
            let mut su = Command::new("su");
            su.args([ACCOUNT, "-s", "/bin/sh", "-c", &line]);
            su
        } else {
            let mut sh = Command::new("sh");
            sh.args(["-c", &line]);
            sh
        };
        // A file, not a pipe: the server inherits it and would keep a pipe open.
        let told = self.dir.path().join("last-command.log");
        let file = fs::File::create(&told).map_err(Error::io("making a log"))?;
        let errors = file.try_clone().map_err(Error::io("making a log"))?;
        let status = command
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .status()
            .map_err(Error::io(format!("running {name}")))?;
        if status.success() {
            return Ok(());
        }
        let told = fs::read_to_string(told).unwrap_or_default();
        Err(Error::stage(format!(
            "{line}: {status}\n{told}\n{}",
            self.log_text()
        )))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may be stopped already; its folder goes in any case.
        let _ = self.stop(Stop::Immediate);
    }
}

fn children(parent: &str) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let is_child = |pid: &String| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        line.is_some_and(|ppid| ppid.trim() == parent)
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter(is_child)
        .collect()
}

fn programs() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("ACME_TEST_PG_BIN") {
        return Ok(dir.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .map(|dir| dir.join("initdb"))
        .find_map(|program| program.canonicalize().ok());
    let initdb = on_path.or_else(newest_of_debian);
    let initdb = initdb.ok_or_else(|| {
        Error::stage(
            "PostgreSQL's initdb is missing: run `cargo xtask tools`, or set ACME_TEST_PG_BIN",
        )
    })?;
    Ok(initdb.parent().map(Path::to_owned).unwrap_or_default())
}

/// Debian keeps PostgreSQL's server programs off the path.
fn newest_of_debian() -> Option<PathBuf> {
    let version = |dir: &PathBuf| dir.file_name().and_then(OsStr::to_str)?.parse::<u32>().ok();
    fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|dir| dir.join("bin/initdb").is_file())
        .max_by_key(version)
        .map(|dir| dir.join("bin/initdb"))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
