//! Devices, and proofs that come with the request.

use acme_core::{
    AuthorizationState, BeginValidation, ChallengeState, Epoch, Finding, Judged, OrderState,
};
use acme_types::{
    ChallengeKind, ChallengeStatus, HardwareModule, Identifier, Slot, Thumbprint, Timestamp,
};

use crate::world::{A, Opened, START, World, at, saw};

const KEY: Thumbprint = Thumbprint([7; 32]);

/// An order for a device, with the one challenge that there is for it.
async fn open(world: &World, identifier: Identifier) -> Opened {
    let account = world.account().await;
    let mut opened = world.draw(&account, &["a.example"], START);
    opened.order.identifiers = vec![identifier.clone()];
    let authorization = &mut opened.authorizations[0];
    authorization.identifier = identifier;
    authorization.challenges.truncate(1);
    authorization.challenges[0].kind = ChallengeKind::DeviceAttest01;
    let (order, authorizations) = (opened.order.clone(), opened.authorizations.clone());
    let created = world.store.create_order(order, authorizations);
    created.await.unwrap();
    opened
}

fn device() -> Identifier {
    Identifier::PermanentIdentifier("Gerät:7/1.2.3".parse().unwrap())
}

async fn conclude(
    world: &World,
    request: BeginValidation<'_>,
    finding: Finding,
) -> Option<ChallengeState> {
    let observation = saw(finding);
    let judged = Judged {
        observation: &observation,
        attested_key: (finding == Finding::Proof).then_some(KEY),
    };
    let view = world.store.conclude_validation(request, judged).await;
    let mut view = view.unwrap()?;
    assert!(view.claim.is_none());
    Some(view.authorization.challenges.remove(0).state)
}

async fn holder(world: &World) -> (Slot, Epoch) {
    (A, world.lease(A, "one", START).await)
}

fn asking<'a>(
    world: &'a World,
    opened: &'a Opened,
    holder: (Slot, Epoch),
    now: Timestamp,
) -> BeginValidation<'a> {
    let challenge = &opened.authorizations[0].challenges[0];
    world.asking(opened, challenge, holder, now)
}

pub(crate) async fn a_proof_that_comes_along_settles_all_at_once(world: World) {
    let holder = holder(&world).await;
    for identifier in [
        device(),
        Identifier::HardwareModule(HardwareModule::new("SN1", "1.2.3".parse().unwrap()).unwrap()),
    ] {
        let opened = open(&world, identifier.clone()).await;
        let state = conclude(
            &world,
            asking(&world, &opened, holder, at(3)),
            Finding::Proof,
        )
        .await;
        let validated_at = at(3);
        assert_eq!(state, Some(ChallengeState::Valid { validated_at }));
        let authorization = world.authorization(&opened).await;
        assert_eq!(authorization.state, AuthorizationState::Valid);
        assert_eq!(authorization.attested_key, Some(KEY));
        assert_eq!(authorization.identifier, identifier);
        let order = world.order(&opened).await;
        assert_eq!(order.state, OrderState::Ready);
        assert_eq!(order.identifiers, [identifier]);
        let id = &opened.authorizations[0].challenges[0].id;
        let (_, attempts) = world.store.find_attempts(id).await.unwrap().unwrap();
        assert_eq!((attempts.len(), attempts[0].number), (1, 1));

        // What comes later changes nothing.
        let late = asking(&world, &opened, holder, at(4));
        let state = conclude(&world, late, Finding::AttestationRefused).await;
        assert_eq!(state, Some(ChallengeState::Valid { validated_at }));
        assert_eq!(world.authorization(&opened).await, authorization);
    }
}

pub(crate) async fn a_proof_that_is_refused_ends_all_at_once(world: World) {
    let holder = holder(&world).await;
    let opened = open(&world, device()).await;
    let request = asking(&world, &opened, holder, at(3));
    let state = conclude(&world, request, Finding::AttestationRefused).await;
    assert_eq!(state.unwrap().status(), ChallengeStatus::Invalid);
    let authorization = world.authorization(&opened).await;
    assert_eq!(authorization.state, AuthorizationState::Invalid);
    assert_eq!(authorization.attested_key, None);
    let order = world.order(&opened).await;
    assert!(matches!(order.state, OrderState::Invalid { .. }));

    let late = asking(&world, &opened, holder, at(4));
    let state = conclude(&world, late, Finding::Proof).await;
    assert_eq!(state.unwrap().status(), ChallengeStatus::Invalid);
    assert_eq!(world.authorization(&opened).await, authorization);
}

pub(crate) async fn a_request_without_its_proof_starts_nothing(world: World) {
    let holder = holder(&world).await;
    let mut opened = open(&world, device()).await;
    let begun = asking(&world, &opened, holder, at(3));
    let view = world.store.begin_validation(begun).await.unwrap().unwrap();
    assert!(view.claim.is_none());
    assert_eq!(view.authorization, opened.authorizations[0]);
    assert!(world.claim(holder, at(60)).await.claims.is_empty());

    // Another account's, one of a slot that is lost, and one that comes too late.
    let expires_at = opened.authorizations[0].expires_at;
    let late = asking(&world, &opened, holder, expires_at);
    let state = conclude(&world, late, Finding::Proof).await;
    assert_eq!(state, Some(ChallengeState::Pending));
    let mut lost = asking(&world, &opened, holder, at(3));
    lost.epoch = Epoch(holder.1.0 + 1);
    let observation = saw(Finding::Proof);
    let judged = Judged {
        observation: &observation,
        attested_key: None,
    };
    assert!(world.store.conclude_validation(lost, judged).await.is_err());
    let authorization = world.authorization(&opened).await;
    opened.account = world.account().await;
    let stranger = asking(&world, &opened, holder, at(3));
    assert_eq!(conclude(&world, stranger, Finding::Proof).await, None);
    assert_eq!(authorization, opened.authorizations[0]);
}
