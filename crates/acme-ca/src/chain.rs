//! A chain of authorities: from the one that issues leaves up to a root.

use std::path::Path;

use acme_core::{Issuer, IssuerId};
use acme_types::Timestamp;

use crate::ca_certificate::CaCertificate;
use crate::{CaError, files, oid};

/// A chain of authorities, each issued by the next: that was checked when it was read.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Issues leaves.
    pub(crate) first: CaCertificate,
    above: Vec<CaCertificate>,
}

impl Chain {
    /// Reads a chain from a PEM file, the issuer of leaves first.
    pub(crate) fn read(path: &Path) -> Result<Self, CaError> {
        let mut certificates = read_certificates(path)?.into_iter();
        let first = certificates
            .next()
            .ok_or_else(|| certificate_error(path, "there is none".to_owned()))?;
        let chain = Self {
            first,
            above: certificates.collect(),
        };
        chain
            .check_links()
            .map_err(|reason| certificate_error(path, reason))?;
        Ok(chain)
    }

    /// Every certificate, the issuer of leaves first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CaCertificate> {
        std::iter::once(&self.first).chain(&self.above)
    }

    /// As an issuer: without the roots, which clients have.
    pub(crate) fn issuer(&self, roots: &[CaCertificate]) -> Issuer {
        Issuer {
            id: IssuerId(self.first.sha256()),
            chain: self.below_root(roots),
        }
    }

    /// DER of every certificate that is no root, the issuer of leaves first.
    pub(crate) fn below_root(&self, roots: &[CaCertificate]) -> Vec<Vec<u8>> {
        self.iter()
            .filter(|certificate| !is_among(certificate, roots))
            .map(|certificate| certificate.der.clone())
            .collect()
    }

    /// The chain with a root at its end, all of it valid at `now` and good for TLS servers; the
    /// error says what is amiss.
    pub(crate) fn up_to_root(
        mut self,
        roots: &[CaCertificate],
        now: Timestamp,
    ) -> Result<Self, String> {
        if is_among(&self.first, roots) {
            return Err("it is a root; leaves are issued by an intermediate".to_owned());
        }
        let last = self.above.last().unwrap_or(&self.first);
        if !is_among(last, roots) {
            let root = find_root(last, self.length()?, roots)?;
            self.above.push(root.clone());
        }
        for certificate in self.iter() {
            certificate.check_validity(now)?;
            if !certificate.allows_purpose(oid::SERVER_AUTH) {
                return Err("its chain may not certify TLS servers (extended key usage)".to_owned());
            }
        }
        Ok(self)
    }

    fn check_links(&self) -> Result<(), String> {
        let mut below = 0;
        let mut certificate = &self.first;
        // Nobody has a chain of 256; the length is bounded all the same.
        self.length()?;
        for issuer in &self.above {
            below += 1;
            certificate.check_issuer(issuer, below)?;
            certificate = issuer;
        }
        Ok(())
    }

    fn length(&self) -> Result<u8, String> {
        u8::try_from(self.above.len() + 1).map_err(|_| "the chain is too long".to_owned())
    }
}

/// DER certificates of authorities from a PEM file.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CaCertificate>, CaError> {
    files::read_certificates(path)?
        .iter()
        .map(|der| CaCertificate::parse(der).map_err(|reason| certificate_error(path, reason)))
        .collect()
}

pub(crate) fn certificate_error(path: &Path, reason: String) -> CaError {
    CaError::Certificate {
        path: path.to_owned(),
        reason,
    }
}

/// The root that issued this; of several of that name the one whose key did.
fn find_root<'a>(
    certificate: &CaCertificate,
    authorities_below: u8,
    roots: &'a [CaCertificate],
) -> Result<&'a CaCertificate, String> {
    let mut reason = "none of the roots in root.crt has the name of its issuer".to_owned();
    for root in roots.iter().filter(|root| certificate.names_issuer(root)) {
        match certificate.check_issuer(root, authorities_below) {
            Ok(()) => return Ok(root),
            Err(error) => reason = format!("by the root in root.crt: {error}"),
        }
    }
    Err(reason)
}

fn is_among(certificate: &CaCertificate, roots: &[CaCertificate]) -> bool {
    roots.iter().any(|root| root.der == certificate.der)
}
