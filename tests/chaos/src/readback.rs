//! After each round: everything that was acknowledged is read back through the API, spent nonces are
//! presented again to every replica, and the record of every challenge is judged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{CertificateFilter, Finding};
use acme_types::{
    AccountBody, AccountStatus, AuthorizationBody, ChallengeKind, ChallengeStatus, OrderBody,
    OrderId, ProblemKind, Slot,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::attempts::{Bounds, History, judge};
use crate::client::{Answer, Session};
use crate::error::{Error, Result};
use crate::invariant::Invariant;
use crate::ledger::{KnownAccount, KnownOrder, Progress};
use crate::load::{World, serial_of};
use crate::stage::Stage;
use crate::time::{Span, now};

/// Accounts that are read at the same time.
const AT_ONCE: usize = 4;
/// How often a request is made again that was not answered.
const ATTEMPTS: u32 = 60;
/// Spent nonces that are presented again in each round, the newest and others.
const REPLAYS: usize = 12;
/// Rows of one page.
const PAGE: u32 = 500;

/// Reads accounts and orders back; `which` tells the orders.
///
/// # Errors
/// When a reading task cannot go on.
pub async fn objects(world: &Arc<World>, which: impl Fn(&KnownOrder) -> bool) -> Result<()> {
    let mut by_account: HashMap<String, (Arc<KnownAccount>, Vec<Arc<KnownOrder>>)> = HashMap::new();
    for order in world
        .ledger
        .orders()
        .into_iter()
        .filter(|order| which(order))
    {
        let account = Arc::clone(&order.account);
        by_account
            .entry(account.url.clone())
            .or_insert((account, Vec::new()))
            .1
            .push(order);
    }
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut reading = JoinSet::new();
    for (account, orders) in by_account.into_values() {
        let (world, room) = (Arc::clone(world), Arc::clone(&room));
        reading.spawn(async move {
            let _place = room.acquire().await;
            let mut reader = Reader::new(&world, &account);
            reader.account(&account).await;
            for order in orders {
                reader.order(&order).await;
            }
        });
    }
    while let Some(read) = reading.join_next().await {
        read.map_err(|error| Error::stage(format!("reading back: {error}")))?;
    }
    Ok(())
}

/// Reads what one account has.
struct Reader<'a> {
    world: &'a World,
    session: Session,
}

impl<'a> Reader<'a> {
    fn new(world: &'a World, account: &KnownAccount) -> Self {
        let session = Session::new(
            world.endpoint.clone(),
            Arc::clone(&world.outside),
            Arc::clone(&account.key),
            Some(account.url.clone()),
        );
        Self {
            world,
            session: session.on_one_connection(),
        }
    }

    async fn account(&mut self, account: &KnownAccount) {
        let body = self
            .read(&account.url)
            .await
            .and_then(|answer| answer.json::<AccountBody>());
        let holds = body.as_ref().is_some_and(|body| {
            body.status == AccountStatus::Valid && body.contact == [account.contact.clone()]
        });
        self.world
            .findings
            .check(Invariant::NothingLost, holds, || {
                format!("account {} is {body:?}", account.url)
            });
    }

    async fn order(&mut self, order: &KnownOrder) {
        let mut progress = order.now.lock().await;
        let body = self
            .read(&order.url)
            .await
            .and_then(|answer| answer.json::<OrderBody>());
        let holds = body.as_ref().is_some_and(|body| {
            let authorization = progress.authorization.as_ref().map(|(url, _)| url);
            let is_same = body.authorizations.iter().eq(authorization);
            let certificate = progress
                .certificate
                .as_ref()
                .map(|certificate| &certificate.url);
            is_same && (certificate.is_none() || body.certificate.as_ref() == certificate)
        });
        self.world
            .findings
            .check(Invariant::NothingLost, holds, || {
                format!("order {} ({}) is {body:?}", order.number, order.url)
            });
        if let Some(body) = body {
            progress.saw_order(&self.world.findings, order.number, body.status);
        }
        self.authorization(order, &mut progress).await;
        self.certificate(order, &progress).await;
    }

