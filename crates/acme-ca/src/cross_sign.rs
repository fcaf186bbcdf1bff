//! Certifies the issuing key under another root too, so that clients of both roots are served while
//! one root takes the other's place.

use std::fs;
use std::path::{Path, PathBuf};

use acme_core::pem::certificates_to_pem;
use acme_core::{Entropy, EntropyRng, Serial};
use acme_types::{Slot, Timestamp};
use const_oid::AssociatedOid;
use der::Encode;
use der::asn1::{Any, UintRef};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, CrlDistributionPoints,
};

use crate::ca_certificate::CaCertificate;
use crate::chain::{Chain, certificate_error, read_certificates};
use crate::files::{NewFiles, io_error, read_key, replace};
use crate::init::{BACKDATE, INTERMEDIATE_LIFE, hex, last_second};
use crate::layout::{ALTERNATE, INTERMEDIATE_CERTIFICATE, Layout, ROOT_CERTIFICATE};
use crate::root::{ExistingRoot, Root, read_root};
use crate::tbs::{assemble, extension, validity};
use crate::{CaError, CaKey, Passphrase};

/// The private key of the root that the chain leads to today.
#[derive(Clone, Debug)]
pub struct OldRootKey {
    /// Its PEM file.
    pub file: PathBuf,
    /// Opens it; none when it is in the clear.
    pub passphrase: Option<Passphrase>,
}

/// What was made, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrossSignReport {
    /// Chains that are offered from now on: the issuing certificate as the other root signed it;
    /// and, when the old root's key was there, the same up to the old root.
    pub chains: Vec<PathBuf>,
    /// The file of roots, with the other root in it.
    pub roots: PathBuf,
    /// SHA-256 of the other root's certificate, 64 hexadecimal digits.
    pub root_sha256: String,
}

/// Has another root sign the issuing certificate of the authority in `dir`, under the same name and
/// key and with the same constraints; the root is added to `root.crt`. With the key of the old root
/// that one signs the other root too, so that there is one chain that clients of either can follow.
///
/// The file of roots is written last: until then nothing has changed for the server.
///
/// # Errors
/// [`CaError`]: a file is missing or damaged, the root is none, has ended or has signed this one
/// already. Nothing is left of what was written.
pub fn cross_sign(
    dir: &Path,
    root: &ExistingRoot,
    old_root_key: Option<&OldRootKey>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<CrossSignReport, CaError> {
    let layout = Layout::new(dir);
    let path = layout.path(INTERMEDIATE_CERTIFICATE);
    let roots_path = layout.path(ROOT_CERTIFICATE);
    let mut roots = read_certificates(&roots_path)?;
    let refuse = |reason| certificate_error(&path, reason);
    let chain = Chain::read(&path)?
        .up_to_root(&roots, now)
        .map_err(refuse)?;
    let Root { certificate, key } = read_root(root, now)?;
    // A name may be that of two roots; what was signed shows which of them it is.
    if chain
        .iter()
        .any(|below| below.check_issuer(&certificate, 0).is_ok())
    {
        return Err(refuse("its chain leads to that root already".to_owned()));
    }
    let new_root = certificate.der.clone();
    let signed = signed_by(&chain.first, &certificate, &key, entropy, now)?;
    let root_sha256 = hex(&certificate.sha256());
    let alternates = layout.path(ALTERNATE);
    let name = |suffix: &str| alternates.join(format!("by-{}{suffix}.crt", &root_sha256[..16]));
    let mut chains = vec![(name(""), certificates_to_pem(&[&signed]))];
    if let Some(old) = old_root_key {
        let old_key = read_key(&old.file, old.passphrase.as_ref())?;
        let old_root = chain.iter().last().unwrap_or(&chain.first);
        if !old_root.is_of(&old_key) {
            return Err(CaError::KeyMismatch {
                key: old.file.clone(),
                certificate: roots_path,
            });
        }
        let between = signed_by(&certificate, old_root, &old_key, entropy, now)?;
        chains.push((name("-over-old"), certificates_to_pem(&[&signed, &between])));
    }

    fs::create_dir_all(&alternates).map_err(|error| io_error("create", &alternates, error))?;
    let mut files = NewFiles::default();
    let mut written = Vec::new();
    for (path, pem) in chains {
        files.certificate(path.clone(), pem);
        written.push(path);
    }
    files.write(&alternates)?;
    if !roots.iter().any(|known| known.der == new_root) {
        roots.push(certificate);
        let ders: Vec<_> = roots.iter().map(|root| &root.der).collect();
        if let Err(error) = replace(&roots_path, certificates_to_pem(&ders).as_bytes()) {
            // An alternate chain without its root would be left out, with a warning, at each start.
            for path in &written {
                let _ = fs::remove_file(path);
            }
            return Err(io_error("write", &roots_path, error));
        }
    }
    Ok(CrossSignReport {
        chains: written,
        roots: roots_path,
        root_sha256,
    })
}

/// The certificate of the same authority by another issuer, whose key signs it.
fn signed_by(
    of: &CaCertificate,
    issuer: &CaCertificate,
    key: &CaKey,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Vec<u8>, CaError> {
    let mut tbs = of.to_be_signed()?;
    // The slot of a leaf's serial number is that of a replica; authorities have none.
    let serial = Serial::random(Slot::new(0), &mut EntropyRng(entropy));
    let algorithm = Any::encode_from(&key.algorithm())?;
    tbs.serial_number = UintRef::new(serial.as_bytes())?;
    tbs.signature = (&algorithm).into();
    tbs.issuer = (&issuer.subject).into();
    tbs.validity = validity(
        now.minus(BACKDATE).max(issuer.not_before),
        last_second(now, INTERMEDIATE_LIFE).min(issuer.not_after),
    )?;
    // What tells of the other issuer goes; everything about the authority itself stays.
    let of_issuer = [
        AuthorityKeyIdentifier::OID,
        CrlDistributionPoints::OID,
        AuthorityInfoAccessSyntax::OID,
    ];
    tbs.extensions
        .retain(|extension| !of_issuer.contains(&extension.extn_id));
    let authority_key = AuthorityKeyIdentifier {
        key_identifier: Some(issuer.key_id.clone()),
        ..AuthorityKeyIdentifier::default()
    };
    tbs.extensions.push(extension(false, &authority_key)?);
    let tbs = tbs.to_der()?;
    Ok(assemble(&tbs, &algorithm, &key.sign_message(&tbs)?)?)
}
