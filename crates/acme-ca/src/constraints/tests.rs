//! Which names a chain with name constraints may certify.

use der::asn1::{Ia5String, OctetString};
use x509_cert::name::Name;

use super::*;

fn subtree(text: &str) -> GeneralSubtree {
    let base = match text.split_once('/') {
        Some((address, mask)) => {
            let octets = |text: &str| match text.parse::<IpAddr>().unwrap() {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            let network = [octets(address), octets(mask)].concat();
            GeneralName::IpAddress(OctetString::new(network).unwrap())
        }
        None => GeneralName::DnsName(Ia5String::new(text).unwrap()),
    };
    GeneralSubtree {
        base,
        minimum: 0,
        maximum: None,
    }
}

fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
    let subtrees = |texts: &[&str]| {
        (!texts.is_empty()).then(|| texts.iter().map(|text| subtree(text)).collect())
    };
    NameConstraints {
        permitted_subtrees: subtrees(permitted),
        excluded_subtrees: subtrees(excluded),
    }
}

fn identifier(text: &str) -> Identifier {
    match text.parse() {
        Ok(ip) => Identifier::Ip(ip),
        Err(_) => Identifier::Dns(text.parse().unwrap()),
    }
}

#[track_caller]
fn check(permitted: &[&str], excluded: &[&str], good: &[&str], bad: &[&str]) {
    let chain: ChainConstraints = [constraints(permitted, excluded)].into_iter().collect();
    for text in good {
        assert_eq!(chain.check(&identifier(text)), Ok(()), "{text}");
    }
    for text in bad {
        assert!(chain.check(&identifier(text)).is_err(), "{text}");
    }
}

#[test]
fn permitted_names() {
    check(
        &["corp.example"],
        &[],
        &[
            "corp.example",
            "a.corp.example",
            "b.a.corp.example",
            "*.corp.example",
            "10.0.0.1",
        ],
        &["example", "xcorp.example", "corp.example.com", "*.example"],
    );
    check(&["CORP.Example"], &[], &["a.corp.example"], &["a.example"]);
    check(
        &[".corp.example"],
        &[],
        &["a.corp.example"],
        &["corp.example", "xcorp.example"],
    );
    check(&[""], &[], &["anything.example"], &[]);
}

#[test]
fn excluded_names() {
    check(
        &[],
        &["secret.example"],
        &["example", "a.example", "*.a.example"],
        &[
            "secret.example",
            "a.secret.example",
            "*.secret.example",
            "*.example",
        ],
    );
    check(
        &["example"],
        &["secret.example"],
        &["a.example"],
        &["secret.example", "a.test"],
    );
}

#[test]
fn networks() {
    check(
        &["10.0.0.0/255.0.0.0", "fd00::/ff00::"],
        &[],
        &["10.255.0.1", "fd12::1", "names.are.free"],
        &["11.0.0.1", "fe80::1", "::ffff:10.0.0.1"],
    );
    check(&["10.0.0.0/255.0.0.0"], &[], &["10.1.1.1"], &["fd00::1"]);
    check(&[], &["0.0.0.0/0.0.0.0"], &["fd00::1"], &["10.0.0.1"]);
}

#[test]
fn a_network_that_cannot_be_read_lets_nothing_through() {
    let broken = GeneralSubtree {
        base: GeneralName::IpAddress(OctetString::new([10, 0, 0]).unwrap()),
        minimum: 0,
        maximum: None,
    };
    for (permitted_subtrees, excluded_subtrees) in [
        (Some(vec![broken.clone()]), None),
        (None, Some(vec![broken])),
    ] {
        let chain = ChainConstraints(vec![NameConstraints {
            permitted_subtrees,
            excluded_subtrees,
        }]);
        assert!(chain.check(&identifier("10.0.0.1")).is_err());
        assert_eq!(chain.check(&identifier("a.example")), Ok(()));
    }
}

#[test]
fn a_name_must_pass_every_authority_of_the_chain() {
    let chain: ChainConstraints = [
        constraints(&["example"], &[]),
        constraints(&["a.example", "b.example"], &["x.a.example"]),
    ]
    .into_iter()
    .collect();
    for (text, good) in [
        ("a.example", true),
        ("b.example", true),
        ("c.example", false),
        ("x.a.example", false),
    ] {
        assert_eq!(chain.check(&identifier(text)).is_ok(), good, "{text}");
    }
}

#[test]
fn constraints_on_directories_are_seen() {
    let mut with_directory = constraints(&["example"], &[]);
    assert!(!ChainConstraints(vec![with_directory.clone()]).name_directories());
    with_directory.excluded_subtrees = Some(vec![GeneralSubtree {
        base: GeneralName::DirectoryName(Name::default()),
        minimum: 0,
        maximum: None,
    }]);
    assert!(ChainConstraints(vec![with_directory]).name_directories());
}
