//! Attestations of devices: each format's good statement, and every way in which one is refused.

use acme_core::{AttestationClaim, AttestationFormat, AttestationPolicy, thumbprint};
use acme_types::{Identifier, KeyAuthorization, RawIdentifier, Thumbprint, Timestamp, Token};
use proptest::prelude::*;

use crate::devices::{
    Contents, DeviceKey, Maker, Object, Tpm, apple, authority, cbor, details, extension,
    hardware_module, no_authority, oid, packed, permanent_identifier, seq, step, x5c,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

/// One order's device and challenge.
struct Case {
    identifier: Identifier,
    token: Token,
    key_authorization: KeyAuthorization,
    policy: AttestationPolicy,
}

impl Case {
    fn new(kind: &str, value: &str, format: AttestationFormat, maker: &Maker) -> Self {
        let token: Token = TOKEN.parse().unwrap();
        let mut policy = AttestationPolicy::default();
        policy.trust(format, &maker.certificate).unwrap();
        let raw = RawIdentifier {
            kind: kind.to_owned(),
            value: value.to_owned(),
        };
        Self {
            identifier: raw.try_into().unwrap(),
            key_authorization: KeyAuthorization::new(&token, &Thumbprint([7; 32])),
            token,
            policy,
        }
    }

    fn judge(&self, octets: &[u8]) -> Result<Thumbprint, String> {
        self.judge_at(octets, NOW)
    }

    fn judge_at(&self, octets: &[u8], now: Timestamp) -> Result<Thumbprint, String> {
        let claim = AttestationClaim {
            identifier: &self.identifier,
            token: &self.token,
            key_authorization: &self.key_authorization,
            now,
        };
        self.policy.judge(octets, &claim)
    }

    #[track_caller]
    fn believes(&self, object: &Object, key: &DeviceKey) {
        assert_eq!(self.judge(&object.encode()), Ok(thumbprint(&key.jwk())));
    }

    #[track_caller]
    fn refuses(&self, object: &Object, says: &str) {
        refused(self.judge(&object.encode()), says);
    }

    fn key_authorization(&self) -> &str {
        self.key_authorization.as_str()
    }
}

#[track_caller]
fn refused(verdict: Result<Thumbprint, String>, says: &str) {
    let why = verdict.unwrap_err();
    assert!(why.contains(says), "{why}");
    assert!(why.starts_with("the attestation statement is refused: "));
    assert!(why.len() < 400, "{why}");
}

#[test]
fn apples_statement_is_bound_to_the_token_and_names_the_device() {
    let (maker, key) = (Maker::new("Apple"), DeviceKey::p256());
    let of = |value| {
        Case::new(
            "permanent-identifier",
            value,
            AttestationFormat::Apple,
            &maker,
        )
    };
    let case = of("C02X");
    let good = apple(&maker, &key, "C02X", TOKEN);
    case.believes(&good, &key);
    of("udid-1").believes(&good, &key);

    of("C02Y").refuses(&good, "not about permanent-identifier C02Y");
    of("c02x").refuses(&good, "not about");
    of("C02X/1.2.3").refuses(&good, "not about");
    let module = Case::new(
        "hardware-module",
        "C02X/1.2.3",
        AttestationFormat::Apple,
        &maker,
    );
    module.refuses(&good, "not about hardware-module");
    let stale = apple(&maker, &key, "C02X", "another token");
    case.refuses(&stale, "digest of this challenge's token");
    // Without the digest of any token the statement would be good for ever.
    let plain = maker.certify(&key.jwk(), &Contents::default());
    let without = good.clone().set("x5c", x5c(&[&plain]));
    case.refuses(&without, "digest of this challenge's token");
    case.refuses(&good.clone().without("x5c"), "no array \"x5c\"");
    case.refuses(&good.clone().set("x5c", x5c(&[])), "0 certificates");
    let many = vec![&plain[..]; 9];
    case.refuses(&good.clone().set("x5c", x5c(&many)), "9 certificates");
    case.refuses(&good.set("x5c", x5c(&[b"junk"])), "cannot be read");
}

#[test]
fn a_smart_card_signs_the_key_authorization() {
    let maker = Maker::new("Cards");
    for key in [DeviceKey::p256(), DeviceKey::rsa(), DeviceKey::ed25519()] {
        let case = Case::new(
            "permanent-identifier",
            "16777215",
            AttestationFormat::Step,
            &maker,
        );
        let number = [0x00, 0xff, 0xff, 0xff];
        let good = step(&maker, &key, &number, case.key_authorization());
        case.believes(&good, &key);

        let other = step(&maker, &key, &number, "another key authorization");
        case.refuses(&other, "not that of the certified key");
        let bare = key.sign(case.key_authorization().as_bytes());
        let bare = good.clone().set("sig", cbor::bytes(&bare));
        case.refuses(&bare, "CBOR of a byte string");
        case.refuses(&good.without("sig"), "no byte string \"sig\"");
        let another = step(&maker, &key, &[7], case.key_authorization());
        case.refuses(&another, "it is about permanent-identifier 7, not about");
        let negative = step(&maker, &key, &[0x80], case.key_authorization());
        case.refuses(
            &negative,
            "number of the device in its certificate cannot be read",
        );
    }
}

#[test]
fn a_device_that_smallsteps_agent_manages_is_named() {
    let (maker, key) = (Maker::new("Agent"), DeviceKey::p256());
    let of = |value| {
        Case::new(
            "permanent-identifier",
            value,
            AttestationFormat::Step,
            &maker,
        )
    };
    let case = of("laptop-7");
    let managed = seq(&[&[0x0c, 8], b"laptop-7"]);
    let contents = Contents {
        extensions: vec![
            no_authority(),
            extension("1.3.6.1.4.1.37476.9000.64.4", false, &managed),
        ],
        ..Contents::default()
    };
    let certificate = maker.certify(&key.jwk(), &contents);
    let good = step(&maker, &key, &[1], case.key_authorization()).set("x5c", x5c(&[&certificate]));
    case.believes(&good, &key);
    of("laptop-8").refuses(&good, "not about");
    // A certificate that names no device proves none.
    let nameless = maker.certify(&key.jwk(), &Contents::default());
    case.refuses(&good.set("x5c", x5c(&[&nameless])), "it is about no device");
}

#[test]
fn a_packed_statement_names_the_device_in_its_certificate() {
    let maker = Maker::new("Packers");
    let format = AttestationFormat::Packed;
    let names = [
        permanent_identifier("7", Some("1.2.3.4")),
        hardware_module("HW9", "1.2.3.5"),
    ];
    for key in [DeviceKey::p256(), DeviceKey::rsa(), DeviceKey::ed25519()] {
        let case = Case::new("permanent-identifier", "7/1.2.3.4", format, &maker);
        let good = packed(&maker, &key, &names, case.key_authorization());
        case.believes(&good, &key);
        Case::new("hardware-module", "HW9/1.2.3.5", format, &maker).believes(&good, &key);

        // Neither without its assigner nor as another kind of thing.
        for (kind, value) in [
            ("permanent-identifier", "7"),
            ("permanent-identifier", "7/1.2.3.5"),
            ("permanent-identifier", "HW9/1.2.3.5"),
            ("hardware-module", "HW9/1.2.3.4"),
            ("dns", "hw9"),
        ] {
            Case::new(kind, value, format, &maker).refuses(&good, "not about");
        }
        let other = packed(&maker, &key, &names, "another");
        case.refuses(&other, "not that of the certified key");
        let alg = good.clone().set("alg", cbor::integer(-35));
        case.refuses(&alg, "not that of the certified key");
        case.refuses(
            &good.clone().set("alg", cbor::integer(-65535)),
            "alg -65535 is not accepted",
        );
        case.refuses(
            &good.clone().set("alg", cbor::text("ES256")),
            "no integer \"alg\"",
        );
        case.refuses(&good.clone().without("alg"), "no integer \"alg\"");
        case.refuses(&good.without("x5c"), "no array \"x5c\"");
    }
}

#[test]
fn a_tpm_certifies_a_key_of_its_own() {
    let maker = Maker::new("TPMs");
    let names = [
        permanent_identifier("ek-1", None),
        hardware_module("SN1", "2.23.133.1.2"),
    ];
    let of = |kind, value| Case::new(kind, value, AttestationFormat::Tpm, &maker);
    let case = of("permanent-identifier", "ek-1");
    for attestation_key in [DeviceKey::rsa(), DeviceKey::p256()] {
        let tpm = Tpm::new(&maker, &attestation_key, &names);
        for key in [DeviceKey::rsa(), DeviceKey::p256()] {
            let good = tpm.certify(&key, case.key_authorization());
            case.believes(&good, &key);
            of("hardware-module", "SN1/2.23.133.1.2").believes(&good, &key);
            of("permanent-identifier", "ek-2").refuses(&good, "not about");

            case.refuses(&tpm.certify(&key, "another"), "extraData of its certInfo");
            let other = tpm.public_area(&DeviceKey::p256());
            let other = good.clone().set("pubArea", cbor::bytes(&other));
            case.refuses(&other, "certifies another key");
            case.refuses(
                &good.clone().set("pubArea", cbor::bytes(&[0, 1])),
                "TPMT_PUBLIC",
            );
            let unsigned = good.clone().set("certInfo", cbor::bytes(b"junk"));
            case.refuses(&unsigned, "not the attestation key's over its certInfo");
            let raw = good
                .clone()
                .set("sig", cbor::bytes(&attestation_key.sign(b"x")));
            case.refuses(&raw, "TPMT_SIGNATURE");
            case.refuses(
                &good.clone().set("ver", cbor::text("1.2")),
                "ver is not \"2.0\"",
            );
            case.refuses(&good.clone().without("ver"), "ver is not \"2.0\"");
            case.refuses(
                &good.clone().set("alg", cbor::integer(-8)),
                "alg is not one of a TPM",
            );
            case.refuses(
                &good.clone().set("alg", cbor::integer(-35)),
                "TPMT_SIGNATURE by its alg",
            );
            for field in ["sig", "certInfo", "pubArea", "x5c"] {
                case.refuses(&good.clone().without(field), field);
            }
        }
    }
}

#[test]
fn a_tpm_must_have_made_the_key_and_keep_it() {
    let (maker, attestation_key, key) = (Maker::new("TPMs"), DeviceKey::p256(), DeviceKey::p256());
    let names = [permanent_identifier("ek-1", None)];
    let case = Case::new(
        "permanent-identifier",
        "ek-1",
        AttestationFormat::Tpm,
        &maker,
    );
    let tpm = || Tpm::new(&maker, &attestation_key, &names);
    let certified = |tpm: &Tpm<'_>| tpm.certify(&key, case.key_authorization());

    for bit in [1, 4, 5] {
        let mut tpm = tpm();
        tpm.attributes &= !(1 << bit);
        case.refuses(&certified(&tpm), "may leave the TPM");
    }
    let mut restricted = tpm();
    restricted.attributes |= 1 << 16;
    case.refuses(&certified(&restricted), "restricted to what the TPM makes");
    let mut forged = tpm();
    forged.magic = 0;
    case.refuses(&certified(&forged), "not a TPMS_ATTEST");
    // A quote, not a certification.
    let mut quote = tpm();
    quote.kind = 0x8018;
    case.refuses(&certified(&quote), "not a TPMS_ATTEST");
}

#[test]
fn the_certificate_of_an_attestation_key_keeps_its_rules() {
    let (maker, attestation_key, key) = (Maker::new("TPMs"), DeviceKey::p256(), DeviceKey::p256());
    let names = [permanent_identifier("ek-1", None)];
    let case = Case::new(
        "permanent-identifier",
        "ek-1",
        AttestationFormat::Tpm,
        &maker,
    );
    let with = |change: &dyn Fn(&mut Contents<'_>)| {
        let mut tpm = Tpm::new(&maker, &attestation_key, &names);
        change(&mut tpm.contents);
        tpm.certify(&key, case.key_authorization())
    };
    let san = |version: &str| {
        let names = seq(&[&details(version), &names.concat()]);
        extension("2.5.29.17", true, &names)
    };
    case.believes(&with(&|_| {}), &key);
    case.refuses(&with(&|c| c.common_name = Some("AK")), "has a subject");
    case.refuses(
        &with(&|c| c.extensions[0] = authority(None)),
        "is that of an authority",
    );
    case.refuses(
        &with(&|c| drop(c.extensions.remove(0))),
        "does not say that it is no authority",
    );
    case.refuses(
        &with(&|c| drop(c.extensions.remove(2))),
        "not for attestation keys",
    );
    let other = extension("2.5.29.37", true, &seq(&[&oid("1.3.6.1.5.5.7.3.2")]));
    case.refuses(
        &with(&|c| c.extensions[2] = other.clone()),
        "not for attestation keys",
    );
    case.refuses(
        &with(&|c| c.extensions[1] = san("2.5.4.5")),
        "manufacturer, model and version",
    );
    case.refuses(
        &with(&|c| drop(c.extensions.remove(1))),
        "manufacturer, model and version",
    );
    case.refuses(
        &with(&|c| c.extensions.push(extension("1.2.3.4", true, &[5, 0]))),
        "critical extension 1.2.3.4",
    );
}

#[test]
fn a_chain_leads_to_a_root_of_its_format() {
    let (maker, key) = (Maker::new("Root"), DeviceKey::p256());
    let format = AttestationFormat::Packed;
    let case = Case::new("permanent-identifier", "7", format, &maker);
    let names = [permanent_identifier("7", None)];
    let by = |issuer: &Maker| packed(issuer, &key, &names, case.key_authorization());
    let chained = |issuer: &Maker, above: &[&Maker]| {
        let object = by(issuer);
        let leaf = issuer.certify(
            &key.jwk(),
            &Contents {
                extensions: vec![
                    no_authority(),
                    extension("2.5.29.17", false, &seq(&[&names.concat()])),
                ],
                ..Contents::default()
            },
        );
        let mut chain: Vec<&[u8]> = vec![&leaf];
        chain.extend(above.iter().map(|maker| &maker.certificate[..]));
        object.set("x5c", x5c(&chain))
    };
    let ca = |below| Contents {
        extensions: vec![authority(below)],
        ..Contents::default()
    };

    let one = maker.below("One", ca(Some(0)));
    case.believes(&chained(&one, &[&one]), &key);
    // The root may stand there, and what comes after it is not looked at.
    case.believes(&chained(&one, &[&one, &maker, &one]), &key);
    case.refuses(&by(&Maker::new("Stranger")), "by none of the roots");
    // A stranger of the same name has another key.
    case.refuses(&by(&Maker::new("Root")), "by none of the roots");
    case.refuses(&chained(&one, &[]), "by none of the roots");
    case.refuses(
        &chained(&one, &[&maker, &one]),
        "neither by the next one nor by a root",
    );
    let two = one.below("Two", ca(None));
    case.refuses(
        &chained(&two, &[&two, &one]),
        "more authorities below it than it allows",
    );
    let leaf = maker.below("Leaf", Contents::default());
    case.refuses(&chained(&leaf, &[&leaf]), "is not that of an authority");
    let key_usage = extension("2.5.29.15", true, &[3, 2, 7, 0x80]);
    let mut signs_nothing = ca(None);
    signs_nothing.extensions.push(key_usage);
    let signs_nothing = maker.below("Signs nothing", signs_nothing);
    case.refuses(
        &chained(&signs_nothing, &[&signs_nothing]),
        "is not that of an authority",
    );
    let mut constrained = ca(None);
    constrained
        .extensions
        .push(extension("2.5.29.30", true, &seq(&[])));
    let constrained = maker.below("Constrained", constrained);
    case.refuses(
        &chained(&constrained, &[&constrained]),
        "critical extension 2.5.29.30",
    );
    let narrow = Maker::with("Narrow", authority(Some(0)));
    let below = narrow.below("Below", ca(None));
    let case = Case::new("permanent-identifier", "7", format, &narrow);
    case.believes(&by(&narrow), &key);
    case.refuses(
        &chained(&below, &[&below]),
        "its root allows fewer authorities",
    );
}

#[test]
fn what_is_over_or_not_yet_valid_is_refused() {
    let (maker, key) = (Maker::new("Root"), DeviceKey::p256());
    let case = Case::new(
        "permanent-identifier",
        "C02X",
        AttestationFormat::Apple,
        &maker,
    );
    let good = apple(&maker, &key, "C02X", TOKEN).encode();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    for (now, is_good) in [
        ("2019-12-31T23:59:59Z", false),
        ("2020-01-01T00:00:00Z", true),
        ("2040-01-01T00:00:00Z", true),
        ("2040-01-01T00:00:01Z", false),
    ] {
        match case.judge_at(&good, at(now)) {
            Ok(_) => assert!(is_good, "{now}"),
            verdict => {
                assert!(!is_good, "{now}");
                refused(
                    verdict,
                    "is valid from 2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z",
                );
            }
        }
    }
    // An authority in between that is over.
    let old = maker.below(
        "Old",
        Contents {
            until: "210101000000Z",
            extensions: vec![authority(None)],
            ..Contents::default()
        },
    );
    let object = packed(
        &old,
        &key,
        &[permanent_identifier("7", None)],
        case.key_authorization(),
    );
    let leaf = old.certify(&key.jwk(), &Contents::default());
    let case = Case::new(
        "permanent-identifier",
        "7",
        AttestationFormat::Packed,
        &maker,
    );
    case.refuses(
        &object.set("x5c", x5c(&[&leaf, &old.certificate])),
        "certificate 2 of its x5c is valid from",
    );
}

#[test]
fn a_format_is_taken_only_where_it_has_roots() {
    let (maker, key) = (Maker::new("Root"), DeviceKey::p256());
    let case = Case::new(
        "permanent-identifier",
        "7",
        AttestationFormat::Packed,
        &maker,
    );
    // The same root is good for its own format alone.
    let other = step(&maker, &key, &[7], case.key_authorization());
    case.refuses(&other, "format \"step\" is not taken here, only packed");
    let good = packed(
        &maker,
        &key,
        &[permanent_identifier("7", None)],
        case.key_authorization(),
    );
    for format in ["none", "fido-u2f", "android-key", "Packed", ""] {
        let object = Object {
            format,
            ..good.clone()
        };
        case.refuses(&object, "is not taken here, only packed");
    }
    let mut nobody = case;
    nobody.policy = AttestationPolicy::default();
    nobody.refuses(&good, "is not taken here");
}

#[test]
fn a_root_is_a_certificate_of_an_authority() {
    let mut policy = AttestationPolicy::default();
    let maker = Maker::new("Root");
    let format = AttestationFormat::Tpm;
    let leaf = maker.certify(&DeviceKey::p256().jwk(), &Contents::default());
    for der in [&b"junk"[..], &[], &leaf] {
        assert!(policy.trust(format, der).is_err());
    }
    assert_eq!(policy.formats().count(), 0);
    policy.trust(format, &maker.certificate).unwrap();
    assert_eq!(policy.formats().collect::<Vec<_>>(), [format]);
}

#[test]
fn what_is_no_attestation_object_is_refused() {
    let maker = Maker::new("Root");
    let case = Case::new(
        "permanent-identifier",
        "7",
        AttestationFormat::Packed,
        &maker,
    );
    let long = vec![0; AttestationPolicy::MAX_STATEMENT + 1];
    for (octets, says) in [
        (&[][..], "not CBOR"),
        (b"{}", "not CBOR"),
        (&[0x00], "no fmt"),
        (&[0xa0], "no fmt"),
        (&[&[0xa1][..], &cbor::text("fmt"), &[1]].concat(), "no fmt"),
        (
            &[&[0xa1][..], &cbor::text("fmt"), &cbor::text("packed")].concat(),
            "no attStmt",
        ),
        (&long, "longer than 64 KiB"),
    ] {
        refused(case.judge(octets), says);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_statement_that_was_changed_is_refused_and_never_panics(
        format in 0..4_usize, at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>(),
    ) {
        let (case, octets, key) = &statements()[format];
        let mut broken = octets.clone();
        let at = at.index(broken.len());
        if cut {
            broken.truncate(at);
        } else {
            broken[at] ^= 1 << bit;
        }
        // What nobody reads may change; another key is never taken for the device's.
        if let Ok(found) = case.judge(&broken) {
            prop_assert_eq!(found, *key);
        }
    }
}

/// A good statement of each format.
fn statements() -> &'static [(Case, Vec<u8>, Thumbprint); 4] {
    use std::sync::OnceLock;
    static STATEMENTS: OnceLock<[(Case, Vec<u8>, Thumbprint); 4]> = OnceLock::new();
    STATEMENTS.get_or_init(|| {
        let (maker, key, attestation_key) =
            (Maker::new("Root"), DeviceKey::p256(), DeviceKey::p256());
        let names = [permanent_identifier("7", None)];
        let formats = [
            AttestationFormat::Apple,
            AttestationFormat::Step,
            AttestationFormat::Tpm,
            AttestationFormat::Packed,
        ];
        formats.map(|format| {
            let case = Case::new("permanent-identifier", "7", format, &maker);
            let key_authorization = case.key_authorization();
            let object = match format {
                AttestationFormat::Apple => apple(&maker, &key, "7", TOKEN),
                AttestationFormat::Step => step(&maker, &key, &[7], key_authorization),
                AttestationFormat::Tpm => {
                    Tpm::new(&maker, &attestation_key, &names).certify(&key, key_authorization)
                }
                AttestationFormat::Packed => packed(&maker, &key, &names, key_authorization),
            };
            (case, object.encode(), thumbprint(&key.jwk()))
        })
    })
}
