//! The one [`Store`] over all engines: each method is an act that the engine runs.

use std::time::Duration;

use acme_core::{
    Account, AccountVerdict, Attempt, Authorization, BeginFinalize, BeginValidation, Certificate,
    CertificateFilter, ChallengeState, Claim, ClaimBatch, CreateAccountVerdict,
    CreateAuthorizationVerdict, CreateOrderVerdict, CrlStanding, CrlVerdict, EarlyRenewal, Epoch,
    ExternalAccountKey, FinalizeVerdict, Issuer, IssuerId, Judged, KeyChangeVerdict, Lease,
    LeaseVerdict, NonceVerdict, Observation, Order, OrderView, Origin, Page, ProcessingChallenge,
    Pruned, PublishedCrl, RecordVerdict, Retention, RetryPolicy, RevocationEntry, RevocationReason,
    RevokeVerdict, Serial, SpentNonce, Standing, Store, StoreError, ValidationView,
};
use acme_types::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId, Identifier, Jwk,
    OrderId, Problem, ProvisionerName, Slot, Thumbprint, Timestamp,
};
use async_trait::async_trait;

use super::after::{After, place};
use super::{Engine, StoreOn};
use crate::acts::{
    accounts, attempts, certificates, finalize, leases, orders, processing, renewals, revocations,
    upkeep, validation,
};
use crate::cursor::Cursor;
use crate::rows::DueCursor;

#[async_trait]
impl<E: Engine> Store for StoreOn<E> {
    async fn take_lease(
        &self,
        slot: Slot,
        holder: &str,
        life: Duration,
        now: Timestamp,
    ) -> Result<LeaseVerdict, StoreError> {
        let act = leases::TakeLease {
            slot,
            holder: holder.to_owned(),
            life,
            now,
        };
        let verdict = self.engine.write(act).await?;
        if let LeaseVerdict::Taken(lease) = &verdict {
            self.engine.lease_taken(lease, now).await?;
        }
        Ok(verdict)
    }

    async fn renew_lease(
        &self,
        slot: Slot,
        epoch: Epoch,
        life: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        let act = leases::RenewLease {
            slot,
            epoch,
            life,
            now,
        };
        let lease = self.engine.write(act).await?;
        self.engine.lease_renewed(&lease, now).await?;
        Ok(lease)
    }

    async fn release_lease(
        &self,
        slot: Slot,
        epoch: Epoch,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let act = leases::ReleaseLease { slot, epoch, now };
        self.engine.write(act).await
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.engine.read(leases::ListLeases).await
    }

    async fn adopt(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let act = leases::Adopt {
            slot,
            epoch,
            limit,
            now,
        };
        self.engine.write(act).await
    }

