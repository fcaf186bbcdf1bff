//! What operators do, end to end over a store: it is done once, it is in the trail, and what cannot be
//! done says why.

use std::time::Duration;

use acme_core::{
    Account, BeginValidation, EntropyRng, Finding, Observation, Order, OrderRequest, Origin, Phase,
    Provisioner, RetryPolicy, Role,
};
use acme_types::{AccountId, AccountStatus, Identifier, Jwk, RawIdentifier, Thumbprint};

use crate::world::{SLOT, SystemEntropy, World};

/// An account with an order whose http-01 challenge is being tried and has failed once.
pub(crate) struct Tried {
    pub(crate) account: String,
    pub(crate) authorization: String,
    pub(crate) challenge: String,
}

pub(crate) async fn tried(world: &World) -> Tried {
    let now = acme_core::Clock::now(&*world.clock);
    let mut rng = EntropyRng(&SystemEntropy);
    let jwk: Jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#.parse().unwrap();
    let account = Account {
        id: AccountId::random(&mut rng),
        provisioner: "default".parse().unwrap(),
        jwk,
        thumbprint: Thumbprint([7; 32]),
        status: AccountStatus::Valid,
        contact: Vec::new(),
        terms_agreed: false,
        external_account: None,
        created_at: now,
    };
    let origin = Origin::of_server(SLOT, now);
    let made = world.store.create_account(account.clone(), &origin).await;
    made.unwrap();
    let name = Identifier::try_from(RawIdentifier {
        kind: "dns".to_owned(),
        value: "a.example".to_owned(),
    });
    let request = OrderRequest::new(vec![name.unwrap()]);
    let provisioner = Provisioner::new("default".parse().unwrap());
    let (order, authorizations) =
        Order::open(&account.id, &provisioner, request, now, &mut rng).unwrap();
    let authorization = authorizations[0].clone();
    world
        .store
        .create_order(order, authorizations)
        .await
        .unwrap();
    let challenge = authorization.challenges[0].id.clone();
    let policy = RetryPolicy::default();
    let request = BeginValidation {
        challenge_id: &challenge,
        account_id: &account.id,
        slot: SLOT,
        epoch: world.epoch,
        policy: &policy,
        claim_for: Some(Duration::from_secs(30)),
        now,
    };
    let view = world
        .store
        .begin_validation(request)
        .await
        .unwrap()
        .unwrap();
    let seen = Observation {
        finding: Finding::ConnectRefused,
        phase: Phase::Connect,
        address: None,
        detail: "refused".to_owned(),
        took: Duration::from_millis(3),
    };
    let claim = view.claim.unwrap();
    let recorded = world
        .store
        .record_attempt(&claim, &seen, &policy, now)
        .await;
    recorded.unwrap();
    Tried {
        account: account.id.to_string(),
        authorization: authorization.id.to_string(),
        challenge: challenge.to_string(),
    }
}

/// The acts in the trail, oldest first.
async fn acts(world: &World, token: &str) -> Vec<String> {
    let trail = world.get("/api/v1/audit", token).await.json();
    let items = trail["items"].as_array().unwrap().iter().rev();
    let acts = items.map(|entry| entry["act"].as_str().unwrap().to_owned());
    acts.collect()
}

#[tokio::test]
async fn a_challenge_that_is_tried_is_shown_and_tried_again() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let tried = tried(&world).await;
    let listed = world.get("/api/v1/challenges", &token).await.json();
    let item = &listed["items"][0];
    assert_eq!(item["id"], tried.challenge.as_str());
    assert_eq!(item["identifier"], "a.example");
    assert_eq!(item["last"]["finding"], "connect-refused");
    let path = format!("/api/v1/challenges/{}", tried.challenge);
    let whole = world.get(&path, &token).await.json();
    assert_eq!(whole["attempts"].as_array().unwrap().len(), 1);
    let before = whole["retry"]["next_attempt"].clone();
    world.clock.advance(Duration::from_secs(6));
    let again = world.post(&format!("{path}/rearm"), &token, "").await;
    assert_eq!(again.status, 200, "{}", again.text);
    let retry = &again.json()["retry"];
    assert_ne!(retry["next_attempt"], before, "it is brought forward");
    assert_eq!(retry["attempts"], 0, "a window of its own");
    assert!(
        acts(&world, &token)
            .await
            .contains(&"challenge.rearm".to_owned())
    );
    // Found by its name, too.
    let named = world
        .get("/api/v1/authorizations?name=a.example", &token)
        .await;
    assert_eq!(named.json()["items"][0]["id"], tried.authorization.as_str());
}

#[tokio::test]
async fn what_is_given_up_is_given_up_once() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let tried = tried(&world).await;
    let path = format!("/api/v1/authorizations/{}/deactivate", tried.authorization);
    let done = world.post(&path, &token, "").await;
    assert_eq!(done.json()["status"], "deactivated", "{}", done.text);
    let again = world.post(&path, &token, "").await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    let rearm = format!("/api/v1/challenges/{}/rearm", tried.challenge);
    let refused = world.post(&rearm, &token, "").await;
    assert_eq!(refused.problem(), (409, "conflict".to_owned()));
    let path = format!("/api/v1/accounts/{}/deactivate", tried.account);
    let done = world.post(&path, &token, "").await;
    assert_eq!(done.json()["status"], "deactivated", "{}", done.text);
    let again = world.post(&path, &token, "").await;
    assert_eq!(again.problem(), (409, "conflict".to_owned()));
    let orders = format!("/api/v1/orders?account={}&status=invalid", tried.account);
    let orders = world.get(&orders, &token).await.json();
    assert_eq!(orders["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        acts(&world, &token).await,
        [
            "operator.create",
            "operator.link",
            "account.create",
            "authorization.deactivate",
            "account.deactivate"
        ]
    );
}

#[tokio::test]
async fn an_admin_drains_and_looks_at_the_configuration() {
    let world = World::new().await;
    let token = world.token(Role::Admin).await;
    let shown = world.get("/api/v1/configuration", &token).await.json();
    assert_eq!(shown["base_url"], "https://ca.internal");
    let is_told = || world.process.0.load(std::sync::atomic::Ordering::Relaxed);
    let viewer = world.token(Role::Viewer).await;
    let refused = world.post("/api/v1/drain", &viewer, "").await;
    assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    assert!(!is_told());
    let done = world.post("/api/v1/drain", &token, "").await;
    assert_eq!(done.json()["slot"], 0, "{}", done.text);
    assert!(is_told());
    assert_eq!(acts(&world, &token).await.last().unwrap(), "server.drain");
}
