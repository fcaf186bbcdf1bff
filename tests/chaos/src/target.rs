//! The web servers of the names that are to be certified: each has an address of its own in
//! 127.0.0.0/8, so that each can be away, fail, lie or answer by itself.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acme_types::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::seeded::Seeded;
use crate::time::{locked, now};

/// Longest request head that is read.
const MAX_HEAD: usize = 8 * 1024;

/// What a target does until it heals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// Nobody listens.
    Refuse,
    /// 404.
    NotFound,
    /// 500.
    ServerError,
    /// The connection is closed without an answer.
    Close,
    /// The answer is 500, and takes its time.
    Slow(Duration),
}

/// What a target does over its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plan {
    /// The proof is there.
    Ready,
    /// The proof is there, and takes its time.
    Slow(Duration),
    /// The proof comes later.
    Late(Absence, Timestamp),
    /// Another proof comes later: it contradicts.
    Wrong(Absence, Timestamp),
    /// No proof ever comes.
    Never(Absence),
}

impl Plan {
    /// Whether the proof is ever shown.
    #[must_use]
    pub const fn proves(self) -> bool {
        matches!(self, Self::Ready | Self::Slow(_) | Self::Late(..))
    }

    /// Whether the proof is contradicted at some time.
    #[must_use]
    pub const fn contradicts(self) -> bool {
        matches!(self, Self::Wrong(..))
    }

    fn at(self, at: Timestamp) -> Does {
        let absent = |absence| match absence {
            Absence::Refuse | Absence::Close => Does::Close,
            Absence::NotFound => Does::Fail("404 Not Found", Duration::ZERO),
            Absence::ServerError => Does::Fail("500 Internal Server Error", Duration::ZERO),
            Absence::Slow(pause) => Does::Fail("500 Internal Server Error", pause),
        };
        match self {
            Self::Ready => Does::Prove(Duration::ZERO),
            Self::Slow(pause) => Does::Prove(pause),
            Self::Late(_, from) if from <= at => Does::Prove(Duration::ZERO),
            Self::Wrong(_, from) if from <= at => Does::Lie,
            Self::Late(absence, _) | Self::Wrong(absence, _) | Self::Never(absence) => {
                absent(absence)
            }
        }
    }

    /// When somebody begins to listen; none for never.
    const fn listens_at(self) -> Option<Timestamp> {
        match self {
            Self::Late(Absence::Refuse, from) | Self::Wrong(Absence::Refuse, from) => Some(from),
            Self::Never(Absence::Refuse) => None,
            _ => Some(Timestamp::EPOCH),
        }
    }
}

enum Does {
    Prove(Duration),
    Lie,
    Fail(&'static str, Duration),
    Close,
}

/// A way to be away, drawn from the seed.
pub fn any_absence(seeded: &mut Seeded) -> Absence {
    match seeded.below(6) {
        0 | 1 => Absence::Refuse,
        2 => Absence::NotFound,
        3 => Absence::ServerError,
        4 => Absence::Close,
        _ => Absence::Slow(seeded.within(Duration::from_millis(100)..Duration::from_millis(1500))),
    }
}

/// The address of the target of this number; the numbers go up to four million.
#[must_use]
pub fn address(number: u32) -> Ipv4Addr {
    let [_, high, middle, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 64 + (high & 0x3f), middle, low)
}

/// A target, from the moment its proof is known.
#[derive(Debug)]
pub struct Target {
    plan: Plan,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    path: String,
    key_authorization: String,
    served: Mutex<Vec<Timestamp>>,
    asked: Mutex<u32>,
}

impl Target {
    /// Starts it at its address.
    #[must_use]
    pub fn start(
        address: SocketAddrV4,
        plan: Plan,
        token: &str,
        key_authorization: String,
    ) -> Self {
        let shared = Arc::new(Shared {
            plan,
            path: format!("GET /.well-known/acme-challenge/{token} "),
            key_authorization,
            served: Mutex::default(),
            asked: Mutex::default(),
        });
        let listening = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let Some(from) = plan.listens_at() else {
                return std::future::pending().await;
            };
            sleep(from.since(now())).await;
            let listener = loop {
                match TcpListener::bind(address).await {
                    Ok(listener) => break listener,
                    Err(error) => eprintln!("a target cannot listen on {address}: {error}"),
                }
                sleep(Duration::from_millis(100)).await;
            };
            loop {
                match listener.accept().await {
                    // A validator that goes away is no matter to a target.
                    Ok((stream, _)) => drop(tokio::spawn(Arc::clone(&listening).answer(stream))),
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        });
        Self { plan, shared, task }
    }

    /// What it was to do.
    #[must_use]
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// When it served the proof.
    #[must_use]
    pub fn served_at(&self) -> Vec<Timestamp> {
        locked(&self.shared.served).clone()
    }

    /// How many requests for the proof came.
    #[must_use]
    pub fn n_asked(&self) -> u32 {
        *locked(&self.shared.asked)
    }

    /// Nobody listens any more.
    pub fn close(&self) {
        self.task.abort();
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::with_capacity(512);
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 || head.len() > MAX_HEAD {
                return Ok(());
            }
        }
        if !head.starts_with(self.path.as_bytes()) {
            return stream
                .write_all(response("404 Not Found", "").as_bytes())
                .await;
        }
        *locked(&self.asked) += 1;
        let answer = match self.plan.at(now()) {
            Does::Close => return Ok(()),
            Does::Fail(status, pause) => {
                sleep(pause).await;
                response(status, "not here\n")
            }
            Does::Lie => response("200 OK", "another.proof"),
            Does::Prove(pause) => {
                sleep(pause).await;
                // Noted first: nobody may have seen it before it is noted.
                locked(&self.served).push(now());
                response("200 OK", &self.key_authorization)
            }
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/octet-stream\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_targets_have_one_address() {
        let all: std::collections::HashSet<_> = (1..100_000).map(address).collect();
        assert_eq!(all.len(), 99_999);
        assert!(
            all.iter()
                .all(|it| it.is_loopback() && *it != Ipv4Addr::LOCALHOST)
        );
    }

    #[test]
    fn a_late_one_heals_and_a_wrong_one_lies() {
        let at = Timestamp::from_secs;
        let does = |plan: Plan, secs| match plan.at(at(secs)) {
            Does::Prove(_) => "prove",
            Does::Lie => "lie",
            Does::Fail(..) => "fail",
            Does::Close => "close",
        };
        let late = Plan::Late(Absence::NotFound, at(10));
        assert_eq!((does(late, 9), does(late, 10)), ("fail", "prove"));
        let wrong = Plan::Wrong(Absence::Close, at(10));
        assert_eq!((does(wrong, 9), does(wrong, 10)), ("close", "lie"));
        assert_eq!(Plan::Never(Absence::Refuse).listens_at(), None);
        assert_eq!(Plan::Late(Absence::Refuse, at(3)).listens_at(), Some(at(3)));
    }
}
