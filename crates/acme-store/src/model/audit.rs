//! The rows of the audit trail.

use acme_core::{AuditClass, AuditEntry, ChainHead};
use acme_types::Slot;
use diesel::prelude::*;

use super::{big, millis, number_of, octets, slot_number, timestamp};
use crate::act::{Fault, Outcome};
use crate::rows::chain_name;
use crate::schema::{audit, audit_heads};

/// The owner of a chain as a column.
pub(crate) fn audit_owner(owner: Option<Slot>) -> i16 {
    owner.map_or(-1, slot_number)
}

/// A head as a row.
#[derive(Insertable)]
#[diesel(table_name = audit_heads)]
pub struct NewHeadRow {
    chain: String,
    owner: i16,
    class: &'static str,
    lane: i16,
    number: i64,
    hash: Vec<u8>,
    anchor_number: i64,
    anchor_hash: Vec<u8>,
}

impl NewHeadRow {
    /// The head of an empty chain.
    pub(crate) fn new(owner: Option<Slot>, class: AuditClass, lane: i16) -> Self {
        Self {
            chain: chain_name(owner, class, lane),
            owner: audit_owner(owner),
            class: class.as_str(),
            lane,
            number: 0,
            hash: vec![0; 32],
            anchor_number: 0,
            anchor_hash: vec![0; 32],
        }
    }
}

/// What is read of a head.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_heads)]
pub struct HeadRow {
    chain: String,
    number: i64,
    hash: Vec<u8>,
    anchor_number: i64,
    anchor_hash: Vec<u8>,
}

impl TryFrom<HeadRow> for ChainHead {
    type Error = Fault;

    fn try_from(row: HeadRow) -> Outcome<Self> {
        Ok(Self {
            chain: row.chain,
            number: number_of("audit number", row.number)?,
            hash: octets("audit digest", &row.hash)?,
            anchor_number: number_of("audit number", row.anchor_number)?,
            anchor_hash: octets("audit digest", &row.anchor_hash)?,
        })
    }
}

/// An entry as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub struct AuditRow {
    chain: String,
    number: i64,
    at: i64,
    body: String,
    hash: Vec<u8>,
}

impl AuditRow {
    /// The row of an entry.
    pub(crate) fn new(entry: &AuditEntry) -> Outcome<Self> {
        Ok(Self {
            chain: entry.chain.clone(),
            number: big("audit number", entry.number)?,
            at: millis(entry.at),
            body: entry.body.clone(),
            hash: entry.hash.to_vec(),
        })
    }
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = Fault;

    fn try_from(row: AuditRow) -> Outcome<Self> {
        Ok(Self {
            chain: row.chain,
            number: number_of("audit number", row.number)?,
            at: timestamp(row.at),
            body: row.body,
            hash: octets("audit digest", &row.hash)?,
        })
    }
}
