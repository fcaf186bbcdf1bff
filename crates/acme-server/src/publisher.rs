//! Publishes what was revoked: lists are signed ahead, answers about single certificates once for
//! all who ask, and both are served from memory. The store is followed by a short poll, so that all
//! replicas show the same.

mod answers;
mod issuer;

use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    AuthorityError, CertificateStatus, Clock, IssuerId, OcspCertId, OcspQuery, OcspRefusal,
    OcspReply, OcspRequest, PublishedCrl, RevocationPublisher, SignAuthority, SignedOcsp, Store,
    StoreError,
};
use acme_types::Timestamp;
use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::warn;

use crate::chain::Chain;
use issuer::PublishedIssuer;

/// Pause between two looks at the store: what another replica has revoked is known here so much
/// later at most.
const POLL: Duration = Duration::from_secs(2);
/// Pause between a revocation and its list, so that many at once make few lists.
const GATHER: Duration = Duration::from_millis(100);
/// How far before the present lists and answers begin, for clients whose clocks are slow.
const BACKDATE: Duration = Duration::from_secs(60);

/// What is published, and for how long each is good. A new one is there after half of that.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Publication {
    /// Life of a revocation list; none to publish none.
    pub crl: Option<Duration>,
    /// Life of an answer about a certificate; none to give none.
    pub ocsp: Option<Duration>,
}

