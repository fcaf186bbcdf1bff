//! Accounts.

use acme_core::{
    Account, AccountVerdict, AuthorizationState, ChallengeState, CreateAccountVerdict,
    ExternalAccount, ExternalAccountKey, ExternalKeyRefusal, Finding, KeyChangeVerdict, OrderState,
};
use acme_types::{AccountId, AccountStatus, ExternalAccountKeyId, Jwk, Thumbprint};

use crate::world::{A, START, World, at, external_key, new_account, rng};

pub(crate) async fn an_account_comes_back_as_it_went(world: World) {
    let account = world.account().await;
    let mut bare = new_account();
    bare.contact = Vec::new();
    bare.external_account = None;
    bare.terms_agreed = false;
    bare.jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#.parse().unwrap();
    world
        .store
        .create_account(bare.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    for account in [account, bare] {
        let found = world.store.find_account(&account.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&account));
        let by_key = world
            .store
            .find_account_by_key(&account.provisioner, &account.thumbprint);
        assert_eq!(by_key.await.unwrap(), Some(account));
    }
    let missing = AccountId::random(&mut rng());
    assert_eq!(world.store.find_account(&missing).await.unwrap(), None);
}

pub(crate) async fn a_key_has_one_account_at_a_provisioner(world: World) {
    let first = world.account().await;
    let second = Account {
        id: AccountId::random(&mut rng()),
        contact: Vec::new(),
        ..first.clone()
    };
    let verdict = world
        .store
        .create_account(second.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::KeyInUse(found) if found == first));
    assert_eq!(world.store.find_account(&second.id).await.unwrap(), None);
    let elsewhere = Account {
        provisioner: "other".parse().unwrap(),
        ..second
    };
    let verdict = world
        .store
        .create_account(elsewhere.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::Done(made) if made == elsewhere));
}

/// An account that is bound to this key.
fn bound_to(key: &ExternalAccountKey) -> Account {
    Account {
        external_account: Some(ExternalAccount {
            key_id: key.id.clone(),
            binding: r#"{"payload":"x"}"#.to_owned(),
        }),
        ..new_account()
    }
}

pub(crate) async fn a_key_for_external_accounts_comes_back_as_it_went(world: World) {
    let bounded = world.external_key(Some(3)).await;
    let mut bare = external_key(None);
    bare.names = Vec::new();
    bare.expires_at = None;
    bare.created_at = at(1);
    let created = world
        .store
        .create_external_account_key(bare.clone(), &crate::world::ORIGIN);
    created.await.unwrap();
    for key in [&bounded, &bare] {
        let found = world.store.find_external_account_key(&key.id).await;
        assert_eq!(found.unwrap().as_ref(), Some(key));
    }
    let first = world.store.list_external_account_keys(None, 1).await;
    let first = first.unwrap();
    assert_eq!(first.items, [bare.clone()]);
    let rest = world
        .store
        .list_external_account_keys(first.next.as_deref(), 10);
    let rest = rest.await.unwrap();
    assert_eq!((rest.items, rest.next), (vec![bounded.clone()], None));
    let twice = world
        .store
        .create_external_account_key(bare, &crate::world::ORIGIN)
        .await;
    assert!(twice.is_err(), "an id is there once");

    let revoked = ExternalAccountKey {
        revoked_at: Some(at(5)),
        ..bounded
    };
    for now in [at(5), at(9)] {
        let found =
            world
                .store
                .revoke_external_account_key(&revoked.id, now, &crate::world::ORIGIN);
        assert_eq!(found.await.unwrap().as_ref(), Some(&revoked));
    }
    let missing = ExternalAccountKeyId::random(&mut rng());
    let found = world
        .store
        .revoke_external_account_key(&missing, at(5), &crate::world::ORIGIN);
    assert_eq!(found.await.unwrap(), None);
}

