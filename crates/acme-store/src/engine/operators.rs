//! The one [`Operators`] over all engines.

use acme_core::{
    CreateOperatorVerdict, Operator, OperatorName, Operators, Proof, ProofDigest, StoreError,
};
use acme_types::Timestamp;
use async_trait::async_trait;

use super::{Engine, StoreOn};
use crate::acts::operators;

#[async_trait]
impl<E: Engine> Operators for StoreOn<E> {
    async fn create_operator(
        &self,
        operator: Operator,
        proofs: Vec<Proof>,
    ) -> Result<CreateOperatorVerdict, StoreError> {
        let act = operators::CreateOperator { operator, proofs };
        self.engine.write(act).await
    }

    async fn find_operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
        let name = name.clone();
        self.engine.read(operators::FindOperator { name }).await
    }

    async fn list_operators(&self) -> Result<Vec<Operator>, StoreError> {
        self.engine.read(operators::ListOperators).await
    }

    async fn revoke_operator(
        &self,
        name: &OperatorName,
        now: Timestamp,
    ) -> Result<Option<Operator>, StoreError> {
        let name = name.clone();
        self.engine
            .write(operators::RevokeOperator { name, now })
            .await
    }

    async fn add_proof(&self, proof: Proof) -> Result<bool, StoreError> {
        self.engine.write(operators::AddProof { proof }).await
    }

    async fn find_proof(
        &self,
        digest: &ProofDigest,
        now: Timestamp,
    ) -> Result<Option<(Operator, Proof)>, StoreError> {
        let digest = *digest;
        self.engine.read(operators::FindProof { digest, now }).await
    }

    async fn exchange_link(
        &self,
        link: &ProofDigest,
        session: Proof,
    ) -> Result<Option<Operator>, StoreError> {
        let link = *link;
        self.engine
            .write(operators::ExchangeLink { link, session })
            .await
    }

    async fn remove_proof(&self, digest: &ProofDigest) -> Result<bool, StoreError> {
        let digest = *digest;
        self.engine.write(operators::RemoveProof { digest }).await
    }
}
