//! Accounts and the keys that they are bound to.

use acme_core::{
    Account, AccountVerdict, AuditAct, AuditEvent, CreateAccountVerdict, ExternalAccountKey,
    ExternalKeyRefusal, KeyChangeVerdict, Origin, Page,
};
use acme_types::{
    AccountId, AccountStatus, ExternalAccountKeyId, Jwk, ProvisionerName, Thumbprint, Timestamp,
    encode_base64url,
};

use super::audit::note;
use super::{page, settle};
use crate::act::{Act, Fault, Outcome};
use crate::cursor::Cursor;
use crate::rows::Rows;

/// See [`acme_core::Store::create_account`].
pub(crate) struct CreateAccount {
    pub(crate) account: Account,
    pub(crate) origin: Origin,
}

impl Act for CreateAccount {
    type Output = CreateAccountVerdict;
    const WHAT: &'static str = "creating an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<CreateAccountVerdict> {
        let account = &self.account;
        if rows.is_blocked(&account.thumbprint).await? {
            return Ok(CreateAccountVerdict::KeyBlocked);
        }
        let used = match &account.external_account {
            None => None,
            Some(bound) => {
                let key = rows.lock_external_key(&bound.key_id).await?;
                let key = key.filter(|key| key.provisioner == account.provisioner);
                let used = key
                    .ok_or(ExternalKeyRefusal::Unknown)
                    .and_then(|key| key.used(account.created_at));
                match used {
                    Ok(key) => Some(key),
                    Err(refusal) => {
                        // The same request twice: the first was the key's last use.
                        let known = account_of_key(rows, account).await?;
                        return Ok(known.map_or(
                            CreateAccountVerdict::ExternalKeyRefused(refusal),
                            CreateAccountVerdict::KeyInUse,
                        ));
                    }
                }
            }
        };
        if rows.insert_account(account).await? {
            if let Some(key) = used {
                rows.set_external_key(&key).await?;
            }
            self.note(rows).await?;
            return Ok(CreateAccountVerdict::Done(account.clone()));
        }
        account_of_key(rows, account)
            .await?
            .map(CreateAccountVerdict::KeyInUse)
            .ok_or_else(|| Fault::corrupt("an account key that is in use and is not"))
    }
}

impl CreateAccount {
    async fn note<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        let account = &self.account;
        let mut event = told(AuditAct::AccountCreate, account);
        if let Some(bound) = &account.external_account {
            event = event.with("eab-key", &bound.key_id);
        }
        note(rows, &self.origin, &event).await
    }
}

/// What an entry about an account tells in any case.
pub(super) fn told(act: AuditAct, account: &Account) -> AuditEvent {
    AuditEvent::done(act, "account", &account.id)
        .with("provisioner", &account.provisioner)
        .with("thumbprint", encode_base64url(account.thumbprint.0))
}

async fn account_of_key<R: Rows>(rows: &mut R, account: &Account) -> Outcome<Option<Account>> {
    rows.account_by_key(&account.provisioner, &account.thumbprint)
        .await
}

/// See [`acme_core::Store::find_account`].
pub(crate) struct FindAccount {
    pub(crate) id: AccountId,
}

impl Act for FindAccount {
    type Output = Option<Account>;
    const WHAT: &'static str = "reading an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Account>> {
        rows.account(&self.id).await
    }
}

/// See [`acme_core::Store::find_account_by_key`].
pub(crate) struct FindAccountByKey {
    pub(crate) provisioner: ProvisionerName,
    pub(crate) thumbprint: Thumbprint,
}

impl Act for FindAccountByKey {
    type Output = Option<Account>;
    const WHAT: &'static str = "looking for an account by its key";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Account>> {
        rows.account_by_key(&self.provisioner, &self.thumbprint)
            .await
    }
}

/// See [`acme_core::Store::update_account`].
pub(crate) struct UpdateAccount {
    pub(crate) id: AccountId,
    pub(crate) contact: Option<Vec<String>>,
    pub(crate) terms_agreed: Option<bool>,
    pub(crate) origin: Origin,
}