pub(crate) async fn a_key_for_external_accounts_makes_no_more_than_it_may(world: World) {
    let key = world.external_key(Some(2)).await;
    let uses = || async {
        let found = world.store.find_external_account_key(&key.id).await;
        found.unwrap().unwrap().uses
    };
    let first = bound_to(&key);
    let verdict = world
        .store
        .create_account(first.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::Done(made) if made == first));
    let found = world.store.find_account(&first.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&first));
    // An account that is there uses nothing.
    let again = Account {
        id: AccountId::random(&mut rng()),
        ..first.clone()
    };
    let verdict = world
        .store
        .create_account(again.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::KeyInUse(found) if found == first));
    assert_eq!(uses().await, 1);
    let elsewhere = Account {
        provisioner: "other".parse().unwrap(),
        ..bound_to(&key)
    };
    let verdict = world
        .store
        .create_account(elsewhere, &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(
        verdict,
        CreateAccountVerdict::ExternalKeyRefused(ExternalKeyRefusal::Unknown)
    ));
    let verdict = world
        .store
        .create_account(bound_to(&key), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::Done(_)));
    let refused = bound_to(&key);
    let verdict = world
        .store
        .create_account(refused.clone(), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(
        verdict,
        CreateAccountVerdict::ExternalKeyRefused(ExternalKeyRefusal::UsedUp(2))
    ));
    assert_eq!(world.store.find_account(&refused.id).await.unwrap(), None);
    let verdict = world
        .store
        .create_account(again, &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(verdict, CreateAccountVerdict::KeyInUse(found) if found == first));
    assert_eq!(uses().await, 2);

    let late = Account {
        created_at: at(100_000),
        ..bound_to(&world.external_key(None).await)
    };
    let verdict = world
        .store
        .create_account(late, &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(
        verdict,
        CreateAccountVerdict::ExternalKeyRefused(ExternalKeyRefusal::Expired(_))
    ));
    let taken_back = world.external_key(None).await;
    let revoked =
        world
            .store
            .revoke_external_account_key(&taken_back.id, START, &crate::world::ORIGIN);
    revoked.await.unwrap();
    let verdict = world
        .store
        .create_account(bound_to(&taken_back), &crate::world::ORIGIN)
        .await;
    assert!(matches!(
        verdict.unwrap(),
        CreateAccountVerdict::ExternalKeyRefused(ExternalKeyRefusal::Revoked(_))
    ));
}

pub(crate) async fn an_account_is_updated_while_it_is_valid(world: World) {
    let account = world.account().await;
    let contact = vec!["mailto:other@example.com".to_owned()];
    let verdict = world
        .store
        .update_account(
            &account.id,
            Some(contact.clone()),
            None,
            &crate::world::ORIGIN,
        )
        .await;
    let expected = Account {
        contact,
        ..account.clone()
    };
    assert!(matches!(verdict.unwrap(), AccountVerdict::Done(found) if found == expected));
    let verdict = world
        .store
        .update_account(&account.id, None, Some(false), &crate::world::ORIGIN)
        .await;
    let expected = Account {
        terms_agreed: false,
        ..expected
    };
    assert!(matches!(verdict.unwrap(), AccountVerdict::Done(found) if found == expected));
    let found = world.store.find_account(&account.id).await.unwrap();
    assert_eq!(found, Some(expected));

    world
        .store
        .deactivate_account(&account.id, at(1), &crate::world::ORIGIN)
        .await
        .unwrap();
    let verdict = world
        .store
        .update_account(&account.id, None, Some(true), &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), AccountVerdict::Gone));
    let missing = AccountId::random(&mut rng());
    let verdict = world
        .store
        .update_account(&missing, None, Some(true), &crate::world::ORIGIN)
        .await;
    assert!(matches!(verdict.unwrap(), AccountVerdict::Gone));
}

