//! Server processes: started here, ended here, and no other ever touched.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::chore::Result;

/// How long a server may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to stop when it is asked to.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Server(Child);

impl Server {
    /// Starts it with its output in a file, and waits until it listens.
    pub(super) fn start(command: &mut Command, log: &Path, listens: SocketAddr) -> Result<Self> {
        if TcpStream::connect(listens).is_ok() {
            return Err(format!("something else listens at {listens} already").into());
        }
        let file = std::fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
        let mut server = Self(child);
        let start = Instant::now();
        while TcpStream::connect(listens).is_err() {
            let ended = server.0.try_wait()?;
            if ended.is_some() || start.elapsed() > READY_WITHIN {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the server does not listen at {listens}:\n{text}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        let stopped = asked.is_ok() && matches!(wait(&mut self.0, STOPPED_WITHIN), Ok(Some(_)));
        if !stopped {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Waits for a process, but no longer than so long.
pub(super) fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
