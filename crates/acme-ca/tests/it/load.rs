//! Loading an authority: what it must hold together, and what is refused.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use acme_ca::{CaError, InitOptions, KeyError, KeyType, LocalAuthority, Passphrase, init};
use acme_core::SignAuthority;
use acme_core::pem::certificates_to_pem;
use acme_types::Timestamp;
use tempfile::TempDir;

use crate::support::{
    DAY, SystemEntropy, certificates, issue, load, now, openssl, options, p256, ready, request,
    write_pem,
};

#[track_caller]
fn check_refused(dir: &Path, expected: &str) {
    let error = load(dir, None).unwrap_err();
    let text = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    assert!(text.contains(expected), "{text}");
}

fn append(path: &Path, der: &[Vec<u8>]) {
    let text = fs::read_to_string(path).unwrap() + &certificates_to_pem(der);
    fs::write(path, text).unwrap();
}

#[test]
fn a_locked_key_needs_its_passphrase() {
    let dir = TempDir::new().unwrap();
    let options = InitOptions {
        passphrase: Some(Passphrase::new("correct horse")),
        ..options(KeyType::P256)
    };
    init(dir.path(), &options, &SystemEntropy, now()).unwrap();
    check_refused(dir.path(), "it is encrypted; a passphrase is needed");
    for wrong in ["", "correct", "Correct horse"] {
        let error = load(dir.path(), Some(&Passphrase::new(wrong))).unwrap_err();
        let CaError::Key { source, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(source, KeyError::WrongPassphrase, "{wrong:?}");
    }
    load(dir.path(), Some(&Passphrase::new("correct horse"))).unwrap();
}

#[test]
fn key_and_certificate_must_belong_together() {
    let (dir, other) = (ready(KeyType::P256), ready(KeyType::P256));
    let key = |dir: &TempDir| dir.path().join("intermediate.key");
    fs::copy(key(&other), key(&dir)).unwrap();
    check_refused(dir.path(), "is not that of the certificate in");
    // Of another kind altogether.
    fs::copy(key(&ready(KeyType::Ed25519)), key(&dir)).unwrap();
    check_refused(dir.path(), "is not that of the certificate in");
}

#[test]
fn the_chain_must_lead_to_a_root() {
    let (dir, other) = (ready(KeyType::P256), ready(KeyType::P256));
    let root = |dir: &TempDir| dir.path().join("root.crt");
    fs::copy(root(&other), root(&dir)).unwrap();
    check_refused(dir.path(), "its signature is wrong");
}

#[test]
fn a_chain_below_an_unknown_name_is_refused() {
    let (dir, other) = (ready(KeyType::P256), TempDir::new().unwrap());
    let options = InitOptions {
        name: "Other".to_owned(),
        ..options(KeyType::P256)
    };
    init(other.path(), &options, &SystemEntropy, now()).unwrap();
    fs::copy(other.path().join("root.crt"), dir.path().join("root.crt")).unwrap();
    check_refused(dir.path(), "has the name of its issuer");
}

#[test]
fn several_roots_and_a_chain_that_ends_with_its_root_are_good() {
    let (dir, other) = (ready(KeyType::P256), ready(KeyType::Ed25519));
    let own = certificates(&dir.path().join("root.crt"));
    let others = certificates(&other.path().join("root.crt"));
    fs::write(
        dir.path().join("root.crt"),
        certificates_to_pem(&[others[0].clone(), own[0].clone()]),
    )
    .unwrap();
    append(&dir.path().join("intermediate.crt"), &own);
    let authority = load(dir.path(), None).unwrap();
    assert_eq!(authority.roots(), [others[0].clone(), own[0].clone()]);
    let issuers = authority.issuers();
    assert_eq!(issuers.len(), 1);
    assert_eq!(issuers[0].chain.len(), 1, "the root is not sent to clients");
}

#[test]
fn a_root_does_not_issue_leaves() {
    let dir = ready(KeyType::P256);
    for extension in ["crt", "key"] {
        let file = |name: &str| dir.path().join(name).with_extension(extension);
        fs::copy(file("root"), file("intermediate")).unwrap();
    }
    check_refused(dir.path(), "it is a root");
}

#[test]
fn what_has_ended_or_not_begun_is_refused() {
    let dir = ready(KeyType::Ed25519);
    let at = |now: Timestamp| LocalAuthority::load(dir.path(), None, Vec::new(), now);
    let end: Timestamp = "2031-11-24T11:59:59Z".parse().unwrap();
    at(end).unwrap();
    let error = at(end.plus(std::time::Duration::from_secs(1))).unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    let error = at(now().minus(DAY)).unwrap_err();
    assert!(error.to_string().contains("is the clock right?"), "{error}");
}

#[test]
fn damaged_files_are_refused_and_never_panic() {
    for (name, bytes, expected) in [
        ("root.crt", &b""[..], "there is no PEM block"),
        ("intermediate.crt", b"\xff\xfe", "it is not PEM text"),
        (
            "intermediate.key",
            b"",
            "there is no PEM block of a private key",
        ),
        (
            "intermediate.key",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "it is damaged",
        ),
        (
            "intermediate.crt",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "it is damaged or no X.509 certificate",
        ),
    ] {
        let dir = ready(KeyType::Ed25519);
        fs::write(dir.path().join(name), bytes).unwrap();
        check_refused(dir.path(), expected);
        assert!(
            load(dir.path(), None)
                .unwrap_err()
                .to_string()
                .contains(name)
        );
    }
}

#[test]
fn a_certificate_with_any_bit_turned_is_refused() {
    let dir = ready(KeyType::Ed25519);
    let path = dir.path().join("intermediate.crt");
    let good = certificates(&path).remove(0);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        write_pem(dir.path(), "intermediate.crt", &bad);
        assert!(load(dir.path(), None).is_err(), "octet {at}");
    }
}

