//! The issuers of an authority as they are read from its files: in use, replaced, and their other
//! chains.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use acme_core::{Issuer, IssuerId, IssuerName};
use acme_types::Timestamp;
use tracing::warn;

use crate::ca_certificate::CaCertificate;
use crate::chain::{Chain, certificate_error};
use crate::files::{io_error, read_key};
use crate::layout::{INTERMEDIATE_CERTIFICATE, INTERMEDIATE_KEY, ISSUERS, Layout};
use crate::profile::{LeafProfile, LeafTemplate};
use crate::signer::Signer;
use crate::{CaError, Passphrase};

/// DER of the certificates of a chain below its root, the issuer of leaves first.
pub(crate) type DerChain = Vec<Vec<u8>>;

/// An issuer in use.
#[derive(Debug)]
pub(crate) struct Issuing {
    /// None for the first, which is `intermediate.crt`.
    pub(crate) name: Option<IssuerName>,
    pub(crate) issuer: Issuer,
    pub(crate) signer: Signer,
    pub(crate) chain: Chain,
    pub(crate) template: LeafTemplate,
}

impl Issuing {
    /// Reads the first, then the others in the order of their names.
    pub(crate) fn read_all(
        layout: Layout<'_>,
        roots: &[CaCertificate],
        passphrase: Option<&Passphrase>,
        now: Timestamp,
    ) -> Result<Vec<Self>, CaError> {
        let path = layout.path(INTERMEDIATE_CERTIFICATE);
        let key = layout.path(INTERMEDIATE_KEY);
        let read = |name, path: &Path, chain: Chain, key: &Path| {
            let issuer = chain.issuer(roots);
            let chain = chain
                .up_to_root(roots, now)
                .map_err(|reason| certificate_error(path, reason))?;
            let signer = read_signer(key, path, &chain, passphrase)?;
            let profile = LeafProfile::default().of_issuer(signer.id());
            Ok::<_, CaError>(Self {
                name,
                issuer,
                template: LeafTemplate::new(signer.key(), &chain, &profile)?,
                signer,
                chain,
            })
        };
        let mut all = vec![read(None, &path, Chain::read(&path)?, &key)?];
        for (path, chain) in read_chains(&layout.path(ISSUERS))? {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let name = stem.unwrap_or_default().parse();
            let name: IssuerName = name.map_err(|error: acme_core::InvalidIssuerName| {
                certificate_error(&path, error.to_string())
            })?;
            all.push(read(Some(name), &path, chain, &path.with_extension("key"))?);
        }
        Ok(all)
    }

    /// The same with the URLs of another profile.
    pub(crate) fn with_profile(self, profile: &LeafProfile) -> Result<Self, CaError> {
        let of_issuer = profile.of_issuer(self.signer.id());
        let template = LeafTemplate::new(self.signer.key(), &self.chain, &of_issuer)?;
        Ok(Self { template, ..self })
    }
}

/// The key in one file, that of the first certificate of the chain in another.
pub(crate) fn read_signer(
    key_path: &Path,
    path: &Path,
    chain: &Chain,
    passphrase: Option<&Passphrase>,
) -> Result<Signer, CaError> {
    let key = read_key(key_path, passphrase)?;
    if !chain.first.is_of(&key) {
        return Err(CaError::KeyMismatch {
            key: key_path.to_owned(),
            certificate: path.to_owned(),
        });
    }
    Signer::new(key, chain.first.clone())
}

/// Other chains for the issuers whose certificates are `firsts`, in the order of the files' names.
pub(crate) fn read_alternates(
    dir: &Path,
    firsts: &[CaCertificate],
    roots: &[CaCertificate],
    now: Timestamp,
) -> Result<HashMap<IssuerId, Vec<DerChain>>, CaError> {
    let mut alternates: HashMap<IssuerId, Vec<DerChain>> = HashMap::new();
    for (path, chain) in read_chains(dir)? {
        let of: Vec<_> = firsts
            .iter()
            .filter(|first| chain.first.stands_for(first))
            .map(|first| IssuerId(first.sha256()))
            .collect();
        if of.is_empty() {
            let reason = "its first certificate has not the name, key and key identifier of an \
                          issuer here, so no chain of theirs leads over it";
            return Err(certificate_error(&path, reason.to_owned()));
        }
        // A chain that has run out must not keep a server from starting.
        let chain = match chain.up_to_root(roots, now) {
            Ok(chain) => chain.below_root(roots),
            Err(reason) => {
                warn!(file = %path.display(), reason, "an alternate chain is left out");
                continue;
            }
        };
        for issuer in of {
            alternates.entry(issuer).or_default().push(chain.clone());
        }
    }
    Ok(alternates)
}

/// Every chain in a directory, in the order of the files' names; none when there is no such
/// directory. They may have expired, since clients still hold what they issued.
pub(crate) fn read_chains(dir: &Path) -> Result<Vec<(PathBuf, Chain)>, CaError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read", dir, error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| io_error("read", dir, error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "crt"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| Chain::read(&path).map(|chain| (path, chain)))
        .collect()
}
