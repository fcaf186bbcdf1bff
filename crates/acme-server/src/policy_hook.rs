//! The policy hook over HTTP: each question is one signed POST, each answer is allow or deny, and
//! whatever else comes back, or does not, allows nothing. docs/POLICY.md tells how to write one.

mod answer;
mod client;
mod question;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acme_core::{Clock, HookMoment, HookQuestion, HookVerdict, PolicyHook, PolicyHookError};
use acme_types::ProvisionerName;
use async_trait::async_trait;
use aws_lc_rs::hmac;
use hyper::Uri;
use tokio::time::timeout;

use client::HookClient;
use question::QuestionBody;

/// Fewest bytes of a secret: one that can be guessed signs nothing.
const SHORTEST_SECRET: usize = 16;

/// How one provisioner's hook is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HookConfig {
    /// Where; `https`, or `http` on this machine.
    pub url: Uri,
    /// The file with the secret by which questions are signed.
    pub secret_file: PathBuf,
    /// PEM of the roots that the hook's certificate must lead to; none for those of the CA itself.
    pub roots_file: Option<PathBuf>,
    /// The longest time of one question, from looking the name up to the last byte of the answer.
    pub timeout: Duration,
    /// When it is asked.
    pub moments: Vec<HookMoment>,
}

/// The hooks of all provisioners that have one.
pub struct HttpPolicyHooks {
    hooks: HashMap<ProvisionerName, Hook>,
    clock: Arc<dyn Clock>,
}

struct Hook {
    moments: Vec<HookMoment>,
    timeout: Duration,
    secret: hmac::Key,
    client: HookClient,
}

impl HttpPolicyHooks {
    /// No hooks yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            hooks: HashMap::new(),
            clock,
        }
    }

    /// Whether no provisioner has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// Adds the hook of a provisioner; `ca_roots` is the file with the roots of the CA itself.
    ///
    /// # Errors
    /// [`HookSetupError`] when a file cannot be read or holds what cannot be used.
    pub fn add(
        &mut self,
        provisioner: ProvisionerName,
        config: &HookConfig,
        ca_roots: &Path,
    ) -> Result<(), HookSetupError> {
        let secret = read_secret(&config.secret_file)?;
        let roots = config.roots_file.as_deref().unwrap_or(ca_roots);
        let hook = Hook {
            moments: config.moments.clone(),
            timeout: config.timeout,
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            client: HookClient::new(&config.url, roots)?,
        };
        self.hooks.insert(provisioner, hook);
        Ok(())
    }
}

impl std::fmt::Debug for HttpPolicyHooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.hooks.keys()).finish()
    }
}

#[async_trait]
impl PolicyHook for HttpPolicyHooks {
    async fn decide(&self, question: HookQuestion<'_>) -> Result<HookVerdict, PolicyHookError> {
        let Some(hook) = self.hooks.get(&question.order.provisioner) else {
            return Ok(HookVerdict::Allow);
        };
        if !hook.moments.contains(&question.event.moment()) {
            return Ok(HookVerdict::Allow);
        }
        let asked = async {
            let body = serde_json::to_vec(&QuestionBody::new(&question))?;
            let signed = question::sign(&hook.secret, self.clock.now(), &body);
            let answer = hook.client.post(signed, body).await?;
            answer::read(&answer, &question.order.identifiers)
        };
        let answer = match timeout(hook.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("there is no answer after {:?}", hook.timeout).into()),
        };
        answer.map_err(PolicyHookError)
    }
}

/// A hook cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookSetupError {
    /// A file of its configuration cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The secret is too short to sign anything.
    #[error(
        "the secret in {0} has fewer than {SHORTEST_SECRET} bytes; `openssl rand -hex 32` makes one"
    )]
    ShortSecret(PathBuf),
    /// The URL or the TLS settings cannot be used.
    #[error("it cannot be reached by {url}")]
    Url {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The text of the file without the line break at its end.
fn read_secret(path: &Path) -> Result<Vec<u8>, HookSetupError> {
    let mut secret = std::fs::read(path).map_err(|source| HookSetupError::File {
        path: path.to_owned(),
        source: source.into(),
    })?;
    while secret
        .last()
        .is_some_and(|last| matches!(last, b'\n' | b'\r'))
    {
        secret.pop();
    }
    if secret.len() < SHORTEST_SECRET {
        return Err(HookSetupError::ShortSecret(path.to_owned()));
    }
    Ok(secret)
}
