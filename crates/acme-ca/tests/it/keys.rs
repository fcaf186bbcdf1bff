//! Private keys: what is written OpenSSL reads, and the other way round; nothing leaks.

use std::fs;
use std::path::Path;

use acme_ca::{CaError, CaKey, ExistingRoot, InitOptions, KeyError, KeyType, Passphrase, init};
use tempfile::TempDir;

use crate::support::{SystemEntropy, load, now, openssl, options, try_openssl};

#[test]
fn openssl_reads_what_is_written() {
    for key_type in KeyType::ALL {
        // OpenSSL 3.0 knows no ML-DSA.
        if key_type == KeyType::MlDsa65 {
            continue;
        }
        for passphrase in [None, Some("correct horse")] {
            let dir = TempDir::new().unwrap();
            let options = InitOptions {
                passphrase: passphrase.map(Passphrase::new),
                ..options(key_type)
            };
            init(dir.path(), &options, &SystemEntropy, now()).unwrap();
            for name in ["root.key", "intermediate.key"] {
                let path = dir.path().join(name).display().to_string();
                let secret = format!("pass:{}", passphrase.unwrap_or_default());
                openssl(&["pkey", "-in", &path, "-passin", &secret, "-noout", "-check"]);
                let wrong = ["pkey", "-in", &path, "-passin", "pass:wrong", "-noout"];
                assert_eq!(try_openssl(&wrong).status.success(), passphrase.is_none());
            }
        }
    }
}