impl UpdateAccount {
    pub(crate) fn new(
        id: &AccountId,
        contact: Option<Vec<String>>,
        terms_agreed: Option<bool>,
        origin: &Origin,
    ) -> Self {
        Self {
            id: id.clone(),
            contact,
            terms_agreed,
            origin: origin.clone(),
        }
    }
}

impl Act for UpdateAccount {
    type Output = AccountVerdict;
    const WHAT: &'static str = "updating an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<AccountVerdict> {
        let Some(mut account) = lock_valid(rows, &self.id).await? else {
            return Ok(AccountVerdict::Gone);
        };
        if let Some(contact) = &self.contact {
            account.contact.clone_from(contact);
        }
        if let Some(terms_agreed) = self.terms_agreed {
            account.terms_agreed = terms_agreed;
        }
        rows.set_account(&account).await?;
        let event = told(AuditAct::AccountUpdate, &account);
        note(rows, &self.origin, &event).await?;
        Ok(AccountVerdict::Done(account))
    }
}

/// See [`acme_core::Store::change_account_key`].
pub(crate) struct ChangeAccountKey {
    pub(crate) id: AccountId,
    pub(crate) old: Thumbprint,
    pub(crate) jwk: Jwk,
    pub(crate) thumbprint: Thumbprint,
    pub(crate) origin: Origin,
}

impl ChangeAccountKey {
    pub(crate) fn new(
        id: &AccountId,
        old: &Thumbprint,
        (jwk, thumbprint): (Jwk, Thumbprint),
        origin: &Origin,
    ) -> Self {
        Self {
            id: id.clone(),
            old: *old,
            jwk,
            thumbprint,
            origin: origin.clone(),
        }
    }
}

impl Act for ChangeAccountKey {
    type Output = KeyChangeVerdict;
    const WHAT: &'static str = "changing the key of an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<KeyChangeVerdict> {
        let Some(mut account) = lock_valid(rows, &self.id).await? else {
            return Ok(KeyChangeVerdict::Gone);
        };
        if account.thumbprint != self.old {
            return Ok(KeyChangeVerdict::KeyReplaced);
        }
        if rows.is_blocked(&self.thumbprint).await? {
            return Ok(KeyChangeVerdict::KeyBlocked);
        }
        let owner = rows
            .account_by_key(&account.provisioner, &self.thumbprint)
            .await?;
        if let Some(owner) = owner {
            return Ok(KeyChangeVerdict::KeyInUse(owner));
        }
        account.jwk = self.jwk.clone();
        account.thumbprint = self.thumbprint;
        rows.set_account(&account).await?;
        let event = told(AuditAct::AccountKeyChange, &account);
        let event = event.with("replaced", encode_base64url(self.old.0));
        note(rows, &self.origin, &event).await?;
        Ok(KeyChangeVerdict::Done(account))
    }
}

/// See [`acme_core::Store::deactivate_account`].
pub(crate) struct DeactivateAccount {
    pub(crate) id: AccountId,
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
}

impl DeactivateAccount {
    pub(crate) fn new(id: &AccountId, now: Timestamp, origin: &Origin) -> Self {
        Self {
            id: id.clone(),
            now,
            origin: origin.clone(),
        }
    }
}

impl Act for DeactivateAccount {
    type Output = AccountVerdict;
    const WHAT: &'static str = "deactivating an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<AccountVerdict> {
        let ended = end(rows, &self.id, AccountStatus::Deactivated, self.now).await?;
        if let Some(account) = &ended {
            let event = told(AuditAct::AccountDeactivate, account);
            note(rows, &self.origin, &event).await?;
        }
        Ok(ended.map_or(AccountVerdict::Gone, AccountVerdict::Done))
    }
}

