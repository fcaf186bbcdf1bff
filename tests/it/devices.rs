//! Makers of devices with roots of their own, and what their devices say: real certificates, signatures
//! and structures, made here. Other crates' tests include this file.

#![allow(
    dead_code,
    reason = "not every test that includes this needs all of it"
)]

use acme_core::spki_of;
use acme_types::{Curve, Jwk};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};

/// A key with its usual signature.
pub(crate) enum DeviceKey {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl DeviceKey {
    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn jwk(&self) -> Jwk {
        match self {
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                Jwk::Ec {
                    curve: Curve::P256,
                    x: point[1..33].to_vec(),
                    y: point[33..].to_vec(),
                }
            }
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e } =
                    PublicKeyComponents::<Vec<u8>>::from(key.public_key());
                Jwk::Rsa { n, e }
            }
            Self::Ed25519(key) => Jwk::Ed25519 {
                x: key.public_key().as_ref().try_into().unwrap(),
            },
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let rng = SystemRandom::new();
        match self {
            Self::P256(key) => key.sign(&rng, message).unwrap().as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let sign = key.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature);
                sign.unwrap();
                signature
            }
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The AlgorithmIdentifier of its signatures.
    fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::P256(_) => seq(&[&oid("1.2.840.10045.4.3.2")]),
            Self::Rsa(_) => seq(&[&oid("1.2.840.113549.1.1.11"), &[5, 0]]),
            Self::Ed25519(_) => seq(&[&oid("1.3.101.112")]),
        }
    }

    /// The number of its signatures' algorithm in COSE.
    pub(crate) fn cose(&self) -> i64 {
        match self {
            Self::P256(_) => -7,
            Self::Rsa(_) => -257,
            Self::Ed25519(_) => -8,
        }
    }

    /// A CSR with these common names and entries of subjectAltName.
    pub(crate) fn csr(&self, common_name: Option<&str>, names: &[Vec<u8>]) -> Vec<u8> {
        let mut attributes = Vec::new();
        if !names.is_empty() {
            let names = seq(&[&names.concat()]);
            let extensions = seq(&[&extension("2.5.29.17", false, &names)]);
            attributes = seq(&[&oid("1.2.840.113549.1.9.14"), &tlv(0x31, &[&extensions])]);
        }
        let info = seq(&[
            &[2, 1, 0],
            &subject(common_name),
            &spki_of(&self.jwk()),
            &tlv(0xa0, &[&attributes]),
        ]);
        let signature = tlv(3, &[&[0], &self.sign(&info)]);
        seq(&[&info, &self.algorithm(), &signature])
    }
}

/// What a certificate says beside its key.
pub(crate) struct Contents<'a> {
    pub(crate) common_name: Option<&'a str>,
    /// UTCTime.
    pub(crate) from: &'a str,
    pub(crate) until: &'a str,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Default for Contents<'_> {
    fn default() -> Self {
        Self {
            common_name: Some("Device"),
            from: "200101000000Z",
            until: "400101000000Z",
            extensions: vec![no_authority()],
        }
    }
}

/// Who certifies devices.
pub(crate) struct Maker {
    key: DeviceKey,
    name: &'static str,
    /// Its certificate.
    pub(crate) certificate: Vec<u8>,
}

