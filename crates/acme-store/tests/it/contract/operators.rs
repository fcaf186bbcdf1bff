//! Operators and what proves that someone is one.

use acme_core::{
    CreateOperatorVerdict, Operator, OperatorName, Proof, ProofDigest, ProofKind, ProofSecret,
    Retention, Role,
};
use acme_types::Timestamp;

use crate::world::{World, at, rng};

fn name(text: &str) -> OperatorName {
    text.parse().unwrap()
}

fn operator(text: &str, role: Role) -> Operator {
    Operator {
        name: name(text),
        role,
        created_at: at(0),
        expires_at: Some(at(1000)),
        revoked_at: None,
    }
}

fn proof(kind: ProofKind, of: &str, until: Timestamp) -> Proof {
    Proof {
        digest: ProofSecret::random(&mut rng()).digest(),
        kind,
        operator: name(of),
        created_at: at(1),
        expires_at: until,
    }
}

async fn made(world: &World, operator: &Operator, proofs: Vec<Proof>) -> CreateOperatorVerdict {
    let created = world
        .store
        .create_operator(operator.clone(), proofs, &crate::world::ORIGIN);
    created.await.unwrap()
}

pub(crate) async fn an_operator_is_known_by_a_proof_until_it_ends(world: World) {
    let alice = operator("alice", Role::Admin);
    let token = proof(ProofKind::Token, "alice", at(100));
    let verdict = made(&world, &alice, vec![token.clone()]).await;
    assert_eq!(verdict, CreateOperatorVerdict::Created);
    let find = async |now| world.store.find_proof(&token.digest, now).await.unwrap();
    assert_eq!(find(at(99)).await, Some((alice.clone(), token.clone())));
    assert_eq!(find(at(100)).await, None);
    let other = ProofDigest([9; 32]);
    assert_eq!(world.store.find_proof(&other, at(2)).await.unwrap(), None);
    let found = world.store.find_operator(&alice.name).await.unwrap();
    assert_eq!(found, Some(alice));
}

pub(crate) async fn a_name_is_one_operators_at_a_time(world: World) {
    let first = operator("alice", Role::Viewer);
    made(&world, &first, vec![]).await;
    let second = Operator {
        created_at: at(10),
        ..operator("alice", Role::Admin)
    };
    let token = proof(ProofKind::Token, "alice", at(100));
    let verdict = made(&world, &second, vec![token.clone()]).await;
    assert_eq!(verdict, CreateOperatorVerdict::Exists);
    let known = world.store.find_proof(&token.digest, at(11)).await.unwrap();
    assert_eq!(known, None, "who was refused is not known");
    // Once the first may act no more the name is free.
    world
        .store
        .revoke_operator(&first.name, at(12), &crate::world::ORIGIN)
        .await
        .unwrap();
    let third = Operator {
        created_at: at(13),
        ..second
    };
    let verdict = made(&world, &third, vec![]).await;
    assert_eq!(verdict, CreateOperatorVerdict::Created);
    assert_eq!(world.store.list_operators().await.unwrap(), [third]);
}

pub(crate) async fn a_revoked_operator_is_known_by_nothing(world: World) {
    let alice = operator("alice", Role::Operator);
    let bob = operator("bob", Role::Viewer);
    let token = proof(ProofKind::Token, "alice", at(100));
    let other = proof(ProofKind::Token, "bob", at(100));
    made(&world, &alice, vec![token.clone()]).await;
    made(&world, &bob, vec![other.clone()]).await;
    let revoked = world
        .store
        .revoke_operator(&alice.name, at(5), &crate::world::ORIGIN)
        .await;
    assert_eq!(revoked.unwrap().unwrap().revoked_at, Some(at(5)));
    // Told twice, it stays as it was told first.
    let again = world
        .store
        .revoke_operator(&alice.name, at(9), &crate::world::ORIGIN)
        .await;
    assert_eq!(again.unwrap().unwrap().revoked_at, Some(at(5)));
    let find = async |proof: &Proof| world.store.find_proof(&proof.digest, at(6)).await.unwrap();
    assert_eq!(find(&token).await, None);
    assert!(find(&other).await.is_some());
    let more = proof(ProofKind::Link, "alice", at(100));
    assert!(
        !world
            .store
            .add_proof(more, &crate::world::ORIGIN)
            .await
            .unwrap()
    );
    let nobody = world
        .store
        .revoke_operator(&name("nobody"), at(5), &crate::world::ORIGIN)
        .await;
    assert_eq!(nobody.unwrap(), None);
}

