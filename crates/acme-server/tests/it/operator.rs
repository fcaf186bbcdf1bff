//! The operator's commands over a store that holds what an afternoon of a server leaves behind.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acme_core::{
    Account, BeginValidation, EntropyRng, Finding, Observation, Order, Phase, Provisioner,
    RecordVerdict, Store as _, Tenure,
};
use acme_server::system::{SystemClock, SystemEntropy};
use acme_store::SqliteStore;
use acme_types::{AccountId, AccountStatus, Identifier, Jwk, Slot, Thumbprint, Timestamp};
use tempfile::TempDir;

use crate::program::{done, fails, json};

/// What the store holds.
struct Prepared {
    dir: TempDir,
    account: String,
    order: String,
    authorization: String,
    challenge: String,
}

impl Prepared {
    fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// An account with one order for `www.example.internal`, whose http-01 challenge has been tried
/// twice.
fn prepared() -> Prepared {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("acme-data");
    fs::create_dir(&data).unwrap();
    let config = "base_url = \"https://ca.internal\"\n[store]\nurl = \"sqlite:acme.db\"\n[ca]\ndir = \"ca\"\n";
    fs::write(data.join("acme-server.toml"), config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(data.join("acme.db")).unwrap());
        let prepared = fill(&store, dir).await;
        store.close().await.unwrap();
        prepared
    })
}

async fn fill(store: &SqliteStore, dir: TempDir) -> Prepared {
    let now = acme_core::Clock::now(&SystemClock);
    let entropy = SystemEntropy;
    let mut rng = EntropyRng(&entropy);
    let slot = Slot::new(0);
    let lease = store
        .take_lease(slot, "test", Duration::from_secs(60), now)
        .await
        .unwrap();
    let acme_core::LeaseVerdict::Taken(lease) = lease else {
        panic!("{lease:?}");
    };
    let tenure = Tenure::new(slot, lease.epoch);
    let provisioner = Provisioner::new("default".parse().unwrap());
    let account = account(&provisioner, now, &mut rng);
    let account_id = account.id.clone();
    store.create_account(account).await.unwrap();
    let name = Identifier::Dns("www.example.internal".parse().unwrap());
    let opened = Order::open(
        &account_id,
        &provisioner,
        vec![name],
        None,
        None,
        now,
        &mut rng,
    );
    let (order, authorizations) = opened.unwrap();
    let authorization = authorizations[0].clone();
    let challenge_id = authorization.challenges[0].id.clone();
    store
        .create_order(order.clone(), authorizations)
        .await
        .unwrap();

    let mut due = now;
    for (finding, phase, detail) in [
        (
            Finding::ConnectRefused,
            Phase::Connect,
            "10.0.3.7:80 refused the connection after 1 ms",
        ),
        (
            Finding::HttpStatus,
            Phase::Http,
            "connected to 10.0.3.7:80 after 1 ms, 404 Not Found",
        ),
    ] {
        let request = BeginValidation {
            challenge_id: &challenge_id,
            account_id: &account_id,
            slot,
            epoch: tenure.epoch(),
            policy: &provisioner.retry,
            claim_for: Some(Duration::from_secs(30)),
            now: due,
        };
        let claim = if due == now {
            let view = store.begin_validation(request).await.unwrap().unwrap();
            view.claim.unwrap()
        } else {
            let patience = Duration::from_secs(30);
            let batch = store
                .claim_due(slot, tenure.epoch(), 10, patience, due)
                .await
                .unwrap();
            batch.claims.into_iter().next().unwrap()
        };
        let observation = Observation {
            finding,
            phase,
            address: Some("10.0.3.7:80".parse().unwrap()),
            detail: detail.to_owned(),
            took: Duration::from_millis(2),
        };
        let recorded = store
            .record_attempt(&claim, &observation, &provisioner.retry, due)
            .await;
        assert!(
            matches!(recorded, Ok(RecordVerdict::Recorded(_))),
            "{recorded:?}"
        );
        due = due.plus(Duration::from_secs(12));
    }
    Prepared {
        dir,
        account: account_id.to_string(),
        order: order.id.to_string(),
        authorization: authorization.id.to_string(),
        challenge: challenge_id.to_string(),
    }
}

fn account(provisioner: &Provisioner, now: Timestamp, rng: &mut EntropyRng<'_>) -> Account {
    // The example key of RFC 8037, appendix A.
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    Account {
        id: AccountId::random(rng),
        provisioner: provisioner.name.clone(),
        thumbprint: Thumbprint([7; 32]),
        jwk,
        status: AccountStatus::Valid,
        contact: vec!["mailto:ops@example.internal".to_owned()],
        terms_agreed: false,
        external_account: None,
        created_at: now,
    }
}

