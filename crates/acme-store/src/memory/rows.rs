//! The rows of the in-memory engine: plain walks over ordered maps. What the SQL engines guard by
//! constraints is guarded here by hand.

mod audit;
mod certificates;
mod challenges;
mod operators;
mod orders;
mod prune;
mod records;
mod revocations;
mod standing;

use acme_core::{Account, ExternalAccountKey, Lease};
use acme_types::{
    AccountId, AccountStatus, ExternalAccountKeyId, ProvisionerName, Slot, Thumbprint, Timestamp,
};

use super::Tables;
use crate::act::{Fault, Outcome};
use crate::cursor::Cursor;
use crate::rows::{AccountRows, ExternalKeyRows, LeaseRows};

/// The newest of `items` that come after a place.
fn page<T>(
    items: impl Iterator<Item = (Cursor, T)>,
    after: Option<&Cursor>,
    limit: u32,
) -> Vec<(Cursor, T)> {
    let key = |place: &Cursor| (place.created_at, place.id.clone());
    let after = after.map(key);
    let mut found: Vec<_> = items
        .filter(|(place, _)| after.as_ref().is_none_or(|after| key(place) < *after))
        .collect();
    found.sort_by_key(|(place, _)| std::cmp::Reverse(key(place)));
    found.truncate(limit as usize);
    found
}

fn broken(rule: &str) -> Fault {
    Fault::corrupt(format!("a rule of the store forbids it: {rule}"))
}

impl LeaseRows for Tables {
    async fn lease_clock(&mut self, now: Timestamp) -> Outcome<Timestamp> {
        Ok(now)
    }

    async fn lease(&mut self, slot: Slot) -> Outcome<Option<Lease>> {
        Ok(self.leases.get(&slot).cloned())
    }

    async fn lock_lease(&mut self, slot: Slot) -> Outcome<Option<Lease>> {
        self.lease(slot).await
    }

    async fn insert_lease(&mut self, lease: &Lease) -> Outcome<bool> {
        let is_new = !self.leases.contains_key(&lease.slot);
        if is_new {
            self.leases.insert(lease.slot, lease.clone());
        }
        Ok(is_new)
    }

    async fn set_lease(&mut self, lease: &Lease) -> Outcome<()> {
        self.leases.insert(lease.slot, lease.clone());
        Ok(())
    }

    async fn leases(&mut self) -> Outcome<Vec<Lease>> {
        Ok(self.leases.values().cloned().collect())
    }

    async fn meta(&mut self, name: &str) -> Outcome<Option<Vec<u8>>> {
        Ok(self.meta.get(name).cloned())
    }

    async fn insert_meta(&mut self, name: &str, value: &[u8]) -> Outcome<()> {
        self.meta
            .entry(name.to_owned())
            .or_insert_with(|| value.to_vec());
        Ok(())
    }
}

impl AccountRows for Tables {
    async fn insert_account(&mut self, account: &Account) -> Outcome<bool> {
        let taken = self
            .account_by_key(&account.provisioner, &account.thumbprint)
            .await?;
        if taken.is_some() {
            return Ok(false);
        }
        if self.accounts.contains_key(&account.id) {
            return Err(broken("an account's id is unique"));
        }
        self.accounts.insert(account.id.clone(), account.clone());
        Ok(true)
    }

    async fn account(&mut self, id: &AccountId) -> Outcome<Option<Account>> {
        Ok(self.accounts.get(id).cloned())
    }

    async fn lock_account(&mut self, id: &AccountId) -> Outcome<Option<Account>> {
        self.account(id).await
    }

    async fn hold_account(&mut self, id: &AccountId) -> Outcome<Option<AccountStatus>> {
        Ok(self.accounts.get(id).map(|account| account.status))
    }

    async fn account_by_key(
        &mut self,
        provisioner: &ProvisionerName,
        thumbprint: &Thumbprint,
    ) -> Outcome<Option<Account>> {
        let has_key = |account: &&Account| {
            account.thumbprint == *thumbprint && account.provisioner == *provisioner
        };
        Ok(self.accounts.values().find(has_key).cloned())
    }

    async fn accounts_of_key(&mut self, thumbprint: &Thumbprint) -> Outcome<Vec<AccountId>> {
        let all = self.accounts.values();
        let found = all.filter(|account| account.thumbprint == *thumbprint);
        Ok(found.map(|account| account.id.clone()).collect())
    }

    async fn set_account(&mut self, account: &Account) -> Outcome<()> {
        self.accounts.insert(account.id.clone(), account.clone());
        Ok(())
    }

    async fn accounts(&mut self, after: Option<&Cursor>, limit: u32) -> Outcome<Vec<Account>> {
        let placed = self.accounts.values().map(|account| {
            let place = Cursor {
                created_at: account.created_at,
                id: account.id.to_string(),
            };
            (place, account)
        });
        let found = page(placed, after, limit);
        Ok(found
            .into_iter()
            .map(|(_, account)| account.clone())
            .collect())
    }
}

impl ExternalKeyRows for Tables {
    async fn insert_external_key(&mut self, key: &ExternalAccountKey) -> Outcome<()> {
        if self.external_keys.contains_key(&key.id) {
            return Err(broken("an external account key's id is unique"));
        }
        self.external_keys.insert(key.id.clone(), key.clone());
        Ok(())
    }

    async fn external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> Outcome<Option<ExternalAccountKey>> {
        Ok(self.external_keys.get(id).cloned())
    }

    async fn lock_external_key(
        &mut self,
        id: &ExternalAccountKeyId,
    ) -> Outcome<Option<ExternalAccountKey>> {
        self.external_key(id).await
    }

    async fn set_external_key(&mut self, key: &ExternalAccountKey) -> Outcome<()> {
        self.external_keys.insert(key.id.clone(), key.clone());
        Ok(())
    }

    async fn external_keys(
        &mut self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<ExternalAccountKey>> {
        let placed = self.external_keys.values().map(|key| {
            let place = Cursor {
                created_at: key.created_at,
                id: key.id.to_string(),
            };
            (place, key)
        });
        let found = page(placed, after, limit);
        Ok(found.into_iter().map(|(_, key)| key.clone()).collect())
    }
}
