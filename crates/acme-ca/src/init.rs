//! Makes the hierarchy of a new authority: a root, or one that is there already, and an
//! intermediate below it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acme_core::pem::certificates_to_pem;
use acme_core::{Entropy, EntropyRng, IssuerName, Serial};
use acme_types::{Slot, Timestamp};
use der::asn1::{Any, AnyRef, UintRef};
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};

use crate::ca_certificate::CaCertificate;
use crate::files::NewFiles;
use crate::layout::{
    INTERMEDIATE_CERTIFICATE, INTERMEDIATE_KEY, ISSUERS, Layout, ROOT_CERTIFICATE, ROOT_KEY,
};
use crate::profile::MAX_COMMON_NAME;
use crate::root::{ExistingRoot, Root, read_root};
use crate::tbs::{TbsCertificate, VERSION_3, assemble, extension, key_identifier, name, validity};
use crate::{CaError, CaKey, KeyType, Passphrase, oid};

const DAY: u64 = 86_400;
/// Ten years.
const ROOT_LIFE: Duration = Duration::from_secs(3652 * DAY);
/// Five years.
pub(crate) const INTERMEDIATE_LIFE: Duration = Duration::from_secs(1826 * DAY);
/// How far before the present they begin, so that leaves of the first hour, themselves backdated
/// for clients whose clocks are slow, do not begin before their issuers.
pub(crate) const BACKDATE: Duration = Duration::from_secs(3600);
const ROOT_SUFFIX: &str = " Root CA";
const INTERMEDIATE_SUFFIX: &str = " Intermediate CA";

/// How a new authority shall be.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Its name: the organization, and the beginning of the common names. 1 to 48 characters.
    pub name: String,
    /// The kind of its keys.
    pub key_type: KeyType,
    /// A root that is there already; none to make one.
    pub root: Option<ExistingRoot>,
    /// Encrypts the private keys that are written; none to write them in the clear.
    pub passphrase: Option<Passphrase>,
}

/// What was made, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InitReport {
    /// The root's certificate, which clients shall trust.
    pub root_certificate: PathBuf,
    /// The root's private key, to be kept off line; none when the root was there already.
    pub root_key: Option<PathBuf>,
    /// The intermediate's certificate.
    pub intermediate_certificate: PathBuf,
    /// The intermediate's private key, which signs leaves.
    pub intermediate_key: PathBuf,
    /// SHA-256 of the root's certificate, 64 hexadecimal digits.
    pub root_sha256: String,
}

