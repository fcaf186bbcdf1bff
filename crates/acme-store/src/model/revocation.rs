//! The rows of revocations and of revocation lists.

use acme_core::{IssuerId, PublishedCrl, Revocation, RevocationEntry, RevocationReason, Serial};
use diesel::prelude::*;

use super::{big, millis, number_of, octets, timestamp};
use crate::act::{Fault, Outcome};
use crate::schema::{crls, revocations};

/// An entry of a log as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = revocations)]
pub struct RevocationRow {
    issuer: Vec<u8>,
    revision: i64,
    serial: Vec<u8>,
    not_after: i64,
    revoked_at: i64,
    reason: i16,
}

impl RevocationRow {
    pub(crate) fn new(issuer: &IssuerId, entry: &RevocationEntry) -> Outcome<Self> {
        Ok(Self {
            issuer: issuer.0.to_vec(),
            revision: big("revision", entry.revision)?,
            serial: entry.serial.as_bytes().to_vec(),
            not_after: millis(entry.not_after),
            revoked_at: millis(entry.revocation.at),
            reason: i16::from(entry.revocation.reason.code()),
        })
    }
}

impl TryFrom<RevocationRow> for RevocationEntry {
    type Error = Fault;

    fn try_from(row: RevocationRow) -> Outcome<Self> {
        Ok(Self {
            revision: number_of("revision", row.revision)?,
            serial: Serial::from_be_bytes(&row.serial)
                .map_err(|error| Fault::corrupt(error.to_string()))?,
            not_after: timestamp(row.not_after),
            revocation: Revocation {
                at: timestamp(row.revoked_at),
                reason: RevocationReason::from_code(row.reason.into())
                    .ok_or_else(|| Fault::corrupt(format!("revocation reason {}", row.reason)))?,
            },
        })
    }
}

/// A revocation list as a row.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = crls, primary_key(issuer))]
pub struct CrlRow {
    issuer: Vec<u8>,
    number: i64,
    revision: i64,
    this_update: i64,
    next_update: i64,
    der: Vec<u8>,
}

impl TryFrom<&PublishedCrl> for CrlRow {
    type Error = Fault;

    fn try_from(crl: &PublishedCrl) -> Outcome<Self> {
        Ok(Self {
            issuer: crl.issuer.0.to_vec(),
            number: big("list number", crl.number)?,
            revision: big("revision", crl.revision)?,
            this_update: millis(crl.this_update),
            next_update: millis(crl.next_update),
            der: crl.der.clone(),
        })
    }
}

impl TryFrom<CrlRow> for PublishedCrl {
    type Error = Fault;

    fn try_from(row: CrlRow) -> Outcome<Self> {
        Ok(Self {
            issuer: IssuerId(octets("issuer id", &row.issuer)?),
            number: number_of("list number", row.number)?,
            revision: number_of("revision", row.revision)?,
            this_update: timestamp(row.this_update),
            next_update: timestamp(row.next_update),
            der: row.der,
        })
    }
}
