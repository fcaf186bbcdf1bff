//! Logs of revocations, and the lists made from them.

use acme_core::{
    Account, AuditAct, Certificate, CrlStanding, CrlVerdict, IssuerId, Origin, PublishedCrl,
    Revocation, RevocationEntry, RevocationReason, RevokeVerdict, Serial, certified_key,
};
use acme_types::{AccountStatus, Timestamp};

use super::audit::note;
use super::{accounts, finalize};
use crate::act::{Act, Fault, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Store::revoke_certificate`].
pub(crate) struct RevokeCertificate {
    pub(crate) serial: Serial,
    pub(crate) reason: RevocationReason,
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
}

impl RevokeCertificate {
    pub(crate) fn new(
        serial: &Serial,
        reason: RevocationReason,
        now: Timestamp,
        origin: &Origin,
    ) -> Self {
        Self {
            serial: *serial,
            reason,
            now,
            origin: origin.clone(),
        }
    }
}

impl Act for RevokeCertificate {
    type Output = RevokeVerdict;
    const WHAT: &'static str = "revoking a certificate";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<RevokeVerdict> {
        let found = rows.lock_certificate_by_serial(&self.serial).await?;
        let Some(mut certificate) = found.filter(|certificate| certificate.der.is_some()) else {
            return Ok(RevokeVerdict::NotFound);
        };
        let mut ended = Vec::new();
        if self.reason == RevocationReason::KeyCompromise {
            ended = self.block_key(rows, &certificate).await?;
        }
        if let Some(before) = certificate.revocation {
            self.note_ended(rows, &ended).await?;
            return Ok(RevokeVerdict::AlreadyRevoked(before));
        }
        let revocation = Revocation {
            at: self.now,
            reason: self.reason,
        };
        log(rows, &certificate, revocation).await?;
        rows.set_revoked(&certificate.id, revocation).await?;
        certificate.revocation = Some(revocation);
        self.note_ended(rows, &ended).await?;
        let event = finalize::told(AuditAct::CertificateRevoke, &certificate);
        let event = event.with("reason", self.reason.as_str());
        note(rows, &self.origin, &event).await?;
        Ok(RevokeVerdict::Revoked(Box::new(certificate)))
    }
}

impl RevokeCertificate {
    /// Whoever has the key can act as what it stands for: neither certificates nor accounts.
    /// Gives the accounts that end.
    async fn block_key<R: Rows>(
        &self,
        rows: &mut R,
        certificate: &Certificate,
    ) -> Outcome<Vec<Account>> {
        let Some(key) = certified_key(&certificate.tbs) else {
            return Ok(Vec::new());
        };
        rows.insert_blocked_key(&key, &self.serial, self.now)
            .await?;
        let mut ended = Vec::new();
        for account in rows.accounts_of_key(&key).await? {
            ended.extend(accounts::end(rows, &account, AccountStatus::Revoked, self.now).await?);
        }
        Ok(ended)
    }

    async fn note_ended<R: Rows>(&self, rows: &mut R, ended: &[Account]) -> Outcome<()> {
        for account in ended {
            let event = accounts::told(AuditAct::AccountRevoke, account);
            let event = event.with("compromised-by", self.serial);
            note(rows, &self.origin, &event).await?;
        }
        Ok(())
    }
}

/// The lock makes the numbers grow in the order in which the transactions become visible: whoever
/// has read up to a number will not find a smaller one later.
async fn log<R: Rows>(
    rows: &mut R,
    certificate: &Certificate,
    revocation: Revocation,
) -> Outcome<()> {
    let issuer = &certificate.issuer;
    let last = rows.lock_revision(issuer).await?;
    let last = last.ok_or_else(|| Fault::corrupt("an issuer without a log of revocations"))?;
    let entry = RevocationEntry {
        revision: last + 1,
        serial: certificate.serial,
        not_after: certificate.not_after,
        revocation,
    };
    rows.append_revocation(issuer, &entry).await
}

/// See [`acme_core::Store::revocations`].
pub(crate) struct ListRevocations {
    pub(crate) issuer: IssuerId,
    pub(crate) after: u64,
    pub(crate) limit: u32,
}

impl Act for ListRevocations {
    type Output = Vec<RevocationEntry>;
    const WHAT: &'static str = "reading the log of revocations";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<RevocationEntry>> {
        rows.revocations(&self.issuer, self.after, self.limit).await
    }
}

/// See [`acme_core::Store::crl_standing`].
pub(crate) struct FindCrlStanding {
    pub(crate) issuer: IssuerId,
    pub(crate) number: u64,
}

impl Act for FindCrlStanding {
    type Output = Option<CrlStanding>;
    const WHAT: &'static str = "looking for a newer revocation list";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<CrlStanding>> {
        let Some(revision) = rows.revision(&self.issuer).await? else {
            return Ok(None);
        };
        let newer = rows.newer_crl(&self.issuer, self.number).await?;
        Ok(Some(CrlStanding { revision, newer }))
    }
}

/// See [`acme_core::Store::publish_crl`].
pub(crate) struct PublishCrl {
    pub(crate) crl: PublishedCrl,
    pub(crate) replaces: u64,
}

impl Act for PublishCrl {
    type Output = CrlVerdict;
    const WHAT: &'static str = "publishing a revocation list";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<CrlVerdict> {
        let issuer = &self.crl.issuer;
        if rows.lock_revision(issuer).await?.is_none() {
            return Ok(CrlVerdict::UnknownIssuer);
        }
        let newest = rows.crl_number(issuer).await?.unwrap_or(0);
        if newest != self.replaces || self.crl.number <= newest {
            return Ok(CrlVerdict::Superseded(newest));
        }
        rows.set_crl(&self.crl).await?;
        Ok(CrlVerdict::Published)
    }
}
