//! Finalization: from a ready order to its one certificate.

use acme_core::{
    AuditAct, AuditEvent, Certificate, Epoch, FinalizeVerdict, NewCertificate, Order, OrderState,
    Origin, certified_key,
};
use acme_types::{CertificateId, OrderId, Problem, Slot, Timestamp};

use super::audit::note;
use super::{fence, renewals};
use crate::act::{Act, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Store::begin_finalize`].
pub(crate) struct BeginFinalize {
    pub(crate) order_id: OrderId,
    pub(crate) certificate: NewCertificate,
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) now: Timestamp,
}

impl From<acme_core::BeginFinalize<'_>> for BeginFinalize {
    fn from(request: acme_core::BeginFinalize<'_>) -> Self {
        Self {
            order_id: request.order_id.clone(),
            certificate: request.certificate,
            slot: request.slot,
            epoch: request.epoch,
            now: request.now,
        }
    }
}

impl Act for BeginFinalize {
    type Output = FinalizeVerdict;
    const WHAT: &'static str = "beginning to finalize an order";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<FinalizeVerdict> {
        fence(rows, self.slot, self.epoch).await?;
        let Some(mut order) = rows.lock_order(&self.order_id).await? else {
            return Ok(FinalizeVerdict::NotFound);
        };
        if order.state_at(self.now) != OrderState::Ready {
            return Ok(FinalizeVerdict::NotReady(order));
        }
        let new = &self.certificate;
        if let Some(key) = certified_key(&new.tbs)
            && rows.is_blocked(&key).await?
        {
            return Ok(FinalizeVerdict::KeyBlocked);
        }
        let certificate = Certificate {
            id: new.id.clone(),
            serial: new.serial,
            order_id: order.id.clone(),
            account_id: order.account_id.clone(),
            provisioner: order.provisioner.clone(),
            issuer: new.issuer,
            identifiers: order.identifiers.clone(),
            not_before: new.not_before,
            not_after: new.not_after,
            tbs: new.tbs.clone(),
            der: None,
            revocation: None,
            early_renewal: None,
            replacement: None,
            created_at: self.now,
        };
        rows.insert_certificate(&certificate, self.slot).await?;
        order.state = OrderState::Processing {
            certificate_id: certificate.id,
        };
        rows.set_order(&order.id, &order.state).await?;
        Ok(FinalizeVerdict::Done(order))
    }
}

/// See [`acme_core::Store::complete_finalize`].
pub(crate) struct CompleteFinalize {
    pub(crate) certificate_id: CertificateId,
    pub(crate) der: Vec<u8>,
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) origin: Origin,
}

impl CompleteFinalize {
    pub(crate) fn new(
        certificate_id: &CertificateId,
        der: &[u8],
        (slot, epoch): (Slot, Epoch),
        origin: &Origin,
    ) -> Self {
        Self {
            certificate_id: certificate_id.clone(),
            der: der.to_vec(),
            slot,
            epoch,
            origin: origin.clone(),
        }
    }
}

impl Act for CompleteFinalize {
    type Output = FinalizeVerdict;
    const WHAT: &'static str = "completing an order";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<FinalizeVerdict> {
        fence(rows, self.slot, self.epoch).await?;
        let id = &self.certificate_id;
        let Some((certificate, mut order)) = lock_order_of(rows, id).await? else {
            return Ok(FinalizeVerdict::NotFound);
        };
        match &order.state {
            OrderState::Valid { certificate_id } if certificate_id == id => {
                Ok(FinalizeVerdict::Done(order))
            }
            OrderState::Processing { certificate_id } if certificate_id == id => {
                rows.set_signed(&certificate, &self.der).await?;
                order.state = OrderState::Valid {
                    certificate_id: certificate.id.clone(),
                };
                rows.set_order(&order.id, &order.state).await?;
                if let Some(replaced) = &order.replaces {
                    renewals::replaced(rows, replaced, &certificate.id).await?;
                }
                let event = told(AuditAct::CertificateIssue, &certificate);
                note(rows, &self.origin, &event).await?;
                Ok(FinalizeVerdict::Done(order))
            }
            _ => Ok(FinalizeVerdict::NotReady(order)),
        }
    }
}

/// See [`acme_core::Store::fail_finalize`].
pub(crate) struct FailFinalize {
    pub(crate) certificate_id: CertificateId,
    pub(crate) error: Problem,
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) origin: Origin,
}

impl FailFinalize {
    pub(crate) fn new(
        certificate_id: &CertificateId,
        error: &Problem,
        (slot, epoch): (Slot, Epoch),
        origin: &Origin,
    ) -> Self {
        Self {
            certificate_id: certificate_id.clone(),
            error: error.clone(),
            slot,
            epoch,
            origin: origin.clone(),
        }
    }
}

impl Act for FailFinalize {
    type Output = FinalizeVerdict;
    const WHAT: &'static str = "failing an order";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<FinalizeVerdict> {
        fence(rows, self.slot, self.epoch).await?;
        let id = &self.certificate_id;
        let Some((certificate, mut order)) = lock_order_of(rows, id).await? else {
            return Ok(FinalizeVerdict::NotFound);
        };
        match &order.state {
            OrderState::Processing { certificate_id } if certificate_id == id => {
                rows.set_given_up(id).await?;
                order.state = OrderState::Invalid {
                    error: self.error.clone(),
                };
                rows.set_order(&order.id, &order.state).await?;
                let event = told(AuditAct::CertificateRefuse, &certificate).refused();
                let event = event.with("reason", &self.error.detail);
                note(rows, &self.origin, &event).await?;
                Ok(FinalizeVerdict::Done(order))
            }
            // Said before.
            OrderState::Invalid { .. } => Ok(FinalizeVerdict::Done(order)),
            _ => Ok(FinalizeVerdict::NotReady(order)),
        }
    }
}

/// What an entry about a certificate tells in any case.
pub(super) fn told(act: AuditAct, certificate: &Certificate) -> AuditEvent {
    let names: Vec<String> = certificate
        .identifiers
        .iter()
        .map(ToString::to_string)
        .collect();
    AuditEvent::done(act, "certificate", &certificate.id)
        .with("serial", certificate.serial)
        .with("order", &certificate.order_id)
        .with("account", &certificate.account_id)
        .with("provisioner", &certificate.provisioner)
        .with("identifiers", names.join(","))
}

/// A certificate and its order. The order is locked and guards both: a certificate is only ever
/// signed or given up together with it.
async fn lock_order_of<R: Rows>(
    rows: &mut R,
    id: &CertificateId,
) -> Outcome<Option<(Certificate, Order)>> {
    let Some(certificate) = rows.certificate(id).await? else {
        return Ok(None);
    };
    let order = rows.lock_order(&certificate.order_id).await?;
    Ok(order.map(|order| (certificate, order)))
}
