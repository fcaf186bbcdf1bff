//! Certificates and issuers in memory.

use acme_core::{Certificate, EarlyRenewal, Issuer, Replacement, Revocation, Serial};
use acme_types::{CertificateId, Slot, Timestamp};

use super::super::{Kept, Tables};
use super::{broken, page};
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::rows::{CertificateRows, Walk};

impl Tables {
    fn to_be_signed_by(&self, slot: Slot) -> Vec<&Certificate> {
        let mut found: Vec<&Certificate> = self
            .certificates
            .values()
            .filter(|kept| kept.signing_slot == Some(slot))
            .map(|kept| &kept.certificate)
            .collect();
        found.sort_by_key(|certificate| certificate.created_at);
        found
    }
}

impl CertificateRows for Tables {
    async fn insert_issuer(&mut self, issuer: &Issuer) -> Outcome<()> {
        self.issuers
            .entry(issuer.id.0)
            .or_insert_with(|| issuer.clone());
        Ok(())
    }

    async fn insert_certificate(
        &mut self,
        certificate: &Certificate,
        signing_slot: Slot,
    ) -> Outcome<()> {
        let mut others = self.certificates.values().map(|kept| &kept.certificate);
        if others.any(|c| c.id == certificate.id || c.serial == certificate.serial) {
            return Err(broken("a certificate's id and serial number are unique"));
        }
        if !self.issuers.contains_key(&certificate.issuer.0) {
            return Err(broken("a certificate has an issuer"));
        }
        let kept = Kept {
            certificate: certificate.clone(),
            signing_slot: Some(signing_slot),
        };
        self.certificates.insert(certificate.id.clone(), kept);
        Ok(())
    }

    async fn certificate(&mut self, id: &CertificateId) -> Outcome<Option<Certificate>> {
        let kept = self.certificates.get(id);
        Ok(kept.map(|kept| kept.certificate.clone()))
    }

    async fn certificate_and_issuer(
        &mut self,
        id: &CertificateId,
    ) -> Outcome<Option<(Certificate, Issuer)>> {
        let Some(kept) = self.certificates.get(id) else {
            return Ok(None);
        };
        let issuer = self.issuers.get(&kept.certificate.issuer.0);
        let issuer = issuer.ok_or_else(|| broken("a certificate has an issuer"))?;
        Ok(Some((kept.certificate.clone(), issuer.clone())))
    }

    async fn certificate_by_serial(&mut self, serial: &Serial) -> Outcome<Option<Certificate>> {
        let mut all = self.certificates.values().map(|kept| &kept.certificate);
        Ok(all.find(|c| c.serial == *serial).cloned())
    }

    async fn lock_certificate_by_serial(
        &mut self,
        serial: &Serial,
    ) -> Outcome<Option<Certificate>> {
        self.certificate_by_serial(serial).await
    }

    async fn set_signed(&mut self, certificate: &Certificate, der: &[u8]) -> Outcome<()> {
        if let Some(kept) = self.certificates.get_mut(&certificate.id) {
            kept.certificate.der = Some(der.to_vec());
            kept.signing_slot = None;
        }
        Ok(())
    }

    async fn set_given_up(&mut self, id: &CertificateId) -> Outcome<()> {
        if let Some(kept) = self.certificates.get_mut(id) {
            kept.signing_slot = None;
        }
        Ok(())
    }

    async fn set_revoked(&mut self, id: &CertificateId, revocation: Revocation) -> Outcome<()> {
        if let Some(kept) = self.certificates.get_mut(id) {
            kept.certificate.revocation = Some(revocation);
        }
        Ok(())
    }

    async fn set_early_renewal(
        &mut self,
        id: &CertificateId,
        early_renewal: Option<&EarlyRenewal>,
    ) -> Outcome<()> {
        if let Some(kept) = self.certificates.get_mut(id) {
            kept.certificate.early_renewal = early_renewal.cloned();
        }
        Ok(())
    }

    async fn set_replacement(
        &mut self,
        id: &CertificateId,
        replacement: &Replacement,
    ) -> Outcome<()> {
        if let Some(kept) = self.certificates.get_mut(id) {
            kept.certificate.replacement = Some(replacement.clone());
        }
        Ok(())
    }

    async fn unsigned(
        &mut self,
        slot: Slot,
        before: Timestamp,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        let found = self.to_be_signed_by(slot).into_iter();
        Ok(found
            .filter(|certificate| certificate.created_at < before)
            .take(limit as usize)
            .cloned()
            .collect())
    }

    async fn adopt_certificates(&mut self, from: Slot, to: Slot, limit: u32) -> Outcome<u32> {
        let found = self.to_be_signed_by(from).into_iter();
        let ids: Vec<CertificateId> = found.take(limit as usize).map(|c| c.id.clone()).collect();
        for id in &ids {
            if let Some(kept) = self.certificates.get_mut(id) {
                kept.signing_slot = Some(to);
            }
        }
        Ok(u32::try_from(ids.len()).unwrap_or(limit))
    }

    async fn certificates(
        &mut self,
        walk: &Walk,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        let all = self.certificates.values().map(|kept| &kept.certificate);
        let walked = all.filter(|certificate| match walk {
            Walk::All => true,
            Walk::Account(account) => certificate.account_id == *account,
            Walk::Identifier(identifier) => certificate.identifiers.contains(identifier),
            Walk::Revoked => certificate.revocation.is_some(),
        });
        let placed = walked.map(|certificate| {
            let place = Cursor {
                created_at: certificate.created_at,
                id: certificate.id.to_string(),
            };
            (place, certificate)
        });
        let found = page(placed, after, limit);
        Ok(found
            .into_iter()
            .map(|(_, certificate)| certificate.clone())
            .collect())
    }
}
