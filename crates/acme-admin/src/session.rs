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
        let Some(link) = link else {
            return Ok(page(
                "Sign in",
                "<p>A one-time link begins a session here.</p>\
                 <p><code>acme-server admin link NAME --config FILE</code> prints one.</p>",
            ));
        };
        // The text is base64url: there is nothing in it to be escaped.
        let form = format!(
            "<form method=\"post\" action=\"/login\">\
             <input type=\"hidden\" name=\"link\" value=\"{}\">\
             <p>This link begins a session in this browser, once.</p>\
             <button>Sign in</button></form>",
            link.to_text()
        );
        Ok(page("Sign in", &form))
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

/// A small page of ours; `body` is HTML.
fn page(title: &str, body: &str) -> Answer {
    Answer::html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    ))
}
