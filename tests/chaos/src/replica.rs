//! One replica: a slot, its ports, the process that holds it, and when that lived.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use acme_types::{Slot, Timestamp};
use tokio::time::sleep;

use crate::balancer::is_ready;
use crate::error::{Error, Result};
use crate::port::free_port;
use crate::time::{Span, locked, now};

/// A replica must be ready this soon after its start, the wait for its slot not counted.
const START_WITHIN: Duration = Duration::from_secs(40);
/// It must end this soon after SIGTERM.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// The exit status of a process whose slot another one holds.
pub const TRY_AGAIN: i32 = 75;

/// A replica, running or not.
#[derive(Debug)]
pub struct Replica {
    /// Its slot.
    pub slot: Slot,
    /// Where it listens for ACME.
    pub acme: SocketAddr,
    /// Where it tells of its health.
    pub health: SocketAddr,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    process: Mutex<Option<Child>>,
    lives: Mutex<Vec<Life>>,
}

/// The life of one process.
#[derive(Clone, Debug)]
pub struct Life {
    /// From before its start to after its end; [`Timestamp::MAX`] while it lives.
    pub span: Span,
    /// When it was stopped and could do nothing.
    pub pauses: Vec<Span>,
}

impl Life {
    /// Whether the process could do something at that time.
    #[must_use]
    pub fn is_awake_at(&self, at: Timestamp) -> bool {
        self.span.contains(at) && !self.pauses.iter().any(|pause| pause.contains(at))
    }
}