#[test]
fn why_tells_the_story_of_each_attempt() {
    let prepared = prepared();
    let text = done(prepared.path(), &["challenge", "why", &prepared.challenge]);
    for word in [
        &format!("{} (http-01)", prepared.challenge),
        "www.example.internal",
        "processing: 2 of 11 attempts of this window made; the next in ",
        &format!("{} (pending, expires ", prepared.authorization),
        "#1  ",
        "10.0.3.7:80 refused the connection after 1 ms",
        "-> Nothing listens at this address and port.",
        "#2  ",
        "+12 s",
        "connected to 10.0.3.7:80 after 1 ms, 404 Not Found",
        "-> The web server answers, but not with the challenge's file.",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }

    let story = json(prepared.path(), &["challenge", "why", &prepared.challenge]);
    assert_eq!(story["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(story["attempts"][1]["finding"], "http-status");
    assert_eq!(story["retries"]["attempts_in_window"], 11);
}

#[test]
fn why_finds_a_challenge_by_what_people_have_at_hand() {
    let prepared = prepared();
    let url = format!(
        "https://ca.internal/acme/default/challenge/{}",
        prepared.challenge
    );
    assert_eq!(
        json(prepared.path(), &["challenge", "why", &url])["challenge"],
        prepared.challenge.as_str()
    );
    for wanted in [
        &prepared.order,
        &prepared.authorization,
        "www.example.internal",
        "WWW.example.internal",
        &prepared.challenge[..6],
    ] {
        let stories = json(prepared.path(), &["challenge", "why", wanted]);
        assert_eq!(stories.as_array().unwrap().len(), 1, "{wanted}");
        assert_eq!(
            stories[0]["challenge"],
            prepared.challenge.as_str(),
            "{wanted}"
        );
    }
    for wanted in ["other.internal", "abc", &"x".repeat(32)] {
        fails(
            prepared.path(),
            &["challenge", "why", wanted],
            1,
            "nothing is known of",
        );
    }
}

#[test]
fn what_is_being_tried_is_listed() {
    let prepared = prepared();
    let text = done(prepared.path(), &["challenge", "list", "--processing"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for word in [
        &prepared.challenge,
        "http-01",
        "www.example.internal",
        "2/11",
        "404 Not Found",
    ] {
        assert!(lines[1].contains(word), "{word} is not in {}", lines[1]);
    }
    let list = json(prepared.path(), &["challenge", "list"]);
    assert_eq!(list[0]["last"]["number"], 2);
}

#[test]
fn accounts_orders_and_slots_are_shown() {
    let prepared = prepared();
    let accounts = json(prepared.path(), &["account", "list"]);
    assert_eq!(accounts[0]["id"], prepared.account.as_str());
    assert_eq!(accounts[0]["contact"][0], "mailto:ops@example.internal");
    let shown = done(prepared.path(), &["account", "show", &prepared.account]);
    assert!(shown.contains("mailto:ops@example.internal"), "{shown}");

    let orders = json(
        prepared.path(),
        &["order", "list", "--account", &prepared.account],
    );
    assert_eq!(orders[0]["id"], prepared.order.as_str());
    let order = json(prepared.path(), &["order", "show", &prepared.order]);
    assert_eq!(order["status"], "pending");
    assert_eq!(
        order["authorizations"][0]["challenges"][0]["status"],
        "processing"
    );
    let shown = done(prepared.path(), &["order", "show", &prepared.order]);
    assert!(shown.contains(&prepared.challenge), "{shown}");

    let slots = json(prepared.path(), &["slot", "list"]);
    assert_eq!(
        (&slots[0]["slot"], &slots[0]["holder"]),
        (&0.into(), &"test".into())
    );
    assert!(done(prepared.path(), &["slot", "list"]).contains("SLOT"));

    assert_eq!(
        json(prepared.path(), &["cert", "list"]),
        serde_json::json!([])
    );
    assert_eq!(
        done(prepared.path(), &["cert", "list"]),
        "There are no such certificates.\n"
    );
}

#[test]
fn what_is_not_there_ends_with_1() {
    let prepared = prepared();
    let missing = "y".repeat(32);
    for arguments in [
        ["account", "show", &missing].as_slice(),
        &["order", "show", &missing],
        &["order", "list", "--account", &missing],
        &["cert", "show", &missing],
        &["cert", "show", "00a4"],
        &["cert", "revoke", "00a4"],
        &["cert", "export", "00a4"],
        &["account", "show", "../../etc/passwd"],
    ] {
        fails(prepared.path(), arguments, 1, "there is no ");
    }
}

#[test]
fn without_a_store_it_ends_with_69_and_makes_none() {
    let prepared = prepared();
    let store = prepared.path().join("acme-data/acme.db");
    for file in fs::read_dir(prepared.path().join("acme-data")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") && path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    fails(
        prepared.path(),
        &["slot", "list"],
        69,
        "there is no store at ",
    );
    assert!(!store.exists());
}

#[test]
fn migrate_makes_the_store_and_changes_nothing_the_second_time() {
    let prepared = prepared();
    for _ in 0..2 {
        let text = done(prepared.path(), &["migrate"]);
        assert!(text.contains("is up to date"), "{text}");
    }
    assert_eq!(
        json(prepared.path(), &["account", "list"])[0]["id"],
        prepared.account.as_str()
    );
}
