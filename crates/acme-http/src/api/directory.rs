//! directory and newNonce ([RFC 8555 § 7.1.1], [§ 7.2]).
//!
//! [RFC 8555 § 7.1.1]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1
//! [§ 7.2]: https://www.rfc-editor.org/rfc/rfc8555#section-7.2

use acme_core::{CaaMode, Provisioner};
use acme_types::{Directory, DirectoryMeta};
use hyper::{Method, StatusCode};

use super::Api;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::urls::{Resource, Target, provisioner_of};

impl Api {
    /// What GET and POST-as-GET answer where both are served.
    pub(super) fn read(
        &self,
        resource: &Resource,
        provisioner: &Provisioner,
        method: &Method,
    ) -> Answer {
        match resource {
            Resource::Directory => self.directory(provisioner),
            // 200 to HEAD, and 204 to what might expect a body.
            _ if *method == Method::HEAD => Answer::empty(StatusCode::OK),
            _ => Answer::empty(StatusCode::NO_CONTENT),
        }
    }

    /// Tells who asks for what is not there what may have led it astray.
    pub(super) fn nothing_at(&self, path: &str) -> Failure {
        let nothing = "there is nothing at this path";
        let without_slash = path.strip_suffix('/').and_then(Target::parse);
        if without_slash.is_some() {
            return Failure::not_found(format!("{nothing}; leave out the slash at its end"));
        }
        let provisioner = path
            .strip_prefix("/acme/")
            .and_then(|rest| rest.split('/').next())
            .and_then(provisioner_of)
            .and_then(|name| self.services.authority.load_provisioner_by_id(&name));
        Failure::not_found(match provisioner {
            Some(provisioner) => {
                let directory = self.url(&provisioner, &Resource::Directory);
                format!("{nothing}; take all URLs from the directory, {directory}")
            }
            None => nothing.to_owned(),
        })
    }

    /// Read by scripts too, line by line, so that each member has a line of its own.
    fn directory(&self, provisioner: &Provisioner) -> Answer {
        let url = |resource| self.url(provisioner, &resource);
        Answer::indented_json(&Directory {
            new_nonce: url(Resource::NewNonce),
            new_account: url(Resource::NewAccount),
            new_order: url(Resource::NewOrder),
            revoke_cert: url(Resource::RevokeCert),
            new_authz: provisioner
                .authorizations
                .pre_authorization
                .then(|| url(Resource::NewAuthorization)),
            renewal_info: Some(url(Resource::RenewalInfo(None))),
            key_change: url(Resource::KeyChange),
            meta: DirectoryMeta {
                terms_of_service: provisioner.terms_of_service.clone(),
                website: provisioner.website.clone(),
                caa_identities: match provisioner.caa {
                    CaaMode::Off => Vec::new(),
                    CaaMode::On | CaaMode::PrivateSuffixes(_) => provisioner.caa_identities.clone(),
                },
                profiles: provisioner
                    .profiles
                    .iter()
                    .map(|profile| (profile.name.clone(), profile.description.clone()))
                    .collect(),
                external_account_required: provisioner.require_eab,
                subdomain_auth_allowed: provisioner.authorizations.subdomains,
            },
        })
        .cache("no-cache")
    }
}
