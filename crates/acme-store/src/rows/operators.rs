//! What an act may do with operators and their proofs.

use acme_core::{Operator, OperatorName, Proof, ProofDigest};
use acme_types::Timestamp;

use crate::act::Outcome;

/// Operators, and what proves that someone is one.
pub trait OperatorRows {
    /// The operator of this name.
    fn operator(
        &mut self,
        name: &OperatorName,
    ) -> impl Future<Output = Outcome<Option<Operator>>> + Send;

    /// The operator of this name, held against other writers.
    fn lock_operator(
        &mut self,
        name: &OperatorName,
    ) -> impl Future<Output = Outcome<Option<Operator>>> + Send;

    /// Every operator, by name.
    fn operators(&mut self) -> impl Future<Output = Outcome<Vec<Operator>>> + Send;

    /// Adds an operator; false when there is one of that name.
    fn insert_operator(
        &mut self,
        operator: &Operator,
    ) -> impl Future<Output = Outcome<bool>> + Send;

    /// Replaces an operator that is locked.
    fn set_operator(&mut self, operator: &Operator) -> impl Future<Output = Outcome<()>> + Send;

    /// Adds a proof.
    fn insert_proof(&mut self, proof: &Proof) -> impl Future<Output = Outcome<()>> + Send;

    /// The proof of this digest, with whom it proves to be.
    fn proof(
        &mut self,
        digest: &ProofDigest,
    ) -> impl Future<Output = Outcome<Option<(Operator, Proof)>>> + Send;

    /// Removes a proof; false when there was none.
    fn delete_proof(&mut self, digest: &ProofDigest) -> impl Future<Output = Outcome<bool>> + Send;

    /// Removes all proofs of an operator.
    fn delete_proofs_of(&mut self, name: &OperatorName)
    -> impl Future<Output = Outcome<()>> + Send;

    /// Removes proofs that ran out before a time; returns how many.
    fn prune_proofs(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Outcome<u64>> + Send;
}