/// Makes the hierarchy of a new authority in a directory, which is created when it is not there:
/// `root.crt` (10 years), `root.key`, `intermediate.crt` (5 years, below it no other authority) and
/// `intermediate.key`. Private keys have mode 0600.
///
/// No file that exists is touched. The intermediate's certificate is written last: a directory
/// without it was not finished.
///
/// # Errors
/// [`CaError`]; nothing is left of what was written.
pub fn init(
    dir: &Path,
    options: &InitOptions,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<InitReport, CaError> {
    check_name(&options.name)?;
    let layout = Layout::new(dir);
    layout.check_vacant()?;
    let root = match &options.root {
        Some(existing) => read_root(existing, now)?,
        None => make_root(options, entropy, now)?,
    };
    let intermediate_key = CaKey::generate(options.key_type)?;
    let intermediate = make_intermediate(options, &intermediate_key, &root, entropy, now)?;

    let mut files = NewFiles::default();
    let passphrase = options.passphrase.as_ref();
    let root_key = match options.root {
        Some(_) => None,
        None => {
            files.key(layout.path(ROOT_KEY), &root.key, passphrase, entropy)?;
            Some(layout.path(ROOT_KEY))
        }
    };
    let pem = certificates_to_pem(&[&root.certificate.der]);
    files.certificate(layout.path(ROOT_CERTIFICATE), pem);
    let path = layout.path(INTERMEDIATE_KEY);
    files.key(path, &intermediate_key, passphrase, entropy)?;
    let pem = certificates_to_pem(&[intermediate]);
    files.certificate(layout.path(INTERMEDIATE_CERTIFICATE), pem);
    files.write(dir)?;

    Ok(InitReport {
        root_certificate: layout.path(ROOT_CERTIFICATE),
        root_key,
        intermediate_certificate: layout.path(INTERMEDIATE_CERTIFICATE),
        intermediate_key: layout.path(INTERMEDIATE_KEY),
        root_sha256: hex(&root.certificate.sha256()),
    })
}

/// Makes one more issuer below a root that is there: `issuers/NAME.crt` and `issuers/NAME.key`, for
/// provisioners that name it.
///
/// # Errors
/// [`CaError`]: there is one of that name, the options name no root, or the root does not do.
/// Nothing is left of what was written.
pub fn add_issuer(
    dir: &Path,
    name: &IssuerName,
    options: &InitOptions,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<PathBuf, CaError> {
    check_name(&options.name)?;
    let Some(root) = &options.root else {
        let reason = "an issuer is made below a root that is there";
        return Err(CaError::Setting(reason.to_owned()));
    };
    let root = read_root(root, now)?;
    let key = CaKey::generate(options.key_type)?;
    let certificate = make_intermediate(options, &key, &root, entropy, now)?;
    let issuers = dir.join(ISSUERS);
    let path = issuers.join(format!("{name}.crt"));
    let mut files = NewFiles::default();
    let passphrase = options.passphrase.as_ref();
    files.key(path.with_extension("key"), &key, passphrase, entropy)?;
    files.certificate(path.clone(), certificates_to_pem(&[certificate]));
    files.write(&issuers)?;
    Ok(path)
}

fn check_name(name: &str) -> Result<(), CaError> {
    let most = MAX_COMMON_NAME - INTERMEDIATE_SUFFIX.len();
    let blank = name.trim().is_empty() || name.trim() != name;
    if blank || name.chars().count() > most || name.chars().any(char::is_control) {
        return Err(CaError::Setting(format!(
            "{name:?} cannot name an authority: 1 to {most} characters, no control characters, \
             no spaces at either end"
        )));
    }
    Ok(())
}

fn make_root(
    options: &InitOptions,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Root, CaError> {
    let key = CaKey::generate(options.key_type)?;
    let subject = authority_name(&options.name, ROOT_SUFFIX)?;
    let der = Draft {
        subject: &subject,
        issuer: &subject,
        authority_key_id: None,
        not_before: now.minus(BACKDATE),
        not_after: last_second(now, ROOT_LIFE),
        path_length: None,
        usages: KeyUsages::KeyCertSign | KeyUsages::CRLSign,
    }
    .sign(key.spki(), &key, entropy)?;
    let certificate = parse_own(&der)?;
    Ok(Root { certificate, key })
}

fn make_intermediate(
    options: &InitOptions,
    key: &CaKey,
    root: &Root,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Vec<u8>, CaError> {
    let issuer = &root.certificate;
    Draft {
        subject: &authority_name(&options.name, INTERMEDIATE_SUFFIX)?,
        issuer: &issuer.subject,
        authority_key_id: Some(issuer),
        not_before: now.minus(BACKDATE).max(issuer.not_before),
        not_after: last_second(now, INTERMEDIATE_LIFE).min(issuer.not_after),
        path_length: Some(0),
        // Digital signature lets it answer for the revocation of its leaves by OCSP.
        usages: KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign,
    }
    .sign(key.spki(), &root.key, entropy)
}

/// The certificate of an authority before it is signed.
struct Draft<'a> {
    subject: &'a Any,
    issuer: &'a Any,
    authority_key_id: Option<&'a CaCertificate>,
    not_before: Timestamp,
    not_after: Timestamp,
    path_length: Option<u8>,
    usages: der::flagset::FlagSet<KeyUsages>,
}

impl Draft<'_> {
    fn sign(&self, spki: &[u8], signer: &CaKey, entropy: &dyn Entropy) -> Result<Vec<u8>, CaError> {
        let constraints = BasicConstraints {
            ca: true,
            path_len_constraint: self.path_length,
        };
        let key_id = key_identifier(&SubjectPublicKeyInfoRef::from_der(spki)?)?;
        let mut extensions = vec![
            extension(true, &KeyUsage(self.usages))?,
            extension(true, &constraints)?,
            extension(false, &SubjectKeyIdentifier(key_id))?,
        ];
        if let Some(issuer) = self.authority_key_id {
            let authority_key = AuthorityKeyIdentifier {
                key_identifier: Some(issuer.key_id.clone()),
                ..AuthorityKeyIdentifier::default()
            };
            extensions.push(extension(false, &authority_key)?);
        }
        // The slot of a leaf's serial number is that of a replica; authorities have none.
        let serial = Serial::random(Slot::new(0), &mut EntropyRng(entropy));
        let algorithm = Any::encode_from(&signer.algorithm())?;
        let tbs = TbsCertificate {
            version: VERSION_3,
            serial_number: UintRef::new(serial.as_bytes())?,
            signature: (&algorithm).into(),
            issuer: self.issuer.into(),
            validity: validity(self.not_before, self.not_after)?,
            subject: self.subject.into(),
            subject_public_key_info: AnyRef::from_der(spki)?,
            extensions,
        }
        .to_der()?;
        let signature = signer.sign_message(&tbs)?;
        Ok(assemble(&tbs, &algorithm, &signature)?)
    }
}

fn authority_name(organization: &str, suffix: &str) -> Result<Any, CaError> {
    let common_name = format!("{organization}{suffix}");
    Ok(name(&[
        (oid::ORGANIZATION, organization),
        (oid::COMMON_NAME, &common_name),
    ])?)
}

/// The last second of a life that begins now: notAfter belongs to it.
pub(crate) fn last_second(now: Timestamp, life: Duration) -> Timestamp {
    now.plus(life)
        .minus(Duration::from_secs(1))
        .truncated_to_second()
}

fn parse_own(der: &[u8]) -> Result<CaCertificate, CaError> {
    CaCertificate::parse(der).map_err(CaError::Setting)
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut hex, octet| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
