//! The row of an account.

use acme_core::Account;
use acme_types::Thumbprint;
use diesel::prelude::*;

use super::{from_json, millis, octets, parse, timestamp, to_json};
use crate::act::{Fault, Outcome};
use crate::schema::accounts;

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
    created_at: i64,
}

impl AccountRow {
    /// The row of an account.
    pub(crate) fn new(account: &Account) -> Outcome<Self> {
        Ok(Self {
            id: account.id.to_string(),
            provisioner: account.provisioner.to_string(),
            thumbprint: account.thumbprint.0.to_vec(),
            jwk: to_json("account key", &account.jwk)?,
            status: account.status.as_str().to_owned(),
            contact: to_json("contact", &account.contact)?,
            terms_agreed: account.terms_agreed,
            external_account: account.external_account.clone(),
            created_at: millis(account.created_at),
        })
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = Fault;

    fn try_from(row: AccountRow) -> Outcome<Self> {
        Ok(Self {
            id: parse("account id", &row.id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            jwk: parse("account key", &row.jwk)?,
            thumbprint: Thumbprint(octets("thumbprint", &row.thumbprint)?),
            status: parse("account status", &row.status)?,
            contact: from_json("contact", &row.contact)?,
            terms_agreed: row.terms_agreed,
            external_account: row.external_account,
            created_at: timestamp(row.created_at),
        })
    }
}
