//! Telling a slot's replica that something of it may be due, by LISTEN and NOTIFY.

use std::sync::Arc;
use std::time::Duration;

use acme_types::Slot;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client};

use super::pool::Query;
use super::target::Target;
use crate::act::Outcome;

/// The first pause before listening again after the connection was lost; it doubles up to
/// `LONGEST_PAUSE`.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

fn channel(slot: Slot) -> String {
    format!("acme_due_{slot}")
}

/// Tells a slot's replica.
pub(crate) struct Wake(pub(crate) Slot);

impl Query for Wake {
    type Output = ();
    const WHAT: &'static str = "waking a slot";

    async fn run(&self, conn: &mut AsyncPgConnection) -> Outcome<()> {
        diesel::sql_query("SELECT pg_notify($1, '')")
            .bind::<Text, _>(channel(self.0))
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// What other replicas tell a slot. It is a hint that may come late, twice or not at all, so the
/// worker must also look for itself from time to time.
#[derive(Debug)]
pub struct Wakeups {
    target: Arc<Target>,
    slot: Slot,
    listening: Option<Listening>,
    pause: Option<Duration>,
}

#[derive(Debug)]
struct Listening {
    told: mpsc::Receiver<()>,
    /// The connection lives as long as its client.
    _client: Client,
}

impl Wakeups {
    pub(crate) const fn new(target: Arc<Target>, slot: Slot) -> Self {
        Self {
            target,
            slot,
            listening: None,
            pause: None,
        }
    }

    /// Waits until something of the slot may be due; also returns whenever it has begun to listen
    /// (again), since what was told before is lost. May be dropped and called again at any time.
    pub async fn next(&mut self) {
        loop {
            if let Some(listening) = &mut self.listening {
                if listening.told.recv().await.is_some() {
                    return;
                }
                self.listening = None;
            }
            if let Some(pause) = self.pause {
                tokio::time::sleep(pause).await;
            }
            match self.listen().await {
                Ok(listening) => {
                    self.listening = Some(listening);
                    self.pause = Some(SHORTEST_PAUSE);
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, slot = %self.slot, "cannot listen for wake-ups");
                    let pause = self.pause.map_or(SHORTEST_PAUSE, |pause| pause * 2);
                    self.pause = Some(pause.min(LONGEST_PAUSE));
                }
            }
        }
    }

    async fn listen(&self) -> Result<Listening, tokio_postgres::Error> {
        let (client, mut connection) = self.target.connect().await?;
        // One hint is as good as many.
        let (tell, told) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(_) = message {
                    let _ = tell.try_send(());
                }
            }
        });
        client
            .batch_execute(&format!("LISTEN {}", channel(self.slot)))
            .await?;
        Ok(Listening {
            told,
            _client: client,
        })
    }
}
