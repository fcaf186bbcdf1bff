//! The built-in signing authority: prepares leaves, signs them with a local key, and knows the
//! issuers and roots that clients need.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use acme_core::{
    AuthorityError, CrlRequest, IssueRequest, Issuer, IssuerId, OcspRequest, Prepared, Provisioner,
    SignAuthority,
};
use acme_types::{Identifier, ProvisionerName, Timestamp};
use async_trait::async_trait;
use tracing::warn;

use crate::ca_certificate::CaCertificate;
use crate::chain::{Chain, certificate_error, read_certificates};
use crate::files::{io_error, read_key};
use crate::layout::{
    ALTERNATE, INTERMEDIATE_CERTIFICATE, INTERMEDIATE_KEY, Layout, PREVIOUS, ROOT_CERTIFICATE,
};
use crate::profile::{LeafProfile, LeafTemplate};
use crate::signer::{Signer, unavailable};
use crate::tbs::assemble;
use crate::{CaError, Passphrase, crl, ocsp};

/// The built-in [`SignAuthority`]: an intermediate's key on this machine signs.
#[derive(Debug)]
pub struct LocalAuthority {
    provisioners: HashMap<ProvisionerName, Arc<Provisioner>>,
    signer: Signer,
    chain: Chain,
    template: LeafTemplate,
    /// The URLs, not yet those of one issuer.
    profile: LeafProfile,
    /// Those that were replaced and whose keys are still there: they issue no more, but tell what
    /// was revoked.
    retired: Vec<Signer>,
    /// The one in use, then those before it.
    issuers: Vec<Issuer>,
    /// Other chains for issuers.
    alternates: HashMap<IssuerId, Vec<Vec<Vec<u8>>>>,
    roots: Vec<Vec<u8>>,
}

impl LocalAuthority {
    /// Reads an authority from its directory:
    ///
    /// | file | holds |
    /// |---|---|
    /// | `root.crt` | the roots that clients should trust |
    /// | `intermediate.crt` | the certificate that issues, then those above it up to a root |
    /// | `intermediate.key` | its private key |
    /// | `previous/*.crt` | issuers that were replaced, each with those above it |
    /// | `previous/*.key` | their private keys, to go on telling what was revoked; may be missing |
    /// | `alternate/*.crt` | other chains: each a certificate with the name and key of one of these issuers, then those above it up to another root |
    ///
    /// # Errors
    /// [`CaError`] when a file is missing, damaged or locked, when a key is not that of its
    /// certificate, when the chain does not lead to a root, or when a part of it is not valid at
    /// `now`. An alternate chain that does not lead to a root at `now` is left out, and logged.
    pub fn load(
        dir: &Path,
        passphrase: Option<&Passphrase>,
        provisioners: Vec<Arc<Provisioner>>,
        now: Timestamp,
    ) -> Result<Self, CaError> {
        let layout = Layout::new(dir);
        layout.check_complete()?;
        let roots = read_certificates(&layout.path(ROOT_CERTIFICATE))?;
        let path = layout.path(INTERMEDIATE_CERTIFICATE);
        let chain = Chain::read(&path)?;
        let issuer = chain.issuer(&roots);
        let chain = chain
            .up_to_root(&roots, now)
            .map_err(|reason| certificate_error(&path, reason))?;
        let signer = read_signer(&layout.path(INTERMEDIATE_KEY), &path, &chain, passphrase)?;

        let mut issuers = vec![issuer];
        let mut retired = Vec::new();
        let mut firsts = vec![chain.first.clone()];
        for (path, previous) in read_chains(&layout.path(PREVIOUS))? {
            let issuer = previous.issuer(&roots);
            if issuers.iter().any(|known| known.id == issuer.id) {
                continue;
            }
            issuers.push(issuer);
            firsts.push(previous.first.clone());
            let key = path.with_extension("key");
            if key.symlink_metadata().is_ok() {
                retired.push(read_signer(&key, &path, &previous, passphrase)?);
            }
        }
        let alternates = read_alternates(&layout.path(ALTERNATE), &firsts, &roots, now)?;
        let profile = LeafProfile::default();
        Ok(Self {
            provisioners: provisioners
                .into_iter()
                .map(|provisioner| (provisioner.name.clone(), provisioner))
                .collect(),
            template: LeafTemplate::new(signer.key(), &chain, &profile.of_issuer(signer.id()))?,
            signer,
            chain,
            profile,
            retired,
            issuers,
            alternates,
            roots: roots.into_iter().map(|root| root.der).collect(),
        })
    }

