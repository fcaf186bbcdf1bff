//! The row of a lease.

use acme_core::{Epoch, Lease};
use diesel::prelude::*;

use super::{millis, slot, slot_number, timestamp};
use crate::act::{Fault, Outcome};
use crate::schema::leases;

/// A lease as a row.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = leases)]
pub struct LeaseRow {
    slot: i16,
    epoch: i64,
    holder: String,
    expires_at: i64,
}

impl From<&Lease> for LeaseRow {
    fn from(lease: &Lease) -> Self {
        Self {
            slot: slot_number(lease.slot),
            epoch: lease.epoch.0,
            holder: lease.holder.clone(),
            expires_at: millis(lease.expires_at),
        }
    }
}

impl TryFrom<LeaseRow> for Lease {
    type Error = Fault;

    fn try_from(row: LeaseRow) -> Outcome<Self> {
        Ok(Self {
            slot: slot(row.slot)?,
            epoch: Epoch(row.epoch),
            holder: row.holder,
            expires_at: timestamp(row.expires_at),
        })
    }
}
