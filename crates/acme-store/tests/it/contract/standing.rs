//! How much is waiting.

use std::time::Duration;

use acme_core::{Finding, Standing};

use super::validation::exhaust;
use crate::world::{A, B, START, World};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) async fn what_is_waiting_is_counted(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let standing = |now| world.store.standing(A, now);
    assert_eq!(standing(START).await.unwrap(), Standing::default());

    let oldest = world.open(&["a.example"], START).await;
    let tried = world.open(&["b.example"], START.plus(SECOND)).await;
    let failing = world.open(&["c.example"], START.plus(SECOND)).await;
    world
        .arm(&tried, tried.http(), holder, START.plus(SECOND))
        .await;
    let view = world
        .request(&failing, failing.http(), holder, START.plus(SECOND))
        .await;
    let claim = view.claim.unwrap();
    world
        .record(&claim, Finding::ConnectRefused, START.plus(SECOND))
        .await;
    let seen = standing(START.plus(SECOND)).await.unwrap();
    let expected = Standing {
        armed: 2,
        due: 1,
        oldest_open_order: Some(START),
        ..Standing::default()
    };
    assert_eq!(seen, expected);
    // What is another slot's is told by that slot; orders and certificates are everybody's.
    let seen = world.store.standing(B, START.plus(SECOND)).await.unwrap();
    assert_eq!(
        (seen.armed, seen.due, seen.oldest_open_order),
        (0, 0, Some(START))
    );

    // Certificates of the tests live 30 days.
    world.issue(&oldest, holder, START.plus(SECOND)).await;
    let seen = standing(START.plus(SECOND * 2)).await.unwrap();
    assert_eq!(seen.oldest_open_order, Some(START.plus(SECOND)));
    assert_eq!(seen.expiring, [0, 0, 1, 0]);
    let expiring = |days| standing(START.plus(DAY * days));
    assert_eq!(expiring(24).await.unwrap().expiring, [0, 1, 0, 0]);
    assert_eq!(expiring(30).await.unwrap().expiring, [1, 0, 0, 0]);
    assert_eq!(expiring(31).await.unwrap().expiring, [0; 4]);
    let seen = expiring(400).await.unwrap();
    assert_eq!(seen.oldest_open_order, None, "all have expired");
}

pub(crate) async fn a_window_that_has_ended_is_counted(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let tried = world.open(&["a.example"], START).await;
    let end = exhaust(&world, &tried, holder, START).await;
    let seen = world.store.standing(A, end).await.unwrap();
    assert_eq!((seen.armed, seen.due, seen.exhausted), (0, 0, 1));
    let view = world.poll(&tried, tried.http(), holder, end).await;
    assert!(view.rearmed);
    let view = world.poll(&tried, tried.http(), holder, end).await;
    assert!(!view.rearmed, "it only reads");
    let seen = world.store.standing(A, end).await.unwrap();
    assert_eq!((seen.armed, seen.due, seen.exhausted), (1, 0, 0));
}
