//! The built-in signing authority: prepares leaves, signs them with a local key, and knows the
//! issuers and roots that clients need.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use acme_core::{
    AuthorityError, CrlRequest, IssueRequest, Issuer, IssuerChoice, IssuerId, IssuerName, KeyKind,
    OcspRequest, Prepared, Provisioner, SignAuthority, jwk_from_spki,
};
use acme_types::{Identifier, ProvisionerName, Timestamp};
use async_trait::async_trait;

use crate::chain::read_certificates;
use crate::issuing::{DerChain, Issuing, read_alternates, read_chains, read_signer};
use crate::layout::{ALTERNATE, ISSUERS, Layout, PREVIOUS, ROOT_CERTIFICATE};
use crate::profile::LeafProfile;
use crate::signer::{Signer, unavailable};
use crate::tbs::assemble;
use crate::{CaError, Passphrase, crl, ocsp};

/// The built-in [`SignAuthority`]: keys of intermediates on this machine sign.
#[derive(Debug)]
pub struct LocalAuthority {
    provisioners: HashMap<ProvisionerName, Arc<Provisioner>>,
    /// The first is that of provisioners that name none; never empty.
    issuing: Vec<Issuing>,
    /// The URLs, not yet those of one issuer.
    profile: LeafProfile,
    /// Those that were replaced and whose keys are still there: they issue no more, but tell what
    /// was revoked.
    retired: Vec<Signer>,
    /// Those in use, then those before them.
    issuers: Vec<Issuer>,
    /// Other chains for issuers.
    alternates: HashMap<IssuerId, Vec<DerChain>>,
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
    /// | `issuers/NAME.crt`, `.key` | issuers that provisioners name, likewise |
    /// | `previous/*.crt` | issuers that were replaced, each with those above it |
    /// | `previous/*.key` | their private keys, to go on telling what was revoked; may be missing |
    /// | `alternate/*.crt` | other chains: each a certificate with the name and key of one of these issuers, then those above it up to another root |
    ///
    /// # Errors
    /// [`CaError`] when a file is missing, damaged or locked, when a key is not that of its
    /// certificate, when the chain does not lead to a root, when a part of it is not valid at
    /// `now`, or when a provisioner names an issuer that is not there. An alternate chain that does not lead to a root at `now` is left out, and logged.
    pub fn load(
        dir: &Path,
        passphrase: Option<&Passphrase>,
        provisioners: Vec<Arc<Provisioner>>,
        now: Timestamp,
    ) -> Result<Self, CaError> {
        let layout = Layout::new(dir);
        layout.check_complete()?;
        let roots = read_certificates(&layout.path(ROOT_CERTIFICATE))?;
        let issuing = Issuing::read_all(layout, &roots, passphrase, now)?;
        check_names(&provisioners, &issuing)?;

        let mut issuers: Vec<_> = issuing.iter().map(|one| one.issuer.clone()).collect();
        let mut firsts: Vec<_> = issuing.iter().map(|one| one.chain.first.clone()).collect();
        let mut retired = Vec::new();
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
        Ok(Self {
            provisioners: provisioners
                .into_iter()
                .map(|provisioner| (provisioner.name.clone(), provisioner))
                .collect(),
            issuing,
            profile: LeafProfile::default(),
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
        let issuing = self.issuing.into_iter();
        Ok(Self {
            issuing: issuing
                .map(|one| one.with_profile(profile))
                .collect::<Result<_, _>>()?,
            profile: profile.clone(),
            ..self
        })
    }

    /// Last second in which all issuing certificates are valid, for their owner to be warned in
    /// time.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        let ends = self.issuing.iter().map(|one| one.chain.first.not_after);
        ends.min()
    }

    /// The issuer of this name; of none the first.
    fn named(&self, name: Option<&IssuerName>) -> Result<&Issuing, AuthorityError> {
        let mut issuing = self.issuing.iter();
        issuing
            .find(|one| one.name.as_ref() == name)
            .ok_or(AuthorityError::UnknownIssuer)
    }

    /// The issuer that signs this.
    fn issuing_for(&self, request: &IssueRequest) -> Result<&Issuing, AuthorityError> {
        let provisioner = self.provisioners.get(&request.provisioner);
        let name = provisioner.and_then(|provisioner| {
            let choice = &provisioner.issuers;
            let kind = if choice.by_key.is_empty() {
                None
            } else {
                jwk_from_spki(&request.spki).map(|jwk| KeyKind::of(&jwk))
            };
            choice.of(kind)
        });
        self.named(name)
    }

    /// What signs for an issuer, those that were replaced too.
    fn signer(&self, id: IssuerId) -> Result<&Signer, AuthorityError> {
        self.issuing
            .iter()
            .map(|one| &one.signer)
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

    fn check_identifier(
        &self,
        provisioner: &ProvisionerName,
        identifier: &Identifier,
    ) -> Result<(), String> {
        let choice = self.provisioners.get(provisioner).map(|it| &it.issuers);
        // The key is not known yet: one that may turn out to sign must be able to.
        let mut refusal = None;
        for one in &self.issuing {
            let may_sign = match (&one.name, choice) {
                (None, choice) => choice.is_none_or(IssuerChoice::may_be_first),
                (Some(name), Some(choice)) => choice.named().any(|named| named == name),
                (Some(_), None) => false,
            };
            if may_sign {
                match one.template.check_identifier(identifier) {
                    Ok(()) => return Ok(()),
                    Err(reason) => refusal = refusal.or(Some(reason)),
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    async fn prepare(&self, request: &IssueRequest) -> Result<Prepared, AuthorityError> {
        let issuing = self.issuing_for(request)?;
        let (tbs, not_after) = issuing.template.fill(request)?;
        Ok(Prepared {
            issuer: issuing.signer.id(),
            tbs,
            not_after,
        })
    }

    async fn sign(&self, issuer: IssuerId, tbs: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        let mut in_use = self.issuing.iter();
        let Some(issuing) = in_use.find(|one| one.signer.id() == issuer) else {
            let known = self.issuers.iter().any(|known| known.id == issuer);
            return Err(if known {
                AuthorityError::Refused("its issuer was replaced and no longer signs".to_owned())
            } else {
                AuthorityError::UnknownIssuer
            });
        };
        issuing.template.check(tbs)?;
        let signature = issuing.signer.sign(tbs).await?;
        assemble(tbs, issuing.signer.algorithm(), &signature).map_err(unavailable)
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

/// Checks that provisioners name issuers that are there.
fn check_names(provisioners: &[Arc<Provisioner>], issuing: &[Issuing]) -> Result<(), CaError> {
    for provisioner in provisioners {
        for name in provisioner.issuers.named() {
            if issuing.iter().all(|one| one.name.as_ref() != Some(name)) {
                let file = format!("{ISSUERS}/{name}.crt");
                return Err(CaError::Setting(format!(
                    "the provisioner {} names the issuer {name}, but there is no {file} in the \
                     authority's directory; `acme-server ca add-issuer {name}` makes one",
                    provisioner.name
                )));
            }
        }
    }
    Ok(())
}
