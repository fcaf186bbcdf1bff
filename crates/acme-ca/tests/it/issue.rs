//! Leaves: what they say, what they never say, and that the same form is the same certificate.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use acme_ca::{
    ExistingRoot, InitOptions, KeyType, LeafProfile, LocalAuthority, ServerCertificateRequest,
    init, issue_server_certificate,
};
use acme_core::{
    AuthorityError, IssuerId, LeafContents, LeafFacts, LeafKeyUsage, Serial, SignAuthority,
};
use acme_types::{Identifier, Slot, Timestamp};
use aws_lc_rs::signature;
use der::asn1::OctetString;
use der::{Decode, Encode};
use proptest::prelude::*;
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName,
    SubjectKeyIdentifier,
};

use crate::support::{
    DAY, SystemEntropy, authority, identifiers, issue, leaf_keys, load, now, openssl, options,
    p256, provisioner_name, request, wait, write_pem,
};

fn parse(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

/// The names of a certificate, and whether the extension is critical.
fn names(certificate: &Certificate) -> (bool, Vec<Identifier>) {
    let (critical, SubjectAltName(names)) = certificate
        .tbs_certificate()
        .get_extension()
        .unwrap()
        .unwrap();
    let names = names.into_iter().map(|name| match name {
        GeneralName::DnsName(name) => Identifier::Dns(name.as_str().parse().unwrap()),
        GeneralName::IpAddress(ip) => Identifier::Ip(ip_of(&ip)),
        other => panic!("{other:?}"),
    });
    (critical, names.collect())
}

fn ip_of(octets: &OctetString) -> IpAddr {
    let octets = octets.as_bytes();
    match <[u8; 4]>::try_from(octets) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()),
    }
}

fn subject(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}

#[test]
fn signing_again_gives_the_same_certificate_but_for_the_signature() {
    for key_type in KeyType::ALL {
        let (_dir, authority) = authority(key_type);
        wait(async {
            let request = request(&["a.example"], p256());
            let prepared = authority.prepare(&request).await.unwrap();
            let again = authority.prepare(&request).await.unwrap();
            assert_eq!(prepared.tbs, again.tbs);
            for _ in 0..2 {
                let der = authority
                    .sign(prepared.issuer, &prepared.tbs)
                    .await
                    .unwrap();
                assert_eq!(
                    parse(&der).tbs_certificate().to_der().unwrap(),
                    prepared.tbs
                );
            }
        });
    }
}

#[test]
fn a_leaf_never_outlives_its_issuer() {
    let (_dir, authority) = authority(KeyType::Ed25519);
    let end: Timestamp = "2031-11-24T11:59:59Z".parse().unwrap();
    let mut request = request(&["a.example"], p256());
    for (asked, expected) in [
        (
            end.minus(Duration::from_secs(1)),
            end.minus(Duration::from_secs(1)),
        ),
        (end, end),
        (end.plus(DAY), end),
        (Timestamp::MAX, end),
    ] {
        request.not_after = asked;
        let prepared = wait(authority.prepare(&request)).unwrap();
        assert_eq!(prepared.not_after, expected);
        let leaf = issue(&authority, &request);
        assert_eq!(LeafFacts::parse(&leaf).unwrap().not_after, expected);
    }
    request.not_before = end;
    let error = wait(authority.prepare(&request)).unwrap_err();
    assert!(matches!(error, AuthorityError::Refused(_)), "{error}");
}

#[test]
fn a_common_name_is_there_only_when_it_fits() {
    let (_dir, authority) = authority(KeyType::Ed25519);
    let name = |length: usize| {
        let name = format!("{}.{}.example", "a".repeat(32), "b".repeat(length - 41));
        assert_eq!(name.len(), length);
        name
    };
    let (fits, too_long) = (name(64), name(65));
    let check = |names_asked: &[&str], expected: Option<&str>| {
        let leaf = parse(&issue(&authority, &request(names_asked, p256())));
        let expected_subject = expected.map_or_else(String::new, |name| format!("CN={name}"));
        assert_eq!(subject(&leaf), expected_subject);
        let (critical, names) = names(&leaf);
        assert_eq!(names, identifiers(names_asked), "in the order asked");
        assert_eq!(
            critical,
            expected.is_none(),
            "critical if the subject is empty"
        );
    };
    check(&[&fits], Some(&fits));
    check(&[&too_long], None);
    check(&[&too_long, "b.example", "a.example"], Some("b.example"));
    check(&["*.example.com", "example.com"], Some("*.example.com"));
    check(&["10.0.0.1", "2001:db8::1"], None);
    check(
        &["10.0.0.1", "::ffff:10.0.0.1", "b.example"],
        Some("b.example"),
    );
}