    async fn nonce_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.engine.write(upkeep::NonceKey { fresh }).await
    }

    async fn spend_nonce(
        &self,
        nonce: SpentNonce,
        now: Timestamp,
    ) -> Result<NonceVerdict, StoreError> {
        self.engine.spend_nonce(nonce, now).await
    }

    async fn create_account(
        &self,
        account: Account,
        origin: &Origin,
    ) -> Result<CreateAccountVerdict, StoreError> {
        self.engine
            .write(accounts::CreateAccount {
                account,
                origin: origin.clone(),
            })
            .await
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let act = accounts::FindAccount { id: id.clone() };
        self.engine.read(act).await
    }

    async fn find_account_by_key(
        &self,
        provisioner: &ProvisionerName,
        thumbprint: &Thumbprint,
    ) -> Result<Option<Account>, StoreError> {
        let act = accounts::FindAccountByKey {
            provisioner: provisioner.clone(),
            thumbprint: *thumbprint,
        };
        self.engine.read(act).await
    }

    async fn update_account(
        &self,
        id: &AccountId,
        contact: Option<Vec<String>>,
        terms_agreed: Option<bool>,
        origin: &Origin,
    ) -> Result<AccountVerdict, StoreError> {
        let act = accounts::UpdateAccount::new(id, contact, terms_agreed, origin);
        self.engine.write(act).await
    }

    async fn deactivate_account(
        &self,
        id: &AccountId,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<AccountVerdict, StoreError> {
        let act = accounts::DeactivateAccount::new(id, now, origin);
        self.engine.write(act).await
    }

    async fn change_account_key(
        &self,
        id: &AccountId,
        old: &Thumbprint,
        jwk: &Jwk,
        thumbprint: &Thumbprint,
        origin: &Origin,
    ) -> Result<KeyChangeVerdict, StoreError> {
        let new = (jwk.clone(), *thumbprint);
        let act = accounts::ChangeAccountKey::new(id, old, new, origin);
        self.engine.write(act).await
    }

    async fn list_accounts(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Account>, StoreError> {
        let after = place!(after, Cursor::parse);
        self.engine
            .read(accounts::ListAccounts { after, limit })
            .await
    }

    async fn create_external_account_key(
        &self,
        key: ExternalAccountKey,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let act = accounts::CreateExternalAccountKey {
            key,
            origin: origin.clone(),
        };
        self.engine.write(act).await
    }

    async fn find_external_account_key(
        &self,
        id: &ExternalAccountKeyId,
    ) -> Result<Option<ExternalAccountKey>, StoreError> {
        let act = accounts::FindExternalAccountKey { id: id.clone() };
        self.engine.read(act).await
    }

    async fn revoke_external_account_key(
        &self,
        id: &ExternalAccountKeyId,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<Option<ExternalAccountKey>, StoreError> {
        let id = id.clone();
        self.engine
            .write(accounts::RevokeExternalAccountKey {
                id,
                now,
                origin: origin.clone(),
            })
            .await
    }

    async fn list_external_account_keys(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ExternalAccountKey>, StoreError> {
        let after = place!(after, Cursor::parse);
        self.engine
            .read(accounts::ListExternalAccountKeys { after, limit })
            .await
    }

    async fn create_order(
        &self,
        order: Order,
        authorizations: Vec<Authorization>,
    ) -> Result<CreateOrderVerdict, StoreError> {
        let act = orders::CreateOrder {
            order,
            authorizations,
        };
        self.engine.write(act).await
    }

    async fn find_order(&self, id: &OrderId) -> Result<Option<OrderView>, StoreError> {
        self.engine.read(orders::FindOrder { id: id.clone() }).await
    }

    async fn list_orders(
        &self,
        account_id: &AccountId,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Page<OrderId>, StoreError> {
        let act = orders::ListOrders {
            account_id: account_id.clone(),
            after: place!(after, Cursor::parse),
            limit,
            now,
        };
        self.engine.read(act).await
    }

    async fn find_authorization(
        &self,
        id: &AuthorizationId,
    ) -> Result<Option<(Authorization, Vec<Vec<Attempt>>)>, StoreError> {
        let act = orders::FindAuthorization { id: id.clone() };
        self.engine.read(act).await
    }

    async fn create_authorization(
        &self,
        authorization: Authorization,
        now: Timestamp,
    ) -> Result<CreateAuthorizationVerdict, StoreError> {
        let act = orders::CreateAuthorization { authorization, now };
        self.engine.write(act).await
    }

    async fn find_valid_authorizations(
        &self,
        account_id: &AccountId,
        identifiers: &[Identifier],
    ) -> Result<Vec<Authorization>, StoreError> {
        let act = orders::FindValidAuthorizations {
            account_id: account_id.clone(),
            identifiers: identifiers.to_vec(),
        };
        self.engine.read(act).await
    }

    async fn deactivate_authorization(
        &self,
        id: &AuthorizationId,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Authorization>, StoreError> {
        let act = orders::DeactivateAuthorization {
            id: id.clone(),
            account_id: account_id.clone(),
            now,
        };
        self.engine.write(act).await
    }

    async fn begin_validation(
        &self,
        request: BeginValidation<'_>,
    ) -> Result<Option<ValidationView>, StoreError> {
        let act = validation::BeginValidation::from(&request);
        self.engine.write(act).await
    }

    async fn conclude_validation(
        &self,
        request: BeginValidation<'_>,
        judged: Judged<'_>,
    ) -> Result<Option<ValidationView>, StoreError> {
        let act = validation::ConcludeValidation {
            request: validation::BeginValidation::from(&request),
            observation: judged.observation.clone(),
            attested_key: judged.attested_key,
        };
        self.engine.write(act).await
    }

    async fn poll_validation(
        &self,
        request: BeginValidation<'_>,
    ) -> Result<Option<ValidationView>, StoreError> {
        let poll = validation::BeginValidation::from(&request);
        let found = self
            .engine
            .read(validation::PollValidation(poll.clone()))
            .await?;
        match found {
            validation::Polled::View(view) => Ok(view.map(|view| *view)),
            validation::Polled::Rearms => {
                let act = validation::RearmValidation(poll);
                self.engine.write(act).await
            }
        }
    }

    async fn claim_due(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        patience: Duration,
        now: Timestamp,
    ) -> Result<ClaimBatch, StoreError> {
        let act = attempts::ClaimDue {
            slot,
            epoch,
            limit,
            patience,
            now,
        };
        self.engine.write(act).await
    }

    async fn record_attempt(
        &self,
        claim: &Claim,
        observation: &Observation,
        policy: &RetryPolicy,
        now: Timestamp,
    ) -> Result<RecordVerdict, StoreError> {
        let act = attempts::RecordAttempt {
            claim: claim.clone(),
            observation: observation.clone(),
            policy: policy.clone(),
            now,
        };
        let verdict = self.engine.write(act).await?;
        if let RecordVerdict::Recorded(challenge) = &verdict
            && let ChallengeState::Processing { retry, .. } = &challenge.state
            && retry.owner != claim.in_flight.slot
        {
            // Its new owner could not plan the next attempt before this one was over.
            self.engine.wake(retry.owner);
        }
        Ok(verdict)
    }

    async fn postpone_attempt(&self, claim: &Claim, to: Timestamp) -> Result<(), StoreError> {
        let act = attempts::PostponeAttempt {
            claim: claim.clone(),
            to,
        };
        self.engine.write(act).await
    }

    async fn expire_challenges(
        &self,
        slot: Slot,
        epoch: Epoch,
        limit: u32,
        now: Timestamp,
    ) -> Result<u32, StoreError> {
        let act = processing::ExpireChallenges {
            slot,
            epoch,
            limit,
            now,
        };
        self.engine.write(act).await
    }

    async fn find_attempts(
        &self,
        id: &ChallengeId,
    ) -> Result<Option<(Authorization, Vec<Attempt>)>, StoreError> {
        let act = processing::FindAttempts { id: id.clone() };
        self.engine.read(act).await
    }

    async fn list_processing(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ProcessingChallenge>, StoreError> {
        let after = place!(after, DueCursor::parse);
        self.engine
            .read(processing::ListProcessing { after, limit })
            .await
    }

    async fn put_issuer(&self, issuer: &Issuer) -> Result<(), StoreError> {
        let issuer = issuer.clone();
        self.engine.write(certificates::PutIssuer { issuer }).await
    }

    async fn begin_finalize(
        &self,
        request: BeginFinalize<'_>,
    ) -> Result<FinalizeVerdict, StoreError> {
        let act = finalize::BeginFinalize::from(request);
        self.engine.write(act).await
    }

    async fn complete_finalize(
        &self,
        certificate_id: &CertificateId,
        der: &[u8],
        slot: Slot,
        epoch: Epoch,
        origin: &Origin,
    ) -> Result<FinalizeVerdict, StoreError> {
        let act = finalize::CompleteFinalize::new(certificate_id, der, (slot, epoch), origin);
        self.engine.write(act).await
    }

    async fn fail_finalize(
        &self,
        certificate_id: &CertificateId,
        error: &Problem,
        slot: Slot,
        epoch: Epoch,
        origin: &Origin,
    ) -> Result<FinalizeVerdict, StoreError> {
        let act = finalize::FailFinalize::new(certificate_id, error, (slot, epoch), origin);
        self.engine.write(act).await
    }

    async fn find_unsigned(
        &self,
        slot: Slot,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Certificate>, StoreError> {
        let act = certificates::FindUnsigned {
            slot,
            before,
            limit,
        };
        self.engine.read(act).await
    }

    async fn find_certificate(
        &self,
        id: &CertificateId,
    ) -> Result<Option<(Certificate, Issuer)>, StoreError> {
        let act = certificates::FindCertificate { id: id.clone() };
        self.engine.read(act).await
    }

    async fn find_certificate_by_serial(
        &self,
        serial: &Serial,
    ) -> Result<Option<Certificate>, StoreError> {
        let act = certificates::FindCertificateBySerial { serial: *serial };
        self.engine.read(act).await
    }

    async fn list_certificates(
        &self,
        filter: &CertificateFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Certificate>, StoreError> {
        let act = certificates::ListCertificates {
            filter: filter.clone(),
            after: place!(after, Cursor::parse),
            limit,
        };
        self.engine.read(act).await
    }

    async fn revoke_certificate(
        &self,
        serial: &Serial,
        reason: RevocationReason,
        now: Timestamp,
        origin: &Origin,
    ) -> Result<RevokeVerdict, StoreError> {
        let act = revocations::RevokeCertificate::new(serial, reason, now, origin);
        self.engine.write(act).await
    }

    async fn set_early_renewal(
        &self,
        serial: &Serial,
        early_renewal: Option<EarlyRenewal>,
    ) -> Result<Option<Certificate>, StoreError> {
        let act = renewals::SetEarlyRenewal {
            serial: *serial,
            early_renewal,
        };
        self.engine.write(act).await
    }

    async fn revocations(
        &self,
        issuer: &IssuerId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RevocationEntry>, StoreError> {
        let act = revocations::ListRevocations {
            issuer: *issuer,
            after,
            limit,
        };
        self.engine.read(act).await
    }

    async fn crl_standing(
        &self,
        issuer: &IssuerId,
        number: u64,
    ) -> Result<Option<CrlStanding>, StoreError> {
        let act = revocations::FindCrlStanding {
            issuer: *issuer,
            number,
        };
        self.engine.read(act).await
    }

    async fn publish_crl(
        &self,
        crl: &PublishedCrl,
        replaces: u64,
    ) -> Result<CrlVerdict, StoreError> {
        let act = revocations::PublishCrl {
            crl: crl.clone(),
            replaces,
        };
        self.engine.write(act).await
    }

    async fn prune(
        &self,
        retention: &Retention,
        limit: u32,
        now: Timestamp,
    ) -> Result<Pruned, StoreError> {
        let act = upkeep::Prune {
            retention: *retention,
            limit,
            now,
        };
        let pruned = self.engine.write(act).await?;
        let nonces = self.engine.forget_nonces(limit, now).await?;
        Ok(Pruned { nonces, ..pruned })
    }
    async fn standing(&self, slot: Slot, now: Timestamp) -> Result<Standing, StoreError> {
        self.engine.read(upkeep::ReadStanding { slot, now }).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.engine.read(upkeep::Ping).await
    }
}
