//! Revocation lists and answers about certificates, judged by OpenSSL and pkilint.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use acme_ca::{KeyType, LeafProfile, LocalAuthority};
use acme_core::{
    AuthorityError, CertificateStatus, CrlRequest, IssuerId, OcspIssuer, OcspQuery, OcspRequest,
    Revocation, RevocationEntry, RevocationReason, Serial, SignAuthority,
};
use aws_lc_rs::signature::{ML_DSA_65, UnparsedPublicKey};
use der::{Decode, Encode};
use tempfile::TempDir;
use x509_cert::crl::CertificateList;

use crate::judged::lint;
use crate::support::{
    DAY, authority, issue, load, now, openssl, p256, request, try_openssl, wait, write_pem,
};

const OF_REVOKED: &str = "0102030405060708090a0b0c0d0e0f1011";
const OF_GOOD: &str = "ff02030405060708090a0b0c0d0e0f1012";
const AT: &str = "1795521600";

/// An authority whose leaves tell where their revocation is found, and two of them.
struct Published {
    dir: TempDir,
    authority: LocalAuthority,
}

impl Published {
    fn new(key_type: KeyType) -> Self {
        let (dir, authority) = authority(key_type);
        let authority = authority
            .with_profile(&LeafProfile {
                crl_url: Some("http://ca.example.com/crl/{issuer}.crl".to_owned()),
                ocsp_url: Some("http://ca.example.com/ocsp".to_owned()),
                ..LeafProfile::default()
            })
            .unwrap();
        let published = Self { dir, authority };
        for (name, serial) in [("revoked.crt", OF_REVOKED), ("good.crt", OF_GOOD)] {
            let mut request = request(&["a.example.com"], p256());
            request.serial = serial.parse().unwrap();
            let der = issue(&published.authority, &request);
            write_pem(published.dir.path(), name, &der);
        }
        published
    }

