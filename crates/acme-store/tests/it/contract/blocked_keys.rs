//! Keys that were told to be compromised.

use acme_core::{
    Account, CreateAccountVerdict, FinalizeVerdict, KeyChangeVerdict, NewCertificate, OrderState,
    RevocationReason, RevokeVerdict, certified_key, thumbprint,
};
use acme_types::{AccountStatus, Jwk};

use crate::world::{A, START, World, at, new_account};

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    [&[tag, u8::try_from(value.len()).unwrap()], &value[..]].concat()
}

/// The to-be-signed form of a certificate for an Ed25519 key.
fn form_for(x: &[u8; 32]) -> Vec<u8> {
    let empty = tlv(0x30, &[]);
    let validity = tlv(
        0x30,
        &[
            &tlv(0x17, &[b"260101000000Z"]),
            &tlv(0x17, &[b"270101000000Z"]),
        ],
    );
    let algorithm = tlv(0x30, &[&[6, 3, 0x2b, 0x65, 0x70]]);
    let spki = tlv(0x30, &[&algorithm, &tlv(3, &[&[0], x])]);
    let version = tlv(0xa0, &[&[2, 1, 2]]);
    let extensions = tlv(0xa3, &[&empty]);
    tlv(
        0x30,
        &[
            &version,
            &[2, 1, 5],
            &empty,
            &empty,
            &validity,
            &empty,
            &spki,
            &extensions,
        ],
    )
}

fn account_of(provisioner: &str, x: [u8; 32]) -> Account {
    let jwk = Jwk::Ed25519 { x };
    Account {
        provisioner: provisioner.parse().unwrap(),
        thumbprint: thumbprint(&jwk),
        jwk,
        ..new_account()
    }
}

pub(crate) async fn a_compromised_key_is_blocked_for_ever(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let mut x = [7; 32];
    aws_lc_rs::rand::fill(&mut x).unwrap();
    let form = form_for(&x);
    assert_eq!(certified_key(&form), Some(thumbprint(&Jwk::Ed25519 { x })));
    let certificate = async || NewCertificate {
        tbs: form.clone(),
        ..world.new_certificate(START).await
    };
    let opened = world.open(&["a.example"], START).await;
    world.prove(&opened, holder, START).await;
    let new = certificate().await;
    let (id, serial) = (new.id.clone(), new.serial);
    let begun = world.try_finalize(&opened, new, holder, START).await;
    assert!(matches!(begun, FinalizeVerdict::Done(_)), "{begun:?}");
    let der = tlv(0x30, &[&form, &[3, 1, 0]]);
    let (slot, epoch) = holder;
    let completed = world
        .store
        .complete_finalize(&id, &der, slot, epoch, &crate::world::ORIGIN);
    completed.await.unwrap();
    // The key is that of accounts, too, one of which has an order under way.
    let owners = ["default", "other"].map(|provisioner| account_of(provisioner, x));
    for owner in &owners {
        let created = world
            .store
            .create_account(owner.clone(), &crate::world::ORIGIN)
            .await
            .unwrap();
        assert!(matches!(created, CreateAccountVerdict::Done(_)));
    }
    let theirs = world.open_for(&owners[0], &["b.example"], START).await;
    let waiting = world.open(&["a.example"], START).await;
    world.prove(&waiting, holder, START).await;

    let revoke = |reason| {
        world
            .store
            .revoke_certificate(&serial, reason, at(1), &crate::world::ORIGIN)
    };
    let revoked = revoke(RevocationReason::Superseded).await.unwrap();
    assert!(matches!(revoked, RevokeVerdict::Revoked(_)), "{revoked:?}");
    let status = async |owner: &Account| {
        let found = world.store.find_account(&owner.id).await;
        found.unwrap().unwrap().status
    };
    let before = status(&owners[0]).await;
    assert_eq!(before, AccountStatus::Valid, "nothing was said of the key");
    for _ in 0..2 {
        let again = revoke(RevocationReason::KeyCompromise).await.unwrap();
        assert!(
            matches!(again, RevokeVerdict::AlreadyRevoked(_)),
            "{again:?}"
        );
    }
    for owner in &owners {
        assert_eq!(status(owner).await, AccountStatus::Revoked);
    }
    let state = world.order(&theirs).await.state;
    assert!(matches!(state, OrderState::Invalid { .. }), "{state:?}");

    let refused = world.try_finalize(&waiting, certificate().await, holder, START);
    let refused = refused.await;
    assert!(
        matches!(refused, FinalizeVerdict::KeyBlocked),
        "{refused:?}"
    );
    assert_eq!(world.order(&waiting).await.state, OrderState::Ready);
    let created = world
        .store
        .create_account(account_of("third", x), &crate::world::ORIGIN)
        .await;
    let created = created.unwrap();
    assert!(
        matches!(created, CreateAccountVerdict::KeyBlocked),
        "{created:?}"
    );
    let account = world.account().await;
    let jwk = Jwk::Ed25519 { x };
    let (old, new) = (account.thumbprint, thumbprint(&jwk));
    let changed = world
        .store
        .change_account_key(&account.id, &old, &jwk, &new, &crate::world::ORIGIN)
        .await;
    let changed = changed.unwrap();
    assert!(
        matches!(changed, KeyChangeVerdict::KeyBlocked),
        "{changed:?}"
    );
    world.begin_finalize(&waiting, holder, START).await;
}
