//! `init`: what it makes, and that it touches nothing that exists.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::program::{done, fails, json};

#[test]
fn it_makes_an_authority_and_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let made = json(
        dir.path(),
        &[
            "init",
            "--dir",
            "data",
            "--name",
            "Example",
            "--dns",
            "ca.internal",
            "10.0.0.5",
            "fd00::1",
        ],
    );
    assert_eq!(made["ca_was_made"], true);
    assert_eq!(made["config_was_made"], true);
    assert_eq!(
        made["directory"],
        "https://ca.internal/acme/default/directory"
    );
    assert_eq!(made["root_sha256"].as_str().unwrap().len(), 64);
    for key in ["root.key", "intermediate.key"] {
        let mode = fs::metadata(dir.path().join("data/ca").join(key))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let config = ["config", "check", "--config", "data/acme-server.toml"];
    let checked = json(dir.path(), &config);
    assert_eq!(checked["base_url"], "https://ca.internal");
    assert_eq!(
        checked["accepted_base_urls"],
        serde_json::json!(["https://10.0.0.5", "https://[fd00::1]"])
    );
    let text = fs::read_to_string(dir.path().join("data/acme-server.toml")).unwrap();
    assert!(
        text.contains("\n#interval = \"12s\"\n"),
        "the defaults are shown"
    );
}

#[test]
fn what_exists_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let first = json(
        dir.path(),
        &["init", "--dir", "data", "--dns", "ca.internal"],
    );
    let before = contents(dir.path());
    let second = json(
        dir.path(),
        &[
            "init",
            "--dir",
            "data",
            "--dns",
            "other.internal",
            "--key-type",
            "ed25519",
        ],
    );
    assert_eq!(contents(dir.path()), before);
    assert_eq!(second["root_sha256"], first["root_sha256"]);
    assert_eq!(second["directory"], first["directory"]);
    assert_eq!(
        (&second["ca_was_made"], &second["config_was_made"]),
        (&false.into(), &false.into())
    );

    // What is missing is made anew, beside what is there.
    fs::remove_file(dir.path().join("data/acme-server.toml")).unwrap();
    let text = done(
        dir.path(),
        &["init", "--dir", "data", "--dns", "other.internal"],
    );
    assert!(text.contains("data/ca (kept as it was)"), "{text}");
    assert!(text.contains("data/acme-server.toml (made)"), "{text}");
    assert!(
        text.contains("https://other.internal/acme/default/directory"),
        "{text}"
    );
}

#[test]
fn each_kind_of_key_makes_an_authority() {
    for kind in ["p256", "p384", "rsa3072", "ed25519", "ml-dsa-65"] {
        let dir = tempfile::tempdir().unwrap();
        let made = json(dir.path(), &["init", "--dir", "d", "--key-type", kind]);
        assert_eq!(made["ca_was_made"], true, "{kind}");
    }
}

#[test]
fn a_root_that_is_there_already_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let old = json(dir.path(), &["init", "--dir", "old"]);
    let new = json(
        dir.path(),
        &[
            "init",
            "--dir",
            "new",
            "--root-cert",
            "old/ca/root.crt",
            "--root-key",
            "old/ca/root.key",
        ],
    );
    assert_eq!(new["root_sha256"], old["root_sha256"]);
    assert!(
        !dir.path().join("new/ca/root.key").exists(),
        "the root's key is not copied"
    );
}

#[test]
fn a_passphrase_is_named_in_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("secret"), "correct horse\n").unwrap();
    json(
        dir.path(),
        &["init", "--dir", "d", "--passphrase-file", "secret"],
    );
    let key = fs::read_to_string(dir.path().join("d/ca/intermediate.key")).unwrap();
    assert!(key.contains("ENCRYPTED"), "{key}");
    let checked = json(
        dir.path(),
        &["config", "check", "--config", "d/acme-server.toml"],
    );
    let file = PathBuf::from(checked["ca"]["passphrase_file"].as_str().unwrap());
    assert!(file.is_absolute() && file.ends_with("secret"));
}

#[test]
fn what_cannot_be_made_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    fails(dir.path(), &["init", "--dir", "file"], 1, "file");
    fails(
        dir.path(),
        &["init", "--dir", "d", "--name", ""],
        64,
        "cannot name an authority",
    );
    fails(
        dir.path(),
        &["init", "--dir", "d", "--passphrase-file", "none"],
        1,
        "none",
    );
}

/// Every file below a directory with what it holds.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files.sort();
    files
}
