//! Logs of revocations, and the lists made from them.

use acme_core::{
    Certificate, CrlStanding, CrlVerdict, IssuerId, PublishedCrl, Retention, Revocation,
    RevocationEntry, RevocationReason,
};

use crate::world::{A, START, World, at, issuer};

async fn issue(world: &World, n: usize) -> Vec<Certificate> {
    let holder = (A, world.lease(A, "one", START).await);
    let mut certificates = Vec::new();
    for _ in 0..n {
        let opened = world.open(&["a.example"], START).await;
        let id = world.issue(&opened, holder, START).await;
        let found = world.store.find_certificate(&id).await.unwrap();
        certificates.push(found.unwrap().0);
    }
    certificates
}

async fn revoke(world: &World, certificate: &Certificate, secs: u64) -> Revocation {
    let revocation = Revocation {
        at: at(secs),
        reason: RevocationReason::Superseded,
    };
    let (serial, reason) = (&certificate.serial, revocation.reason);
    let verdict = world
        .store
        .revoke_certificate(serial, reason, at(secs), &crate::world::ORIGIN);
    verdict.await.unwrap();
    revocation
}

fn crl(number: u64, revision: u64) -> PublishedCrl {
    PublishedCrl {
        issuer: issuer().id,
        number,
        revision,
        this_update: at(number),
        next_update: at(number + 100),
        der: vec![0x30; 70],
    }
}

async fn standing(world: &World, number: u64) -> CrlStanding {
    let found = world.store.crl_standing(&issuer().id, number).await;
    found.unwrap().unwrap()
}

pub(crate) async fn the_log_is_read_on_from_where_it_was_read(world: World) {
    let issued = issue(&world, 3).await;
    let read = |after, limit| {
        let store = world.store.clone();
        async move { store.revocations(&issuer().id, after, limit).await.unwrap() }
    };
    assert_eq!(read(0, 10).await, []);
    let mut expected = Vec::new();
    // A later one may have an earlier time: the log is by number, not by time.
    for (revision, (certificate, secs)) in (1..).zip(issued.iter().zip([7, 5, 6])) {
        expected.push(RevocationEntry {
            revision,
            serial: certificate.serial,
            not_after: certificate.not_after,
            revocation: revoke(&world, certificate, secs).await,
        });
    }
    // Nothing is revoked twice.
    revoke(&world, &issued[0], 9).await;
    assert_eq!(standing(&world, 0).await.revision, 3);
    assert_eq!(read(0, 10).await, expected);
    assert_eq!(read(0, 2).await, expected[..2]);
    assert_eq!(read(2, 2).await, expected[2..]);
    assert_eq!(read(3, 2).await, []);
    let other = IssuerId([8; 32]);
    assert_eq!(world.store.revocations(&other, 0, 9).await.unwrap(), []);
}

pub(crate) async fn a_list_never_goes_back(world: World) {
    issue(&world, 1).await;
    let publish = |list, replaces| {
        let store = world.store.clone();
        async move { store.publish_crl(&list, replaces).await.unwrap() }
    };
    assert_eq!(standing(&world, 0).await.newer, None);
    assert_eq!(publish(crl(10, 0), 0).await, CrlVerdict::Published);
    assert_eq!(standing(&world, 0).await.newer, Some(crl(10, 0)));
    assert_eq!(standing(&world, 10).await.newer, None);
    // Another replica began from the same one and comes second.
    assert_eq!(publish(crl(11, 1), 0).await, CrlVerdict::Superseded(10));
    for number in [9, 10] {
        let verdict = publish(crl(number, 1), 10).await;
        assert_eq!(verdict, CrlVerdict::Superseded(10));
    }
    assert_eq!(publish(crl(12, 1), 10).await, CrlVerdict::Published);
    assert_eq!(standing(&world, 10).await.newer, Some(crl(12, 1)));
    let strange = PublishedCrl {
        issuer: IssuerId([8; 32]),
        ..crl(1, 0)
    };
    assert_eq!(publish(strange, 0).await, CrlVerdict::UnknownIssuer);
    let unknown = world.store.crl_standing(&IssuerId([8; 32]), 0).await;
    assert_eq!(unknown.unwrap(), None);
}

pub(crate) async fn pruned_entries_leave_the_count(world: World) {
    let issued = issue(&world, 2).await;
    for certificate in &issued {
        revoke(&world, certificate, 5).await;
    }
    let retention = Retention::default();
    let end = issued[0].not_after.plus(retention.certificates);
    world.store.prune(&retention, 10, end).await.unwrap();
    let left = world.store.revocations(&issuer().id, 0, 10).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(standing(&world, 0).await.revision, 2);
    // What an issuer signs later goes on from there.
    world.store.put_issuer(&issuer()).await.unwrap();
    assert_eq!(standing(&world, 0).await.revision, 2);
}
