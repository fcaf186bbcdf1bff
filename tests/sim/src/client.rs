//! The simulated clients: each opens an order at one replica, asks for its validation at another,
//! polls at a third, asks again, asks twice at once, gives up waiting, and finalizes.

use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    Account, AttemptRunner as _, BeginFinalize, BeginValidation, Challenge, Clock as _,
    FinalizeVerdict, NewCertificate, Order, OrderRequest, Provisioner, Serial, SignAuthority,
    Store as _, StoreError,
};
use acme_types::{
    AccountId, AccountStatus, AuthorizationStatus, CertificateId, ChallengeId, Identifier, Jwk,
    OrderStatus, Thumbprint, Timestamp, Token,
};
use tokio::time::{sleep, timeout};

use crate::bug::Bug;
use crate::network::{Target, Targets};
use crate::replica::Front;
use crate::world::{PROBE_TIMEOUT, World};

/// How long a client waits for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything a client needs.
#[derive(Clone)]
pub struct ClientWorld {
    /// The world.
    pub world: Arc<World>,
    /// The targets, which the client sets up.
    pub targets: Arc<Targets>,
    /// The provisioner.
    pub provisioner: Arc<Provisioner>,
    /// Who signs.
    pub authority: Arc<dyn SignAuthority>,
    /// The replicas that answer at present.
    pub fronts: Arc<dyn Fn() -> Vec<Front> + Send + Sync>,
}

/// What a client holds once its order is acknowledged.
struct Open {
    order: Order,
    account: AccountId,
    challenge: ChallengeId,
}

impl ClientWorld {
    /// One client's life, until `end`.
    pub async fn live(self, number: u32, end: Timestamp) {
        let wait = self.world.seeded.draw(|rng| rng.millis(0, 90_000));
        sleep(wait).await;
        let Some(open) = self.open(number, end).await else {
            return;
        };
        self.request(&open).await;
        while self.world.now() < end {
            let (wait, again, twice) = self
                .world
                .seeded
                .draw(|rng| (rng.millis(500, 12_000), rng.one_in(6), rng.one_in(10)));
            sleep(wait).await;
            let status = match (again, twice) {
                (true, _) => self.request(&open).await,
                (_, true) => tokio::join!(self.request(&open), self.request(&open)).0,
                _ => self.poll(&open).await,
            };
            if status == Some(AuthorizationStatus::Valid) && self.finalize(&open).await {
                return;
            }
            if status == Some(AuthorizationStatus::Invalid) {
                return;
            }
        }
    }

    fn pick(&self) -> Option<Front> {
        let fronts = (self.fronts)();
        let at = self.world.seeded.draw(|rng| rng.below(fronts.len() as u64)) as usize;
        fronts.into_iter().nth(at)
    }

    async fn open(&self, number: u32, end: Timestamp) -> Option<Open> {
        while self.world.now() < end {
            sleep(Duration::from_millis(300)).await;
            let Some(front) = self.pick() else { continue };
            if let Ok(Ok(open)) = timeout(PATIENCE, self.try_open(&front, number)).await {
                return Some(open);
            }
        }
        None
    }

    async fn try_open(&self, front: &Front, number: u32) -> Result<Open, StoreError> {
        let now = front.clock.now();
        let (account, target) = self.world.seeded.draw(|rng| {
            let account = Account {
                id: AccountId::random(rng),
                provisioner: self.provisioner.name.clone(),
                jwk: Jwk::Ed25519 {
                    x: [number as u8; 32],
                },
                thumbprint: Thumbprint(std::array::from_fn(|_| rng.next() as u8)),
                status: AccountStatus::Valid,
                contact: Vec::new(),
                terms_agreed: false,
                external_account: None,
                created_at: now,
            };
            let from = self.world.now().plus(rng.millis(0, 150_000));
            let target = match rng.below(8) {
                0 => Target::Never,
                1 => Target::WrongFrom(from),
                _ => Target::ProofFrom(from),
            };
            (account, target)
        });
        let account_id = account.id.clone();
        front
            .store
            .create_account(
                account,
                &acme_core::Origin::of_command(Timestamp::from_secs(0)),
            )
            .await?;
        let opened = self.world.seeded.draw(|rng| {
            let name = format!("client-{number}.test").parse().map(Identifier::Dns);
            let identifiers = name.into_iter().collect();
            Order::open(
                &account_id,
                &self.provisioner,
                OrderRequest::new(identifiers),
                now,
                rng,
            )
        });
        let Ok((order, authorizations)) = opened else {
            return Err(StoreError::Corrupt(
                "the simulated order was refused".into(),
            ));
        };
        let challenge = authorizations
            .iter()
            .flat_map(|a| &a.challenges)
            .next()
            .cloned();
        let Some(Challenge { id, token, .. }) = challenge else {
            return Err(StoreError::Corrupt(
                "the simulated order has no challenge".into(),
            ));
        };
        self.aim(&token, target);
        front
            .store
            .create_order(order.clone(), authorizations)
            .await?;
        self.world.oracle.acknowledged(&order.id);
        Ok(Open {
            order,
            account: account_id,
            challenge: id,
        })
    }

