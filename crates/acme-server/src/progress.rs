//! How far long work has come, for a person who waits at a terminal; silence everywhere else.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// Pause between two times that something is written.
const EVERY: Duration = Duration::from_millis(200);

/// A line on standard error that is written over and over, and is gone at the end.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    shown: bool,
    begun: Instant,
    written: Option<Instant>,
}

impl Progress {
    /// Of work such as "copying the store".
    pub(crate) fn of(what: &'static str) -> Self {
        Self {
            what,
            shown: stderr().is_terminal(),
            begun: Instant::now(),
            written: None,
        }
    }

    /// Tells how far it has come, if it is time to.
    pub(crate) fn tell(&mut self, far: impl FnOnce() -> String) {
        let is_time = self.written.is_none_or(|at| at.elapsed() >= EVERY);
        if self.shown && is_time {
            self.written = Some(Instant::now());
            let seconds = self.begun.elapsed().as_secs();
            // Nobody is served by an error about a line that nobody needs.
            let _ = write!(stderr(), "\r\x1b[K{}: {} ({seconds} s)", self.what, far());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// Waits for work that does not tell how far it is.
pub(crate) async fn waiting<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let mut progress = Progress::of(what);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(EVERY) => progress.tell(|| "working".to_owned()),
        }
    }
}