    async fn authorization(&mut self, order: &KnownOrder, progress: &mut Progress) {
        let Some((url, _)) = progress.authorization.clone() else {
            return;
        };
        let body = self
            .read(&url)
            .await
            .and_then(|answer| answer.json::<AuthorizationBody>());
        let of_kind = |body: &AuthorizationBody| {
            let mut challenges = body.challenges.iter();
            challenges
                .find(|it| it.kind == ChallengeKind::Http01)
                .map(|it| (it.url.clone(), it.status))
        };
        let found = body.as_ref().and_then(of_kind);
        let holds = match &progress.challenge {
            Some(known) => found.as_ref().is_some_and(|(url, _)| *url == known.url),
            None => body.is_some(),
        };
        self.world
            .findings
            .check(Invariant::NothingLost, holds, || {
                format!("order {}: its authorization is {body:?}", order.number)
            });
        if let Some(body) = body {
            progress.saw_authorization(&self.world.findings, order.number, body.status);
        }
        if let Some((_, status)) = found {
            progress.saw_challenge(&self.world.findings, order.number, status);
        }
    }

    async fn certificate(&mut self, order: &KnownOrder, progress: &Progress) {
        let Some(known) = &progress.certificate else {
            return;
        };
        let pem = self.read(&known.url).await.map(|answer| answer.text());
        self.world.findings.check(
            Invariant::NothingLost,
            pem.as_ref() == Some(&known.pem),
            || {
                let serial = pem.as_deref().and_then(serial_of);
                format!(
                    "order {}: its certificate {} is {serial:?}",
                    order.number, known.serial
                )
            },
        );
    }