    /// The same authority, whose leaves tell these URLs.
    ///
    /// # Errors
    /// [`CaError::Setting`] when one of them is not ASCII.
    pub fn with_profile(self, profile: &LeafProfile) -> Result<Self, CaError> {
        let of_issuer = profile.of_issuer(self.signer.id());
        let template = LeafTemplate::new(self.signer.key(), &self.chain, &of_issuer)?;
        Ok(Self {
            template,
            profile: profile.clone(),
            ..self
        })
    }

    /// First and last second of validity of the issuing certificate, for its owner to be warned in
    /// time.
    #[must_use]
    pub const fn validity(&self) -> (Timestamp, Timestamp) {
        (self.chain.first.not_before, self.chain.first.not_after)
    }

    /// What signs for an issuer, those that were replaced too.
    fn signer(&self, id: IssuerId) -> Result<&Signer, AuthorityError> {
        std::iter::once(&self.signer)
            .chain(&self.retired)
            .find(|signer| signer.id() == id)
            .ok_or_else(|| {
                if self.issuers.iter().any(|known| known.id == id) {
                    AuthorityError::Refused("its issuer was replaced, its key is gone".to_owned())
                } else {
                    AuthorityError::UnknownIssuer
                }
            })
    }
}

#[async_trait]
impl SignAuthority for LocalAuthority {
    fn load_provisioner_by_id(&self, id: &ProvisionerName) -> Option<Arc<Provisioner>> {
        self.provisioners.get(id).cloned()
    }

    fn check_identifier(&self, _: &ProvisionerName, identifier: &Identifier) -> Result<(), String> {
        self.template.check_identifier(identifier)
    }

    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError> {
        let (tbs, not_after) = self.template.fill(request)?;
        Ok(Prepared {
            issuer: self.signer.id(),
            tbs,
            not_after,
        })
    }

    async fn sign(&self, issuer: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        if issuer != self.signer.id() {
            let known = self.issuers.iter().any(|known| known.id == issuer);
            return Err(if known {
                AuthorityError::Refused("its issuer was replaced and no longer signs".to_owned())
            } else {
                AuthorityError::UnknownIssuer
            });
        }
        self.template.check(tbs)?;
        let signature = self.signer.sign(tbs).await?;
        assemble(tbs, self.signer.algorithm(), &signature).map_err(unavailable)
    }

    async fn sign_crl(&self, request: &CrlRequest<'_>) -> Result<Vec<u8>, AuthorityError> {
        let signer = self.signer(request.issuer)?;
        if !signer.certificate().signs_crls {
            return Err(AuthorityError::Refused(
                "its certificate's key usage does not allow it to sign revocation lists".to_owned(),
            ));
        }
        let url = self.profile.of_issuer(request.issuer).crl_url;
        let tbs = crl::to_be_signed(signer, request, url.as_deref()).map_err(unavailable)?;
        let signature = signer.sign(&tbs).await?;
        assemble(&tbs, signer.algorithm(), &signature).map_err(unavailable)
    }

    async fn sign_ocsp(&self, request: &OcspRequest<'_>) -> Result<Vec<u8>, AuthorityError> {
        let signer = self.signer(request.issuer)?;
        let data = ocsp::to_be_signed(signer, request).map_err(unavailable)?;
        let signature = signer.sign(&data).await?;
        ocsp::assemble(&data, signer, &signature).map_err(unavailable)
    }

    fn issuers(&self) -> Vec<Issuer> {
        self.issuers.clone()
    }

    fn alternate_chains(&self, issuer: IssuerId) -> &[Vec<Vec<u8>>] {
        self.alternates.get(&issuer).map_or(&[], Vec::as_slice)
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        self.roots.clone()
    }
}

/// The key in one file, that of the first certificate of the chain in another.
fn read_signer(
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
fn read_alternates(
    dir: &Path,
    firsts: &[CaCertificate],
    roots: &[CaCertificate],
    now: Timestamp,
) -> Result<HashMap<IssuerId, Vec<Vec<Vec<u8>>>>, CaError> {
    let mut alternates: HashMap<IssuerId, Vec<Vec<Vec<u8>>>> = HashMap::new();
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
fn read_chains(dir: &Path) -> Result<Vec<(PathBuf, Chain)>, CaError> {
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