impl Maker {
    /// One with a root of its own.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::with(name, authority(None))
    }

    pub(crate) fn with(name: &'static str, basic_constraints: Vec<u8>) -> Self {
        let mut maker = Self {
            key: DeviceKey::p256(),
            name,
            certificate: Vec::new(),
        };
        let contents = Contents {
            common_name: Some(name),
            extensions: vec![basic_constraints],
            ..Contents::default()
        };
        maker.certificate = maker.certify(&maker.key.jwk(), &contents);
        maker
    }

    /// One below this one.
    pub(crate) fn below(&self, name: &'static str, contents: Contents<'_>) -> Self {
        let key = DeviceKey::rsa();
        let contents = Contents {
            common_name: Some(name),
            ..contents
        };
        let certificate = self.certify(&key.jwk(), &contents);
        Self {
            key,
            name,
            certificate,
        }
    }

    pub(crate) fn certify(&self, jwk: &Jwk, contents: &Contents<'_>) -> Vec<u8> {
        let validity = seq(&[
            &tlv(0x17, &[contents.from.as_bytes()]),
            &tlv(0x17, &[contents.until.as_bytes()]),
        ]);
        let tbs = seq(&[
            &tlv(0xa0, &[&[2, 1, 2]]),
            &[2, 1, 7],
            &self.key.algorithm(),
            &subject(Some(self.name)),
            &validity,
            &subject(contents.common_name),
            &spki_of(jwk),
            &tlv(0xa3, &[&seq(&[&contents.extensions.concat()])]),
        ]);
        let signature = tlv(3, &[&[0], &self.key.sign(&tbs)]);
        seq(&[&tbs, &self.key.algorithm(), &signature])
    }
}

/// An attestation object that can still be changed.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) format: &'static str,
    pub(crate) fields: Vec<(&'static str, Vec<u8>)>,
}

impl Object {
    /// The same with another value, in CBOR, in a field of attStmt.
    pub(crate) fn set(mut self, name: &'static str, value: Vec<u8>) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value));
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let fields = self.fields.iter();
        let fields = fields.flat_map(|(name, value)| [cbor::text(name), value.clone()].concat());
        let statement = [cbor::head(5, self.fields.len()), fields.collect()].concat();
        [
            cbor::head(5, 3),
            cbor::text("fmt"),
            cbor::text(self.format),
            cbor::text("attStmt"),
            statement,
            cbor::text("authData"),
            cbor::bytes(&[]),
        ]
        .concat()
    }
}

/// The certificates of a statement.
pub(crate) fn x5c(certificates: &[&[u8]]) -> Vec<u8> {
    let list = certificates.iter().flat_map(|der| cbor::bytes(der));
    [cbor::head(4, certificates.len()), list.collect()].concat()
}

pub(crate) fn apple(maker: &Maker, key: &DeviceKey, serial: &str, token: &str) -> Object {
    let contents = Contents {
        extensions: vec![
            no_authority(),
            extension("1.2.840.113635.100.8.9.1", false, serial.as_bytes()),
            extension("1.2.840.113635.100.8.9.2", false, b"udid-1"),
            extension(
                "1.2.840.113635.100.8.11.1",
                false,
                &sha256(token.as_bytes()),
            ),
        ],
        ..Contents::default()
    };
    let certificate = maker.certify(&key.jwk(), &contents);
    Object {
        format: "apple",
        fields: vec![("x5c", x5c(&[&certificate, &maker.certificate]))],
    }
}

/// A key in a smart card of this number.
pub(crate) fn step(
    maker: &Maker,
    key: &DeviceKey,
    number: &[u8],
    key_authorization: &str,
) -> Object {
    let contents = Contents {
        extensions: vec![
            no_authority(),
            extension("1.3.6.1.4.1.41482.3.7", false, &tlv(2, &[number])),
        ],
        ..Contents::default()
    };
    let certificate = maker.certify(&key.jwk(), &contents);
    let signature = key.sign(key_authorization.as_bytes());
    Object {
        format: "step",
        fields: vec![
            ("alg", cbor::integer(key.cose())),
            ("sig", cbor::bytes(&cbor::bytes(&signature))),
            ("x5c", x5c(&[&certificate])),
        ],
    }
}

/// A certificate with these entries of subjectAltName, and its key's signature.
pub(crate) fn packed(
    maker: &Maker,
    key: &DeviceKey,
    names: &[Vec<u8>],
    key_authorization: &str,
) -> Object {
    let contents = Contents {
        extensions: vec![
            no_authority(),
            extension("2.5.29.17", false, &seq(&[&names.concat()])),
        ],
        ..Contents::default()
    };
    let certificate = maker.certify(&key.jwk(), &contents);
    let signature = key.sign(key_authorization.as_bytes());
    Object {
        format: "packed",
        fields: vec![
            ("alg", cbor::integer(key.cose())),
            ("sig", cbor::bytes(&signature)),
            ("x5c", x5c(&[&certificate])),
        ],
    }
}

