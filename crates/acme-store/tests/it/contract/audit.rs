//! The audit trail: what leaves an entry, and that what was written stays whole.

use std::time::Duration;

use acme_core::{
    Actor, AdminStore, AuditAct, AuditBody, AuditEvent, AuditFilter, AuditRetention, ChainCheck,
    Operator, Origin, Retention, RevocationReason, Role,
};
use acme_types::{Jwk, RequestId, Thumbprint};

use crate::world::{A, World, at, new_account, rng};

/// All that is wrong with the trail, in words.
pub(crate) async fn findings(store: &dyn AdminStore) -> Vec<String> {
    let mut all = Vec::new();
    for head in store.audit_heads().await.unwrap() {
        let chain = head.chain.clone();
        let mut check = ChainCheck::new(head);
        for entry in store.audit_chain(&chain, 0, 10_000).await.unwrap() {
            check.push(&entry);
        }
        all.extend(check.finish().iter().map(ToString::to_string));
    }
    all
}

/// Everything that is written, newest first.
async fn bodies(world: &World) -> Vec<AuditBody> {
    let filter = AuditFilter::default();
    let page = world.store.list_audit(&filter, None, 1000).await.unwrap();
    let read = |body: &String| serde_json::from_str(body).unwrap();
    page.items.iter().map(|entry| read(&entry.body)).collect()
}

fn origin(secs: u64) -> Origin {
    Origin {
        actor: Actor::Operator("alice".parse().unwrap()),
        address: Some("192.0.2.7".parse().unwrap()),
        request: Some(RequestId::random(&mut rng())),
        slot: Some(A),
        at: at(secs),
    }
}

pub(crate) async fn each_act_leaves_an_entry(world: World) {
    let store = &world.store;
    let holder = (A, world.lease(A, "a", at(0)).await);
    let account = new_account();
    store
        .create_account(account.clone(), &origin(1))
        .await
        .unwrap();
    let contact = Some(vec!["mailto:a@example.com".to_owned()]);
    store
        .update_account(&account.id, contact, None, &origin(2))
        .await
        .unwrap();
    let jwk: Jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#.parse().unwrap();
    let new = Thumbprint([7; 32]);
    store
        .change_account_key(&account.id, &account.thumbprint, &jwk, &new, &origin(3))
        .await
        .unwrap();
    let key = crate::world::external_key(None);
    store
        .create_external_account_key(key.clone(), &origin(4))
        .await
        .unwrap();
    store
        .revoke_external_account_key(&key.id, at(5), &origin(5))
        .await
        .unwrap();
    let opened = world.open(&["a.example"], at(6)).await;
    let id = world.issue(&opened, holder, at(7)).await;
    let (certificate, _) = store.find_certificate(&id).await.unwrap().unwrap();
    let reason = RevocationReason::Superseded;
    store
        .revoke_certificate(&certificate.serial, reason, at(8), &origin(8))
        .await
        .unwrap();
    store
        .deactivate_account(&account.id, at(9), &origin(9))
        .await
        .unwrap();
    let bob = Operator {
        name: "bob".parse().unwrap(),
        role: Role::Viewer,
        created_at: at(10),
        expires_at: None,
        revoked_at: None,
    };
    store
        .create_operator(bob.clone(), vec![], &origin(10))
        .await
        .unwrap();
    store
        .revoke_operator(&bob.name, at(11), &origin(11))
        .await
        .unwrap();
    let started = AuditEvent::done(AuditAct::Start, "version", "1");
    store.note(started, &origin(12)).await.unwrap();

    let by_alice = AuditFilter {
        actor: Some("operator:alice".to_owned()),
        ..AuditFilter::default()
    };
    let page = store.list_audit(&by_alice, None, 100).await.unwrap();
    let acts: Vec<AuditBody> = page
        .items
        .iter()
        .map(|entry| serde_json::from_str(&entry.body).unwrap())
        .collect();
    let words: Vec<&str> = acts.iter().rev().map(|body| body.act.as_str()).collect();
    assert_eq!(
        words,
        [
            "account.create",
            "account.update",
            "account.key-change",
            "eab-key.create",
            "eab-key.revoke",
            "certificate.revoke",
            "account.deactivate",
            "operator.create",
            "operator.revoke",
            "server.start",
        ]
    );
    let revoked = &acts[4];
    assert_eq!(revoked.object, format!("certificate:{id}"));
    assert_eq!(revoked.detail["serial"], certificate.serial.to_string());
    assert_eq!(revoked.detail["reason"], "superseded");
    assert_eq!(revoked.address, Some("192.0.2.7".parse().unwrap()));
    assert!(revoked.request.is_some() && revoked.slot == Some(0));
    let issued = AuditFilter {
        object: Some(format!("certificate:{id}")),
        act: Some("certificate.issue".to_owned()),
        ..AuditFilter::default()
    };
    let page = store.list_audit(&issued, None, 100).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(findings(&**store).await, [""; 0]);
}

