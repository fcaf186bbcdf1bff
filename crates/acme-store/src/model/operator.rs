//! The rows of operators and of what proves that someone is one.

use acme_core::{Operator, Proof, ProofDigest};
use diesel::prelude::*;

use super::{millis, octets, parse, timestamp};
use crate::act::{Fault, Outcome};
use crate::schema::{operator_proofs, operators};

/// An operator as a row.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = operators, primary_key(name), treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct OperatorRow {
    name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl From<&Operator> for OperatorRow {
    fn from(operator: &Operator) -> Self {
        Self {
            name: operator.name.to_string(),
            role: operator.role.to_string(),
            created_at: millis(operator.created_at),
            expires_at: operator.expires_at.map(millis),
            revoked_at: operator.revoked_at.map(millis),
        }
    }
}

impl TryFrom<OperatorRow> for Operator {
    type Error = Fault;

    fn try_from(row: OperatorRow) -> Outcome<Self> {
        Ok(Self {
            name: parse("operator", &row.name)?,
            role: parse("role", &row.role)?,
            created_at: timestamp(row.created_at),
            expires_at: row.expires_at.map(timestamp),
            revoked_at: row.revoked_at.map(timestamp),
        })
    }
}

/// A proof as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = operator_proofs)]
pub struct ProofRow {
    digest: Vec<u8>,
    kind: String,
    operator: String,
    created_at: i64,
    expires_at: i64,
}

impl From<&Proof> for ProofRow {
    fn from(proof: &Proof) -> Self {
        Self {
            digest: proof.digest.0.to_vec(),
            kind: proof.kind.as_str().to_owned(),
            operator: proof.operator.to_string(),
            created_at: millis(proof.created_at),
            expires_at: millis(proof.expires_at),
        }
    }
}

impl TryFrom<ProofRow> for Proof {
    type Error = Fault;

    fn try_from(row: ProofRow) -> Outcome<Self> {
        Ok(Self {
            digest: ProofDigest(octets("digest of a proof", &row.digest)?),
            kind: parse("kind of proof", &row.kind)?,
            operator: parse("operator", &row.operator)?,
            created_at: timestamp(row.created_at),
            expires_at: timestamp(row.expires_at),
        })
    }
}
