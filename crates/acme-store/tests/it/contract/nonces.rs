//! Nonces: spent once.

use std::time::Duration;

use acme_core::{Epoch, NONCE_LIFE, NonceVerdict, Retention, SpentNonce};
use acme_types::{Slot, Timestamp};

use crate::world::{A, B, START, World, at};

pub(crate) fn nonce(slot: Slot, epoch: Epoch, counter: u64, issued_at: Timestamp) -> SpentNonce {
    SpentNonce {
        slot,
        epoch,
        counter,
        issued_at,
        expires_at: issued_at.plus(NONCE_LIFE),
    }
}

pub(crate) async fn a_nonce_is_good_once(world: World) {
    let epoch = world.lease(A, "one", START).await;
    for counter in [0, 1, 63, 64, 5000] {
        let nonce = nonce(A, epoch, counter, at(1));
        let spend = || world.store.spend_nonce(nonce, at(2));
        assert_eq!(spend().await.unwrap(), NonceVerdict::Fresh, "{counter}");
        assert_eq!(spend().await.unwrap(), NonceVerdict::Refused, "{counter}");
    }
}

pub(crate) async fn a_nonce_of_an_unknown_epoch_is_refused(world: World) {
    let epoch = world.lease(A, "one", START).await;
    for nonce in [
        nonce(B, epoch, 1, at(1)),
        nonce(A, Epoch(epoch.0 - 1), 1, at(1)),
    ] {
        let verdict = world.store.spend_nonce(nonce, at(2)).await.unwrap();
        assert_eq!(verdict, NonceVerdict::Refused, "{nonce:?}");
    }
}

pub(crate) async fn a_nonce_that_ran_out_is_refused_and_forgotten(world: World) {
    let epoch = world.lease(A, "one", START).await;
    let spend = |counter, now| {
        world
            .store
            .spend_nonce(nonce(A, epoch, counter, at(1)), now)
    };
    let end = at(1).plus(NONCE_LIFE);
    let last = end.minus(Duration::from_millis(1));
    assert_eq!(spend(1, last).await.unwrap(), NonceVerdict::Fresh);
    assert_eq!(spend(2, end).await.unwrap(), NonceVerdict::Refused);
    // Long enough that no replica's clock can still be before the end.
    let retention = Retention::default();
    let prune = world.store.prune(&retention, 10, end.plus(NONCE_LIFE));
    assert_eq!(prune.await.unwrap().nonces, 1);
    assert_eq!(
        spend(1, end.plus(NONCE_LIFE)).await.unwrap(),
        NonceVerdict::Refused
    );
}

pub(crate) async fn an_older_epochs_nonces_stay_good(world: World) {
    let first = world.lease(A, "one", START).await;
    let spent = nonce(A, first, 1, at(1));
    assert_eq!(
        world.store.spend_nonce(spent, at(2)).await.unwrap(),
        NonceVerdict::Fresh
    );
    let second = world.lease(A, "one", at(3)).await;
    let spend = |epoch, counter| {
        world
            .store
            .spend_nonce(nonce(A, epoch, counter, at(4)), at(5))
    };
    assert_eq!(spend(second, 1).await.unwrap(), NonceVerdict::Fresh);
    assert_eq!(spend(first, 2).await.unwrap(), NonceVerdict::Fresh);
    assert_eq!(spend(first, 1).await.unwrap(), NonceVerdict::Refused);
}

pub(crate) async fn the_key_is_drawn_once(world: World) {
    assert_eq!(world.store.nonce_key([1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(world.store.nonce_key([2; 32]).await.unwrap(), [1; 32]);
}
