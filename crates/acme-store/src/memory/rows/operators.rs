//! Operators and what proves that someone is one, in memory.

use acme_core::{Operator, OperatorName, Proof, ProofDigest};
use acme_types::Timestamp;

use super::super::Tables;
use super::broken;
use crate::act::Outcome;
use crate::rows::OperatorRows;

impl OperatorRows for Tables {
    async fn operator(&mut self, name: &OperatorName) -> Outcome<Option<Operator>> {
        Ok(self.operators.get(name).cloned())
    }

    async fn lock_operator(&mut self, name: &OperatorName) -> Outcome<Option<Operator>> {
        self.operator(name).await
    }

    async fn operators(&mut self) -> Outcome<Vec<Operator>> {
        Ok(self.operators.values().cloned().collect())
    }

    async fn insert_operator(&mut self, operator: &Operator) -> Outcome<bool> {
        let is_new = !self.operators.contains_key(&operator.name);
        if is_new {
            self.operators
                .insert(operator.name.clone(), operator.clone());
        }
        Ok(is_new)
    }

    async fn set_operator(&mut self, operator: &Operator) -> Outcome<()> {
        self.operators
            .insert(operator.name.clone(), operator.clone());
        Ok(())
    }

    async fn insert_proof(&mut self, proof: &Proof) -> Outcome<()> {
        if !self.operators.contains_key(&proof.operator) {
            return Err(broken("a proof is of an operator"));
        }
        if self.proofs.contains_key(&proof.digest) {
            return Err(broken("a proof's digest is unique"));
        }
        self.proofs.insert(proof.digest, proof.clone());
        Ok(())
    }

    async fn proof(&mut self, digest: &ProofDigest) -> Outcome<Option<(Operator, Proof)>> {
        let proof = self.proofs.get(digest);
        let found = proof.and_then(|proof| {
            let operator = self.operators.get(&proof.operator)?;
            Some((operator.clone(), proof.clone()))
        });
        Ok(found)
    }

    async fn delete_proof(&mut self, digest: &ProofDigest) -> Outcome<bool> {
        Ok(self.proofs.remove(digest).is_some())
    }

    async fn delete_proofs_of(&mut self, name: &OperatorName) -> Outcome<()> {
        self.proofs.retain(|_, proof| proof.operator != *name);
        Ok(())
    }

    async fn prune_proofs(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let ended = self.proofs.values();
        let ended = ended.filter(|proof| proof.expires_at <= before);
        let digests: Vec<_> = ended.map(|p| p.digest).take(limit as usize).collect();
        for digest in &digests {
            self.proofs.remove(digest);
        }
        Ok(digests.len() as u64)
    }
}