/// A Trusted Platform Module: its attestation key, and what it says of a key of its own. What it makes is
/// laid out as a TPM does, by the library specification.
pub(crate) struct Tpm<'a> {
    pub(crate) maker: &'a Maker,
    pub(crate) attestation_key: &'a DeviceKey,
    /// What stands in the attestation key's certificate.
    pub(crate) contents: Contents<'a>,
    /// Bits of objectAttributes of the key.
    pub(crate) attributes: u32,
    pub(crate) magic: u32,
    pub(crate) kind: u16,
}

impl<'a> Tpm<'a> {
    pub(crate) fn new(maker: &'a Maker, attestation_key: &'a DeviceKey, names: &[Vec<u8>]) -> Self {
        Self {
            maker,
            attestation_key,
            contents: Contents {
                common_name: None,
                extensions: vec![
                    no_authority(),
                    extension(
                        "2.5.29.17",
                        true,
                        &seq(&[&details("2.23.133.2.3"), &names.concat()]),
                    ),
                    extension("2.5.29.37", true, &seq(&[&oid("2.23.133.8.3")])),
                ],
                ..Contents::default()
            },
            // fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign.
            attributes: 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 18,
            magic: 0xff54_4347,
            kind: 0x8017,
        }
    }

    pub(crate) fn certify(&self, key: &DeviceKey, key_authorization: &str) -> Object {
        let area = self.public_area(key);
        let name = [&[0x00, 0x0b][..], &sha256(&area)].concat();
        let certified = [
            &self.magic.to_be_bytes()[..],
            &self.kind.to_be_bytes(),
            &sized(&[0x00, 0x0b, 1, 2, 3]),
            &sized(&sha256(key_authorization.as_bytes())),
            &[0; 17],
            &[9; 8],
            &sized(&name),
            &sized(&[0x00, 0x0b, 4, 5, 6]),
        ]
        .concat();
        let certificate = self
            .maker
            .certify(&self.attestation_key.jwk(), &self.contents);
        Object {
            format: "tpm",
            fields: vec![
                ("ver", cbor::text("2.0")),
                ("alg", cbor::integer(self.attestation_key.cose())),
                ("x5c", x5c(&[&certificate])),
                ("sig", cbor::bytes(&self.signature(&certified))),
                ("certInfo", cbor::bytes(&certified)),
                ("pubArea", cbor::bytes(&area)),
            ],
        }
    }

    /// TPMT_PUBLIC.
    pub(crate) fn public_area(&self, key: &DeviceKey) -> Vec<u8> {
        let null = [0x00, 0x10];
        let (kind, parameters) = match key.jwk() {
            Jwk::Rsa { n, .. } => (
                [0x00, 0x01],
                [&null[..], &null, &[0x08, 0x00], &[0; 4], &sized(&n)].concat(),
            ),
            Jwk::Ec { x, y, .. } => (
                [0x00, 0x23],
                // ECDSA by SHA-256 on P-256.
                [
                    &null[..],
                    &[0x00, 0x18, 0x00, 0x0b],
                    &[0x00, 0x03],
                    &null,
                    &sized(&x),
                    &sized(&y),
                ]
                .concat(),
            ),
            other => panic!("{other:?} is no key of a TPM"),
        };
        let attributes = self.attributes.to_be_bytes();
        [&kind[..], &[0x00, 0x0b], &attributes, &[0, 0], &parameters].concat()
    }

    /// TPMT_SIGNATURE.
    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.attestation_key.sign(message);
        match self.attestation_key {
            DeviceKey::Rsa(_) => [&[0x00, 0x14, 0x00, 0x0b][..], &sized(&signature)].concat(),
            DeviceKey::P256(_) => {
                // A SEQUENCE of r and s.
                let r = &signature[4..4 + usize::from(signature[3])];
                let s = &signature[6 + r.len()..];
                [&[0x00, 0x18, 0x00, 0x0b][..], &sized(r), &sized(s)].concat()
            }
            DeviceKey::Ed25519(_) => [&[0x00, 0x14, 0x00, 0x0b][..], &sized(&signature)].concat(),
        }
    }
}

