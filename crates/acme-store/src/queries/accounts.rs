//! Queries about accounts and the keys that they are bound to.

use acme_core::{Account, ExternalAccountKey};
use acme_types::{AccountId, AccountStatus, ExternalAccountKeyId, ProvisionerName, Thumbprint};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::model::{AccountRow, ExternalAccountKeyRow, millis, parse};
use crate::rows::{AccountRows, ExternalKeyRows};
use crate::schema::{accounts, external_account_keys};

impl AccountRows for Conn {
    async fn insert_account(&mut self, account: &Account) -> Outcome<bool> {
        let added = diesel::insert_into(accounts::table)
            .values(AccountRow::new(account)?)
            .on_conflict((accounts::thumbprint, accounts::provisioner))
            .do_nothing()
            .execute(self)
            .await?;
        Ok(added == 1)
    }

    async fn account(&mut self, id: &AccountId) -> Outcome<Option<Account>> {
        accounts::table
            .find(id.as_str())
            .select(AccountRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Account::try_from)
            .transpose()
    }

    async fn lock_account(&mut self, id: &AccountId) -> Outcome<Option<Account>> {
        locked!(
            accounts::table
                .find(id.as_str())
                .select(AccountRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(Account::try_from)
        .transpose()
    }

    async fn hold_account(&mut self, id: &AccountId) -> Outcome<Option<AccountStatus>> {
        let status: Option<String> =
            held!(accounts::table.find(id.as_str()).select(accounts::status))
                .get_result(self)
                .await
                .optional()?;
        status
            .map(|status| parse("account status", &status))
            .transpose()
    }

    async fn account_by_key(
        &mut self,
        provisioner: &ProvisionerName,
        thumbprint: &Thumbprint,
    ) -> Outcome<Option<Account>> {
        accounts::table
            .filter(accounts::thumbprint.eq(&thumbprint.0[..]))
            .filter(accounts::provisioner.eq(provisioner.as_str()))
            .select(AccountRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Account::try_from)
            .transpose()
    }

    async fn accounts_of_key(&mut self, thumbprint: &Thumbprint) -> Outcome<Vec<AccountId>> {
        let ids: Vec<String> = accounts::table
            .filter(accounts::thumbprint.eq(&thumbprint.0[..]))
            .select(accounts::id)
            .load(self)
            .await?;
        ids.iter().map(|id| parse("account id", id)).collect()
    }

    async fn set_account(&mut self, account: &Account) -> Outcome<()> {
        diesel::update(accounts::table.find(account.id.as_str()))
            .set(AccountRow::new(account)?)
            .execute(self)
            .await?;
        Ok(())
    }

    async fn accounts(&mut self, after: Option<&Cursor>, limit: u32) -> Outcome<Vec<Account>> {
        let mut query = accounts::table
            .order((accounts::created_at.desc(), accounts::id.desc()))
            .limit(limit.into())
            .select(AccountRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            let at = millis(after.created_at);
            query = query
                .filter(accounts::created_at.le(at))
                .filter(accounts::created_at.lt(at).or(accounts::id.lt(&after.id)));
        }
        let rows: Vec<AccountRow> = query.load(self).await?;
        rows.into_iter().map(Account::try_from).collect()
    }
}

impl ExternalKeyRows for Conn {
    async fn insert_external_key(&mut self, key: &ExternalAccountKey) -> Outcome<()> {
        diesel::insert_into(external_account_keys::table)
            .values(ExternalAccountKeyRow::new(key)?)
            .execute(self)
            .await?;
        Ok(())
    }

    async fn external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> Outcome<Option<ExternalAccountKey>> {
        external_account_keys::table
            .find(id.as_str())
            .select(ExternalAccountKeyRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(ExternalAccountKey::try_from)
            .transpose()
    }

    async fn lock_external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> Outcome<Option<ExternalAccountKey>> {
        locked!(
            external_account_keys::table
                .find(id.as_str())
                .select(ExternalAccountKeyRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(ExternalAccountKey::try_from)
        .transpose()
    }

    async fn set_external_key(&mut self, key: &ExternalAccountKey) -> Outcome<()> {
        diesel::update(external_account_keys::table.find(key.id.as_str()))
            .set(ExternalAccountKeyRow::new(key)?)
            .execute(self)
            .await?;
        Ok(())
    }

    async fn external_keys(
        &mut self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<ExternalAccountKey>> {
        use external_account_keys::{created_at, id, table};
        let mut query = table
            .order((created_at.desc(), id.desc()))
            .limit(limit.into())
            .select(ExternalAccountKeyRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            let at = millis(after.created_at);
            query = query
                .filter(created_at.le(at))
                .filter(created_at.lt(at).or(id.lt(&after.id)));
        }
        let rows: Vec<ExternalAccountKeyRow> = query.load(self).await?;
        rows.into_iter().map(ExternalAccountKey::try_from).collect()
    }
}
