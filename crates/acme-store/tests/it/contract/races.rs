//! What must come out one way when two do it at once.

use std::collections::BTreeSet;
use std::future::Future;

use acme_core::{
    Account, BeginFinalize, CreateAccountVerdict, ExternalAccount, FinalizeVerdict, Finding,
    KeyChangeVerdict, LeaseVerdict, NonceVerdict, OrderState, RevocationReason, RevokeVerdict,
};
use acme_types::AccountId;

use super::nonces::nonce;
use crate::world::{A, B, LEASE, PATIENCE, START, World, at, new_account, rng};

/// How often each race is run.
const ROUNDS: usize = 20;

/// Runs both at once, each on its own task.
async fn both<T: Send + 'static>(
    one: impl Future<Output = T> + Send + 'static,
    two: impl Future<Output = T> + Send + 'static,
) -> [T; 2] {
    let (one, two) = (tokio::spawn(one), tokio::spawn(two));
    [one.await.unwrap(), two.await.unwrap()]
}

fn count<T>(outcomes: &[T], is_it: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is_it(outcome)).count()
}

pub(crate) async fn one_of_two_begins_to_finalize(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    for _ in 0..ROUNDS {
        let opened = world.open(&["a.example"], START).await;
        world.prove(&opened, (slot, epoch), START).await;
        let finalize = || {
            let (world, opened) = (world.clone(), opened.clone());
            async move {
                let request = BeginFinalize {
                    order_id: &opened.order.id,
                    certificate: world.new_certificate(START).await,
                    slot,
                    epoch,
                    now: at(1),
                };
                world.store.begin_finalize(request).await.unwrap()
            }
        };
        let outcomes = both(finalize(), finalize()).await;
        let done = |verdict: &FinalizeVerdict| matches!(verdict, FinalizeVerdict::Done(_));
        assert_eq!(count(&outcomes, done), 1, "{outcomes:?}");
    }
}

pub(crate) async fn one_of_two_spends_a_nonce(world: World) {
    let epoch = world.lease(A, "one", START).await;
    for counter in 0..ROUNDS as u64 * 10 {
        let spend = || {
            let store = world.store.clone();
            async move {
                store
                    .spend_nonce(nonce(A, epoch, counter, at(1)), at(2))
                    .await
                    .unwrap()
            }
        };
        let outcomes = both(spend(), spend()).await;
        let fresh = |verdict: &NonceVerdict| *verdict == NonceVerdict::Fresh;
        assert_eq!(count(&outcomes, fresh), 1);
    }
}

pub(crate) async fn claims_are_disjoint(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    for _ in 0..50 {
        let opened = world.open(&["a.example"], START).await;
        world
            .arm(&opened, opened.http(), (slot, epoch), START)
            .await;
    }
    let claim = || {
        let store = world.store.clone();
        async move {
            let mut claimed = Vec::new();
            loop {
                let batch = store
                    .claim_due(slot, epoch, 7, PATIENCE, at(1))
                    .await
                    .unwrap();
                if batch.claims.is_empty() && batch.next_due.is_none_or(|due| due > at(1)) {
                    return claimed;
                }
                claimed.extend(batch.claims.into_iter().map(|claim| claim.challenge_id));
            }
        }
    };
    let claimed = both(claim(), claim()).await.concat();
    assert_eq!(claimed.len(), 50);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 50);
}

pub(crate) async fn one_of_two_requests_claims(world: World) {
    let one = (A, world.lease(A, "one", START).await);
    let two = (B, world.lease(B, "two", START).await);
    for _ in 0..ROUNDS {
        let opened = world.open(&["a.example"], START).await;
        let request = |holder| {
            let (world, opened) = (world.clone(), opened.clone());
            async move { world.request(&opened, opened.http(), holder, START).await }
        };
        let outcomes = both(request(one), request(two)).await;
        assert_eq!(count(&outcomes, |view| view.claim.is_some()), 1);
    }
}

pub(crate) async fn one_of_two_makes_the_account(world: World) {
    for _ in 0..ROUNDS {
        let account = new_account();
        let create = || {
            let store = world.store.clone();
            let account = Account {
                id: AccountId::random(&mut rng()),
                ..account.clone()
            };
            async move {
                store
                    .create_account(account, &crate::world::ORIGIN)
                    .await
                    .unwrap()
            }
        };
        let outcomes = both(create(), create()).await;
        let ids: BTreeSet<AccountId> =
            outcomes
                .iter()
                .map(|verdict| match verdict {
                    CreateAccountVerdict::Done(account)
                    | CreateAccountVerdict::KeyInUse(account) => account.id.clone(),
                    CreateAccountVerdict::ExternalKeyRefused(_)
                    | CreateAccountVerdict::KeyBlocked => panic!("{verdict:?}"),
                })
                .collect();
        assert_eq!(ids.len(), 1);
        let done =
            |verdict: &CreateAccountVerdict| matches!(verdict, CreateAccountVerdict::Done(_));
        assert_eq!(count(&outcomes, done), 1);
    }
}

