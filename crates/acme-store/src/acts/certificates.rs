//! Certificates and issuers, once they are there.

use acme_core::{Certificate, CertificateFilter, Issuer, Page, Serial};
use acme_types::{CertificateId, Slot, Timestamp};

use crate::act::{Act, Outcome};
use crate::cursor::Cursor;
use crate::rows::{Rows, Walk};

/// Certificates that one page looks at before it ends early: a filter that almost nothing matches
/// must not read the whole store at once.
const MAX_SCANNED: u32 = 4096;
const SCAN_STEP: u32 = 256;

/// See [`acme_core::Store::put_issuer`].
pub(crate) struct PutIssuer {
    pub(crate) issuer: Issuer,
}

impl Act for PutIssuer {
    type Output = ();
    const WHAT: &'static str = "keeping an issuer";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        rows.insert_issuer(&self.issuer).await?;
        rows.insert_revocation_log(&self.issuer.id).await
    }
}

/// See [`acme_core::Store::find_unsigned`].
pub(crate) struct FindUnsigned {
    pub(crate) slot: Slot,
    pub(crate) before: Timestamp,
    pub(crate) limit: u32,
}

impl Act for FindUnsigned {
    type Output = Vec<Certificate>;
    const WHAT: &'static str = "looking for unsigned certificates";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<Certificate>> {
        rows.unsigned(self.slot, self.before, self.limit).await
    }
}

/// See [`acme_core::Store::find_certificate`].
pub(crate) struct FindCertificate {
    pub(crate) id: CertificateId,
}

impl Act for FindCertificate {
    type Output = Option<(Certificate, Issuer)>;
    const WHAT: &'static str = "reading a certificate";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Self::Output> {
        rows.certificate_and_issuer(&self.id).await
    }
}

/// See [`acme_core::Store::find_certificate_by_serial`].
pub(crate) struct FindCertificateBySerial {
    pub(crate) serial: Serial,
}

impl Act for FindCertificateBySerial {
    type Output = Option<Certificate>;
    const WHAT: &'static str = "looking for a certificate by its serial number";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Certificate>> {
        rows.certificate_by_serial(&self.serial).await
    }
}

/// See [`acme_core::Store::list_certificates`].
pub(crate) struct ListCertificates {
    pub(crate) filter: CertificateFilter,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

impl Act for ListCertificates {
    type Output = Page<Certificate>;
    const WHAT: &'static str = "listing certificates";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Certificate>> {
        let walk = self.walk();
        let limit = self.limit as usize;
        let mut after = self.after.clone();
        let mut items: Vec<Certificate> = Vec::new();
        let mut scanned = 0;
        loop {
            // One more than is wanted tells whether the list goes on.
            let missing = limit.saturating_add(1) - items.len();
            let step = if self.filters_beyond(&walk) {
                SCAN_STEP
            } else {
                u32::try_from(missing).unwrap_or(SCAN_STEP)
            };
            let found = rows.certificates(&walk, after.as_ref(), step).await?;
            let is_end = found.len() < step as usize;
            scanned += step;
            after = found.last().map(place_of).or(after);
            items.extend(found.into_iter().filter(|c| self.matches(c)));
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(place_of).or_else(|| self.after.clone());
                return Ok(Page {
                    items,
                    next: next.as_ref().map(Cursor::to_text),
                });
            }
            if is_end || scanned >= MAX_SCANNED {
                let next = after.filter(|_| !is_end);
                return Ok(Page {
                    items,
                    next: next.as_ref().map(Cursor::to_text),
                });
            }
        }
    }
}

impl ListCertificates {
    /// The smallest set that holds all that match.
    fn walk(&self) -> Walk {
        let filter = &self.filter;
        match (&filter.identifier, &filter.account_id, filter.revoked) {
            (Some(identifier), _, _) => Walk::Identifier(identifier.clone()),
            (None, _, Some(true)) => Walk::Revoked,
            (None, Some(account), _) => Walk::Account(account.clone()),
            (None, None, _) => Walk::All,
        }
    }

    /// Whether some of the walk's certificates may not match.
    const fn filters_beyond(&self, walk: &Walk) -> bool {
        let filter = &self.filter;
        let by_account = filter.account_id.is_some() && !matches!(walk, Walk::Account(_));
        let by_revocation = filter.revoked.is_some() && !matches!(walk, Walk::Revoked);
        filter.expires_before.is_some() || by_account || by_revocation
    }

    fn matches(&self, certificate: &Certificate) -> bool {
        let filter = &self.filter;
        let account = filter.account_id.as_ref();
        account.is_none_or(|id| certificate.account_id == *id)
            && filter
                .identifier
                .as_ref()
                .is_none_or(|identifier| certificate.identifiers.contains(identifier))
            && filter
                .expires_before
                .is_none_or(|end| certificate.not_after < end)
            && filter
                .revoked
                .is_none_or(|revoked| certificate.revocation.is_some() == revoked)
    }
}

fn place_of(certificate: &Certificate) -> Cursor {
    Cursor {
        created_at: certificate.created_at,
        id: certificate.id.to_string(),
    }
}