/// Ends a valid account, and with it what it has pending; none when there is no such account.
pub(super) async fn end<R: Rows>(
    rows: &mut R,
    id: &AccountId,
    status: AccountStatus,
    now: Timestamp,
) -> Outcome<Option<Account>> {
    let Some(mut account) = lock_valid(rows, id).await? else {
        return Ok(None);
    };
    account.status = status;
    rows.set_account(&account).await?;
    for id in rows.pending_authorizations_of_account(id).await? {
        if let Some(tracked) = rows.lock_authorization(&id).await? {
            settle::deactivate(rows, tracked, now).await?;
        }
    }
    // What is left open waits for no authorization that was pending: it was ready.
    for order in rows.lock_open_orders_of_account(id).await? {
        rows.set_order(&order.id, &settle::account_ended(status))
            .await?;
    }
    Ok(Some(account))
}

async fn lock_valid<R: Rows>(rows: &mut R, id: &AccountId) -> Outcome<Option<Account>> {
    let account = rows.lock_account(id).await?;
    Ok(account.filter(|account| account.status == AccountStatus::Valid))
}

/// See [`acme_core::Store::list_accounts`].
pub(crate) struct ListAccounts {
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

impl Act for ListAccounts {
    type Output = Page<Account>;
    const WHAT: &'static str = "listing accounts";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<Account>> {
        let accounts = rows
            .accounts(self.after.as_ref(), self.limit.saturating_add(1))
            .await?;
        Ok(page(accounts, self.limit, |account| {
            Cursor {
                created_at: account.created_at,
                id: account.id.to_string(),
            }
            .to_text()
        }))
    }
}

/// See [`acme_core::Store::create_external_account_key`].
pub(crate) struct CreateExternalAccountKey {
    pub(crate) key: ExternalAccountKey,
    pub(crate) origin: Origin,
}

impl Act for CreateExternalAccountKey {
    type Output = ();
    const WHAT: &'static str = "keeping an external account key";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<()> {
        let key = &self.key;
        rows.insert_external_key(key).await?;
        let event = AuditEvent::done(AuditAct::KeyCreate, "eab-key", &key.id);
        let event = event.with("provisioner", &key.provisioner);
        note(rows, &self.origin, &event).await
    }
}

/// See [`acme_core::Store::find_external_account_key`].
pub(crate) struct FindExternalAccountKey {
    pub(crate) id: ExternalAccountKeyId,
}

impl Act for FindExternalAccountKey {
    type Output = Option<ExternalAccountKey>;
    const WHAT: &'static str = "reading an external account key";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<ExternalAccountKey>> {
        rows.external_key(&self.id).await
    }
}

/// See [`acme_core::Store::revoke_external_account_key`].
pub(crate) struct RevokeExternalAccountKey {
    pub(crate) id: ExternalAccountKeyId,
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
}

impl Act for RevokeExternalAccountKey {
    type Output = Option<ExternalAccountKey>;
    const WHAT: &'static str = "revoking an external account key";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<ExternalAccountKey>> {
        let Some(mut key) = rows.lock_external_key(&self.id).await? else {
            return Ok(None);
        };
        if key.revoked_at.is_none() {
            key.revoked_at = Some(self.now);
            rows.set_external_key(&key).await?;
            let event = AuditEvent::done(AuditAct::KeyRevoke, "eab-key", &key.id);
            note(rows, &self.origin, &event).await?;
        }
        Ok(Some(key))
    }
}

/// See [`acme_core::Store::list_external_account_keys`].
pub(crate) struct ListExternalAccountKeys {
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: u32,
}

impl Act for ListExternalAccountKeys {
    type Output = Page<ExternalAccountKey>;
    const WHAT: &'static str = "listing external account keys";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Page<ExternalAccountKey>> {
        let keys = rows
            .external_keys(self.after.as_ref(), self.limit.saturating_add(1))
            .await?;
        Ok(page(keys, self.limit, |key| {
            Cursor {
                created_at: key.created_at,
                id: key.id.to_string(),
            }
            .to_text()
        }))
    }
}
