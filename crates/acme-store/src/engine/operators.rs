//! The one [`Operators`] over all engines.

use acme_core::{
    CreateOperatorVerdict, Operator, OperatorName, Operators, Origin, Proof, ProofDigest,
    StoreError,
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
        origin: &Origin,
    ) -> Result<CreateOperatorVerdict, StoreError> {
        let act = operators::CreateOperator {
            operator,
            proofs,
            origin: origin.clone(),
        };
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
        origin: &Origin,
    ) -> Result<Option<Operator>, StoreError> {
        let name = name.clone();
        self.engine
            .write(operators::RevokeOperator {
                name,
                now,
                origin: origin.clone(),
            })
            .await
    }

    async fn add_proof(&self, proof: Proof, origin: &Origin) -> Result<bool, StoreError> {
        self.engine
            .write(operators::AddProof {
                proof,
                origin: origin.clone(),
            })
            .await
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
        origin: &Origin,
    ) -> Result<Option<Operator>, StoreError> {
        let link = *link;
        self.engine
            .write(operators::ExchangeLink {
                link,
                session,
                origin: origin.clone(),
            })
            .await
    }

    async fn remove_proof(&self, digest: &ProofDigest) -> Result<bool, StoreError> {
        let digest = *digest;
        self.engine.write(operators::RemoveProof { digest }).await
    }
}
