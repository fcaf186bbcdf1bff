//! The rows of accounts and of the keys that they are bound to.

use acme_core::{Account, ExternalAccount, ExternalAccountKey, MacSecret};
use acme_types::Thumbprint;
use diesel::prelude::*;

use super::{from_json, millis, octets, parse, timestamp, to_json};
use crate::act::{Fault, Outcome};
use crate::schema::{accounts, external_account_keys};

/// An account as a row.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct AccountRow {
    id: String,
    provisioner: String,
    thumbprint: Vec<u8>,
    jwk: String,
    status: String,
    contact: String,
    terms_agreed: bool,
    external_account: Option<String>,
    external_account_binding: Option<String>,
    created_at: i64,
}

impl AccountRow {
    /// The row of an account.
    pub(crate) fn new(account: &Account) -> Outcome<Self> {
        let bound = account.external_account.as_ref();
        Ok(Self {
            id: account.id.to_string(),
            provisioner: account.provisioner.to_string(),
            thumbprint: account.thumbprint.0.to_vec(),
            jwk: to_json("account key", &account.jwk)?,
            status: account.status.as_str().to_owned(),
            contact: to_json("contact", &account.contact)?,
            terms_agreed: account.terms_agreed,
            external_account: bound.map(|bound| bound.key_id.to_string()),
            external_account_binding: bound.map(|bound| bound.binding.clone()),
            created_at: millis(account.created_at),
        })
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = Fault;

    fn try_from(row: AccountRow) -> Outcome<Self> {
        let external_account = match (row.external_account, row.external_account_binding) {
            (Some(id), Some(binding)) => Some(ExternalAccount {
                key_id: parse("external account key id", &id)?,
                binding,
            }),
            (None, None) => None,
            _ => {
                return Err(Fault::corrupt(
                    "an external account of which parts are missing",
                ));
            }
        };
        Ok(Self {
            id: parse("account id", &row.id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            jwk: parse("account key", &row.jwk)?,
            thumbprint: Thumbprint(octets("thumbprint", &row.thumbprint)?),
            status: parse("account status", &row.status)?,
            contact: from_json("contact", &row.contact)?,
            terms_agreed: row.terms_agreed,
            external_account,
            created_at: timestamp(row.created_at),
        })
    }
}

/// An external account key as a row.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = external_account_keys, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ExternalAccountKeyRow {
    id: String,
    provisioner: String,
    secret: Vec<u8>,
    names: String,
    profiles: String,
    max_uses: Option<i64>,
    uses: i64,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl ExternalAccountKeyRow {
    /// The row of a key.
    pub(crate) fn new(key: &ExternalAccountKey) -> Outcome<Self> {
        let names: Vec<String> = key.names.iter().map(ToString::to_string).collect();
        Ok(Self {
            id: key.id.to_string(),
            provisioner: key.provisioner.to_string(),
            secret: key.secret.octets().to_vec(),
            names: to_json("names", &names)?,
            profiles: to_json("profiles", &key.profiles)?,
            max_uses: key.max_uses.map(i64::from),
            uses: key.uses.into(),
            created_at: millis(key.created_at),
            expires_at: key.expires_at.map(millis),
            revoked_at: key.revoked_at.map(millis),
        })
    }
}

impl TryFrom<ExternalAccountKeyRow> for ExternalAccountKey {
    type Error = Fault;

    fn try_from(row: ExternalAccountKeyRow) -> Outcome<Self> {
        let names: Vec<String> = from_json("names", &row.names)?;
        let names = names.iter().map(|name| parse("name pattern", name));
        let count = |count: i64| {
            u32::try_from(count).map_err(|_| Fault::corrupt(format!("number of uses {count}")))
        };
        Ok(Self {
            id: parse("external account key id", &row.id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            secret: MacSecret::from_octets(octets("MAC secret", &row.secret)?),
            names: names.collect::<Outcome<_>>()?,
            profiles: from_json("profiles", &row.profiles)?,
            max_uses: row.max_uses.map(count).transpose()?,
            uses: count(row.uses)?,
            created_at: timestamp(row.created_at),
            expires_at: row.expires_at.map(timestamp),
            revoked_at: row.revoked_at.map(timestamp),
        })
    }
}
