//! Certificates and issuers.

use acme_core::{Certificate, Issuer, Revocation, RevocationReason, RevokeVerdict, Serial};
use acme_types::CertificateId;

use crate::world::{A, START, World, at, der, dns, issuer, rng, tbs};

pub(crate) async fn a_certificate_comes_back_as_it_went(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example", "b.example"], START).await;
    world.prove(&opened, (slot, epoch), START).await;
    let new = world.new_certificate(at(5)).await;
    world
        .try_finalize(&opened, new.clone(), (slot, epoch), at(6))
        .await;
    let mut expected = Certificate {
        id: new.id.clone(),
        serial: new.serial,
        order_id: opened.order.id.clone(),
        account_id: opened.account.id.clone(),
        provisioner: opened.order.provisioner.clone(),
        issuer: new.issuer,
        identifiers: vec![dns("a.example"), dns("b.example")],
        not_before: new.not_before,
        not_after: new.not_after,
        tbs: tbs(),
        der: None,
        revocation: None,
        early_renewal: None,
        replacement: None,
        created_at: at(6),
    };
    let find = || world.store.find_certificate(&new.id);
    let (found, chain) = find().await.unwrap().unwrap();
    assert_eq!((&found, chain), (&expected, issuer()));
    world
        .store
        .complete_finalize(&new.id, &der(), slot, epoch, &crate::world::ORIGIN)
        .await
        .unwrap();
    expected.der = Some(der());
    assert_eq!(find().await.unwrap().unwrap().0, expected);
    let missing = CertificateId::random(&mut rng());
    assert!(
        world
            .store
            .find_certificate(&missing)
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn a_form_that_is_not_part_of_the_certificate_is_kept(world: World) {
    let (slot, epoch) = (A, world.lease(A, "one", START).await);
    for der in [&b"no DER at all"[..], &[0x30, 0x03, 0x02, 0x01, 0x06]] {
        let opened = world.open(&["a.example"], START).await;
        world.prove(&opened, (slot, epoch), START).await;
        let id = world.begin_finalize(&opened, (slot, epoch), START).await;
        world
            .store
            .complete_finalize(&id, der, slot, epoch, &crate::world::ORIGIN)
            .await
            .unwrap();
        let (found, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
        assert_eq!((found.tbs, found.der), (tbs(), Some(der.to_vec())));
    }
}

pub(crate) async fn a_certificate_is_found_by_its_serial_number(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    let by_serial = world
        .store
        .find_certificate_by_serial(&certificate.serial)
        .await;
    assert_eq!(by_serial.unwrap(), Some(certificate));
    let missing = Serial::random(A, &mut rng());
    let by_serial = world.store.find_certificate_by_serial(&missing).await;
    assert_eq!(by_serial.unwrap(), None);
}

pub(crate) async fn a_certificate_is_revoked_once(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let (mut certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    let serial = certificate.serial;
    let revoke = |reason, now| {
        world
            .store
            .revoke_certificate(&serial, reason, now, &crate::world::ORIGIN)
    };
    let verdict = revoke(RevocationReason::KeyCompromise, at(5))
        .await
        .unwrap();
    let revocation = Revocation {
        at: at(5),
        reason: RevocationReason::KeyCompromise,
    };
    certificate.revocation = Some(revocation);
    assert!(matches!(verdict, RevokeVerdict::Revoked(found) if *found == certificate));
    let verdict = revoke(RevocationReason::Superseded, at(6)).await.unwrap();
    assert!(matches!(verdict, RevokeVerdict::AlreadyRevoked(found) if found == revocation));
    let (stored, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    assert_eq!(stored, certificate);
}

pub(crate) async fn what_was_not_signed_cannot_be_revoked(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, holder, START).await;
    let id = world.begin_finalize(&opened, holder, START).await;
    let (certificate, _) = world.store.find_certificate(&id).await.unwrap().unwrap();
    for serial in [certificate.serial, Serial::random(A, &mut rng())] {
        let reason = RevocationReason::Unspecified;
        let verdict = world
            .store
            .revoke_certificate(&serial, reason, at(1), &crate::world::ORIGIN)
            .await;
        assert!(matches!(verdict.unwrap(), RevokeVerdict::NotFound));
    }
}

pub(crate) async fn an_issuer_is_kept_once(world: World) {
    world.store.put_issuer(&issuer()).await.unwrap();
    let changed = Issuer {
        chain: vec![],
        ..issuer()
    };
    world.store.put_issuer(&changed).await.unwrap();
    let holder = (A, world.lease(A, "one", START).await);
    let opened = world.open(&["a.example"], START).await;
    let id = world.issue(&opened, holder, START).await;
    let (_, found) = world.store.find_certificate(&id).await.unwrap().unwrap();
    assert_eq!(found, issuer());
}