#[test]
fn previous_issuers_are_known() {
    let (dir, before) = (ready(KeyType::P256), ready(KeyType::Ed25519));
    let previous = dir.path().join("previous");
    fs::create_dir(&previous).unwrap();
    let old = certificates(&before.path().join("intermediate.crt"));
    write_pem(&previous, "2025.crt", &old[0]);
    // The one in use may stand there too; what is no certificate's file is passed over.
    let current = certificates(&dir.path().join("intermediate.crt"));
    write_pem(&previous, "2026.crt", &current[0]);
    fs::write(previous.join("README"), "not one").unwrap();

    let authority = load(dir.path(), None).unwrap();
    let chains: Vec<_> = authority
        .issuers()
        .into_iter()
        .map(|issuer| issuer.chain)
        .collect();
    assert_eq!(chains, [current, old]);

    fs::write(previous.join("2024.crt"), "damaged").unwrap();
    check_refused(dir.path(), "2024.crt");
}

#[test]
fn an_authority_of_others_with_two_levels_is_good() {
    let dir = TempDir::new().unwrap();
    let real_now = foreign_authority(dir.path(), "CA:true", "CA:true,pathlen:1");
    let authority = LocalAuthority::load(dir.path(), None, Vec::new(), real_now).unwrap();
    assert_eq!(authority.issuers()[0].chain.len(), 2);
    let mut request = request(&["a.example"], p256());
    (request.not_before, request.not_after) = (real_now, real_now.plus(900 * DAY));
    let leaf = issue(&authority, &request);
    let leaf = write_pem(dir.path(), "leaf.crt", &leaf);
    let file = |name: &str| dir.path().join(name).display().to_string();
    openssl(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        &file("root.crt"),
        "-untrusted",
        &file("intermediate.crt"),
        &leaf.display().to_string(),
    ]);
    // The policy authority ends first, after 60 days.
    let text = openssl(&["x509", "-in", &file("leaf.crt"), "-noout", "-enddate"]);
    let middle = openssl(&["x509", "-in", &file("policy.crt"), "-noout", "-enddate"]);
    assert_eq!(text, middle);
}

#[test]
fn path_lengths_are_kept() {
    for (root, policy) in [
        ("CA:true,pathlen:1", "CA:true"),
        ("CA:true", "CA:true,pathlen:0"),
    ] {
        let dir = TempDir::new().unwrap();
        let real_now = foreign_authority(dir.path(), root, policy);
        let error = LocalAuthority::load(dir.path(), None, Vec::new(), real_now).unwrap_err();
        assert!(error.to_string().contains("pathLen"), "{error}");
    }
}

/// A root, a policy authority below it and an issuing one below that, made by OpenSSL; gives the
/// present time.
fn foreign_authority(dir: &Path, root: &str, policy: &str) -> Timestamp {
    let script = format!(
        r#"
set -e
key() {{ openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out $1.key; }}
below() {{
    key $1
    printf '%s\n' "basicConstraints=critical,$3" keyUsage=critical,keyCertSign,cRLSign \
        subjectKeyIdentifier=hash authorityKeyIdentifier=keyid > $1.ext
    openssl req -new -key $1.key -subj "/C=CH/CN=$1" |
        openssl x509 -req -sha512 -CA $2.crt -CAkey $2.key -days $4 -extfile $1.ext -out $1.crt
}}
key root
openssl req -x509 -key root.key -subj /C=CH/CN=root -days 90 -out root.crt \
    -addext basicConstraints=critical,{root} -addext keyUsage=critical,keyCertSign
below policy root {policy} 60
below intermediate policy CA:true,pathlen:0 80
cat policy.crt >> intermediate.crt
"#
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(dir)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_secs(i64::try_from(now.as_secs()).unwrap())
}