    fn issuer(&self) -> IssuerId {
        self.authority.issuers()[0].id
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn crl(&self, revoked: &[RevocationEntry]) -> Vec<u8> {
        let request = CrlRequest {
            issuer: self.issuer(),
            number: 0x80_00,
            this_update: now().minus(DAY / 24),
            next_update: now().plus(DAY),
            revoked,
        };
        wait(self.authority.sign_crl(&request)).unwrap()
    }

    /// Asks by OpenSSL, which writes the question, and has the answer written to a file.
    fn answer(&self, certificate: &str, options: &[&str], status: CertificateStatus) -> PathBuf {
        let (question, answer) = (self.file("question.der"), self.file("answer.der"));
        let (issuer, certificate) = (self.file("intermediate.crt"), self.file(certificate));
        let mut args = vec!["ocsp"];
        args.extend(options);
        args.extend(["-issuer", &issuer, "-cert", &certificate]);
        args.extend(["-reqout", &question]);
        openssl(&args);
        let query = OcspQuery::parse(&fs::read(&question).unwrap()).unwrap();
        let named = OcspIssuer::new(&self.authority.issuers()[0]).unwrap();
        assert!(named.is_named_by(&query.certificates[0]));
        let request = OcspRequest {
            issuer: self.issuer(),
            certificates: &[(&query.certificates[0], status)],
            this_update: now(),
            next_update: now().plus(DAY),
            produced_at: now(),
            nonce: query.nonce.as_deref(),
        };
        let der = wait(self.authority.sign_ocsp(&request)).unwrap();
        fs::write(&answer, der).unwrap();
        answer.into()
    }

    /// What OpenSSL makes of the answer.
    fn judge(&self, certificate: &str, options: &[&str]) -> String {
        let mut args = vec!["ocsp"];
        args.extend(options);
        let files = [
            "question.der",
            "answer.der",
            "root.crt",
            "intermediate.crt",
            certificate,
        ]
        .map(|name| self.file(name));
        args.extend(["-reqin", &files[0], "-respin", &files[1]]);
        args.extend(["-CAfile", &files[2], "-attime", AT]);
        args.extend(["-issuer", &files[3], "-cert", &files[4]]);
        let output = try_openssl(&args);
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap()
    }
}

fn entry(serial: &str, reason: RevocationReason) -> RevocationEntry {
    RevocationEntry {
        revision: 1,
        serial: serial.parse().unwrap(),
        not_after: now().plus(DAY),
        revocation: revocation(reason),
    }
}

fn revocation(reason: RevocationReason) -> Revocation {
    Revocation {
        at: now().minus(DAY / 12),
        reason,
    }
}

/// The kinds of key that OpenSSL 3.0 knows.
fn known() -> impl Iterator<Item = KeyType> {
    let all = KeyType::ALL.into_iter();
    all.filter(|key_type| *key_type != KeyType::MlDsa65)
}

#[test]
fn openssl_reads_and_heeds_the_list() {
    for key_type in known() {
        let published = Published::new(key_type);
        let der = published.crl(&[
            entry(OF_REVOKED, RevocationReason::KeyCompromise),
            entry("05", RevocationReason::Unspecified),
        ]);
        let (list, pem) = (published.file("list.der"), published.file("list.pem"));
        fs::write(&list, &der).unwrap();
        let issuer = published.file("intermediate.crt");
        let text = openssl(&["crl", "-inform", "DER", "-in", &list, "-noout", "-text"]);
        let url = format!("URI:http://ca.example.com/crl/{}.crl", published.issuer());
        for expected in [
            "X509v3 Issuing Distribution Point: critical",
            &url,
            "Only User Certificates",
            "X509v3 CRL Number: \n                32768",
            "X509v3 Authority Key Identifier",
            "Key Compromise",
            "Serial Number: 0102030405060708090A0B0C0D0E0F1011",
        ] {
            assert!(text.contains(expected), "{key_type}: {expected}: {text}");
        }
        assert!(!text.contains("Unspecified"), "{text}");
        let checked = try_openssl(&[
            "crl", "-inform", "DER", "-in", &list, "-CAfile", &issuer, "-out", &pem,
        ]);
        let said = String::from_utf8(checked.stderr).unwrap();
        assert!(said.contains("verify OK"), "{key_type}: {said}");

        let root = published.file("root.crt");
        let verify = |certificate: &str| {
            try_openssl(&[
                "verify",
                "-x509_strict",
                "-crl_check",
                "-attime",
                AT,
                "-CAfile",
                &root,
                "-untrusted",
                &issuer,
                "-CRLfile",
                &pem,
                &published.file(certificate),
            ])
        };
        let good = verify("good.crt");
        assert!(good.status.success(), "{key_type}: {good:?}");
        let revoked = verify("revoked.crt");
        let said = String::from_utf8_lossy(&revoked.stderr).into_owned();
        assert!(said.contains("certificate revoked"), "{key_type}: {said}");
    }
}

#[test]
fn openssl_believes_the_answers() {
    let revoked = CertificateStatus::Revoked(revocation(RevocationReason::Superseded));
    for key_type in known() {
        let published = Published::new(key_type);
        // OpenSSL names the digest before the certificate it is for.
        for digest in ["-sha1", "-sha256"] {
            for (certificate, status, expected) in [
                ("good.crt", CertificateStatus::Good, "good.crt: good"),
                ("revoked.crt", revoked, "Reason: superseded"),
                ("good.crt", CertificateStatus::Unknown, "good.crt: unknown"),
            ] {
                published.answer(certificate, &[digest, "-no_nonce"], status);
                let said = published.judge(certificate, &[digest, "-no_nonce"]);
                assert!(said.contains(expected), "{key_type} {digest}: {said}");
                assert!(said.contains("Response verify OK"), "{key_type}: {said}");
            }
        }
        published.answer("good.crt", &["-nonce"], CertificateStatus::Good);
        let said = published.judge("good.crt", &["-no_nonce"]);
        assert!(said.contains("good.crt: good"), "{key_type}: {said}");
        assert!(!said.contains("nonce"), "{key_type}: {said}");
        assert!(!said.contains("Nonce"), "{key_type}: {said}");
    }
}

#[test]
fn pkilint_finds_nothing_in_lists_and_answers() {
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    let mut kept = Vec::new();
    for key_type in KeyType::ALL {
        let published = Published::new(key_type);
        let lists = [
            ("empty", Vec::new()),
            (
                "full",
                RevocationReason::ALL
                    .iter()
                    .enumerate()
                    .map(|(at, reason)| entry(&format!("{:02x}", at + 1), *reason))
                    .collect(),
            ),
        ];
        for (name, revoked) in lists {
            let path = published.dir.path().join(format!("{name}-{key_type}.crl"));
            fs::write(&path, published.crl(&revoked)).unwrap();
            files.push(("crl", path));
        }
        for (name, status) in [
            ("good", CertificateStatus::Good),
            (
                "revoked",
                CertificateStatus::Revoked(revocation(RevocationReason::KeyCompromise)),
            ),
        ] {
            let answer = published.answer("good.crt", &["-no_nonce"], status);
            let path = published.dir.path().join(format!("{name}-{key_type}.ocsp"));
            fs::rename(answer, &path).unwrap();
            files.push(("ocsp", path));
        }
        kept.push(published);
    }
    let jobs: Vec<Vec<&Path>> = files
        .iter()
        .map(|(linter, path)| vec![Path::new(*linter), path.as_path()])
        .collect();
    let mut complaints = String::new();
    for (job, findings) in jobs.iter().zip(lint(&jobs)) {
        for [severity, code, message] in findings {
            if !["NOTICE", "INFO", "DEBUG"].contains(&severity.as_str()) {
                let file = job[1].display();
                writeln!(complaints, "{file}: {severity} {code} {message}").unwrap();
            }
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn a_list_by_ml_dsa_is_what_was_asked_for_and_signed() {
    let published = Published::new(KeyType::MlDsa65);
    let der = published.crl(&[entry(OF_REVOKED, RevocationReason::Superseded)]);
    let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&der).unwrap();
    let revoked = list.tbs_cert_list.revoked_certificates.as_ref().unwrap();
    let serials: Vec<_> = revoked
        .iter()
        .map(|one| Serial::from_be_bytes(one.serial_number.as_bytes()).unwrap())
        .collect();
    assert_eq!(serials, [OF_REVOKED.parse().unwrap()]);
    let intermediate = &published.authority.issuers()[0].chain[0];
    let intermediate = x509_cert::Certificate::from_der(intermediate).unwrap();
    assert_eq!(
        &list.tbs_cert_list.issuer,
        intermediate.tbs_certificate().subject()
    );
    let spki = intermediate.tbs_certificate().subject_public_key_info();
    UnparsedPublicKey::new(&ML_DSA_65, spki.to_der().unwrap())
        .verify(
            &list.tbs_cert_list.to_der().unwrap(),
            list.signature.raw_bytes(),
        )
        .unwrap();
}

#[test]
fn an_issuer_that_was_replaced_goes_on_while_its_key_is_there() {
    let old = Published::new(KeyType::P256);
    let (dir, _) = authority(KeyType::P384);
    fs::create_dir(dir.path().join("previous")).unwrap();
    let copy = |from: &str, to: &str| {
        fs::copy(old.file(from), dir.path().join("previous").join(to)).unwrap();
    };
    copy("intermediate.crt", "2025.crt");
    let request = CrlRequest {
        issuer: old.issuer(),
        number: 1,
        this_update: now(),
        next_update: now().plus(DAY),
        revoked: &[],
    };
    let without = load(dir.path(), None).unwrap();
    let refused = wait(without.sign_crl(&request));
    assert!(matches!(refused, Err(AuthorityError::Refused(_))));
    copy("intermediate.key", "2025.key");
    let with = load(dir.path(), None).unwrap();
    let list = dir.path().join("list.der");
    fs::write(&list, wait(with.sign_crl(&request)).unwrap()).unwrap();
    let said = try_openssl(&[
        "crl",
        "-inform",
        "DER",
        "-in",
        &list.display().to_string(),
        "-CAfile",
        &old.file("intermediate.crt"),
        "-noout",
    ]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("verify OK"));
    // It signs no more leaves.
    let prepared = wait(
        old.authority
            .prepare(&crate::support::request(&["a"], p256())),
    )
    .unwrap();
    let refused = wait(with.sign(prepared.issuer, &prepared.tbs));
    assert!(matches!(refused, Err(AuthorityError::Refused(_))));

    copy("root.key", "2025.key.wrong");
    fs::rename(
        dir.path().join("previous/2025.key.wrong"),
        dir.path().join("previous/2025.key"),
    )
    .unwrap();
    let wrong = load(dir.path(), None).unwrap_err();
    assert!(wrong.to_string().contains("is not that of the certificate"));
}

#[test]
fn nothing_is_signed_for_an_unknown_issuer() {
    let published = Published::new(KeyType::P256);
    let request = CrlRequest {
        issuer: IssuerId([7; 32]),
        number: 1,
        this_update: now(),
        next_update: now().plus(DAY),
        revoked: &[],
    };
    let refused = wait(published.authority.sign_crl(&request));
    assert!(matches!(refused, Err(AuthorityError::UnknownIssuer)));
}
