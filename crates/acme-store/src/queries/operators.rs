//! Queries about operators and what proves that someone is one.

use acme_core::{Operator, OperatorName, Proof, ProofDigest};
use acme_types::Timestamp;
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::{Fault, Outcome};
use crate::model::{OperatorRow, ProofRow, millis};
use crate::rows::OperatorRows;
use crate::schema::{operator_proofs, operators};

impl OperatorRows for Conn {
    async fn operator(&mut self, name: &OperatorName) -> Outcome<Option<Operator>> {
        operators::table
            .find(name.as_str())
            .select(OperatorRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Operator::try_from)
            .transpose()
    }

    async fn lock_operator(&mut self, name: &OperatorName) -> Outcome<Option<Operator>> {
        locked!(
            operators::table
                .find(name.as_str())
                .select(OperatorRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(Operator::try_from)
        .transpose()
    }

    async fn operators(&mut self) -> Outcome<Vec<Operator>> {
        let rows: Vec<OperatorRow> = operators::table
            .order(operators::name)
            .select(OperatorRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(Operator::try_from).collect()
    }

    async fn insert_operator(&mut self, operator: &Operator) -> Outcome<bool> {
        let added = diesel::insert_into(operators::table)
            .values(OperatorRow::from(operator))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(added == 1)
    }

    async fn set_operator(&mut self, operator: &Operator) -> Outcome<()> {
        diesel::update(operators::table.find(operator.name.as_str()))
            .set(OperatorRow::from(operator))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn insert_proof(&mut self, proof: &Proof) -> Outcome<()> {
        diesel::insert_into(operator_proofs::table)
            .values(ProofRow::from(proof))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn proof(&mut self, digest: &ProofDigest) -> Outcome<Option<(Operator, Proof)>> {
        let found: Option<(OperatorRow, ProofRow)> = operator_proofs::table
            .inner_join(operators::table)
            .filter(operator_proofs::digest.eq(&digest.0[..]))
            .select((OperatorRow::as_select(), ProofRow::as_select()))
            .get_result(self)
            .await
            .optional()?;
        found
            .map(|(operator, proof)| Ok::<_, Fault>((operator.try_into()?, proof.try_into()?)))
            .transpose()
    }

    async fn delete_proof(&mut self, digest: &ProofDigest) -> Outcome<bool> {
        let removed = diesel::delete(operator_proofs::table.find(&digest.0[..]))
            .execute(self)
            .await?;
        Ok(removed == 1)
    }

    async fn delete_proofs_of(&mut self, name: &OperatorName) -> Outcome<()> {
        let of_operator = operator_proofs::operator.eq(name.as_str());
        diesel::delete(operator_proofs::table.filter(of_operator))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn prune_proofs(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let digests: Vec<Vec<u8>> = operator_proofs::table
            .filter(operator_proofs::expires_at.le(millis(before)))
            .order(operator_proofs::expires_at)
            .limit(limit.into())
            .select(operator_proofs::digest)
            .load(self)
            .await?;
        let mut removed = 0;
        for digest in digests {
            removed += diesel::delete(operator_proofs::table.find(digest))
                .execute(self)
                .await?;
        }
        Ok(removed as u64)
    }
}
