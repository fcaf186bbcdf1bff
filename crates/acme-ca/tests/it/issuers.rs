//! Several issuers, picked by provisioner and kind of key.

use std::fs;
use std::sync::Arc;

use acme_ca::{CaError, ExistingRoot, InitOptions, KeyType, LocalAuthority, add_issuer};
use acme_core::{IssueRequest, KeyKind, Provisioner, SignAuthority as _};
use tempfile::TempDir;

use crate::support::{
    SystemEntropy, issue, load, now, options, p256, ready, request, verify, write_pem,
};

/// An authority with the issuers `rsa` and `other` beside its first.
fn several() -> TempDir {
    let dir = ready(KeyType::P256);
    for (name, key_type) in [("rsa", KeyType::Rsa3072), ("other", KeyType::P384)] {
        add(&dir, name, key_type).unwrap();
    }
    dir
}

fn add(dir: &TempDir, name: &str, key_type: KeyType) -> Result<std::path::PathBuf, CaError> {
    let options = InitOptions {
        root: Some(ExistingRoot {
            certificate: dir.path().join("root.crt"),
            key: dir.path().join("root.key"),
            passphrase: None,
        }),
        ..options(key_type)
    };
    let name = name.parse().unwrap();
    add_issuer(dir.path(), &name, &options, &SystemEntropy, now())
}

fn with_provisioners(dir: &TempDir) -> Result<LocalAuthority, CaError> {
    let mut by_key = Provisioner::new("by-key".parse().unwrap());
    by_key.issuers.by_key = vec![(KeyKind::P256, "rsa".parse().unwrap())];
    let mut whole = Provisioner::new("whole".parse().unwrap());
    whole.issuers.default = Some("other".parse().unwrap());
    let plain = Provisioner::new("plain".parse().unwrap());
    let provisioners = [by_key, whole, plain].map(Arc::new).to_vec();
    LocalAuthority::load(dir.path(), None, provisioners, now())
}

fn asked(provisioner: &str) -> IssueRequest {
    IssueRequest {
        provisioner: provisioner.parse().unwrap(),
        ..request(&["a.example"], p256())
    }
}

#[test]
fn each_provisioner_has_its_issuer() {
    let dir = several();
    let authority = with_provisioners(&dir).unwrap();
    let issuers = authority.issuers();
    assert_eq!(issuers.len(), 3);
    for (provisioner, issuer) in [
        ("by-key", "issuers/rsa.crt"),
        ("whole", "issuers/other.crt"),
        ("plain", "intermediate.crt"),
        ("unknown", "intermediate.crt"),
    ] {
        let leaf = issue(&authority, &asked(provisioner));
        let leaf = write_pem(dir.path(), "leaf.crt", &leaf);
        let file = |name: &str| dir.path().join(name);
        verify(&file("root.crt"), &file(issuer), &leaf);
    }
}

#[test]
fn an_issuer_that_is_not_there_or_twice_is_refused() {
    let dir = several();
    assert!(matches!(
        add(&dir, "rsa", KeyType::P256),
        Err(CaError::Exists(_))
    ));
    fs::remove_file(dir.path().join("issuers/other.crt")).unwrap();
    let error = with_provisioners(&dir).unwrap_err();
    assert!(error.to_string().contains("add-issuer other"), "{error}");
    assert_eq!(load(dir.path(), None).unwrap().issuers().len(), 2);
    fs::rename(
        dir.path().join("issuers/other.key"),
        dir.path().join("issuers/rsa.key"),
    )
    .unwrap();
    let error = load(dir.path(), None).unwrap_err();
    assert!(matches!(error, CaError::KeyMismatch { .. }), "{error}");
}