/// Publishes what was revoked.
#[derive(Clone)]
pub struct Publisher(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    authority: Arc<dyn SignAuthority>,
    clock: Arc<dyn Clock>,
    publication: Publication,
    issuers: Vec<PublishedIssuer>,
    woken: Notify,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("publication", &self.0.publication)
            .finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher for every issuer of the authority, which shows nothing before its first
    /// [`round`](Self::round).
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        authority: Arc<dyn SignAuthority>,
        clock: Arc<dyn Clock>,
        publication: Publication,
    ) -> Self {
        let issuers = authority.issuers();
        Self(Arc::new(Shared {
            issuers: issuers.iter().map(PublishedIssuer::new).collect(),
            store,
            authority,
            clock,
            publication,
            woken: Notify::new(),
        }))
    }

    /// Follows the store and renews what runs out, until `stop` turns true.
    pub async fn run_until(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.round().await {
                // What is shown stays good for half of its life and more; the next round goes on.
                warn!(error = %Chain(&error), "revocations could not be followed");
            }
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = self.0.woken.notified() => sleep(GATHER).await,
                () = sleep(POLL) => {}
            }
        }
    }

    /// Brings everything up to date once.
    ///
    /// # Errors
    /// When the store fails; what was shown before still is.
    pub async fn round(&self) -> Result<(), StoreError> {
        let Shared {
            store,
            authority,
            clock,
            publication,
            issuers,
            ..
        } = &*self.0;
        for issuer in issuers {
            let Some(standing) = issuer.follow(&**store).await? else {
                continue;
            };
            let longest = publication.crl.max(publication.ocsp).unwrap_or_default();
            issuer.forget(clock.now().minus(longest));
            if let Some(life) = publication.crl {
                issuer
                    .renew_crl(&**store, &**authority, standing, life, clock.now())
                    .await?;
            }
            if let Some(life) = publication.ocsp {
                self.renew_answers(issuer, life).await;
            }
        }
        Ok(())
    }

    /// Signs again, before they run out or when they are no longer true, the answers that were
    /// asked for since they were signed.
    async fn renew_answers(&self, issuer: &PublishedIssuer, life: Duration) {
        let now = self.0.clock.now();
        for certificate in issuer.take_due_answers(now.plus(life / 2)) {
            // What fails here is signed when it is asked for.
            let Ok(status) = self.status(issuer, &certificate).await else {
                continue;
            };
            if let Ok(signed) = self
                .sign(issuer, &[(&certificate, status)], None, life, now)
                .await
            {
                issuer.keep_answer(&certificate, status, signed);
            }
        }
    }

    async fn sign(
        &self,
        issuer: &PublishedIssuer,
        certificates: &[(&OcspCertId, CertificateStatus)],
        nonce: Option<&[u8]>,
        life: Duration,
        now: Timestamp,
    ) -> Result<Arc<SignedOcsp>, AuthorityError> {
        let revoked = certificates.iter().filter_map(|(_, status)| match status {
            CertificateStatus::Revoked(revocation) => Some(revocation.at),
            CertificateStatus::Good | CertificateStatus::Unknown => None,
        });
        // Nothing can have been known before it was so.
        let this_update = revoked.fold(now.minus(BACKDATE), Timestamp::max);
        let request = OcspRequest {
            issuer: issuer.id(),
            certificates,
            this_update: this_update.truncated_to_second(),
            next_update: now.plus(life).truncated_to_second(),
            produced_at: now.truncated_to_second(),
            nonce,
        };
        Ok(Arc::new(SignedOcsp {
            this_update: request.this_update,
            next_update: request.next_update,
            der: self.0.authority.sign_ocsp(&request).await?,
        }))
    }

    async fn status(
        &self,
        issuer: &PublishedIssuer,
        certificate: &OcspCertId,
    ) -> Result<CertificateStatus, StoreError> {
        if let Some(revocation) = issuer.revoked(certificate) {
            return Ok(CertificateStatus::Revoked(revocation));
        }
        let Some(serial) = &certificate.serial else {
            return Ok(CertificateStatus::Unknown);
        };
        let found = self.0.store.find_certificate_by_serial(serial).await?;
        let found = found.filter(|found| found.issuer == issuer.id() && found.der.is_some());
        Ok(match found.map(|found| found.revocation) {
            None => CertificateStatus::Unknown,
            Some(None) => CertificateStatus::Good,
            Some(Some(revocation)) => CertificateStatus::Revoked(revocation),
        })
    }

    async fn answer(
        &self,
        query: &OcspQuery,
        life: Duration,
        now: Timestamp,
    ) -> Result<OcspReply, OcspRefusal> {
        let names = |issuer: &&PublishedIssuer| {
            let mut certificates = query.certificates.iter();
            certificates.all(|certificate| issuer.is_named_by(certificate))
        };
        let issuer = self.0.issuers.iter().find(names);
        let issuer = issuer.ok_or(OcspRefusal::Unauthorized)?;
        let kept_one = match query.certificates.as_slice() {
            [one] if query.nonce.is_none() => Some(one),
            _ => None,
        };
        if let Some(kept) = kept_one.and_then(|one| issuer.answer(one, now.plus(life / 4))) {
            return Ok(OcspReply::Kept(kept));
        }
        let mut certificates = Vec::with_capacity(query.certificates.len());
        for certificate in &query.certificates {
            let status = self.status(issuer, certificate).await.map_err(|error| {
                warn!(error = %Chain(&error), "a question about a certificate has no answer now");
                OcspRefusal::TryLater
            })?;
            certificates.push((certificate, status));
        }
        let signed = self
            .sign(issuer, &certificates, query.nonce.as_deref(), life, now)
            .await
            .map_err(|error| match error {
                AuthorityError::Unavailable(_) => OcspRefusal::TryLater,
                _ => OcspRefusal::Unauthorized,
            })?;
        Ok(match (kept_one, certificates.as_slice()) {
            // Whoever invents numbers fills no memory with them.
            (Some(one), [(_, status)]) if *status != CertificateStatus::Unknown => {
                issuer.keep_answer(one, *status, Arc::clone(&signed));
                OcspReply::Kept(signed)
            }
            _ => OcspReply::Fresh(signed),
        })
    }
}

#[async_trait]
impl RevocationPublisher for Publisher {
    fn crl(&self, id: &IssuerId) -> Option<Arc<PublishedCrl>> {
        self.0.publication.crl?;
        let mut issuers = self.0.issuers.iter();
        issuers.find(|issuer| issuer.id() == *id)?.crl()
    }

    async fn ocsp(&self, query: &OcspQuery, now: Timestamp) -> Option<OcspReply> {
        let life = self.0.publication.ocsp?;
        let answer = self.answer(query, life, now).await;
        Some(answer.unwrap_or_else(OcspReply::Refused))
    }

    fn wake(&self) {
        self.0.woken.notify_one();
    }
}