#[test]
fn usages_fit_the_key() {
    let (_dir, authority) = authority(KeyType::P256);
    for (kind, spki) in leaf_keys() {
        let leaf = parse(&issue(&authority, &request(&["a.example"], spki.clone())));
        let tbs = leaf.tbs_certificate();
        assert_eq!(tbs.subject_public_key_info().to_der().unwrap(), spki);
        let (critical, usage): (bool, KeyUsage) = tbs.get_extension().unwrap().unwrap();
        assert!(critical && usage.digital_signature());
        assert_eq!(usage.key_encipherment(), kind == "RSA-2048", "{kind}");
        assert!(!usage.key_cert_sign());
        let (critical, basic): (bool, BasicConstraints) = tbs.get_extension().unwrap().unwrap();
        assert!(critical && !basic.ca && basic.path_len_constraint.is_none());
    }
}

#[test]
fn a_key_of_ml_dsa_is_certified_as_it_is() {
    let (_dir, authority) = authority(KeyType::MlDsa65);
    for algorithm in [
        &signature::ML_DSA_44_SIGNING,
        &signature::ML_DSA_65_SIGNING,
        &signature::ML_DSA_87_SIGNING,
    ] {
        let pair = signature::PqdsaKeyPair::generate(algorithm).unwrap();
        let spki = crate::support::spki(signature::KeyPair::public_key(&pair));
        let leaf = parse(&issue(&authority, &request(&["a.example"], spki.clone())));
        let tbs = leaf.tbs_certificate();
        assert_eq!(tbs.subject_public_key_info().to_der().unwrap(), spki);
        assert!(acme_core::jwk_from_spki(&spki).is_some());
        let (_, usage): (bool, KeyUsage) = tbs.get_extension().unwrap().unwrap();
        // It signs and does nothing else (RFC 9881 § 5).
        assert!(usage.digital_signature() && !usage.key_encipherment() && !usage.key_agreement());
    }
}

#[test]
fn key_identifiers_link_leaf_and_issuer() {
    let (_dir, authority) = authority(KeyType::P256);
    let issuer = parse(&authority.issuers()[0].chain[0]);
    let (_, SubjectKeyIdentifier(issuer_id)) =
        issuer.tbs_certificate().get_extension().unwrap().unwrap();
    let leaf = parse(&issue(&authority, &request(&["a.example"], p256())));
    let tbs = leaf.tbs_certificate();
    let (_, authority_id): (_, AuthorityKeyIdentifier) = tbs.get_extension().unwrap().unwrap();
    assert_eq!(authority_id.key_identifier, Some(issuer_id));
    assert!(
        tbs.get_extension::<SubjectKeyIdentifier>()
            .unwrap()
            .is_some()
    );
}

