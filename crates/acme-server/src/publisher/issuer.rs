//! What is published of one issuer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acme_core::{
    AuthorityError, CertificateStatus, CrlRequest, CrlVerdict, Issuer, IssuerId, OcspCertId,
    OcspIssuer, PublishedCrl, Revocation, RevocationEntry, Serial, SignAuthority, SignedOcsp,
    Store, StoreError,
};
use acme_types::Timestamp;
use tracing::{info, warn};

use super::BACKDATE;
use super::answers::Answers;
use crate::chain::Chain;

/// Entries of the log that are read at a time.
const PAGE: u32 = 1024;

pub(super) struct PublishedIssuer {
    id: IssuerId,
    /// None when its certificate cannot be read: nobody can ask about its certificates.
    name: Option<OcspIssuer>,
    state: Mutex<State>,
    /// Its key is gone or must not sign lists; told once.
    is_mute: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The log is known up to this entry.
    revision: u64,
    revoked: BTreeMap<Serial, RevocationEntry>,
    crl: Option<Arc<PublishedCrl>>,
    /// A list was signed since the start: its URL may be a new one.
    is_renewed: bool,
    answers: Answers,
}

/// How far the log has come.
#[derive(Clone, Copy)]
pub(super) struct Revision(u64);

impl PublishedIssuer {
    pub(super) fn new(issuer: &Issuer) -> Self {
        Self {
            id: issuer.id,
            name: OcspIssuer::new(issuer),
            state: Mutex::default(),
            is_mute: AtomicBool::new(false),
        }
    }

    pub(super) const fn id(&self) -> IssuerId {
        self.id
    }

    pub(super) fn is_named_by(&self, certificate: &OcspCertId) -> bool {
        let name = self.name.as_ref();
        name.is_some_and(|name| name.is_named_by(certificate))
    }

    pub(super) fn crl(&self) -> Option<Arc<PublishedCrl>> {
        self.state().crl.clone()
    }

    pub(super) fn revoked(&self, certificate: &OcspCertId) -> Option<Revocation> {
        revoked(&self.state().revoked, certificate)
    }

    /// The kept answer that is true and good beyond a time. That a certificate which was good is
    /// not revoked is known from the log, and needs no look at the store.
    pub(super) fn answer(
        &self,
        certificate: &OcspCertId,
        beyond: Timestamp,
    ) -> Option<Arc<SignedOcsp>> {
        let mut state = self.state();
        let status = status(&state.revoked, certificate);
        state.answers.get(certificate, status, beyond)
    }

    pub(super) fn keep_answer(
        &self,
        certificate: &OcspCertId,
        status: CertificateStatus,
        signed: Arc<SignedOcsp>,
    ) {
        self.state().answers.keep(certificate, status, signed);
    }

    pub(super) fn take_due_answers(&self, beyond: Timestamp) -> Vec<OcspCertId> {
        let State {
            answers, revoked, ..
        } = &mut *self.state();
        answers.take_due(beyond, |certificate| status(revoked, certificate))
    }

    /// Reads what is new in the store; none when the store does not know the issuer.
    pub(super) async fn follow(&self, store: &dyn Store) -> Result<Option<Revision>, StoreError> {
        let number = self.crl().map_or(0, |crl| crl.number);
        let Some(standing) = store.crl_standing(&self.id, number).await? else {
            return Ok(None);
        };
        if let Some(newer) = standing.newer {
            self.state().crl = Some(Arc::new(newer));
        }
        loop {
            let known = self.state().revision;
            if known >= standing.revision {
                return Ok(Some(Revision(known)));
            }
            let entries = store.revocations(&self.id, known, PAGE).await?;
            let mut state = self.state();
            // The last ones may have been pruned.
            let last = entries
                .last()
                .map_or(standing.revision, |last| last.revision);
            state.revision = last;
            state
                .revoked
                .extend(entries.into_iter().map(|entry| (entry.serial, entry)));
        }
    }

    /// Forgets what expired before a time. A list must name a certificate at least once after its
    /// end (RFC 5280 § 3.3), and that time is longer ago than the life of a list.
    pub(super) fn forget(&self, before: Timestamp) {
        let mut state = self.state();
        state.revoked.retain(|_, entry| entry.not_after >= before);
    }

    /// Signs and publishes a list when there is something new to tell or half of the life of the
    /// one before is over.
    pub(super) async fn renew_crl(
        &self,
        store: &dyn Store,
        authority: &dyn SignAuthority,
        Revision(revision): Revision,
        life: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (replaces, entries) = {
            let state = self.state();
            let is_good = |crl: &PublishedCrl| {
                crl.revision >= revision && crl.next_update.since(now) >= life / 2
            };
            let newest = state.crl.as_deref();
            if self.is_mute.load(Ordering::Relaxed)
                || (state.is_renewed && newest.is_some_and(is_good))
            {
                return Ok(());
            }
            let entries: Vec<_> = state.revoked.values().copied().collect();
            (newest.map_or(0, |crl| crl.number), entries)
        };
        let times = entries.iter().map(|entry| entry.revocation.at);
        // Nothing can have been known before it was so.
        let this_update = times.fold(now.minus(BACKDATE), Timestamp::max);
        let clock = u64::try_from(now.as_millis()).unwrap_or(0);
        let request = CrlRequest {
            issuer: self.id,
            // The clock lets it grow even when the store was put back to an earlier state.
            number: clock.max(replaces + 1),
            this_update: this_update.truncated_to_second(),
            next_update: now.plus(life).truncated_to_second(),
            revoked: &entries,
        };
        let der = match authority.sign_crl(&request).await {
            Ok(der) => der,
            Err(error @ AuthorityError::Unavailable(_)) => {
                warn!(issuer = %self.id, error = %Chain(&error), "no revocation list can be signed");
                return Ok(());
            }
            Err(error) => {
                self.is_mute.store(true, Ordering::Relaxed);
                warn!(issuer = %self.id, error = %Chain(&error), "has no revocation list");
                return Ok(());
            }
        };
        let crl = PublishedCrl {
            issuer: self.id,
            number: request.number,
            revision,
            this_update: request.this_update,
            next_update: request.next_update,
            der,
        };
        // When another replica was first, its list is read in the next round.
        if store.publish_crl(&crl, replaces).await? == CrlVerdict::Published {
            info!(
                issuer = %self.id, number = crl.number, revoked = entries.len(),
                until = %crl.next_update, "published a revocation list"
            );
            let mut state = self.state();
            state.crl = Some(Arc::new(crl));
            state.is_renewed = true;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn revoked(
    revoked: &BTreeMap<Serial, RevocationEntry>,
    certificate: &OcspCertId,
) -> Option<Revocation> {
    let entry = revoked.get(certificate.serial.as_ref()?)?;
    Some(entry.revocation)
}

/// The status of a certificate that is known to have been issued.
fn status(
    revoked_ones: &BTreeMap<Serial, RevocationEntry>,
    certificate: &OcspCertId,
) -> CertificateStatus {
    revoked(revoked_ones, certificate).map_or(CertificateStatus::Good, CertificateStatus::Revoked)
}
