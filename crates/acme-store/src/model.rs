//! Rows as the SQL engines keep them, and the way between them and core's values.

mod account;
mod audit;
mod certificate;
mod challenge;
mod lease;
mod operator;
mod order;
mod revocation;

use std::fmt::Display;
use std::str::FromStr;

use acme_types::{Identifier, RawIdentifier, Slot, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use account::{AccountRow, ExternalAccountKeyRow};
pub(crate) use audit::{AuditRow, HeadRow, NewHeadRow, audit_owner};
pub(crate) use certificate::{
    CertificateRow, EarlyRenewalRow, IssuerRow, ReplacementRow, SignedRow, identifier_rows,
};
pub(crate) use challenge::{AttemptRow, AttemptedRow, ChallengeRow, ChallengeState, SubjectRow};
pub(crate) use lease::LeaseRow;
pub(crate) use operator::{OperatorRow, ProofRow};
pub(crate) use order::{
    AuthorizationRow, AuthorizationStateRow, OrderAuthorizationRow, OrderRow, OrderStateRow,
    all_tracked, authorization_state, authorization_status, tracked,
};
pub(crate) use revocation::{CrlRow, RevocationRow};

use crate::act::{Fault, Outcome};

/// Reads a column's text as what it should be.
pub(crate) fn parse<T>(what: &str, text: &str) -> Outcome<T>
where
    T: FromStr<Err: Display>,
{
    text.parse()
        .map_err(|error| Fault::corrupt(format!("{what} {text:?}: {error}")))
}

/// Reads a column's JSON.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| Fault::corrupt(format!("{what}: {error}")))
}

/// A value as JSON for a column.
pub(crate) fn to_json<T: Serialize + ?Sized>(what: &str, value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| Fault::corrupt(format!("{what}: {error}")))
}

/// An identifier as one text that can be searched for, as `dns:example.com`.
pub(crate) fn identifier_text(identifier: &Identifier) -> String {
    format!("{}:{}", identifier.kind(), identifier.value())
}

fn identifier(text: &str) -> Outcome<Identifier> {
    let unreadable = || Fault::corrupt(format!("identifier {text:?}"));
    let (kind, value) = text.split_once(':').ok_or_else(unreadable)?;
    Identifier::try_from(RawIdentifier {
        kind: kind.to_owned(),
        value: value.to_owned(),
    })
    .map_err(|_| unreadable())
}

/// A time as a column.
pub(crate) const fn millis(at: Timestamp) -> i64 {
    at.as_millis()
}

/// A time from a column.
pub(crate) const fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A slot as a column.
pub(crate) fn slot_number(slot: Slot) -> i16 {
    i16::from(slot.number())
}

fn slot(number: i16) -> Outcome<Slot> {
    u8::try_from(number)
        .map(Slot::new)
        .map_err(|_| Fault::corrupt(format!("slot {number}")))
}

fn count(what: &str, number: i32) -> Outcome<u32> {
    u32::try_from(number).map_err(|_| Fault::corrupt(format!("{what} {number}")))
}

fn counted(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A number that only grows, as a column.
pub(crate) fn big(what: &str, number: u64) -> Outcome<i64> {
    i64::try_from(number).map_err(|_| Fault::corrupt(format!("{what} {number}")))
}

/// A number that only grows, from a column.
pub(crate) fn number_of(what: &str, number: i64) -> Outcome<u64> {
    u64::try_from(number).map_err(|_| Fault::corrupt(format!("{what} {number}")))
}

fn octets<const N: usize>(what: &str, bytes: &[u8]) -> Outcome<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Fault::corrupt(format!("{what} of {} octets", bytes.len())))
}
