//! Making an authority: what is written, and what is never touched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use acme_ca::{CaError, ExistingRoot, InitOptions, KeyType, init};
use tempfile::TempDir;

use crate::support::{
    DAY, SystemEntropy, issue, load, now, openssl, options, p256, request, write_pem,
};

const FILES: [&str; 4] = [
    "root.key",
    "root.crt",
    "intermediate.key",
    "intermediate.crt",
];

#[test]
fn files_and_their_modes() {
    let dir = TempDir::new().unwrap();
    let ca = dir.path().join("not/there/yet");
    let report = init(&ca, &options(KeyType::P256), &SystemEntropy, now()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&ca), 0o700);
    for key in [
        report.root_key.as_deref().unwrap(),
        &report.intermediate_key,
    ] {
        assert_eq!(mode(key), 0o600, "{}", key.display());
    }
    assert_eq!(report.root_certificate, ca.join("root.crt"));
    assert_eq!(report.intermediate_certificate, ca.join("intermediate.crt"));
    let mut names: Vec<_> = fs::read_dir(&ca)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = FILES;
    expected.sort_unstable();
    assert_eq!(names, expected);

    let root = report.root_certificate.display().to_string();
    let printed = openssl(&["x509", "-in", &root, "-noout", "-fingerprint", "-sha256"]);
    let (_, fingerprint) = printed.trim().split_once('=').unwrap();
    assert_eq!(
        report.root_sha256,
        fingerprint.replace(':', "").to_lowercase()
    );
}

#[test]
fn what_the_certificates_say() {
    let dir = TempDir::new().unwrap();
    init(dir.path(), &options(KeyType::P384), &SystemEntropy, now()).unwrap();
    let text = |name: &str| {
        let path = dir.path().join(name).display().to_string();
        openssl(&["x509", "-in", &path, "-noout", "-text"])
    };
    let root = text("root.crt");
    for part in [
        "Subject: O = Example, CN = Example Root CA",
        "Not Before: Nov 24 11:00:00 2026 GMT",
        "Not After : Nov 23 11:59:59 2036 GMT",
        "CA:TRUE\n",
        "Certificate Sign, CRL Sign",
        "Signature Algorithm: ecdsa-with-SHA384",
    ] {
        assert!(root.contains(part), "{part} in {root}");
    }
    let intermediate = text("intermediate.crt");
    for part in [
        "Issuer: O = Example, CN = Example Root CA",
        "Subject: O = Example, CN = Example Intermediate CA",
        "Not After : Nov 24 11:59:59 2031 GMT",
        "CA:TRUE, pathlen:0",
        "Digital Signature, Certificate Sign, CRL Sign",
    ] {
        assert!(intermediate.contains(part), "{part} in {intermediate}");
    }
}

#[test]
fn nothing_that_exists_is_touched() {
    for name in FILES {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, "precious").unwrap();
        let error = init(
            dir.path(),
            &options(KeyType::Ed25519),
            &SystemEntropy,
            now(),
        )
        .unwrap_err();
        match error {
            CaError::Exists(at) => assert_eq!(at, path),
            CaError::Incomplete { .. } => assert_ne!(name, "intermediate.crt"),
            other => panic!("{name}: {other}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{name}");
    }
}

#[test]
fn a_second_authority_is_refused_and_the_first_lives() {
    let dir = TempDir::new().unwrap();
    init(
        dir.path(),
        &options(KeyType::Ed25519),
        &SystemEntropy,
        now(),
    )
    .unwrap();
    let error = init(dir.path(), &options(KeyType::P256), &SystemEntropy, now()).unwrap_err();
    assert!(matches!(error, CaError::Exists(_)), "{error}");
    load(dir.path(), None).unwrap();
}

