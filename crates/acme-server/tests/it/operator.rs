//! The operator's commands, beside the server that may run on the same store.

use std::fs;

use crate::prepared::{ISSUER, LEAF, issued, tried_twice};
use crate::program::{done, fails, json};

#[test]
fn why_tells_the_story_of_each_attempt() {
    let prepared = tried_twice();
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
    let prepared = tried_twice();
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
    let prepared = tried_twice();
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
    let prepared = tried_twice();
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
    let prepared = tried_twice();
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
    let prepared = tried_twice();
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
    let prepared = tried_twice();
    for _ in 0..2 {
        let text = done(prepared.path(), &["migrate"]);
        assert!(text.contains("is up to date"), "{text}");
    }
    assert_eq!(
        json(prepared.path(), &["account", "list"])[0]["id"],
        prepared.account.as_str()
    );
}

#[test]
fn certificates_are_listed_by_what_is_asked() {
    let prepared = issued();
    let (serial, id) = prepared.certificate.as_ref().unwrap();
    let listed = |arguments: &[&str]| {
        let list = json(
            prepared.path(),
            &[["cert", "list"].as_slice(), arguments].concat(),
        );
        list.as_array().unwrap().len()
    };
    for (arguments, count) in [
        (["--identifier", "WWW.example.internal"].as_slice(), 1),
        (&["--identifier", "other.internal"], 0),
        (&["--identifier", "10.0.3.7"], 0),
        (&["--account", &prepared.account], 1),
        (&["--account", &"y".repeat(32)], 0),
        (&["--expiring-within", "31d"], 1),
        (&["--expiring-within", "7d"], 0),
        (&["--not-revoked"], 1),
        (&["--revoked"], 0),
        (&["--limit", "1"], 1),
    ] {
        assert_eq!(listed(arguments), count, "{arguments:?}");
    }
    let text = done(prepared.path(), &["cert", "list"]);
    assert!(text.contains(serial) && text.contains("valid"), "{text}");
    for wanted in [
        serial,
        id,
        &format!("https://ca.internal/acme/default/certificate/{id}"),
    ] {
        let shown = json(prepared.path(), &["cert", "show", wanted]);
        assert_eq!(shown["serial"], serial.as_str());
        assert_eq!(shown["identifiers"][0]["value"], "www.example.internal");
        assert_eq!(shown["order"], prepared.order.as_str());
    }
    assert!(done(prepared.path(), &["cert", "show", serial]).contains("(30 d left)"));
}

#[test]
fn a_certificate_is_revoked_once() {
    let prepared = issued();
    let (serial, _) = prepared.certificate.as_ref().unwrap();
    let revoke = |reason| {
        json(
            prepared.path(),
            &["cert", "revoke", serial, "--reason", reason],
        )
    };
    let first = revoke("superseded");
    assert_eq!(first["was_revoked_before"], false);
    assert_eq!(first["reason"], "superseded");
    let second = revoke("keyCompromise");
    assert_eq!(second["was_revoked_before"], true);
    assert_eq!(second["reason"], "superseded", "the first revocation stays");
    let shown = json(prepared.path(), &["cert", "show", serial]);
    assert_eq!(
        (&shown["status"], &shown["revoked_at"]),
        (&"revoked".into(), &first["revoked_at"])
    );
    assert_eq!(
        json(prepared.path(), &["cert", "list", "--revoked"])[0]["serial"],
        serial.as_str()
    );
}

#[test]
fn a_certificate_is_exported_with_its_chain() {
    let prepared = issued();
    let (serial, _) = prepared.certificate.as_ref().unwrap();
    let export = |more: &[&str]| {
        let pem = done(
            prepared.path(),
            &[["cert", "export", serial].as_slice(), more].concat(),
        );
        acme_core::pem::certificates_from_pem(&pem).unwrap()
    };
    assert_eq!(export(&[]), [LEAF, ISSUER]);
    assert_eq!(export(&["--no-chain"]), [LEAF]);

    let to_file = [
        "cert", "export", serial, "--format", "der", "--out", "www.der",
    ];
    assert_eq!(done(prepared.path(), &to_file), "");
    assert_eq!(fs::read(prepared.path().join("www.der")).unwrap(), LEAF);
    fails(prepared.path(), &to_file, 1, "www.der");
}