    /// POST-as-GET until it is answered; none when it is refused, or never answered.
    async fn read(&mut self, url: &str) -> Option<Answer> {
        for _ in 0..ATTEMPTS {
            match self.session.post(url, "").await {
                Ok(answer) => return answer.status.is_success().then_some(answer),
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
        None
    }
}

/// Presents spent nonces again, each to every replica.
pub async fn nonces(world: &World, stage: &Stage) {
    let Some(account) = world.ledger.accounts().into_iter().next() else {
        return;
    };
    let at_replica = |address| {
        let session = Session::new(
            world.endpoint.at(address),
            Arc::clone(&world.outside),
            Arc::clone(&account.key),
            Some(account.url.clone()),
        );
        session.on_one_connection()
    };
    let mut sessions: Vec<_> = stage
        .replicas
        .iter()
        .map(|it| at_replica(it.acme))
        .collect();
    let mut spent = world.outside.nonces.spent_sample(REPLAYS);
    for nonce in world
        .outside
        .nonces
        .take_unknown()
        .into_iter()
        .take(REPLAYS)
    {
        // Whether it was spent is not known; it is afterwards.
        let Some(session) = sessions.first_mut() else {
            return;
        };
        if session.post_with(&nonce, &account.url, "").await.is_ok() {
            spent.push(nonce);
        }
    }
    for nonce in spent {
        for (session, replica) in sessions.iter_mut().zip(&stage.replicas) {
            if let Ok(answer) = session.post_with(&nonce, &account.url, "").await {
                world.findings.check(
                    Invariant::NonceOnce,
                    answer.is_problem(ProblemKind::BadNonce),
                    || {
                        format!(
                            "replica {} took the used nonce {nonce}: {}",
                            replica.slot, answer.status
                        )
                    },
                );
            }
        }
    }
}

/// Judges every challenge's record that may have changed since it was judged last.
///
/// # Errors
/// When the store cannot be read.
pub async fn attempts(world: &World, stage: &Stage, outages: &[Span]) -> Result<()> {
    let setting = &world.setting;
    let bounds = Bounds {
        least_gap: setting.interval.min(acme_core::RetryPolicy::MIN_GAP),
        longest_wait: setting.longest_wait(),
        // An answer may come late, and a window may begin with an attempt that was planned earlier.
        armed_for: setting
            .window
            .saturating_sub(setting.interval + setting.patience() * 2),
        lives: stage.lives(),
        outages: outages.to_vec(),
    };
    for order in world.ledger.orders() {
        let mut progress = order.now.lock().await;
        if progress.is_judged {
            continue;
        }
        let Some(known) = &progress.challenge else {
            continue;
        };
        let id = &known.id;
        let read_at = now();
        let found = stage
            .read(async |store| store.find_attempts(id).await)
            .await?;
        let Some((authorization, attempts)) = found else {
            let detail = format!("order {}: the store has no challenge {id}", order.number);
            world.findings.violated(Invariant::NothingLost, detail);
            continue;
        };
        let status = authorization.challenges.iter().find(|it| it.id == *id);
        let status = status.map_or(ChallengeStatus::Pending, |it| it.state.status());
        let verdict = judge(
            &History {
                requested_at: &known.requested_at,
                attempts: &attempts,
                status,
                plan: known.target.plan(),
                served_at: &known.target.served_at(),
                read_at,
            },
            &bounds,
        );
        for (invariant, n) in verdict.looked_at {
            world.findings.looked_at(invariant, n);
        }
        for (invariant, detail) in verdict.violations {
            let line = |it: &acme_core::Attempt| {
                let finding = it.observation.finding;
                format!(
                    "{} slot {} {:?} {:?} {}",
                    it.number,
                    it.slot,
                    it.started_at,
                    it.observation.took,
                    finding.as_str()
                )
            };
            let last: Vec<_> = attempts.iter().rev().take(4).map(line).collect();
            let detail = format!(
                "order {}, challenge {id}: {detail}; newest first: {last:#?}",
                order.number
            );
            world.findings.violated(invariant, detail);
        }
        progress.is_judged = status.is_settled()
            || (progress.is_over && read_at > last_armed(&progress, setting.window));
    }
    Ok(())
}

fn last_armed(progress: &Progress, window: Duration) -> acme_types::Timestamp {
    let requests = progress
        .challenge
        .iter()
        .flat_map(|it| it.requested_at.last());
    requests
        .copied()
        .next()
        .unwrap_or(acme_types::Timestamp::EPOCH)
        .plus(window * 2)
}

/// Checks that no slot's epoch went backwards.
///
/// # Errors
/// When the store cannot be read.
pub async fn epochs(world: &World, stage: &Stage, seen: &mut HashMap<Slot, i64>) -> Result<()> {
    for lease in stage.read(async |store| store.leases().await).await? {
        let before = seen.insert(lease.slot, lease.epoch.0).unwrap_or(0);
        world
            .findings
            .check(Invariant::EpochsGrow, lease.epoch.0 >= before, || {
                format!(
                    "slot {} was at epoch {before} and is at {}",
                    lease.slot, lease.epoch.0
                )
            });
    }
    Ok(())
}

/// Walks along every certificate in the store: each has a serial number of its own, and each order
/// has one.
///
/// # Errors
/// When the store cannot be read.
pub async fn certificates(world: &World, stage: &Stage) -> Result<u64> {
    let filter = CertificateFilter::default();
    let mut after: Option<String> = None;
    let mut serials = HashMap::new();
    let mut orders: HashMap<OrderId, acme_core::Serial> = HashMap::new();
    loop {
        let page = stage
            .read(async |store| {
                store
                    .list_certificates(&filter, after.as_deref(), PAGE)
                    .await
            })
            .await?;
        for certificate in page.items {
            let order = &certificate.order_id;
            let other = serials.insert(certificate.serial, certificate.id.clone());
            let second = orders.insert(order.clone(), certificate.serial);
            let holds = other.is_none() && second.is_none();
            world.findings.check(Invariant::NoSerialTwice, holds, || {
                format!(
                    "order {order} has {} beside {second:?}, certificate {other:?} the same",
                    certificate.serial
                )
            });
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for order in world.ledger.orders() {
        if let Some(known) = &order.now.lock().await.certificate {
            world.findings.check(
                Invariant::NothingLost,
                serials.contains_key(&known.serial),
                || {
                    format!(
                        "order {}: the store does not list its certificate {}",
                        order.number, known.serial
                    )
                },
            );
        }
    }
    Ok(serials.len() as u64)
}

/// Whether an attempt saw the proof.
#[must_use]
pub fn is_proof(attempt: &acme_core::Attempt) -> bool {
    attempt.observation.finding == Finding::Proof
}
