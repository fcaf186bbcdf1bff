//! `config check`: every mistake at once, and what holds in the end without secrets.

use std::fs;

use crate::program::{Ran, done, json, program, run};

const GOOD: &str =
    "base_url = \"https://ca.internal\"\n[store]\nurl = \"sqlite:acme.db\"\n[ca]\ndir = \"ca\"\n";

#[test]
fn every_mistake_is_told_at_once_and_ends_with_78() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("bad.toml"),
        "base_url = 7\n[listen]\nacmee = \"x\"\n[ca]\ndir = \"ca\"\n",
    )
    .unwrap();
    for command in [
        ["config", "check"].as_slice(),
        &["serve"],
        &["migrate"],
        &["slot", "list"],
    ] {
        let ran = run(dir.path(), &[command, &["--config", "bad.toml"]].concat());
        assert_eq!(ran.status, 78);
        assert_eq!(
            ran.err,
            "error: the configuration has 3 mistakes:\n  \
             bad.toml:1: base_url: must be text in quotes, not a number\n  \
             bad.toml:3: listen.acmee: there is no such key; did you mean acme?\n  \
             bad.toml: store.url: is missing\n"
        );
        assert_eq!(ran.out, "");
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        1,
        "nothing was made"
    );
}

#[test]
fn a_file_that_cannot_be_read_ends_with_78() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(dir.path(), &["config", "check", "--config", "none.toml"]);
    assert_eq!(ran.status, 78);
    assert!(
        ran.err.contains("none.toml: the file cannot be read: "),
        "{}",
        ran.err
    );
}

#[test]
fn what_holds_is_shown_and_can_be_checked_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), GOOD).unwrap();
    let arguments = [
        "config",
        "check",
        "--config",
        "a.toml",
        "--set",
        "listen.acme=127.0.0.1:3",
    ];
    let shown = done(dir.path(), &arguments);
    assert!(shown.starts_with("# What holds of a.toml."), "{shown}");
    assert!(shown.contains("\nacme = \"127.0.0.1:3\"\n"), "{shown}");
    fs::write(dir.path().join("b.toml"), &shown).unwrap();
    let again = done(dir.path(), &["config", "check", "--config", "b.toml"]);
    assert_eq!(
        shown.lines().skip(1).collect::<Vec<_>>(),
        again.lines().skip(1).collect::<Vec<_>>()
    );
}

#[test]
fn the_environment_names_the_file_and_overrides_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), GOOD).unwrap();
    let check = |sets: &[&str]| {
        let ran: Ran = program(dir.path())
            .env("ACME_SERVER_CONFIG", "a.toml")
            .env("ACME_SERVER__LISTEN__ACME", "127.0.0.1:2")
            .env("ACME_SLOT", "7")
            .args(["config", "check", "--output", "json"])
            .args(sets)
            .output()
            .unwrap()
            .into();
        assert_eq!(ran.status, 0, "{}", ran.err);
        serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()
    };
    let plain = check(&[]);
    assert_eq!(plain["listen"]["acme"], "127.0.0.1:2");
    assert_eq!(plain["slot"]["id"], 7);
    let set = check(&["--set", "listen.acme=127.0.0.1:3", "--slot", "pod-name"]);
    assert_eq!(set["listen"]["acme"], "127.0.0.1:3");
    assert_eq!(set["slot"]["id"], "pod-name");
}

#[test]
fn the_usual_files_are_found_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("acme-data")).unwrap();
    fs::write(dir.path().join("acme-data/acme-server.toml"), GOOD).unwrap();
    let base_url = || json(dir.path(), &["config", "check"])["base_url"].clone();
    assert_eq!(base_url(), "https://ca.internal");
    let here = GOOD.replace("ca.internal", "here.internal");
    fs::write(dir.path().join("acme-server.toml"), here).unwrap();
    assert_eq!(base_url(), "https://here.internal");
}

#[test]
fn no_password_leaves_the_program() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), GOOD).unwrap();
    for url in [
        "postgres://ca:hunter2@db/acme",
        "mysql://ca:hunter2@db/acme",
    ] {
        let set = format!("store.url={url}");
        for command in [
            ["config", "check"].as_slice(),
            &["serve"],
            &["slot", "list"],
        ] {
            let ran = run(
                dir.path(),
                &[command, &["--config", "a.toml", "--set", &set]].concat(),
            );
            assert!(
                !ran.out.contains("hunter2") && !ran.err.contains("hunter2"),
                "{}{}",
                ran.out,
                ran.err
            );
        }
    }
}

#[test]
fn what_the_configuration_names_must_be_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), GOOD).unwrap();
    let serve = [
        "serve",
        "--config",
        "a.toml",
        "--set",
        "listen.acme=127.0.0.1:0",
    ];
    let sides = ["--set", "listen.admin=", "--set", "listen.metrics="];
    let arguments = [serve.as_slice(), &sides].concat();
    let ran = run(dir.path(), &arguments);
    assert_eq!(ran.status, 78, "{}", ran.err);
    assert!(ran.err.contains("ca/root.crt"), "{}", ran.err);
    assert!(
        ran.err
            .contains("`acme-server init --dir DIR` makes an authority"),
        "{}",
        ran.err
    );

    done(dir.path(), &["init", "--dir", "."]);
    let tls = ["--set", "tls.cert=none.crt", "--set", "tls.key=none.key"];
    let ran = run(dir.path(), &[arguments.as_slice(), &tls].concat());
    assert_eq!(ran.status, 78, "{}", ran.err);
    assert!(ran.err.contains("none.crt"), "{}", ran.err);
}

#[test]
fn a_pod_s_name_without_a_number_ends_with_78() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), GOOD).unwrap();
    let ran: Ran = program(dir.path())
        .env("POD_NAME", "acme-server-6d9f7-x2x4k")
        .args(["serve", "--config", "a.toml", "--slot", "pod-name"])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.status, 78, "{}", ran.err);
    assert!(ran.err.contains("acme-server-6d9f7-x2x4k"), "{}", ran.err);
}
