//! Logs of revocations, and the lists made from them.

use acme_core::{
    Certificate, CrlStanding, CrlVerdict, IssuerId, PublishedCrl, Revocation, RevocationEntry,
    RevocationReason, RevokeVerdict, Serial, certified_key,
};
use acme_types::{AccountStatus, Timestamp};

use super::accounts;
use crate::act::{Act, Fault, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Store::revoke_certificate`].
pub(crate) struct RevokeCertificate {
    pub(crate) serial: Serial,
    pub(crate) reason: RevocationReason,
    pub(crate) now: Timestamp,
}

impl Act for RevokeCertificate {
    type Output = RevokeVerdict;
    const WHAT: &'static str = "revoking a certificate";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<RevokeVerdict> {
        let found = rows.lock_certificate_by_serial(&self.serial).await?;
        let Some(mut certificate) = found.filter(|certificate| certificate.der.is_some()) else {
            return Ok(RevokeVerdict::NotFound);
        };
        if self.reason == RevocationReason::KeyCompromise {
            self.block_key(rows, &certificate).await?;
        }
        if let Some(before) = certificate.revocation {
            return Ok(RevokeVerdict::AlreadyRevoked(before));
        }
        let revocation = Revocation {
            at: self.now,
            reason: self.reason,
        };
        log(rows, &certificate, revocation).await?;
        rows.set_revoked(&certificate.id, revocation).await?;
        certificate.revocation = Some(revocation);
        Ok(RevokeVerdict::Revoked(Box::new(certificate)))
    }
}

impl RevokeCertificate {
    /// Whoever has the key can act as what it stands for: neither certificates nor accounts.
    async fn block_key<R: Rows>(&self, rows: &mut R, certificate: &Certificate) -> Outcome<()> {
        let Some(key) = certified_key(&certificate.tbs) else {
            return Ok(());
        };
        rows.insert_blocked_key(&key, &self.serial, self.now)
            .await?;
        for account in rows.accounts_of_key(&key).await? {
            accounts::end(rows, &account, AccountStatus::Revoked, self.now).await?;
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
