//! One client: its key, its account, its nonces, its connection.

use std::collections::VecDeque;
use std::sync::Arc;

use acme_types::{ProblemKind, Timestamp};
use hyper::Method;

use super::connection::Connection;
use super::{AccountKey, Answer, Endpoint, Trouble};
use crate::nonces::{Nonces, Spending};
use crate::time::now;
use crate::traffic::{Became, Traffic};

/// Requests on one connection.
const REQUESTS_PER_CONNECTION: u32 = 4;
/// Nonces that are kept for later, so that some are older than the last fault.
const POCKET: usize = 6;
/// How often one request is repeated with a fresh nonce.
const BAD_NONCES: u32 = 8;

/// What all clients share of the outside.
#[derive(Debug)]
pub struct Outside {
    /// Where new nonces come from.
    pub new_nonce: String,
    /// Every request and what became of it.
    pub traffic: Traffic,
    /// Every nonce and what became of it.
    pub nonces: Nonces,
}

/// A client.
#[derive(Debug)]
pub struct Session {
    endpoint: Endpoint,
    outside: Arc<Outside>,
    key: Arc<AccountKey>,
    kid: Option<String>,
    connection: Option<Open>,
    requests_per_connection: u32,
    pocket: VecDeque<(String, Timestamp)>,
}

struct Open {
    connection: Connection,
    requests: u32,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A client with this key, and this account once there is one.
    #[must_use]
    pub const fn new(
        endpoint: Endpoint,
        outside: Arc<Outside>,
        key: Arc<AccountKey>,
        kid: Option<String>,
    ) -> Self {
        Self {
            endpoint,
            outside,
            key,
            kid,
            connection: None,
            requests_per_connection: REQUESTS_PER_CONNECTION,
            pocket: VecDeque::new(),
        }
    }

    /// The same client, keeping its connection for as long as the server does.
    #[must_use]
    pub const fn on_one_connection(mut self) -> Self {
        self.requests_per_connection = u32::MAX;
        self
    }

    /// The account's URL is known now.
    pub fn set_account(&mut self, kid: String) {
        self.kid = Some(kid);
    }

    /// An unsigned request.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn get(&mut self, url: &str) -> Result<Answer, Trouble> {
        self.exchange(Method::GET, url, String::new()).await
    }

    /// A signed request; an empty payload is POST-as-GET. It is repeated when its nonce is refused.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn post(&mut self, url: &str, payload: &str) -> Result<Answer, Trouble> {
        let mut refused = 0;
        loop {
            let (nonce, issued_at) = self.nonce().await?;
            let outside = Arc::clone(&self.outside);
            let outcome = self.post_with(&nonce, url, payload).await;
            if let Ok(answer) = &outcome
                && answer.is_problem(ProblemKind::BadNonce)
                && refused < BAD_NONCES
            {
                outside.nonces.refused(issued_at, now());
                refused += 1;
                continue;
            }
            outside.nonces.presented(
                nonce,
                match &outcome {
                    Ok(_) => Spending::Done,
                    Err(Trouble::Broken(_)) => Spending::Unknown,
                    Err(Trouble::NotSent(_) | Trouble::AtFault { .. }) => Spending::Unlikely,
                },
            );
            return outcome;
        }
    }

    /// A signed request with a nonce of the caller's choice, made once.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn post_with(
        &mut self,
        nonce: &str,
        url: &str,
        payload: &str,
    ) -> Result<Answer, Trouble> {
        let body = self
            .key
            .sign(self.kid.as_deref(), nonce, url, payload)
            .map_err(|error| Trouble::NotSent(error.to_string()))?;
        self.exchange(Method::POST, url, body).await
    }

    async fn nonce(&mut self) -> Result<(String, Timestamp), Trouble> {
        if let Some(oldest) = self.pocket.pop_front() {
            return Ok(oldest);
        }
        let url = self.outside.new_nonce.clone();
        self.exchange(Method::HEAD, &url, String::new()).await?;
        let nonce = self.pocket.pop_front();
        nonce.ok_or_else(|| Trouble::Broken("an answer without a nonce".to_owned()))
    }

    async fn exchange(
        &mut self,
        method: Method,
        url: &str,
        body: String,
    ) -> Result<Answer, Trouble> {
        let sent_at = now();
        let outcome = self.send(method, url, body).await;
        let became = match &outcome {
            Ok(_) => Became::Answered,
            Err(Trouble::NotSent(_)) => Became::NotSent,
            Err(Trouble::Broken(_)) => Became::Broken,
            Err(Trouble::AtFault { .. }) => Became::ServerError,
        };
        self.outside.traffic.note(sent_at, now(), became);
        outcome
    }

    async fn send(&mut self, method: Method, url: &str, body: String) -> Result<Answer, Trouble> {
        let kept = self.connection.take();
        let kept = kept.filter(|open| open.requests < self.requests_per_connection);
        let mut open = match kept {
            Some(mut open) => match open.connection.is_open().await {
                true => open,
                false => Open {
                    connection: self.endpoint.connect().await?,
                    requests: 0,
                },
            },
            None => Open {
                connection: self.endpoint.connect().await?,
                requests: 0,
            },
        };
        let answer = open
            .connection
            .send(&self.endpoint, method, url, body)
            .await?;
        open.requests += 1;
        self.connection = Some(open);
        if let Some(nonce) = answer.header("replay-nonce") {
            self.pocket.push_back((nonce, now()));
            self.pocket.truncate(POCKET);
        }
        if answer.status.is_server_error() {
            return Err(Trouble::AtFault {
                status: answer.status.as_u16(),
                body: answer.text(),
                retry_after: answer.retry_after(),
            });
        }
        Ok(answer)
    }
}
