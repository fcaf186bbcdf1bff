//! A browser's session: begun with a one-time link, ended by its owner.

use acme_core::{EntropyRng, OperatorName, Proof, ProofKind, ProofSecret};
use acme_types::Timestamp;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::proof::{COOKIE_NAME, SESSION_LIFE, session_secret};
use crate::refusal::Refusal;
use crate::request::Asked;

impl Desk {
    /// The page that a link leads to. It asks first: a program that looks at links before people do
    /// must not use it up.
    pub(crate) async fn login_page(&self, asked: &Asked<'_>) -> Outcome {
        let link = asked.query.text("link").and_then(ProofSecret::parse);
        Ok(crate::page::sign_in(link.as_ref()))
    }

    /// Uses a link up for a session.
    pub(crate) async fn login(&self, asked: &Asked<'_>) -> Outcome {
        let link = asked.request.field("link");
        let link = link.as_deref().and_then(ProofSecret::parse);
        let spent = Refusal::Unauthorized(
            "the link is not good: it was used, has run out, or was never one; \
             `acme-server admin link` prints another",
        );
        let Some(link) = link else {
            return Err(spent);
        };
        let secret = ProofSecret::random(&mut EntropyRng(&*self.services.entropy));
        let session = session(&secret, asked.now)?;
        let begun = self
            .services
            .store
            .exchange_link(&link.digest(), session, &self.origin(asked))
            .await?;
        let operator = begun.ok_or(spent)?;
        tracing::info!(operator = %operator.name, "session begun");
        Ok(Answer::see("/").cookie(format!(
            "{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
            secret.to_text(),
            SESSION_LIFE.as_secs()
        )))
    }

    /// Ends a session.
    pub(crate) async fn logout(&self, asked: &Asked<'_>) -> Outcome {
        if let Some(secret) = session_secret(&asked.request.headers) {
            self.services.store.remove_proof(&secret.digest()).await?;
        }
        Ok(Answer::see("/login").cookie(format!(
            "{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        )))
    }
}

fn session(secret: &ProofSecret, now: Timestamp) -> Result<Proof, Refusal> {
    // The store puts the link's operator in its place.
    let nobody: Result<OperatorName, _> = "nobody".parse();
    Ok(Proof {
        digest: secret.digest(),
        kind: ProofKind::Session,
        operator: nobody.map_err(|error| Refusal::malformed(error.to_string()))?,
        created_at: now,
        expires_at: now.plus(SESSION_LIFE),
    })
}