/// The directoryName with manufacturer, model and version of a TPM; `version` is the type of the last.
pub(crate) fn details(version: &str) -> Vec<u8> {
    let attribute = |kind: &str, value: &str| {
        tlv(
            0x31,
            &[&seq(&[&oid(kind), &tlv(0x0c, &[value.as_bytes()])])],
        )
    };
    let rdns = seq(&[
        &attribute("2.23.133.2.1", "id:54534554"),
        &attribute("2.23.133.2.2", "test"),
        &attribute(version, "id:00010001"),
    ]);
    tlv(0xa4, &[&rdns])
}

/// An entry of subjectAltName: a PermanentIdentifier.
pub(crate) fn permanent_identifier(value: &str, assigner: Option<&str>) -> Vec<u8> {
    let assigner = assigner.map(oid).unwrap_or_default();
    let value = seq(&[&tlv(0x0c, &[value.as_bytes()]), &assigner]);
    other_name("1.3.6.1.5.5.7.8.3", &value)
}

/// An entry of subjectAltName: a HardwareModuleName.
pub(crate) fn hardware_module(serial: &str, hardware: &str) -> Vec<u8> {
    let value = seq(&[&oid(hardware), &tlv(4, &[serial.as_bytes()])]);
    other_name("1.3.6.1.5.5.7.8.4", &value)
}

pub(crate) fn dns_name(name: &str) -> Vec<u8> {
    tlv(0x82, &[name.as_bytes()])
}

fn other_name(kind: &str, value: &[u8]) -> Vec<u8> {
    tlv(0xa0, &[&oid(kind), &tlv(0xa0, &[value])])
}

/// basicConstraints of a certificate that is no authority's.
pub(crate) fn no_authority() -> Vec<u8> {
    extension("2.5.29.19", true, &seq(&[]))
}

/// basicConstraints of an authority's, perhaps with how many may stand below it.
pub(crate) fn authority(below: Option<u8>) -> Vec<u8> {
    let below = below.map(|below| vec![2, 1, below]).unwrap_or_default();
    extension("2.5.29.19", true, &seq(&[&[1, 1, 0xff], &below]))
}

pub(crate) fn extension(kind: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    seq(&[&oid(kind), critical, &tlv(4, &[value])])
}

fn subject(common_name: Option<&str>) -> Vec<u8> {
    let rdn = common_name.map(|name| {
        let attribute = seq(&[&oid("2.5.4.3"), &tlv(0x0c, &[name.as_bytes()])]);
        tlv(0x31, &[&attribute])
    });
    seq(&[&rdn.unwrap_or_default()])
}

pub(crate) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let len = value.len();
    let head = match len {
        0..=0x7f => vec![tag, len as u8],
        0x80..=0xff => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [head, value].concat()
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u64> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut octets = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        octets.extend(groups.into_iter().rev());
    }
    tlv(6, &[&octets])
}

pub(crate) fn sha256(octets: &[u8]) -> Vec<u8> {
    digest(&SHA256, octets).as_ref().to_vec()
}

/// What a TPM writes with its length before it.
fn sized(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

/// A writer of CBOR.
pub(crate) mod cbor {
    pub(crate) fn head(major: u8, argument: usize) -> Vec<u8> {
        let major = major << 5;
        match argument {
            0..=23 => vec![major | argument as u8],
            24..=0xff => vec![major | 24, argument as u8],
            _ => vec![major | 25, (argument >> 8) as u8, argument as u8],
        }
    }

    pub(crate) fn integer(number: i64) -> Vec<u8> {
        match usize::try_from(number) {
            Ok(number) => head(0, number),
            Err(_) => head(1, (-1 - number) as usize),
        }
    }

    pub(crate) fn text(text: &str) -> Vec<u8> {
        [head(3, text.len()), text.as_bytes().to_vec()].concat()
    }

    pub(crate) fn bytes(octets: &[u8]) -> Vec<u8> {
        [head(2, octets.len()), octets.to_vec()].concat()
    }
}