impl Replica {
    /// A replica that does not run yet.
    ///
    /// # Errors
    /// When there are no free ports.
    pub fn new(slot: Slot, binary: &Path, config: &Path, logs: &Path) -> Result<Self> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            slot,
            acme: at(free_port()?),
            health: at(free_port()?),
            binary: binary.to_owned(),
            config: config.to_owned(),
            log: logs.join(format!("replica-{slot}.log")),
            process: Mutex::default(),
            lives: Mutex::default(),
        })
    }

    /// Starts its process; it is not ready yet when this returns.
    ///
    /// # Errors
    /// When it runs already, or cannot be started.
    pub fn start(&self) -> Result<()> {
        let mut process = locked(&self.process);
        if process.is_some() {
            return Err(Error::stage(format!("replica {} runs already", self.slot)));
        }
        let from = now();
        let child = self.spawn(self.acme, self.health)?;
        *process = Some(child);
        let span = Span {
            from,
            until: Timestamp::MAX,
        };
        locked(&self.lives).push(Life {
            span,
            pauses: Vec::new(),
        });
        Ok(())
    }

    /// Waits until it is ready; starts it again when it ended because its slot was still held.
    ///
    /// # Errors
    /// When it ended otherwise, or is not ready in time.
    pub async fn ready(&self) -> Result<()> {
        let asked = Instant::now();
        while !is_ready(self.health).await {
            if let Some(status) = self.ended()? {
                if status.code() != Some(TRY_AGAIN) {
                    return Err(Error::stage(format!(
                        "replica {} ended: {status}",
                        self.slot
                    )));
                }
                sleep(Duration::from_millis(200)).await;
                self.start()?;
            }
            if asked.elapsed() > START_WITHIN {
                return Err(Error::stage(format!(
                    "replica {} is not ready in time",
                    self.slot
                )));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends it at once, as a crash would (SIGKILL). Returns when the signal went out.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<Timestamp> {
        let mut process = locked(&self.process);
        let mut child = process.take().ok_or_else(|| self.not_running())?;
        let at = now();
        child.kill().map_err(Error::io("kill"))?;
        child.wait().map_err(Error::io("waiting for a process"))?;
        self.close_life();
        Ok(at)
    }

    /// Asks it to end (SIGTERM) and waits until it has. Returns when the signal went out, and when
    /// the process had ended.
    ///
    /// # Errors
    /// When it does not end in time, or not with status 0.
    pub async fn terminate(&self) -> Result<Span> {
        let from = now();
        self.signal("TERM")?;
        let asked = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                if !status.success() {
                    return Err(Error::stage(format!(
                        "replica {}: {status} after SIGTERM",
                        self.slot
                    )));
                }
                return Ok(Span { from, until: now() });
            }
            if asked.elapsed() > STOP_WITHIN {
                return Err(Error::stage(format!("replica {} does not end", self.slot)));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets it do nothing for a while (SIGSTOP, SIGCONT). Returns the time during which it surely
    /// did nothing.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn pause(&self, length: Duration) -> Result<Span> {
        self.signal("STOP")?;
        while !self.is_stopped()? {
            sleep(Duration::from_millis(1)).await;
        }
        let from = now();
        sleep(length).await;
        let span = Span { from, until: now() };
        if let Some(life) = locked(&self.lives).last_mut() {
            life.pauses.push(span);
        }
        self.signal("CONT")?;
        Ok(span)
    }

    /// Starts another process with the same slot on other ports, and waits for its end.
    ///
    /// # Errors
    /// When it cannot be started, or does not end.
    pub async fn second_holder(&self) -> Result<ExitStatus> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut child = self.spawn(at(free_port()?), at(free_port()?))?;
        let asked = Instant::now();
        loop {
            let status = child.try_wait();
            if let Some(status) = status.map_err(Error::io("waiting for a process"))? {
                return Ok(status);
            }
            if asked.elapsed() > STOP_WITHIN {
                // It may have ended by itself.
                let _ = (child.kill(), child.wait());
                let slot = self.slot;
                return Err(Error::stage(format!(
                    "a second holder of slot {slot} lives"
                )));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a process is there, be it ready or not.
    #[must_use]
    pub fn runs(&self) -> bool {
        locked(&self.process).is_some()
    }

    /// The lives of all its processes, oldest first.
    #[must_use]
    pub fn lives(&self) -> Vec<Life> {
        locked(&self.lives).clone()
    }

    /// The end of what it has logged.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let all: Vec<_> = log.lines().collect();
        let tail = all
            .get(all.len().saturating_sub(lines)..)
            .unwrap_or_default();
        tail.join("\n")
    }

    /// The status of a process that has ended by itself; it is forgotten then.
    fn ended(&self) -> Result<Option<ExitStatus>> {
        let mut process = locked(&self.process);
        let child = process.as_mut().ok_or_else(|| self.not_running())?;
        let status = child
            .try_wait()
            .map_err(Error::io("waiting for a process"))?;
        if status.is_some() {
            *process = None;
            self.close_life();
        }
        Ok(status)
    }

    fn spawn(&self, acme: SocketAddr, health: SocketAddr) -> Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(Error::io(format!("opening {}", self.log.display())))?;
        let errors = log.try_clone().map_err(Error::io("opening a log"))?;
        Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .args(["--slot", &self.slot.to_string()])
            .args(["--set", &format!("listen.acme={acme}")])
            .args(["--set", &format!("listen.metrics={health}")])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(Error::io(format!("starting {}", self.binary.display())))
    }

    fn close_life(&self) {
        if let Some(life) = locked(&self.lives).last_mut() {
            life.span.until = now();
        }
    }

    fn pid(&self) -> Result<u32> {
        let process = locked(&self.process);
        let child = process.as_ref().ok_or_else(|| self.not_running())?;
        Ok(child.id())
    }

    fn signal(&self, name: &str) -> Result<()> {
        let pid = self.pid()?.to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Error::stage(format!(
                "cannot send SIG{name} to replica {}",
                self.slot
            ))),
        }
    }

    fn is_stopped(&self) -> Result<bool> {
        let file = format!("/proc/{}/stat", self.pid()?);
        let stat = std::fs::read_to_string(&file).map_err(Error::io(format!("reading {file}")))?;
        // The state follows the program's name, which stands in parentheses.
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        Ok(state == Some('T'))
    }

    fn not_running(&self) -> Error {
        Error::stage(format!("replica {} does not run", self.slot))
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(mut child) = locked(&self.process).take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
