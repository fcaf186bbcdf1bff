//! What clients reach: a TCP balancer that gives each connection to the next replica that says it is
//! ready, as a load balancer with health checks does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::error::{Error, Result};

/// Pause between two looks at a replica's health.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A replica that does not answer within this is not ready.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// One replica, as the balancer knows it.
#[derive(Debug)]
struct Backend {
    acme: SocketAddr,
    health: SocketAddr,
    ready: AtomicBool,
}

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    tasks: Vec<JoinHandle<()>>,
}

impl Balancer {
    /// Balances connections to `port` over replicas, each given by its ports for ACME and health.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16, replicas: &[(u16, u16)]) -> Result<Self> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(at(port)).await;
        let listener = listener.map_err(Error::io(format!("listening on {port}")))?;
        let backends: Arc<[Backend]> = replicas
            .iter()
            .map(|(acme, health)| Backend {
                acme: at(*acme),
                health: at(*health),
                ready: AtomicBool::new(true),
            })
            .collect();
        let mut tasks = Vec::new();
        for number in 0..backends.len() {
            let backends = Arc::clone(&backends);
            tasks.push(tokio::spawn(async move {
                loop {
                    if let Some(backend) = backends.get(number) {
                        let ready = timeout(ANSWER_WITHIN, is_ready(backend.health)).await;
                        backend
                            .ready
                            .store(ready.is_ok_and(|ready| ready), Ordering::Relaxed);
                    }
                    sleep(LOOK_EVERY).await;
                }
            }));
        }
        tasks.push(tokio::spawn(async move {
            let next = Arc::new(AtomicUsize::new(0));
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        drop(tokio::spawn(carry(
                            stream,
                            Arc::clone(&backends),
                            Arc::clone(&next),
                        )));
                    }
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        }));
        Ok(Self { tasks })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Carries a connection to the first backend that takes it, beginning with those that are ready.
async fn carry(mut client: TcpStream, backends: Arc<[Backend]>, next: Arc<AtomicUsize>) {
    let first = next.fetch_add(1, Ordering::Relaxed);
    let in_turn = || (0..backends.len()).filter_map(|n| backends.get((first + n) % backends.len()));
    let is_ready = |backend: &&Backend| backend.ready.load(Ordering::Relaxed);
    let (ready, others): (Vec<_>, Vec<_>) = in_turn().partition(is_ready);
    for backend in ready.into_iter().chain(others) {
        if let Ok(Ok(mut replica)) = timeout(ANSWER_WITHIN, TcpStream::connect(backend.acme)).await
        {
            // Each message is whole, so nothing is gained by waiting for more.
            let _ = (client.set_nodelay(true), replica.set_nodelay(true));
            let _ = copy_bidirectional(&mut client, &mut replica).await;
            return;
        }
    }
}

/// Whether `/readyz` is answered with 200.
pub(crate) async fn is_ready(health: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(health).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: replica\r\nconnection: close\r\n\r\n")
            .await?;
        let mut start = [0; 12];
        stream.read_exact(&mut start).await?;
        Ok::<_, std::io::Error>(start)
    };
    ask.await.is_ok_and(|start| start.ends_with(b" 200"))
}