#[test]
fn every_kind_is_read_back_encrypted_or_not() {
    for key_type in KeyType::ALL {
        for passphrase in [None, Some(Passphrase::new("correct horse"))] {
            let dir = TempDir::new().unwrap();
            let options = InitOptions {
                passphrase: passphrase.clone(),
                ..options(key_type)
            };
            init(dir.path(), &options, &SystemEntropy, now()).unwrap();
            // It checks that the key is that of the certificate.
            load(dir.path(), passphrase.as_ref()).unwrap();
            let text = fs::read_to_string(dir.path().join("intermediate.key")).unwrap();
            let label = match passphrase {
                None => "-----BEGIN PRIVATE KEY-----\n",
                Some(_) => "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            };
            assert!(text.starts_with(label), "{key_type}");
        }
    }
}

/// Makes a key with OpenSSL and takes it for a root's. Its certificate is another's, so that what
/// is told is whether the key could be read.
#[track_caller]
fn check(commands: &[&str], expected: Result<(), KeyError>) {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    init(
        &path("other"),
        &options(KeyType::P256),
        &SystemEntropy,
        now(),
    )
    .unwrap();
    for command in commands {
        let command = command
            .replace("OUT", path("key.pem").to_str().unwrap())
            .replace("TEMP", path("temp.pem").to_str().unwrap());
        openssl(&command.split_whitespace().collect::<Vec<_>>());
    }
    let options = InitOptions {
        root: Some(ExistingRoot {
            certificate: path("other/root.crt"),
            key: path("key.pem"),
            passphrase: Some(Passphrase::new("secret")),
        }),
        ..options(KeyType::P256)
    };
    let error = init(&path("new"), &options, &SystemEntropy, now()).unwrap_err();
    let outcome = match error {
        CaError::KeyMismatch { .. } => Ok(()),
        CaError::Key { source, path: at } => {
            assert_eq!(at, path("key.pem"));
            Err(source)
        }
        other => panic!("{other}"),
    };
    match (outcome, expected) {
        (Err(KeyError::Unsupported(_)), Err(KeyError::Unsupported(_)))
        | (Err(KeyError::Encryption(_)), Err(KeyError::Encryption(_))) => {}
        (outcome, expected) => assert_eq!(outcome, expected, "{commands:?}"),
    }
}

#[test]
fn keys_of_openssl_are_read() {
    const EC: &str = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    for commands in [
        &["genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out OUT"] as &[_],
        &["genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out OUT"],
        &["genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out OUT"],
        &["genpkey -algorithm ED25519 -out OUT"],
        // The forms before PKCS#8; the first with the curve's parameters before the key.
        &["ecparam -name prime256v1 -genkey -out OUT"],
        &["ecparam -name secp384r1 -genkey -noout -out OUT"],
        &["genrsa -traditional -out OUT 2048"],
        // Encrypted in the ways that OpenSSL has had as defaults.
        &[
            &format!("{EC} TEMP"),
            "pkcs8 -topk8 -in TEMP -out OUT -passout pass:secret",
        ],
        &[
            &format!("{EC} TEMP"),
            "pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in TEMP -out OUT -passout pass:secret",
        ],
        &[
            &format!("{EC} TEMP"),
            "pkcs8 -topk8 -v2 aes256 -v2prf hmacWithSHA512 -in TEMP -out OUT -passout pass:secret",
        ],
    ] {
        check(commands, Ok(()));
    }
}

#[test]
fn keys_that_do_not_do_are_refused_with_the_reason() {
    let unsupported = || Err(KeyError::Unsupported(String::new()));
    let encryption = || Err(KeyError::Encryption(String::new()));
    check(
        &["genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out OUT"],
        unsupported(),
    );
    check(&["genpkey -algorithm X25519 -out OUT"], unsupported());
    check(
        &["genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out OUT"],
        unsupported(),
    );
    let make = "genpkey -algorithm ED25519 -out TEMP";
    check(
        &[
            make,
            "pkcs8 -topk8 -v2 des3 -in TEMP -out OUT -passout pass:secret",
        ],
        encryption(),
    );
    check(
        &[
            make,
            "pkcs8 -topk8 -scrypt -in TEMP -out OUT -passout pass:secret",
        ],
        encryption(),
    );
    check(
        &["genrsa -traditional -aes256 -out OUT -passout pass:secret 2048"],
        encryption(),
    );
    check(
        &[make, "pkcs8 -topk8 -in TEMP -out OUT -passout pass:other"],
        Err(KeyError::WrongPassphrase),
    );
    check(
        &[make, "pkey -in TEMP -pubout -out OUT"],
        Err(KeyError::Missing),
    );
}

#[test]
fn debug_shows_no_secret() {
    let key = CaKey::generate(KeyType::P256).unwrap();
    assert_eq!(format!("{key:?}"), "CaKey(P-256)");
    assert_eq!(format!("{:?}", Passphrase::new("secret")), "Passphrase(..)");
}

#[test]
fn damaged_keys_are_refused_and_never_panic() {
    for key_type in KeyType::ALL {
        let pkcs8 = CaKey::generate(key_type).unwrap().to_pkcs8().unwrap();
        assert!(CaKey::from_pkcs8(&pkcs8).is_ok());
        for end in (0..pkcs8.len()).step_by(1 + pkcs8.len() / 64) {
            assert!(
                CaKey::from_pkcs8(&pkcs8[..end]).is_err(),
                "{key_type} cut at {end}"
            );
        }
    }
}

#[test]
fn a_passphrase_file_loses_one_line_break() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let options = InitOptions {
        passphrase: Some(Passphrase::new("two\nlines\n")),
        ..options(KeyType::Ed25519)
    };
    let ca = dir.path().join("ca");
    init(&ca, &options, &SystemEntropy, now()).unwrap();
    for (text, good) in [
        ("two\nlines\n\n", true),
        ("two\nlines\n\r\n", true),
        ("two\nlines\n", false),
    ] {
        let passphrase = Passphrase::read(&write("passphrase", text)).unwrap();
        assert_eq!(load(&ca, Some(&passphrase)).is_ok(), good, "{text:?}");
    }
    for text in ["", "\n"] {
        let error = Passphrase::read(&write("empty", text)).unwrap_err();
        assert!(matches!(error, CaError::EmptyPassphrase(_)), "{error}");
    }
    let error = Passphrase::read(Path::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/at/all");
}