pub(crate) async fn a_link_begins_one_session(world: World) {
    let alice = operator("alice", Role::Viewer);
    let link = proof(ProofKind::Link, "alice", at(100));
    let token = proof(ProofKind::Token, "alice", at(100));
    made(&world, &alice, vec![link.clone(), token.clone()]).await;
    let session = |of| proof(ProofKind::Session, of, at(500));
    // A token is no link.
    let refused = world
        .store
        .exchange_link(&token.digest, session("alice"), &crate::world::ORIGIN);
    assert_eq!(refused.await.unwrap(), None);
    // Whatever the session says, it is the link's operator's.
    let begun = session("mallory");
    let who = world
        .store
        .exchange_link(&link.digest, begun.clone(), &crate::world::ORIGIN)
        .await;
    assert_eq!(who.unwrap(), Some(alice.clone()));
    let known = world.store.find_proof(&begun.digest, at(2)).await.unwrap();
    assert_eq!(known.unwrap().0, alice);
    let again = world
        .store
        .exchange_link(&link.digest, session("alice"), &crate::world::ORIGIN);
    assert_eq!(again.await.unwrap(), None);
    assert!(world.store.remove_proof(&begun.digest).await.unwrap());
    assert!(!world.store.remove_proof(&begun.digest).await.unwrap());
    let known = world.store.find_proof(&begun.digest, at(2)).await.unwrap();
    assert_eq!(known, None);
}

pub(crate) async fn a_link_that_ran_out_begins_nothing(world: World) {
    let alice = operator("alice", Role::Viewer);
    let link = proof(ProofKind::Link, "alice", at(1));
    made(&world, &alice, vec![link.clone()]).await;
    let session = proof(ProofKind::Session, "alice", at(500));
    let refused = world
        .store
        .exchange_link(&link.digest, session.clone(), &crate::world::ORIGIN);
    assert_eq!(refused.await.unwrap(), None);
    let known = world.store.find_proof(&session.digest, at(2)).await;
    assert_eq!(known.unwrap(), None);
}

pub(crate) async fn one_of_two_uses_a_link(world: World) {
    let alice = operator("alice", Role::Viewer);
    for _ in 0..20 {
        let link = proof(ProofKind::Link, "alice", at(100));
        made(&world, &alice, vec![]).await;
        assert!(
            world
                .store
                .add_proof(link.clone(), &crate::world::ORIGIN)
                .await
                .unwrap()
        );
        let attempts = [(), ()].map(|()| {
            let (store, digest) = (world.store.clone(), link.digest);
            let session = proof(ProofKind::Session, "alice", at(500));
            tokio::spawn(async move {
                store
                    .exchange_link(&digest, session, &crate::world::ORIGIN)
                    .await
                    .unwrap()
            })
        });
        let mut begun = 0;
        for attempt in attempts {
            begun += usize::from(attempt.await.unwrap().is_some());
        }
        assert_eq!(begun, 1);
    }
}

pub(crate) async fn proofs_that_ran_out_are_pruned(world: World) {
    let alice = operator("alice", Role::Viewer);
    let short = proof(ProofKind::Session, "alice", at(10));
    let long = proof(ProofKind::Session, "alice", at(100));
    made(&world, &alice, vec![short.clone(), long.clone()]).await;
    let retention = Retention::default();
    world.store.prune(&retention, 10, at(50)).await.unwrap();
    assert!(!world.store.remove_proof(&short.digest).await.unwrap());
    assert!(world.store.remove_proof(&long.digest).await.unwrap());
}
