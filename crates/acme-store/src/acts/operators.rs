//! Operators and what proves that someone is one.

use acme_core::{
    Actor, AuditAct, AuditEvent, CreateOperatorVerdict, Operator, OperatorName, Origin, Proof,
    ProofDigest, ProofKind,
};
use acme_types::Timestamp;

use super::audit::note;
use crate::act::{Act, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Operators::create_operator`].
pub(crate) struct CreateOperator {
    pub(crate) operator: Operator,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) origin: Origin,
}

impl Act for CreateOperator {
    type Output = CreateOperatorVerdict;
    const WHAT: &'static str = "making an operator";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<CreateOperatorVerdict> {
        let name = &self.operator.name;
        if let Some(before) = rows.lock_operator(name).await? {
            if before.may_act(self.operator.created_at) {
                return Ok(CreateOperatorVerdict::Exists);
            }
            rows.delete_proofs_of(name).await?;
            rows.set_operator(&self.operator).await?;
        } else if !rows.insert_operator(&self.operator).await? {
            return Ok(CreateOperatorVerdict::Exists);
        }
        for proof in &self.proofs {
            rows.insert_proof(proof).await?;
        }
        let event = AuditEvent::done(AuditAct::OperatorCreate, "operator", name)
            .with("role", self.operator.role);
        note(rows, &self.origin, &event).await?;
        Ok(CreateOperatorVerdict::Created)
    }
}

/// See [`acme_core::Operators::find_operator`].
pub(crate) struct FindOperator {
    pub(crate) name: OperatorName,
}

impl Act for FindOperator {
    type Output = Option<Operator>;
    const WHAT: &'static str = "reading an operator";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Operator>> {
        rows.operator(&self.name).await
    }
}

/// See [`acme_core::Operators::list_operators`].
pub(crate) struct ListOperators;

impl Act for ListOperators {
    type Output = Vec<Operator>;
    const WHAT: &'static str = "listing operators";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Vec<Operator>> {
        rows.operators().await
    }
}

/// See [`acme_core::Operators::revoke_operator`].
pub(crate) struct RevokeOperator {
    pub(crate) name: OperatorName,
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
}

impl Act for RevokeOperator {
    type Output = Option<Operator>;
    const WHAT: &'static str = "revoking an operator";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Operator>> {
        let Some(mut operator) = rows.lock_operator(&self.name).await? else {
            return Ok(None);
        };
        let is_news = operator.revoked_at.is_none();
        if is_news {
            operator.revoked_at = Some(self.now);
            rows.set_operator(&operator).await?;
        }
        rows.delete_proofs_of(&self.name).await?;
        if is_news {
            let event = AuditEvent::done(AuditAct::OperatorRevoke, "operator", &self.name);
            note(rows, &self.origin, &event).await?;
        }
        Ok(Some(operator))
    }
}

/// See [`acme_core::Operators::add_proof`].
pub(crate) struct AddProof {
    pub(crate) proof: Proof,
    pub(crate) origin: Origin,
}

impl Act for AddProof {
    type Output = bool;
    const WHAT: &'static str = "keeping an operator's proof";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<bool> {
        // Held, so that a proof that races with a revocation is refused or goes with it.
        let operator = rows.lock_operator(&self.proof.operator).await?;
        if !operator.is_some_and(|operator| operator.may_act(self.proof.created_at)) {
            return Ok(false);
        }
        rows.insert_proof(&self.proof).await?;
        let event = AuditEvent::done(AuditAct::LinkCreate, "operator", &self.proof.operator)
            .with("kind", self.proof.kind.as_str())
            .with("until", self.proof.expires_at);
        note(rows, &self.origin, &event).await?;
        Ok(true)
    }
}

/// See [`acme_core::Operators::find_proof`].
pub(crate) struct FindProof {
    pub(crate) digest: ProofDigest,
    pub(crate) now: Timestamp,
}

impl Act for FindProof {
    type Output = Option<(Operator, Proof)>;
    const WHAT: &'static str = "looking for an operator by a proof";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<(Operator, Proof)>> {
        let found = rows.proof(&self.digest).await?;
        Ok(found
            .filter(|(operator, proof)| self.now < proof.expires_at && operator.may_act(self.now)))
    }
}

/// See [`acme_core::Operators::exchange_link`].
pub(crate) struct ExchangeLink {
    pub(crate) link: ProofDigest,
    pub(crate) session: Proof,
    pub(crate) origin: Origin,
}

impl Act for ExchangeLink {
    type Output = Option<Operator>;
    const WHAT: &'static str = "beginning a session";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Operator>> {
        let now = self.session.created_at;
        let Some((operator, link)) = rows.proof(&self.link).await? else {
            return Ok(None);
        };
        if link.kind != ProofKind::Link || link.expires_at <= now {
            return Ok(None);
        }
        let operator = rows.lock_operator(&operator.name).await?;
        let Some(operator) = operator.filter(|operator| operator.may_act(now)) else {
            return Ok(None);
        };
        // Of two that come this far, the second waited for the first and finds nothing to remove.
        if !rows.delete_proof(&self.link).await? {
            return Ok(None);
        }
        let session = Proof {
            operator: operator.name.clone(),
            kind: ProofKind::Session,
            ..self.session.clone()
        };
        rows.insert_proof(&session).await?;
        let origin = self
            .origin
            .clone()
            .by(Actor::Operator(operator.name.clone()));
        let event = AuditEvent::done(AuditAct::SessionBegin, "operator", &operator.name);
        note(rows, &origin, &event).await?;
        Ok(Some(operator))
    }
}

/// See [`acme_core::Operators::remove_proof`].
pub(crate) struct RemoveProof {
    pub(crate) digest: ProofDigest,
}

impl Act for RemoveProof {
    type Output = bool;
    const WHAT: &'static str = "forgetting an operator's proof";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<bool> {
        rows.delete_proof(&self.digest).await
    }
}
