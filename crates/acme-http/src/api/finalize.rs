//! finalize ([RFC 8555 § 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)): from a CSR to a
//! certificate.

use std::time::Duration;

use acme_core::{
    Account, AuthorityError, BeginFinalize, Csr, EntropyRng, FinalizeVerdict, HookEvent,
    HookQuestion, IssueRequest, NewCertificate, Order, OrderState, Origin, Provisioner, Serial,
    check_each,
};
use acme_types::{
    CertificateId, FinalizeRequest, Identifier, OrderId, OrderStatus, ProblemKind, Timestamp,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::order::no_order;
use super::{Api, Services};
use crate::failure::{Failure, Outcome, refusal};
use crate::metrics::SignMeters;
use crate::request::Payload;

/// How long the answer waits for the signature. Clients in wide use give up on a request after
/// 10 s; beyond this one the order is answered as `processing`.
const SIGN_PATIENCE: Duration = Duration::from_secs(5);

impl Api {
    pub(super) async fn finalize(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &OrderId,
        payload: &Payload,
        origin: &Origin,
    ) -> Outcome {
        let now = origin.at;
        let request: FinalizeRequest = payload.object()?;
        let order = self.own_order(account, id).await?.order;
        // Before the CSR: a client that repeats finalize shall be told that the order is done, also
        // when it has thrown the key away.
        expect_ready(&order, now)?;
        let csr = Csr::parse_for(&request.csr, &order.identifiers)?;
        csr.check(&order.identifiers, &account.jwk)?;
        self.check_attested_key(&order, &csr).await?;
        self.recheck_caa(provisioner, &order, now).await?;
        let certificate = self
            .prepare(provisioner, account, &order, &csr, now)
            .await?;

        // From here on the act goes to its end, whether the client waits or not.
        let signing = self.meters.signing.clone();
        let issuing = issue(
            self.services.clone(),
            signing,
            order.id,
            certificate,
            origin.clone(),
        );
        let issuance = tokio::spawn(issuing.in_current_span());
        let order = match tokio::time::timeout(SIGN_PATIENCE, issuance).await {
            Ok(Ok(issued)) => issued?,
            Ok(Err(_)) => return Err(Failure::Bug("issuing has panicked")),
            Err(_) => self.own_order(account, id).await?.order,
        };
        let meters = self.meters.of(&provisioner.name);
        match order.state {
            OrderState::Valid { .. } => meters.issued.increment(1),
            _ => meters.put_off.increment(1),
        }
        Ok(self.order_answer(provisioner, &order, false, self.services.clock.now()))
    }

    /// Checks that a certificate that rests on the attestation of a device is for the attested key.
    async fn check_attested_key(&self, order: &Order, csr: &Csr) -> Result<(), Failure> {
        if !order.identifiers.iter().any(Identifier::is_device) {
            return Ok(());
        }
        for id in &order.authorizations {
            let found = self.services.store.find_authorization(id).await?;
            // What is not there must not let a key pass.
            let gone = Failure::Bug("an authorization of a ready order is gone");
            let (authorization, _) = found.ok_or(gone)?;
            authorization.check_key(csr.jwk())?;
        }
        Ok(())
    }

    /// Has the authority write the to-be-signed form. Nothing is stored or signed yet, so whatever
    /// fails here leaves the order ready.
    async fn prepare(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        order: &Order,
        csr: &Csr,
        now: Timestamp,
    ) -> Result<NewCertificate, Failure> {
        // The order may have been opened long ago, and the provisioner's bounds may have changed.
        let issuance = provisioner.issuance_of(order.profile.as_ref())?;
        check_each(&order.identifiers, |identifier| {
            provisioner.check_identifier(identifier)?;
            issuance.check_identifier(identifier)
        })?;
        self.check_authority(provisioner, &order.identifiers)?;
        let (not_before, not_after) = issuance.validity(order.not_before, order.not_after, now)?;
        provisioner.policy.check_key(csr.jwk())?;
        issuance.check_key(csr.jwk())?;
        self.ask_policy(HookQuestion {
            account,
            order,
            event: HookEvent::Finalize {
                csr,
                not_before,
                not_after,
            },
        })
        .await?;
        let (id, serial) = {
            let mut rng = EntropyRng(&*self.services.entropy);
            let slot = self.services.tenure.slot();
            (
                CertificateId::dated(now, &mut rng),
                Serial::dated(slot, now, &mut rng),
            )
        };
        let request = IssueRequest {
            provisioner: provisioner.name.clone(),
            profile: order.profile.clone(),
            serial,
            // Not those of the order: the CSR may leave devices out.
            identifiers: csr.identifiers().to_vec(),
            spki: csr.spki().to_vec(),
            not_before,
            not_after,
            contents: issuance.contents.clone(),
        };
        let prepared = self.services.authority.prepare(&request).await?;
        Ok(NewCertificate {
            id,
            serial,
            issuer: prepared.issuer,
            not_before,
            not_after: prepared.not_after,
            tbs: prepared.tbs,
        })
    }
}

/// Stores what will be signed, signs it and stores the certificate; gives the order as it is then.
///
/// Once the first step is stored, only a refusal of the authority is a failure: after any other the
/// order stays `processing`, and the worker takes the certificate to its end.
async fn issue(
    services: Services,
    meters: SignMeters,
    order_id: OrderId,
    certificate: NewCertificate,
    origin: Origin,
) -> Result<Order, Failure> {
    let (slot, epoch, now) = (services.tenure.slot(), services.tenure.epoch(), origin.at);
    let (id, issuer, tbs) = (
        certificate.id.clone(),
        certificate.issuer,
        certificate.tbs.clone(),
    );
    let serial = certificate.serial;
    let begun = services
        .store
        .begin_finalize(BeginFinalize {
            order_id: &order_id,
            certificate,
            slot,
            epoch,
            now,
        })
        .await?;
    let order = match begun {
        FinalizeVerdict::Done(order) => order,
        FinalizeVerdict::NotReady(order) => {
            // Another request was quicker.
            return Err(expect_ready(&order, now)
                .err()
                .unwrap_or(Failure::Bug("the store takes a ready order for none")));
        }
        FinalizeVerdict::NotFound => return Err(no_order()),
        FinalizeVerdict::KeyBlocked => {
            let detail = "the CSR is refused: its key was told to be compromised; make another key";
            return Err(Failure::new(ProblemKind::BadCsr, detail));
        }
    };
    let begun = Instant::now();
    let signing = services.authority.sign(issuer, &tbs);
    let signed = signing.instrument(tracing::debug_span!("sign")).await;
    meters.seconds.record(begun.elapsed());
    let completed = match signed {
        Ok(der) => {
            let completed = services
                .store
                .complete_finalize(&id, &der, slot, epoch, &origin);
            completed.await
        }
        Err(AuthorityError::Refused(reason)) => {
            meters.refused.increment(1);
            let problem = refusal(&reason);
            tracing::warn!(%serial, %order_id, reason, "the authority refuses to sign");
            let failed = services
                .store
                .fail_finalize(&id, &problem, slot, epoch, &origin);
            return match failed.await {
                Ok(_) => Err(problem.into()),
                Err(error) => Err(error.into()),
            };
        }
        Err(error) => {
            meters.unavailable.increment(1);
            tracing::warn!(%serial, %order_id, %error, "a certificate could not be signed yet");
            return Ok(order);
        }
    };
    match completed {
        Ok(FinalizeVerdict::Done(order) | FinalizeVerdict::NotReady(order)) => {
            tracing::info!(%serial, %order_id, certificate = %id, "certificate issued");
            Ok(order)
        }
        Ok(FinalizeVerdict::NotFound) => Err(no_order()),
        Ok(FinalizeVerdict::KeyBlocked) => {
            Err(Failure::Bug("a key was blocked after it was certified"))
        }
        Err(error) => {
            tracing::warn!(%serial, %order_id, %error, "a certificate could not be stored yet");
            Ok(order)
        }
    }
}

/// An order is finalized once, when it is ready, and in time; RFC 8555 section 7.4 has one answer for
/// all else, an order that has expired among it.
fn expect_ready(order: &Order, now: Timestamp) -> Result<(), Failure> {
    let state = order.state_at(now);
    let detail = match &state {
        OrderState::Ready => return Ok(()),
        OrderState::Pending => {
            "not every authorization of the order is valid yet; poll the order until it is ready"
                .to_owned()
        }
        OrderState::Processing { .. } => {
            "the order was finalized already and is processing; poll it until it is valid"
                .to_owned()
        }
        OrderState::Valid { .. } => {
            "the order was finalized already and is valid; read it for the certificate's URL"
                .to_owned()
        }
        OrderState::Invalid { error } => {
            format!("the order is {}: {}", OrderStatus::Invalid, error.detail)
        }
    };
    Err(Failure::new(ProblemKind::OrderNotReady, detail))
}
