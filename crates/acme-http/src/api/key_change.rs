//! keyChange ([RFC 8555 § 7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).

use acme_core::{
    Account, KeyChange, KeyChangeVerdict, Origin, Provisioner, SignedRequest, thumbprint,
};
use acme_types::AccountStatus;

use super::Api;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

impl Api {
    pub(super) async fn key_change(
        &self,
        provisioner: &Provisioner,
        account: Account,
        outer: &SignedRequest<'_>,
        payload: &Payload,
        origin: &Origin,
    ) -> Outcome {
        let change = KeyChange::parse(outer, &payload.0)?;
        if change.old_key != account.jwk {
            return Err(Failure::malformed("oldKey is not the account's key"));
        }
        provisioner.policy.keys.check_account_key(&change.new_key)?;
        let thumbprint = thumbprint(&change.new_key);
        let verdict = self
            .services
            .store
            .change_account_key(
                &account.id,
                &account.thumbprint,
                &change.new_key,
                &thumbprint,
                origin,
            )
            .await?;
        match verdict {
            KeyChangeVerdict::Done(account) => Ok(self.account_answer(provisioner, &account)),
            KeyChangeVerdict::KeyInUse(other) => {
                let other = Resource::Account(other.id);
                Err(Failure::key_in_use(self.url(provisioner, &other)))
            }
            // Another request under the same key was quicker.
            KeyChangeVerdict::KeyReplaced => {
                let detail = "the account's key has been replaced already; sign with the new one";
                Err(Failure::malformed(detail))
            }
            KeyChangeVerdict::KeyBlocked => Err(Failure::key_blocked()),
            KeyChangeVerdict::Gone => Err(Failure::account_ended(AccountStatus::Deactivated)),
        }
    }
}