#[test]
fn why_tells_of_a_proof_and_of_an_order_that_is_done() {
    let prepared = issued();
    let text = done(prepared.path(), &["challenge", "why", &prepared.order]);
    for word in [
        "valid: the proof was seen at ",
        "#3  ",
        "(valid, expires ",
        "  proof\n",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert_eq!(
        done(prepared.path(), &["challenge", "list"]),
        "No challenge is being tried.\n"
    );
    let order = json(prepared.path(), &["order", "show", &prepared.order]);
    assert_eq!(order["status"], "valid");
    assert_eq!(
        order["certificate"],
        prepared.certificate.as_ref().unwrap().1.as_str()
    );
}

#[test]
fn a_key_for_external_accounts_has_a_life() {
    let prepared = tried_twice();
    let path = prepared.path();
    assert!(done(path, &["eab", "list"]).contains("no external account keys"));
    let text = done(path, &["eab", "create"]);
    assert!(
        text.contains("HMAC key") && text.contains("0 of 1"),
        "{text}"
    );
    let arguments = [
        "eab",
        "create",
        "--uses",
        "0",
        "--expires",
        "30d",
        "--names",
        "*.lab.internal",
        "--names",
        "10.1.0.0/16",
    ];
    let made = json(path, &arguments);
    assert_eq!(made["max_uses"], serde_json::Value::Null);
    assert_eq!(made["names"][1], "10.1.0.0/16");
    let secret = made["hmac_key"].as_str().unwrap();
    assert_eq!(secret.len(), 43, "32 octets in base64url");
    let id = made["id"].as_str().unwrap();

    let listed = json(path, &["eab", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let table = done(path, &["eab", "list"]);
    for word in [id, "good", "0 of any number", "*.lab.internal 10.1.0.0/16"] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    for text in [table, listed.to_string()] {
        assert!(!text.contains(secret), "the secret is shown once");
    }
    for _ in 0..2 {
        assert_eq!(json(path, &["eab", "revoke", id])["status"], "revoked");
    }
    assert!(done(path, &["eab", "list"]).contains("revoked"));

    fails(
        path,
        &["eab", "revoke", &"x".repeat(32)],
        1,
        "no external account key",
    );
    fails(path, &["eab", "create", "--provisioner", "x"], 1, "default");
    fails(
        path,
        &["eab", "create", "--profile", "short"],
        1,
        "there is no profile \"short\" at the provisioner \"default\", which has none",
    );
    fails(
        path,
        &["eab", "create", "--profile", "a b"],
        64,
        "1 to 64 ASCII letters",
    );
    fails(
        path,
        &["eab", "create", "--names", "*"],
        64,
        "neither a name",
    );
    fails(
        path,
        &["eab", "create", "--expires", "soon"],
        64,
        "not a duration",
    );
}

#[test]
fn a_certificate_is_marked_for_early_renewal() {
    let prepared = issued();
    let path = prepared.path();
    let (serial, _) = prepared.certificate.as_ref().unwrap();
    let page = "https://wiki.internal/incident-7";
    let mark = ["cert", "renew-early", serial, "--explanation", page];
    assert!(done(path, &mark).contains("shall be renewed at once"));
    let shown = json(path, &["cert", "show", serial]);
    assert_eq!(shown["renewal_explanation"], page);
    assert!(done(path, &["cert", "show", serial]).contains("Renew early"));
    let undo = ["cert", "renew-early", serial, "--undo"];
    assert!(done(path, &undo).contains("in its own time"));
    let shown = json(path, &["cert", "show", serial]);
    assert_eq!(shown["renew_early_since"], serde_json::Value::Null);

    // Nothing is marked when one of them is not there.
    let unknown = ["cert", "renew-early", serial, "0badc0de"];
    fails(path, &unknown, 1, "there is no certificate 0badc0de");
    let shown = json(path, &["cert", "show", serial]);
    assert_eq!(shown["renew_early_since"], serde_json::Value::Null);
    fails(path, &["cert", "renew-early"], 64, "SERIAL");
    let wrong = ["cert", "renew-early", serial, "--explanation", "because"];
    fails(path, &wrong, 64, "is not a URL");
}