pub(crate) async fn what_changes_nothing_leaves_nothing(world: World) {
    let store = &world.store;
    let account = world.account().await;
    let key = world.external_key(Some(1)).await;
    store
        .revoke_external_account_key(&key.id, at(1), &origin(1))
        .await
        .unwrap();
    let before = bodies(&world).await.len();
    // The key has an account; the external key is revoked; there is no such certificate.
    let again = acme_core::Account {
        id: new_account().id,
        ..account.clone()
    };
    store.create_account(again, &origin(2)).await.unwrap();
    store
        .revoke_external_account_key(&key.id, at(2), &origin(2))
        .await
        .unwrap();
    let serial = acme_core::Serial::random(A, &mut rng());
    let reason = RevocationReason::Unspecified;
    store
        .revoke_certificate(&serial, reason, at(2), &origin(2))
        .await
        .unwrap();
    let nobody = "nobody".parse().unwrap();
    store
        .revoke_operator(&nobody, at(2), &origin(2))
        .await
        .unwrap();
    assert_eq!(bodies(&world).await.len(), before);
}

pub(crate) async fn many_writers_keep_the_chains_whole(world: World) {
    let writers = (0..40).map(|n| {
        let store = world.store.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                let event = AuditEvent::done(AuditAct::Drain, "slot", n);
                store.note(event, &origin(n)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(bodies(&world).await.len(), 200);
    assert_eq!(findings(&*world.store).await, [""; 0]);
}

pub(crate) async fn a_pruned_trail_is_still_whole(world: World) {
    let write = async |secs| {
        let event = AuditEvent::done(AuditAct::Drain, "slot", secs);
        world.store.note(event, &origin(secs)).await.unwrap();
    };
    for secs in 0..10 {
        write(secs).await;
    }
    let retention = Retention {
        audit: AuditRetention {
            control: Duration::from_secs(100),
            ..AuditRetention::default()
        },
        ..Retention::default()
    };
    let pruned = world.store.prune(&retention, 3, at(104)).await.unwrap();
    assert_eq!(pruned.audit, 3, "a batch");
    assert_eq!(findings(&*world.store).await, [""; 0]);
    while world
        .store
        .prune(&retention, 3, at(104))
        .await
        .unwrap()
        .audit
        > 0
    {}
    let left = bodies(&world).await;
    assert_eq!(left.len(), 5);
    assert!(left.iter().all(|body| body.at > at(4)));
    write(200).await;
    assert_eq!(findings(&*world.store).await, [""; 0]);
    while world
        .store
        .prune(&retention, 3, at(1000))
        .await
        .unwrap()
        .audit
        > 0
    {}
    write(1001).await;
    assert_eq!(bodies(&world).await.len(), 1);
    assert_eq!(findings(&*world.store).await, [""; 0]);
}

pub(crate) async fn the_trail_goes_by_pages(world: World) {
    for secs in [1, 2, 2, 3, 3] {
        let event = AuditEvent::done(AuditAct::Drain, "slot", secs);
        world.store.note(event, &origin(secs)).await.unwrap();
    }
    let whole = bodies(&world).await;
    let (mut paged, mut after) = (Vec::new(), None::<String>);
    loop {
        let filter = AuditFilter::default();
        let page = world.store.list_audit(&filter, after.as_deref(), 2);
        let page = page.await.unwrap();
        assert!(page.items.len() <= 2);
        let read = |body: &String| serde_json::from_str::<AuditBody>(body).unwrap();
        paged.extend(page.items.iter().map(|entry| read(&entry.body)));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(paged, whole);
}
