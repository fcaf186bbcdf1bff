//! The faults, how they are drawn, and how they are done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use acme_types::{Slot, Timestamp};

use crate::error::{Error, Result};
use crate::postgres::{Postgres, Stop};
use crate::replica::Replica;
use crate::seeded::Seeded;
use crate::setting::{Engine, Setting};
use crate::stage::{Stage, blocking};
use crate::time::{Span, now};

/// What is done to the stage in one round.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// SIGKILL, and a start again before the lease has run out.
    KillAndReturn,
    /// SIGKILL, and a start again only after others have taken over.
    KillAndStayAway,
    /// SIGSTOP past the lease, then SIGCONT.
    Pause,
    /// SIGTERM, and a start again some time after the end.
    Terminate,
    /// The database is restarted cleanly.
    RestartDatabase,
    /// The database stops as in a crash, and recovers.
    CrashDatabase,
    /// One of the database's processes is killed, so that it ends all others and recovers.
    KillBackend,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KillAndReturn => "kill -9, back within the lease",
            Self::KillAndStayAway => "kill -9, away for longer",
            Self::Pause => "SIGSTOP past the lease, SIGCONT",
            Self::Terminate => "SIGTERM, start again",
            Self::RestartDatabase => "PostgreSQL restart, `-m fast`",
            Self::CrashDatabase => "PostgreSQL restart, `-m immediate`",
            Self::KillBackend => "kill -9 of a PostgreSQL process",
        })
    }
}

impl Fault {
    /// Whether the database forgets what it need not keep.
    #[must_use]
    pub const fn crashes_database(self) -> bool {
        matches!(self, Self::CrashDatabase | Self::KillBackend)
    }

    /// Whether the database is away for a while.
    #[must_use]
    pub const fn is_of_database(self) -> bool {
        matches!(
            self,
            Self::RestartDatabase | Self::CrashDatabase | Self::KillBackend
        )
    }
}

/// Draws faults: every five rounds have a kill, a pause, a termination and both restarts of the
/// database, in any order.
#[derive(Debug)]
pub struct Deck {
    engine: Engine,
    hands: u32,
    left: Vec<Fault>,
}

impl Deck {
    /// A full deck.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self {
            engine,
            hands: 0,
            left: Vec::new(),
        }
    }

    /// The next fault.
    pub fn draw(&mut self, seeded: &mut Seeded) -> Fault {
        if let Some(fault) = self.left.pop() {
            return fault;
        }
        self.hands += 1;
        let is_odd = self.hands % 2 == 1;
        self.left = vec![
            if is_odd {
                Fault::KillAndStayAway
            } else {
                Fault::KillAndReturn
            },
            Fault::Pause,
            Fault::Terminate,
        ];
        if self.engine == Engine::Postgres {
            self.left.push(Fault::RestartDatabase);
            self.left.push(if is_odd {
                Fault::CrashDatabase
            } else {
                Fault::KillBackend
            });
        }
        seeded.shuffle(&mut self.left);
        self.left.pop().unwrap_or(Fault::KillAndStayAway)
    }
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// Slots whose work had to be taken up again by somebody; all of them when the database was away.
    pub victims: Vec<Slot>,
    /// From the first moment to the last at which something was missing.
    pub span: Span,
    /// When the database was away.
    pub outage: Option<Span>,
    /// From SIGTERM to the end of the process.
    pub ended_in: Option<Duration>,
}

/// Does it, and returns when every replica is ready again.
///
/// # Errors
/// When something does not come back.
pub async fn inject(
    fault: Fault,
    stage: &Stage,
    setting: &Setting,
    seeded: &mut Seeded,
) -> Result<Done> {
    let replica = stage.replicas.get(seeded.below(stage.replicas.len()));
    let replica = Arc::clone(replica.ok_or_else(|| Error::stage("no replica"))?);
    let lease = setting.lease;
    match fault {
        Fault::KillAndReturn => kill(&replica, seeded.within(Duration::ZERO..lease / 2)).await,
        Fault::KillAndStayAway => {
            let away = lease + setting.claim() + seeded.within(Duration::ZERO..lease);
            kill(&replica, away).await
        }
        Fault::Pause => {
            // Either just past the lease, or past what was being tried as well.
            let extra = if seeded.chance(50) {
                Duration::ZERO
            } else {
                setting.claim()
            };
            let length = lease + extra + seeded.within(Duration::from_millis(500)..lease);
            let span = replica.pause(length).await?;
            replica.ready().await?;
            Ok(Done::to(&replica, span.from))
        }
        Fault::Terminate => {
            let ended = replica.terminate().await?;
            tokio::time::sleep(seeded.within(Duration::ZERO..lease)).await;
            replica.start()?;
            replica.ready().await?;
            Ok(Done {
                ended_in: Some(ended.length()),
                ..Done::to(&replica, ended.from)
            })
        }
        Fault::RestartDatabase => restart(stage, Stop::Fast).await,
        Fault::CrashDatabase => restart(stage, Stop::Immediate).await,
        Fault::KillBackend => {
            let postgres = postgres(stage)?;
            let from = now();
            blocking(move || {
                postgres.kill_one_backend()?;
                // The server needs a moment to notice.
                std::thread::sleep(Duration::from_millis(50));
                while !postgres.is_ready() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            })
            .await?;
            database_is_back(stage, from).await
        }
    }
}

impl Done {
    fn to(replica: &Replica, from: Timestamp) -> Self {
        Self {
            victims: vec![replica.slot],
            span: Span { from, until: now() },
            outage: None,
            ended_in: None,
        }
    }
}

async fn kill(replica: &Replica, away: Duration) -> Result<Done> {
    let from = replica.kill()?;
    tokio::time::sleep(away).await;
    replica.start()?;
    replica.ready().await?;
    Ok(Done::to(replica, from))
}

async fn restart(stage: &Stage, stop: Stop) -> Result<Done> {
    let postgres = postgres(stage)?;
    let from = now();
    blocking(move || {
        postgres.stop(stop)?;
        postgres.start_again()
    })
    .await?;
    database_is_back(stage, from).await
}

async fn database_is_back(stage: &Stage, from: Timestamp) -> Result<Done> {
    let outage = Span { from, until: now() };
    for replica in &stage.replicas {
        replica.ready().await?;
    }
    Ok(Done {
        victims: stage.replicas.iter().map(|replica| replica.slot).collect(),
        span: Span { from, until: now() },
        outage: Some(outage),
        ended_in: None,
    })
}

fn postgres(stage: &Stage) -> Result<Arc<Postgres>> {
    let postgres = stage.postgres.as_ref();
    postgres
        .map(Arc::clone)
        .ok_or_else(|| Error::stage("there is no PostgreSQL in this run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_rounds_have_every_kind() {
        for seed in 0..50 {
            let (mut deck, mut seeded) = (Deck::new(Engine::Postgres), Seeded::new(seed));
            let mut five: Vec<_> = (0..5).map(|_| deck.draw(&mut seeded)).collect();
            five.sort();
            let expected = [
                Fault::KillAndStayAway,
                Fault::Pause,
                Fault::Terminate,
                Fault::RestartDatabase,
                Fault::CrashDatabase,
            ];
            assert_eq!(five, expected);
            let next: Vec<_> = (0..5).map(|_| deck.draw(&mut seeded)).collect();
            assert!(next.contains(&Fault::KillAndReturn) && next.contains(&Fault::KillBackend));
        }
    }
}
