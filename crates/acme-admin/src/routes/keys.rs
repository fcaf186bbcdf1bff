//! External account keys.

use acme_core::{EntropyRng, ExternalAccountKey, MacSecret, Page, Role};
use acme_types::{ExternalAccountKeyId, ProvisionerName};
use hyper::Method;

use crate::answer::{Answer, Outcome};
use crate::desk::Desk;
use crate::query::{CURSOR, LIMIT};
use crate::refusal::Refusal;
use crate::request::Asked;
use crate::table::{Content, Route, shape};
use crate::wire::{Listed, NewKey, NewKeyRequest, ShownKey};

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/api/v1/eab-keys",
        role: Some(Role::Viewer),
        summary: "External account keys, newest first, without their secrets",
        query: &[CURSOR, LIMIT],
        body: None,
        answer: Content::Json(shape::<Listed<ShownKey>>),
        does: |desk, asked| Box::pin(desk.keys(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/eab-keys",
        role: Some(Role::Operator),
        summary: "Makes an external account key and tells its secret, this once",
        query: &[],
        body: Some(shape::<NewKeyRequest>),
        answer: Content::Json(shape::<NewKey>),
        does: |desk, asked| Box::pin(desk.create_key(asked)),
    },
    Route {
        method: Method::POST,
        path: "/api/v1/eab-keys/{key}/revoke",
        role: Some(Role::Operator),
        summary: "Revokes an external account key: it makes no more accounts",
        query: &[],
        body: None,
        answer: Content::Json(shape::<ShownKey>),
        does: |desk, asked| Box::pin(desk.revoke_key(asked)),
    },
];

impl Desk {
    async fn keys(&self, asked: &Asked<'_>) -> Outcome {
        let found = self.found_keys(asked).await?;
        let show = |key: &_| ShownKey::new(key, asked.now);
        Ok(Answer::json(&Listed::new("eab-keys", found, show)))
    }

    /// The page of keys that the query asks for.
    pub(crate) async fn found_keys(
        &self,
        asked: &Asked<'_>,
    ) -> Result<Page<ExternalAccountKey>, Refusal> {
        let query = &asked.query;
        let (after, limit) = (query.after("eab-keys")?, query.limit()?);
        let store = &self.services.store;
        let found = store.list_external_account_keys(after.as_deref(), limit);
        Ok(found.await?)
    }

    async fn create_key(&self, asked: &Asked<'_>) -> Outcome {
        let wanted: NewKeyRequest = asked.request.json()?;
        let key = self.made_key(wanted, asked).await?;
        Ok(Answer::json(&NewKey {
            hmac_key: key.secret.to_base64url(),
            key: ShownKey::new(&key, asked.now),
        }))
    }

    /// Makes a key and keeps it.
    pub(crate) async fn made_key(
        &self,
        wanted: NewKeyRequest,
        asked: &Asked<'_>,
    ) -> Result<ExternalAccountKey, Refusal> {
        let key = self.new_key(wanted, asked)?;
        let store = &self.services.store;
        store
            .create_external_account_key(key.clone(), &self.origin(asked))
            .await?;
        Ok(key)
    }

    fn new_key(
        &self,
        wanted: NewKeyRequest,
        asked: &Asked<'_>,
    ) -> Result<ExternalAccountKey, Refusal> {
        let unknown = || {
            let name = &wanted.provisioner;
            Refusal::malformed(format!("there is no provisioner {name:?}"))
        };
        let name: ProvisionerName = wanted.provisioner.parse().map_err(|_| unknown())?;
        let authority = &self.services.authority;
        let provisioner = authority
            .load_provisioner_by_id(&name)
            .ok_or_else(unknown)?;
        let mut names = Vec::with_capacity(wanted.names.len());
        for name in &wanted.names {
            names.push(
                name.parse()
                    .map_err(|error| Refusal::malformed(format!("names: {name:?}: {error}")))?,
            );
        }
        let mut profiles = Vec::with_capacity(wanted.profiles.len());
        for name in &wanted.profiles {
            let offered = provisioner.profiles.iter().map(|profile| &profile.name);
            let mut found = offered.filter(|one| one.as_str() == name);
            profiles.push(found.next().cloned().ok_or_else(|| {
                Refusal::malformed(format!(
                    "profiles: {:?} has no {name:?}",
                    wanted.provisioner
                ))
            })?);
        }
        if wanted.expires_at.is_some_and(|end| end <= asked.now) {
            return Err(Refusal::malformed("expires_at is past"));
        }
        if wanted.max_uses == Some(0) {
            return Err(Refusal::malformed(
                "max_uses is 1 or more; leave it out for any number",
            ));
        }
        let mut rng = EntropyRng(&*self.services.entropy);
        Ok(ExternalAccountKey {
            id: ExternalAccountKeyId::random(&mut rng),
            provisioner: name,
            secret: MacSecret::random(&mut rng),
            names,
            profiles,
            max_uses: wanted.max_uses,
            uses: 0,
            created_at: asked.now,
            expires_at: wanted.expires_at,
            revoked_at: None,
        })
    }

    async fn revoke_key(&self, asked: &Asked<'_>) -> Outcome {
        asked.request.expect_no_body()?;
        let key = self.revoked_key(asked).await?;
        Ok(Answer::json(&ShownKey::new(&key, asked.now)))
    }

    /// Revokes the key that the path names.
    pub(crate) async fn revoked_key(
        &self,
        asked: &Asked<'_>,
    ) -> Result<ExternalAccountKey, Refusal> {
        let id: ExternalAccountKeyId = asked.id("key")?;
        let store = &self.services.store;
        let revoked = store
            .revoke_external_account_key(&id, asked.now, &self.origin(asked))
            .await?;
        revoked.ok_or_else(|| Refusal::not_found("key", id.as_str()))
    }
}