pub(crate) async fn one_of_two_changes_the_key(world: World) {
    for _ in 0..ROUNDS {
        let account = world.account().await;
        let change = || {
            let (store, id, old) = (world.store.clone(), account.id.clone(), account.thumbprint);
            let new = new_account();
            async move {
                let change = store.change_account_key(
                    &id,
                    &old,
                    &new.jwk,
                    &new.thumbprint,
                    &crate::world::ORIGIN,
                );
                (change.await.unwrap(), new.thumbprint)
            }
        };
        let outcomes = both(change(), change()).await;
        let won = outcomes.iter().find_map(|(verdict, thumbprint)| {
            matches!(verdict, KeyChangeVerdict::Done(_)).then_some(*thumbprint)
        });
        let lost =
            |(verdict, _): &(KeyChangeVerdict, _)| matches!(verdict, KeyChangeVerdict::KeyReplaced);
        assert_eq!(count(&outcomes, lost), 1, "{outcomes:?}");
        let found = world.store.find_account(&account.id).await.unwrap();
        assert_eq!(found.map(|account| account.thumbprint), won);
    }
}

pub(crate) async fn one_of_two_has_the_last_use_of_an_external_key(world: World) {
    for _ in 0..ROUNDS {
        let key = world.external_key(Some(1)).await;
        let create = || {
            let store = world.store.clone();
            let account = Account {
                external_account: Some(ExternalAccount {
                    key_id: key.id.clone(),
                    binding: "{}".to_owned(),
                }),
                ..new_account()
            };
            async move {
                store
                    .create_account(account, &crate::world::ORIGIN)
                    .await
                    .unwrap()
            }
        };
        let outcomes = both(create(), create()).await;
        let done = |verdict: &_| matches!(verdict, CreateAccountVerdict::Done(_));
        let refused = |verdict: &_| matches!(verdict, CreateAccountVerdict::ExternalKeyRefused(_));
        assert_eq!(count(&outcomes, done), 1, "{outcomes:?}");
        assert_eq!(count(&outcomes, refused), 1, "{outcomes:?}");
        let found = world.store.find_external_account_key(&key.id).await;
        assert_eq!(found.unwrap().unwrap().uses, 1);
    }
}

pub(crate) async fn no_order_outlives_its_account(world: World) {
    for _ in 0..ROUNDS {
        let opened = world.draw(&world.account().await, &["a.example"], START);
        let create = {
            let (store, opened) = (world.store.clone(), opened.clone());
            async move {
                let created = store.create_order(opened.order, opened.authorizations);
                created.await.map(drop)
            }
        };
        let end = {
            let (store, id) = (world.store.clone(), opened.account.id.clone());
            async move {
                store
                    .deactivate_account(&id, at(1), &crate::world::ORIGIN)
                    .await
                    .map(drop)
            }
        };
        for outcome in both(create, end).await {
            outcome.unwrap();
        }
        // It was never there, or it has ended with its account.
        let order = world.store.find_order(&opened.order.id).await.unwrap();
        let state = order.map(|view| view.order.state);
        assert!(
            matches!(state, None | Some(OrderState::Invalid { .. })),
            "{state:?}"
        );
    }
}

pub(crate) async fn two_authorizations_at_once_make_the_order_ready(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    for _ in 0..ROUNDS {
        let opened = world.open(&["a.example", "b.example"], START).await;
        let prove = |n: usize| {
            let (world, opened) = (world.clone(), opened.clone());
            async move {
                let challenge = &opened.authorizations[n].challenges[0];
                let view = world.request(&opened, challenge, holder, START).await;
                world
                    .record(&view.claim.unwrap(), Finding::Proof, at(1))
                    .await;
            }
        };
        both(prove(0), prove(1)).await;
        assert_eq!(world.order(&opened).await.state, OrderState::Ready);
    }
}

pub(crate) async fn one_of_two_takes_the_lease(world: World) {
    for number in 0..ROUNDS as u8 {
        let take = |holder: &'static str| {
            let store = world.store.clone();
            let slot = acme_types::Slot::new(number);
            async move { store.take_lease(slot, holder, LEASE, START).await.unwrap() }
        };
        let outcomes = both(take("one"), take("two")).await;
        let taken = |verdict: &LeaseVerdict| matches!(verdict, LeaseVerdict::Taken(_));
        assert_eq!(count(&outcomes, taken), 1, "{outcomes:?}");
    }
}

pub(crate) async fn one_of_two_revokes(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    for _ in 0..ROUNDS {
        let opened = world.open(&["a.example"], START).await;
        let id = world.issue(&opened, holder, START).await;
        let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
        let revoke = || {
            let store = world.store.clone();
            let reason = RevocationReason::Superseded;
            async move {
                let revoked = store.revoke_certificate(
                    &certificate.serial,
                    reason,
                    at(1),
                    &crate::world::ORIGIN,
                );
                revoked.await.unwrap()
            }
        };
        let outcomes = both(revoke(), revoke()).await;
        let revoked = |verdict: &RevokeVerdict| matches!(verdict, RevokeVerdict::Revoked(_));
        assert_eq!(count(&outcomes, revoked), 1);
    }
}
