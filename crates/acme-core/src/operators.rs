//! The port to operators and to what proves that someone is one.

use acme_types::Timestamp;
use async_trait::async_trait;

use crate::{Operator, OperatorName, Origin, Proof, ProofDigest, StoreError};

/// The answer to making an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CreateOperatorVerdict {
    /// It was done.
    Created,
    /// There is one of that name who may still act; nothing has changed.
    Exists,
}

/// Operators, kept. Proofs that have run out are removed by [`crate::Store::prune`]. Every method is one transaction and durable when it returns.
///
/// # Errors
/// Those of [`crate::Store`].
#[async_trait]
#[allow(clippy::missing_errors_doc, reason = "told once, on the trait")]
pub trait Operators: Send + Sync {
    /// Makes an operator, known by `proofs`. One of that name who may act no more is replaced.
    async fn create_operator(
        &self,
        operator: Operator,
        proofs: Vec<Proof>,
        origin: &Origin,
    ) -> Result<CreateOperatorVerdict, StoreError>;

    /// The operator of this name, whether they may act or not.
    async fn find_operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError>;

    /// Every operator, by name.
    async fn list_operators(&self) -> Result<Vec<Operator>, StoreError>;

    /// Ends an operator, and all that proves to be them. Returns them as they are now; none when
    /// there is no such operator.
    async fn revoke_operator(
        &self,
        name: &OperatorName,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<Option<Operator>, StoreError>;

    /// Keeps another proof of an operator; false when there is no such operator who may act.
    async fn add_proof(&self, proof: Proof, origin: &Origin) -> Result<bool, StoreError>;

    /// Who is known by a proof that is good at `now`, and may act; with the proof.
    async fn find_proof(
        &self,
        digest: &ProofDigest,
        now: Timestamp,
    ) -> Result<Option<(Operator, Proof)>, StoreError>;

    /// Uses a link up and begins a session in its place, for the link's operator, whatever
    /// `session` says. None when there is no such link that is good: of two who use the same, one
    /// has it.
    async fn exchange_link(
        &self,
        link: &ProofDigest,
        session: Proof,
        origin: &Origin,
    ) -> Result<Option<Operator>, StoreError>;

    /// Forgets a proof, as when a session ends; false when there was none.
    async fn remove_proof(&self, digest: &ProofDigest) -> Result<bool, StoreError>;
}
