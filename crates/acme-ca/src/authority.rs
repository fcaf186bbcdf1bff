//! The built-in signing authority: prepares leaves, signs them with a local key, and knows the
//! issuers and roots that clients need.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use acme_core::{
    AuthorityError, IssueRequest, Issuer, IssuerId, Prepared, Provisioner, SignAuthority,
};
use acme_types::{ProvisionerName, Timestamp};
use async_trait::async_trait;

use crate::chain::{Chain, certificate_error, read_certificates};
use crate::files::{io_error, read_key};
use crate::layout::{
    INTERMEDIATE_CERTIFICATE, INTERMEDIATE_KEY, Layout, PREVIOUS, ROOT_CERTIFICATE,
};
use crate::profile::{LeafProfile, LeafTemplate};
use crate::tbs::assemble;
use crate::{CaError, CaKey, Passphrase};

/// The built-in [`SignAuthority`]: an intermediate's key on this machine signs.
#[derive(Debug)]
pub struct LocalAuthority {
    provisioners: HashMap<ProvisionerName, Arc<Provisioner>>,
    key: Arc<CaKey>,
    id: IssuerId,
    chain: Chain,
    template: LeafTemplate,
    /// The one in use, then those before it.
    issuers: Vec<Issuer>,
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
    ///
    /// # Errors
    /// [`CaError`] when a file is missing, damaged or locked, when the key is not that of the
    /// certificate, when the chain does not lead to a root, or when a part of it is not valid at
    /// `now`.
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
        let key_path = layout.path(INTERMEDIATE_KEY);
        let key = read_key(&key_path, passphrase)?;
        if !chain.first.is_of(&key) {
            return Err(CaError::KeyMismatch {
                key: key_path,
                certificate: path,
            });
        }

        let id = issuer.id;
        let mut issuers = vec![issuer];
        for previous in read_previous(&layout.path(PREVIOUS))? {
            let issuer = previous.issuer(&roots);
            if issuers.iter().all(|known| known.id != issuer.id) {
                issuers.push(issuer);
            }
        }
        Ok(Self {
            provisioners: provisioners
                .into_iter()
                .map(|provisioner| (provisioner.name.clone(), provisioner))
                .collect(),
            template: LeafTemplate::new(&key, &chain, &LeafProfile::default())?,
            key: Arc::new(key),
            id,
            chain,
            issuers,
            roots: roots.into_iter().map(|root| root.der).collect(),
        })
    }

    /// The same authority with another leaf profile.
    ///
    /// # Errors
    /// [`CaError::Setting`] when a URL of the profile is not ASCII.
    pub fn with_profile(self, profile: &LeafProfile) -> Result<Self, CaError> {
        let template = LeafTemplate::new(&self.key, &self.chain, profile)?;
        Ok(Self { template, ..self })
    }

    /// First and last second of validity of the issuing certificate, for its owner to be warned in
    /// time.
    #[must_use]
    pub const fn validity(&self) -> (Timestamp, Timestamp) {
        (self.chain.first.not_before, self.chain.first.not_after)
    }
}

#[async_trait]
impl SignAuthority for LocalAuthority {
    fn load_provisioner_by_id(&self, id: &ProvisionerName) -> Option<Arc<Provisioner>> {
        self.provisioners.get(id).cloned()
    }

    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError> {
        let (tbs, not_after) = self.template.fill(request)?;
        Ok(Prepared {
            issuer: self.id,
            tbs,
            not_after,
        })
    }

    async fn sign(&self, issuer: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        if issuer != self.id {
            let known = self.issuers.iter().any(|known| known.id == issuer);
            return Err(if known {
                AuthorityError::Refused("its issuer was replaced and no longer signs".to_owned())
            } else {
                AuthorityError::UnknownIssuer
            });
        }
        self.template.check(tbs)?;
        let signature = sign(&self.key, tbs).await?;
        assemble(tbs, &self.template.algorithm, &signature).map_err(unavailable)
    }

    fn issuers(&self) -> Vec<Issuer> {
        self.issuers.clone()
    }

    fn roots(&self) -> Vec<Vec<u8>> {
        self.roots.clone()
    }
}

/// Signs on this thread, or beside it when that takes long enough to hold up other tasks.
async fn sign(key: &Arc<CaKey>, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
    if !key.is_slow() || tokio::runtime::Handle::try_current().is_err() {
        return key.sign_message(tbs).map_err(unavailable);
    }
    let (key, tbs) = (Arc::clone(key), tbs.to_vec());
    tokio::task::spawn_blocking(move || key.sign_message(&tbs))
        .await
        .map_err(unavailable)?
        .map_err(unavailable)
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> AuthorityError {
    AuthorityError::Unavailable(Box::new(error))
}

/// Every chain in the directory of replaced issuers, in the order of the files' names; they may
/// have expired, since clients still hold what they issued.
fn read_previous(dir: &Path) -> Result<Vec<Chain>, CaError> {
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
    paths.iter().map(|path| Chain::read(path)).collect()
}
