//! Accounts.

use acme_core::{Account, AccountVerdict, KeyChangeVerdict, Page};
use acme_types::{AccountId, AccountStatus, Jwk, ProvisionerName, Thumbprint, Timestamp};

use super::{page, settle};
use crate::act::{Act, Fault, Outcome};
use crate::cursor::Cursor;
use crate::rows::Rows;

/// See [`acme_core::Store::create_account`].
pub(crate) struct CreateAccount {
    pub(crate) account: Account,
}

impl Act for CreateAccount {
    type Output = AccountVerdict;
    const WHAT: &'static str = "creating an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<AccountVerdict> {
        let account = &self.account;
        if rows.insert_account(account).await? {
            return Ok(AccountVerdict::Done(account.clone()));
        }
        rows.account_by_key(&account.provisioner, &account.thumbprint)
            .await?
            .map(AccountVerdict::KeyInUse)
            .ok_or_else(|| Fault::corrupt("an account key that is in use and is not"))
    }
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
        Ok(AccountVerdict::Done(account))
    }
}

/// See [`acme_core::Store::change_account_key`].
pub(crate) struct ChangeAccountKey {
    pub(crate) id: AccountId,
    pub(crate) old: Thumbprint,
    pub(crate) jwk: Jwk,
    pub(crate) thumbprint: Thumbprint,
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
        let owner = rows
            .account_by_key(&account.provisioner, &self.thumbprint)
            .await?;
        if let Some(owner) = owner {
            return Ok(KeyChangeVerdict::KeyInUse(owner));
        }
        account.jwk = self.jwk.clone();
        account.thumbprint = self.thumbprint;
        rows.set_account(&account).await?;
        Ok(KeyChangeVerdict::Done(account))
    }
}

/// See [`acme_core::Store::deactivate_account`].
pub(crate) struct DeactivateAccount {
    pub(crate) id: AccountId,
    pub(crate) now: Timestamp,
}

impl Act for DeactivateAccount {
    type Output = AccountVerdict;
    const WHAT: &'static str = "deactivating an account";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<AccountVerdict> {
        let Some(mut account) = lock_valid(rows, &self.id).await? else {
            return Ok(AccountVerdict::Gone);
        };
        account.status = AccountStatus::Deactivated;
        rows.set_account(&account).await?;
        for id in rows.pending_authorizations_of_account(&self.id).await? {
            if let Some(tracked) = rows.lock_authorization(&id).await? {
                settle::deactivate(rows, tracked, self.now).await?;
            }
        }
        // What is left open waits for no authorization that was pending: it was ready.
        for order in rows.lock_open_orders_of_account(&self.id).await? {
            rows.set_order(&order.id, &settle::account_deactivated())
                .await?;
        }
        Ok(AccountVerdict::Done(account))
    }
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