#[test]
fn an_interrupted_initialization_is_recognized() {
    // The order in which files are written: a crash leaves the first of them.
    for left in 1..FILES.len() {
        let dir = TempDir::new().unwrap();
        init(
            dir.path(),
            &options(KeyType::Ed25519),
            &SystemEntropy,
            now(),
        )
        .unwrap();
        for name in &FILES[left..] {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
        for error in [
            load(dir.path(), None).unwrap_err(),
            init(
                dir.path(),
                &options(KeyType::Ed25519),
                &SystemEntropy,
                now(),
            )
            .unwrap_err(),
        ] {
            assert!(
                matches!(error, CaError::Incomplete { .. }),
                "{left}: {error}"
            );
        }
    }
}

#[test]
fn names_that_cannot_be() {
    let longest = "n".repeat(48);
    for (name, good) in [
        (longest.as_str(), true),
        ("Ünïcode & Söhne", true),
        (&"n".repeat(49), false),
        ("", false),
        (" spaced", false),
        ("two\nlines", false),
    ] {
        let dir = TempDir::new().unwrap();
        let options = InitOptions {
            name: name.to_owned(),
            ..options(KeyType::Ed25519)
        };
        let outcome = init(dir.path(), &options, &SystemEntropy, now());
        assert_eq!(outcome.is_ok(), good, "{name:?}");
        if good {
            load(dir.path(), None).unwrap();
        }
    }
}

fn with_root(dir: &Path, key_type: KeyType) -> InitOptions {
    InitOptions {
        root: Some(ExistingRoot {
            certificate: dir.join("root.crt"),
            key: dir.join("root.key"),
            passphrase: None,
        }),
        ..options(key_type)
    }
}

#[test]
fn an_existing_root_issues_the_intermediate() {
    for root_type in KeyType::ALL {
        let (old, new) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        init(old.path(), &options(root_type), &SystemEntropy, now()).unwrap();
        let later = now().plus(6 * 365 * DAY);
        let options = with_root(old.path(), KeyType::P256);
        let report = init(new.path(), &options, &SystemEntropy, later).unwrap();
        assert_eq!(report.root_key, None);
        assert!(!new.path().join("root.key").exists(), "the key is copied");
        let root = |dir: &TempDir| fs::read(dir.path().join("root.crt")).unwrap();
        assert_eq!(root(&old), root(&new));

        // Never beyond the end of its root.
        let provisioners = Vec::new();
        let authority =
            acme_ca::LocalAuthority::load(new.path(), None, provisioners, later).unwrap();
        let end = authority.not_after().unwrap();
        assert_eq!(end.to_string(), "2036-11-23T11:59:59Z");
    }
}

#[test]
fn roots_that_do_not_do_are_refused() {
    #[track_caller]
    fn check(options: &InitOptions, at: acme_types::Timestamp, expected: &str) {
        let dir = TempDir::new().unwrap();
        let error = init(dir.path(), options, &SystemEntropy, at).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    init(
        one.path(),
        &options(KeyType::Ed25519),
        &SystemEntropy,
        now(),
    )
    .unwrap();
    init(
        two.path(),
        &options(KeyType::Ed25519),
        &SystemEntropy,
        now(),
    )
    .unwrap();
    let root = |certificate: std::path::PathBuf, key: std::path::PathBuf| InitOptions {
        root: Some(ExistingRoot {
            certificate,
            key,
            passphrase: None,
        }),
        ..options(KeyType::Ed25519)
    };

    let other_key = root(one.path().join("root.crt"), two.path().join("root.key"));
    check(&other_key, now(), "is not that of the certificate in");
    let missing = root(one.path().join("nowhere.crt"), one.path().join("root.key"));
    check(&missing, now(), "cannot read");
    let good = with_root(one.path(), KeyType::Ed25519);
    check(&good, now().plus(11 * 365 * DAY), "expired");
    check(&good, now().minus(DAY), "not valid before");
    let intermediate = root(
        one.path().join("intermediate.crt"),
        one.path().join("intermediate.key"),
    );
    check(&intermediate, now(), "not a root");
    let authority = load(one.path(), None).unwrap();
    let leaf = issue(&authority, &request(&["a.example"], p256()));
    let leaf = root(
        write_pem(one.path(), "leaf.crt", &leaf),
        one.path().join("root.key"),
    );
    check(&leaf, now(), "not that of a certificate authority");
}