    fn aim(&self, token: &Token, target: Target) {
        self.targets.set(token, target);
    }

    /// A POST to the challenge, as the API handles it.
    async fn request(&self, open: &Open) -> Option<AuthorizationStatus> {
        let front = self.pick()?;
        let act = async {
            let patience = PROBE_TIMEOUT + Duration::from_secs(5);
            let claim_for = front.worker.has_room().then_some(patience);
            let request = self.begin(&front, open, claim_for);
            let view = front.store.begin_validation(request).await.ok()??;
            match view.claim {
                // Handed over whole, as the API does: a client that goes away ends no attempt.
                Some(claim) => {
                    let run = tokio::spawn({
                        let worker = front.worker.clone();
                        async move { worker.run(claim).await }
                    });
                    let _ = timeout(self.world.policy.answer_within, run).await;
                }
                None => front.worker.wake(),
            }
            Some(view.authorization.status(front.clock.now()))
        };
        timeout(PATIENCE, act).await.ok()?
    }

    /// A POST-as-GET of the challenge.
    async fn poll(&self, open: &Open) -> Option<AuthorizationStatus> {
        let front = self.pick()?;
        let request = self.begin(&front, open, None);
        let view = timeout(PATIENCE, front.store.poll_validation(request)).await;
        let view = view.ok()?.ok()??;
        front.worker.wake();
        Some(view.authorization.status(front.clock.now()))
    }

    fn begin<'a>(
        &'a self,
        front: &Front,
        open: &'a Open,
        claim_for: Option<Duration>,
    ) -> BeginValidation<'a> {
        BeginValidation {
            challenge_id: &open.challenge,
            account_id: &open.account,
            slot: front.tenure.slot(),
            epoch: front.tenure.epoch(),
            policy: &self.world.policy,
            claim_for,
            now: front.clock.now(),
        }
    }

    /// Tells whether the order needs nothing more.
    async fn finalize(&self, open: &Open) -> bool {
        let Some(front) = self.pick() else {
            return false;
        };
        let act = async {
            let view = front.store.find_order(&open.order.id).await.ok()??;
            let status = view.order.state.status();
            if status != OrderStatus::Ready {
                return Some(status.is_settled());
            }
            let (id, serial) = self.world.seeded.draw(|rng| {
                (
                    CertificateId::random(rng),
                    Serial::random(front.tenure.slot(), rng),
                )
            });
            let written = if self.world.has(Bug::RepeatsSerials) {
                Serial::random(front.tenure.slot(), &mut crate::seeded::Seeded::new(1))
            } else {
                serial
            };
            let now = front.clock.now();
            let certificate = NewCertificate {
                id: id.clone(),
                serial,
                issuer: crate::run::ISSUER,
                not_before: now,
                not_after: now.plus(Duration::from_secs(86_400)),
                tbs: written.as_bytes().to_vec(),
            };
            let request = BeginFinalize {
                order_id: &open.order.id,
                certificate: certificate.clone(),
                slot: front.tenure.slot(),
                epoch: front.tenure.epoch(),
                now,
            };
            let FinalizeVerdict::Done(_) = front.store.begin_finalize(request).await.ok()? else {
                return Some(false);
            };
            front.process.gate().await;
            let der = self
                .authority
                .sign(crate::run::ISSUER, &certificate.tbs)
                .await
                .ok()?;
            let (slot, epoch) = (front.tenure.slot(), front.tenure.epoch());
            front
                .store
                .complete_finalize(
                    &id,
                    &der,
                    slot,
                    epoch,
                    &acme_core::Origin::of_command(Timestamp::from_secs(0)),
                )
                .await
                .ok()?;
            Some(true)
        };
        timeout(PATIENCE, act).await.ok().flatten().unwrap_or(false)
    }
}