pub(crate) async fn a_key_is_changed_unless_it_is_in_use(world: World) {
    let account = world.account().await;
    let other = world.account().await;
    let change = |old: Thumbprint, thumbprint: Thumbprint| {
        let jwk = Jwk::Ed25519 { x: thumbprint.0 };
        let id = account.id.clone();
        let store = world.store.clone();
        async move {
            let change =
                store.change_account_key(&id, &old, &jwk, &thumbprint, &crate::world::ORIGIN);
            change.await.unwrap()
        }
    };
    let first = account.thumbprint;
    let verdict = change(first, other.thumbprint).await;
    assert!(matches!(verdict, KeyChangeVerdict::KeyInUse(found) if found == other));
    let verdict = change(first, first).await;
    assert!(matches!(verdict, KeyChangeVerdict::KeyInUse(found) if found == account));
    let fresh = Thumbprint([9; 32]);
    let verdict = change(first, fresh).await;
    assert!(matches!(verdict, KeyChangeVerdict::Done(found) if found.thumbprint == fresh));
    let find = |thumbprint| {
        let store = world.store.clone();
        let provisioner = account.provisioner.clone();
        async move {
            store
                .find_account_by_key(&provisioner, &thumbprint)
                .await
                .unwrap()
        }
    };
    assert_eq!(find(first).await, None);
    assert_eq!(find(fresh).await.unwrap().id, account.id);

    // Who still goes by the first key changes nothing, not even to a key that is in use.
    for thumbprint in [Thumbprint([8; 32]), other.thumbprint, first] {
        let verdict = change(first, thumbprint).await;
        assert!(
            matches!(verdict, KeyChangeVerdict::KeyReplaced),
            "{verdict:?}"
        );
    }
    assert_eq!(find(fresh).await.unwrap().id, account.id);

    world
        .store
        .deactivate_account(&account.id, at(1), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(
        change(fresh, Thumbprint([8; 32])).await,
        KeyChangeVerdict::Gone
    ));
}

pub(crate) async fn deactivation_ends_what_is_pending(world: World) {
    let holder = (A, world.lease(A, "one", START).await);
    let account = world.account().await;
    let pending = world.open_for(&account, &["a.example"], START).await;
    let tried = world.open_for(&account, &["b.example"], START).await;
    let flying = world.request(&tried, tried.http(), holder, START).await;
    let ready = world.open_for(&account, &["c.example"], START).await;
    world.prove(&ready, holder, START).await;
    let done = world.open_for(&account, &["d.example"], START).await;
    world.issue(&done, holder, START).await;

    let verdict = world
        .store
        .deactivate_account(&account.id, at(1), &crate::world::ORIGIN)
        .await
        .unwrap();
    let AccountVerdict::Done(found) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(found.status, AccountStatus::Deactivated);
    let stored = world.store.find_account(&account.id).await.unwrap();
    assert_eq!(stored, Some(found));
    for opened in [&pending, &tried] {
        let authorization = world.authorization(opened).await;
        assert_eq!(authorization.state, AuthorizationState::Deactivated);
        let stopped = |c: &acme_core::Challenge| matches!(c.state, ChallengeState::Invalid { .. });
        assert!(
            authorization.challenges.iter().all(stopped),
            "{authorization:?}"
        );
    }
    for opened in [&pending, &tried, &ready] {
        let state = world.order(opened).await.state;
        assert!(matches!(state, OrderState::Invalid { .. }), "{state:?}");
    }
    let state = world.order(&done).await.state;
    assert!(matches!(state, OrderState::Valid { .. }), "{state:?}");

    // What was being attempted counts no more, and nothing is due.
    let verdict = world
        .try_record(&flying.claim.unwrap(), Finding::Proof, at(2))
        .await;
    assert!(matches!(verdict, acme_core::RecordVerdict::Superseded));
    let batch = world.claim(holder, at(1000)).await;
    assert_eq!((batch.claims, batch.next_due), (vec![], None));
    let again = world
        .store
        .deactivate_account(&account.id, at(3), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert!(matches!(again, AccountVerdict::Gone));
}

pub(crate) async fn deactivation_leaves_others_alone(world: World) {
    let gone = world.account().await;
    world.open_for(&gone, &["a.example"], START).await;
    let other = world.open(&["a.example"], START).await;
    world
        .store
        .deactivate_account(&gone.id, at(1), &crate::world::ORIGIN)
        .await
        .unwrap();
    assert_eq!(world.order(&other).await, other.order);
    assert_eq!(world.authorization(&other).await, other.authorizations[0]);
    let found = world.store.find_account(&other.account.id).await.unwrap();
    assert_eq!(found, Some(other.account));
}