#[test]
fn the_profile_is_followed() {
    let (dir, authority) = authority(KeyType::P256);
    let profile = LeafProfile {
        crl_url: Some("http://ca.example/1.crl".to_owned()),
        ocsp_url: Some("http://ca.example/ocsp".to_owned()),
        issuer_url: Some("http://ca.example/1.crt".to_owned()),
    };
    let authority = authority.with_profile(&profile).unwrap();
    let mut asked = request(&["a.example"], p256());
    asked.contents = LeafContents {
        extended_key_usages: vec![acme_core::ExtendedKeyUsage::SERVER_AUTH],
        subject_key_identifier: false,
        policies: vec![acme_ca::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.7")],
        ..LeafContents::default()
    };
    let leaf = issue(&authority, &asked);
    let (_, ExtendedKeyUsage(purposes)) = parse(&leaf)
        .tbs_certificate()
        .get_extension()
        .unwrap()
        .unwrap();
    assert_eq!(purposes.len(), 1);
    let path = write_pem(dir.path(), "leaf.crt", &leaf)
        .display()
        .to_string();
    let text = openssl(&["x509", "-in", &path, "-noout", "-text"]);
    for part in [
        "Policy: 1.3.6.1.4.1.32473.7",
        "OCSP - URI:http://ca.example/ocsp",
        "CA Issuers - URI:http://ca.example/1.crt",
        "URI:http://ca.example/1.crl",
        "TLS Web Server Authentication",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Client Authentication") && !text.contains("Subject Key Identifier"));

    asked.contents = LeafContents {
        common_name: false,
        key_usages: vec![LeafKeyUsage::KeyEncipherment, LeafKeyUsage::KeyAgreement],
        crl_url: false,
        ocsp_url: false,
        ..asked.contents
    };
    let bare = issue(&authority, &asked);
    let path = write_pem(dir.path(), "bare.crt", &bare)
        .display()
        .to_string();
    let text = openssl(&["x509", "-in", &path, "-noout", "-text"]);
    let usage = "X509v3 Key Usage: critical\n                Key Agreement\n";
    for part in [
        usage,
        "CA Issuers - URI:http://ca.example/1.crt",
        "Subject: \n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("1.crl") && !text.contains("OCSP"), "{text}");

    // Nothing is left that this key could do, or that the certificate could be for.
    for change in [
        |contents: &mut LeafContents| contents.key_usages = vec![LeafKeyUsage::DataEncipherment],
        |contents: &mut LeafContents| contents.extended_key_usages = Vec::new(),
    ] {
        let mut wrong = asked.clone();
        change(&mut wrong.contents);
        let refused = wait(authority.prepare(&wrong));
        assert!(matches!(refused, Err(AuthorityError::Refused(_))));
    }

    let bad = LeafProfile {
        crl_url: Some("http://caf\u{e9}.example/".to_owned()),
        ..LeafProfile::default()
    };
    assert!(authority.with_profile(&bad).is_err());
}

#[test]
fn what_is_not_ours_is_not_signed() {
    let (_dir, authority_one) = authority(KeyType::P256);
    let (_dir2, authority_two) = authority(KeyType::P256);
    wait(async {
        let request = request(&["a.example"], p256());
        let prepared = authority_one.prepare(&request).await.unwrap();
        let sign = async |tbs: &[u8]| authority_one.sign(prepared.issuer, tbs).await;

        let unknown = authority_one.sign(IssuerId([7; 32]), &prepared.tbs).await;
        assert!(matches!(unknown, Err(AuthorityError::UnknownIssuer)));
        let theirs = authority_two.sign(prepared.issuer, &prepared.tbs).await;
        assert!(matches!(theirs, Err(AuthorityError::UnknownIssuer)));

        for end in 0..prepared.tbs.len() {
            assert!(sign(&prepared.tbs[..end]).await.is_err(), "cut at {end}");
        }
        // A stored form that makes an authority of its subject.
        let own = parse(&authority_one.issuers()[0].chain[0]);
        let error = sign(&own.tbs_certificate().to_der().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(error, AuthorityError::Refused(_)), "{error}");
        let mut tbs = prepared.tbs.clone();
        let not_ca = [
            0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00,
        ];
        let at = tbs
            .windows(not_ca.len())
            .position(|part| part == not_ca)
            .unwrap();
        // Another extension in its place, so that none says that it is no authority.
        tbs[at + 4] = 0x63;
        assert!(matches!(sign(&tbs).await, Err(AuthorityError::Refused(_))));
        // The form of another issuer: its name and kind of key are the same, its key is not.
        let foreign = authority_two.prepare(&request).await.unwrap();
        let error = sign(&foreign.tbs).await.unwrap_err();
        assert!(matches!(error, AuthorityError::Refused(_)), "{error}");
        // And the right one, so that none of these was refused for another reason.
        sign(&prepared.tbs).await.unwrap();
    });
}

#[test]
fn a_replaced_issuer_no_longer_signs() {
    let (old_dir, old) = authority(KeyType::P256);
    let (new_dir, _) = authority(KeyType::P256);
    let previous = new_dir.path().join("previous");
    std::fs::create_dir(&previous).unwrap();
    std::fs::copy(
        old_dir.path().join("intermediate.crt"),
        previous.join("1.crt"),
    )
    .unwrap();
    let new = load(new_dir.path(), None).unwrap();
    wait(async {
        let request = request(&["a.example"], p256());
        let prepared = old.prepare(&request).await.unwrap();
        let error = new.sign(prepared.issuer, &prepared.tbs).await.unwrap_err();
        assert!(matches!(error, AuthorityError::Refused(_)), "{error}");
    });
}

#[test]
fn requests_that_cannot_be_certified_are_refused() {
    let (_dir, authority) = authority(KeyType::Ed25519);
    let good = request(&["a.example"], p256());
    for (request, expected) in [
        (request(&[], p256()), "needs a name"),
        (request(&["a.example"], Vec::new()), "the public key"),
        (request(&["a.example"], vec![0x30, 0x00]), "the public key"),
        (
            request(&["a.example"], [good.spki.clone(), vec![0]].concat()),
            "the public key",
        ),
    ] {
        let error = wait(authority.prepare(&request)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    wait(authority.prepare(&good)).unwrap();
}

#[test]
fn name_constraints_of_the_chain_are_kept() {
    let dir = TempDir::new().unwrap();
    let authority = constrained(
        dir.path(),
        "permitted;DNS:corp.example,excluded;DNS:secret.corp.example,\
         permitted;IP:10.0.0.0/255.0.0.0",
    );
    for (names, good) in [
        (&["corp.example", "*.a.corp.example", "10.1.2.3"][..], true),
        (&["a.corp.example", "b.example"], false),
        (&["secret.corp.example"], false),
        (&["*.corp.example"], false),
        (&["192.0.2.1"], false),
        (&["fd00::1"], false),
    ] {
        let outcome = wait(authority.prepare(&request(names, p256())));
        assert_eq!(outcome.is_ok(), good, "{names:?}");
        // The same is told when an order is opened.
        let asked = identifiers(names);
        let mut asked = asked.iter();
        let provisioner = provisioner_name();
        let all = asked.all(|one| authority.check_identifier(&provisioner, one).is_ok());
        assert_eq!(all, good, "{names:?}");
        if let Err(error) = outcome {
            assert!(matches!(error, AuthorityError::Refused(_)), "{error}");
            assert!(error.to_string().contains("name constraints"), "{error}");
        }
    }
    let leaf = issue(
        &authority,
        &request(&["a.corp.example", "10.1.2.3"], p256()),
    );
    verify(dir.path(), &leaf);
}

#[test]
fn a_constraint_on_subjects_leaves_the_subject_empty() {
    let dir = TempDir::new().unwrap();
    let authority = constrained(dir.path(), "permitted;dirName:section");
    let leaf = issue(&authority, &request(&["a.example"], p256()));
    assert_eq!(subject(&parse(&leaf)), "");
    verify(dir.path(), &leaf);
}

/// An authority below a root that OpenSSL made, with these name constraints.
fn constrained(dir: &Path, constraints: &str) -> LocalAuthority {
    let config = format!(
        "[req]\ndistinguished_name=dn\n[dn]\n[section]\nO=Example\n[root]\n\
         basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n\
         subjectKeyIdentifier=hash\nnameConstraints=critical,{constraints}\n\
         [ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n\
         default_md=sha256\npolicy=any\nx509_extensions=root\n[any]\nO=optional\nCN=optional\n"
    );
    std::fs::write(dir.join("config"), config).unwrap();
    // `openssl ca` takes the dates of validity, `req` and `x509` take only a number of days.
    let script = "set -e; : > index.txt; echo 01 > serial
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out r.key
        openssl req -new -config config -key r.key -subj /O=Example/CN=root -out r.csr
        openssl ca -batch -selfsign -config config -keyfile r.key -in r.csr -out r.crt \
            -startdate 20260101000000Z -enddate 20360101000000Z -notext";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let options = InitOptions {
        root: Some(ExistingRoot {
            certificate: dir.join("r.crt"),
            key: dir.join("r.key"),
            passphrase: None,
        }),
        ..options(KeyType::P256)
    };
    init(&dir.join("ca"), &options, &SystemEntropy, now()).unwrap();
    load(&dir.join("ca"), None).unwrap()
}

fn verify(dir: &Path, leaf: &[u8]) {
    let file = |name: &str| dir.join("ca").join(name).display().to_string();
    write_pem(&dir.join("ca"), "leaf.crt", leaf);
    openssl(&[
        "verify",
        "-attime",
        "1795521600",
        "-CAfile",
        &file("root.crt"),
        "-untrusted",
        &file("intermediate.crt"),
        &file("leaf.crt"),
    ]);
}

#[test]
fn provisioners_are_found_by_name() {
    let (_dir, authority) = authority(KeyType::Ed25519);
    let found = authority.load_provisioner_by_id(&provisioner_name());
    assert_eq!(found.unwrap().name, provisioner_name());
    assert!(
        authority
            .load_provisioner_by_id(&"other".parse().unwrap())
            .is_none()
    );
}

#[test]
fn the_server_gets_its_own_certificate() {
    for key_type in [KeyType::P256, KeyType::Rsa3072, KeyType::MlDsa65] {
        let (_dir, authority) = authority(key_type);
        let request = ServerCertificateRequest {
            provisioner: provisioner_name(),
            identifiers: identifiers(&["ca.internal", "127.0.0.1", "::1"]),
            slot: Slot::new(3),
            not_before: now().minus(Duration::from_secs(60)),
            not_after: now().plus(7 * DAY),
        };
        let certificate = wait(issue_server_certificate(
            &authority,
            &request,
            &SystemEntropy,
        ))
        .unwrap();
        assert_eq!(certificate.chain_der.len(), 2);
        assert_eq!(certificate.chain_der[1], authority.issuers()[0].chain[0]);
        assert_eq!(certificate.not_after, request.not_after);
        let facts = LeafFacts::parse(&certificate.chain_der[0]).unwrap();
        assert_eq!(facts.serial, certificate.serial);
        assert_eq!(facts.serial.as_bytes()[0], 3, "the slot's serial number");
        let key = acme_ca::CaKey::from_pkcs8(&certificate.key_pkcs8).unwrap();
        assert_eq!(facts.spki, key.spki());
        let (_, names) = names(&parse(&certificate.chain_der[0]));
        assert_eq!(names, request.identifiers);
        assert!(!format!("{certificate:?}").contains("key_pkcs8"));
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?){1,4}"
            .prop_filter("a valid name", |name| name
                .parse::<acme_types::DnsName>()
                .is_ok()),
        "\\*\\.[a-z]{1,20}\\.[a-z]{2,10}",
        any::<[u8; 4]>().prop_map(|ip| IpAddr::from(ip).to_string()),
        any::<[u8; 16]>().prop_map(|ip| IpAddr::from(ip).to_string()),
    ]
}

proptest! {
    #[test]
    fn what_was_asked_is_read_back(
        asked in prop::collection::vec(name(), 1..20),
        serial in any::<[u8; 17]>(),
        start in 0_i64..5_000_000_000,
        life in 1_i64..1_000_000_000,
    ) {
        static AUTHORITY: OnceLock<(TempDir, LocalAuthority)> = OnceLock::new();
        let (_, authority) = AUTHORITY.get_or_init(|| authority(KeyType::Ed25519));
        let end: i64 = 1_953_287_999;
        prop_assume!(start < end);
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        let mut request = request(&asked, p256());
        request.serial = Serial::from_be_bytes(&serial).unwrap();
        request.not_before = Timestamp::from_secs(start);
        request.not_after = Timestamp::from_secs(start + life);

        let der = issue(authority, &request);
        let certificate = parse(&der);
        prop_assert_eq!(certificate.to_der().unwrap(), der.clone(), "it is DER");
        let facts = LeafFacts::parse(&der).unwrap();
        prop_assert_eq!(facts.serial, request.serial);
        prop_assert_eq!(&facts.spki, &request.spki);
        prop_assert_eq!(facts.not_after, Timestamp::from_secs((start + life).min(end)));
        let validity = certificate.tbs_certificate().validity();
        prop_assert_eq!(
            validity.not_before.to_unix_duration().as_secs(),
            u64::try_from(start).unwrap()
        );
        let (critical, names) = names(&certificate);
        prop_assert_eq!(names, request.identifiers);
        prop_assert_eq!(critical, subject(&certificate).is_empty());
    }
}
