//! Renewals: certificates that shall be renewed early, and what replaces a certificate.

use acme_core::{
    Certificate, CreateOrderVerdict, EarlyRenewal, OrderState, RenewalId, Replacement, Serial,
};
use acme_types::{CertificateId, OrderId, Timestamp};

use crate::act::{Act, Outcome};
use crate::rows::Rows;

/// See [`acme_core::Store::set_early_renewal`].
pub(crate) struct SetEarlyRenewal {
    pub(crate) serial: Serial,
    pub(crate) early_renewal: Option<EarlyRenewal>,
}

impl Act for SetEarlyRenewal {
    type Output = Option<Certificate>;
    const WHAT: &'static str = "marking a certificate for renewal";

    async fn run<R: Rows>(&self, rows: &mut R) -> Outcome<Option<Certificate>> {
        let found = rows.lock_certificate_by_serial(&self.serial).await?;
        let Some(mut certificate) = found.filter(|certificate| certificate.der.is_some()) else {
            return Ok(None);
        };
        rows.set_early_renewal(&certificate.id, self.early_renewal.as_ref())
            .await?;
        certificate.early_renewal.clone_from(&self.early_renewal);
        Ok(Some(certificate))
    }
}

/// A certificate that a new order may replace, held against other writers.
pub(crate) struct Replaced {
    certificate: Certificate,
    /// The unfinished order that was to replace it before, held too.
    unfinished: Option<OrderId>,
}

/// Holds the certificate that a new order replaces and the order that was to do so before; or tells
/// why there is nothing to replace.
///
/// The order is held first, as whoever finalizes it does.
pub(crate) async fn lock_replaced<R: Rows>(
    rows: &mut R,
    id: &RenewalId,
    now: Timestamp,
) -> Outcome<Result<Replaced, CreateOrderVerdict>> {
    let serial = id.serial();
    let mut before = match rows.certificate_by_serial(serial).await? {
        Some(certificate) => certificate.replacement,
        None => return Ok(Err(CreateOrderVerdict::NothingToReplace)),
    };
    loop {
        let unfinished = match &before {
            Some(issued @ Replacement::Issued(_)) => {
                return Ok(Err(CreateOrderVerdict::AlreadyReplaced(issued.clone())));
            }
            Some(ordered @ Replacement::Ordered(id)) => {
                let order = rows.lock_order(id).await?;
                match order.map(|order| order.state_at(now)) {
                    Some(OrderState::Pending | OrderState::Ready) => Some(id.clone()),
                    Some(OrderState::Processing { .. } | OrderState::Valid { .. }) => {
                        return Ok(Err(CreateOrderVerdict::AlreadyReplaced(ordered.clone())));
                    }
                    Some(OrderState::Invalid { .. }) | None => None,
                }
            }
            None => None,
        };
        let Some(certificate) = rows.lock_certificate_by_serial(serial).await? else {
            return Ok(Err(CreateOrderVerdict::NothingToReplace));
        };
        if certificate.replacement == before {
            return Ok(Ok(Replaced {
                certificate,
                unfinished,
            }));
        }
        // Another order was quicker.
        before = certificate.replacement;
    }
}

impl Replaced {
    /// The order that was just stored will replace it, and the unfinished one will not.
    pub(crate) async fn give_to<R: Rows>(self, rows: &mut R, order: &OrderId) -> Outcome<()> {
        if let Some(unfinished) = self.unfinished {
            rows.set_order(&unfinished, &OrderState::superseded(order))
                .await?;
        }
        let replacement = Replacement::Ordered(order.clone());
        rows.set_replacement(&self.certificate.id, &replacement)
            .await
    }
}

/// The certificate was signed whose order said that it replaces another.
pub(crate) async fn replaced<R: Rows>(
    rows: &mut R,
    replaced: &RenewalId,
    by: &CertificateId,
) -> Outcome<()> {
    // It may have been pruned meanwhile.
    if let Some(replaced) = rows.certificate_by_serial(replaced.serial()).await? {
        let replacement = Replacement::Issued(by.clone());
        rows.set_replacement(&replaced.id, &replacement).await?;
    }
    Ok(())
}
