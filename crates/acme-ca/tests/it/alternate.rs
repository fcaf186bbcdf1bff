//! Other chains for an issuer, and how they come about.

use std::fs;
use std::path::{Path, PathBuf};

use acme_ca::{CaError, ExistingRoot, KeyType, LocalAuthority, OldRootKey, cross_sign};
use acme_core::SignAuthority as _;
use acme_core::pem::certificates_from_pem;
use tempfile::TempDir;

use crate::support::{
    SystemEntropy, certificates, issue, load, now, openssl, p256, ready, request, verify, write_pem,
};

fn root_of(dir: &Path) -> ExistingRoot {
    ExistingRoot {
        certificate: dir.join("root.crt"),
        key: dir.join("root.key"),
        passphrase: None,
    }
}

fn cross_signed(kind: KeyType, other: KeyType) -> (TempDir, TempDir, Vec<PathBuf>) {
    let (dir, other) = (ready(kind), ready(other));
    let old = OldRootKey {
        file: dir.path().join("root.key"),
        passphrase: None,
    };
    let root = root_of(other.path());
    let report = cross_sign(dir.path(), &root, Some(&old), &SystemEntropy, now()).unwrap();
    (dir, other, report.chains)
}

#[test]
fn a_leaf_is_good_under_both_roots() {
    for (kind, other_kind) in [
        (KeyType::P256, KeyType::P384),
        (KeyType::Ed25519, KeyType::Rsa3072),
    ] {
        let (dir, other, chains) = cross_signed(kind, other_kind);
        let authority = load(dir.path(), None).unwrap();
        let leaf = issue(&authority, &request(&["a.example"], p256()));
        let [issuer] = authority.issuers().try_into().unwrap();
        let [short, long] = chains.try_into().unwrap();
        // In the order of their names.
        let expected = [certificates(&long), certificates(&short)];
        assert_eq!(authority.alternate_chains(issuer.id), expected);
        assert_eq!(authority.roots().len(), 2);

        let leaf = write_pem(dir.path(), "leaf.crt", &leaf);
        let old = write_pem(dir.path(), "old-root.crt", &authority.roots()[0]);
        let new = other.path().join("root.crt");
        let usual = dir.path().join("intermediate.crt");
        for (root, chain) in [(&old, &usual), (&new, &short), (&new, &long), (&old, &long)] {
            verify(root, chain, &leaf);
        }
    }
}

#[test]
fn openssl_reads_a_bundle_of_certificates() {
    let (dir, _other, _chains) = cross_signed(KeyType::P256, KeyType::P384);
    let authority = load(dir.path(), None).unwrap();
    let leaf = issue(&authority, &request(&["a.example"], p256()));
    let [issuer] = authority.issuers().try_into().unwrap();
    let chain = std::iter::once(&leaf).chain(&issuer.chain);
    let chain: Vec<&[u8]> = chain.map(Vec::as_slice).collect();
    let bundle = dir.path().join("bundle.p7c");
    fs::write(&bundle, acme_core::certs_only(&chain)).unwrap();
    let bundle = bundle.display().to_string();
    let read = ["pkcs7", "-inform", "DER", "-in", &bundle, "-print_certs"];
    let printed = openssl(&read);
    let found = certificates_from_pem(&printed).unwrap();
    assert_eq!(found, chain);
}

#[test]
fn what_is_signed_twice_or_by_its_own_root_is_refused() {
    let (dir, other, chains) = cross_signed(KeyType::P256, KeyType::P256);
    let before = fs::read(dir.path().join("root.crt")).unwrap();
    let again = |root: &ExistingRoot| {
        cross_sign(dir.path(), root, None, &SystemEntropy, now()).unwrap_err()
    };
    assert!(matches!(again(&root_of(other.path())), CaError::Exists(path) if path == chains[0]));
    let own = ready(KeyType::P256);
    let roots = certificates(&dir.path().join("root.crt"));
    write_pem(own.path(), "root.crt", &roots[0]);
    fs::copy(dir.path().join("root.key"), own.path().join("root.key")).unwrap();
    let error = again(&root_of(own.path()));
    assert!(error.to_string().contains("intermediate.crt"), "{error}");
    let stranger = ready(KeyType::P256);
    let old = OldRootKey {
        file: other.path().join("root.key"),
        passphrase: None,
    };
    let root = root_of(stranger.path());
    let error = cross_sign(dir.path(), &root, Some(&old), &SystemEntropy, now()).unwrap_err();
    assert!(matches!(error, CaError::KeyMismatch { .. }), "{error}");
    assert_eq!(fs::read(dir.path().join("root.crt")).unwrap(), before);
}

#[test]
fn a_chain_of_another_key_is_refused_and_one_that_leads_nowhere_left_out() {
    let (dir, other, chains) = cross_signed(KeyType::P256, KeyType::P256);
    let stranger = certificates(&other.path().join("intermediate.crt"));
    let path = write_pem(&dir.path().join("alternate"), "stranger.crt", &stranger[0]);
    let error = load(dir.path(), None).unwrap_err();
    assert!(
        matches!(&error, CaError::Certificate { path: named, .. } if *named == path),
        "{error}"
    );
    fs::remove_file(path).unwrap();

    let roots = certificates(&dir.path().join("root.crt"));
    write_pem(dir.path(), "root.crt", &roots[0]);
    let authority: LocalAuthority = load(dir.path(), None).unwrap();
    let [issuer] = authority.issuers().try_into().unwrap();
    // The one over the old root still leads somewhere.
    let long = certificates(&chains[1]);
    assert_eq!(authority.alternate_chains(issuer.id), [long]);
}
