//! Keys that sign, and a challenge that is driven by hand.

use std::sync::LazyLock;
use std::time::Duration;

use acme_core::{
    Attempt, ChallengeState, Clock as _, Epoch, Finding, InFlight, ManualClock, Observation, Phase,
    Retry, RetryPolicy,
};
use acme_types::{
    Algorithm, Curve, Jwk, MlDsa, ProvisionerName, Slot, Timestamp, encode_base64url,
};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    RsaKeyPair, RsaSignatureEncoding,
};

fn sign_ml_dsa(key: &PqdsaKeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.algorithm().signature_len()];
    let length = key.sign(message, &mut signature).unwrap();
    signature.truncate(length);
    signature
}

/// A private key.
pub(crate) enum Signer {
    Ec(Curve, Vec<u8>),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(MlDsa, PqdsaKeyPair),
}

/// Making RSA keys takes time; one is enough wherever its value does not matter.
pub(crate) static RSA: LazyLock<Signer> =
    LazyLock::new(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

impl Signer {
    pub(crate) fn ec(curve: Curve) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(fixed(curve), &SystemRandom::new()).unwrap();
        Self::Ec(curve, pkcs8.as_ref().to_vec())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn ml_dsa(parameters: MlDsa) -> Self {
        let algorithm = match parameters {
            MlDsa::MlDsa44 => &signature::ML_DSA_44_SIGNING,
            MlDsa::MlDsa65 => &signature::ML_DSA_65_SIGNING,
            MlDsa::MlDsa87 => &signature::ML_DSA_87_SIGNING,
        };
        Self::MlDsa(parameters, PqdsaKeyPair::generate(algorithm).unwrap())
    }

    pub(crate) fn jwk(&self) -> Jwk {
        match self {
            Self::Ec(curve, pkcs8) => {
                let key = EcdsaKeyPair::from_pkcs8(fixed(*curve), pkcs8).unwrap();
                let coordinates = &key.public_key().as_ref()[1..];
                let (x, y) = coordinates.split_at(curve.coordinate_len());
                Jwk::Ec {
                    curve: *curve,
                    x: x.to_vec(),
                    y: y.to_vec(),
                }
            }
            Self::Rsa(key) => Jwk::Rsa {
                n: key
                    .public_key()
                    .modulus()
                    .big_endian_without_leading_zero()
                    .to_vec(),
                e: key
                    .public_key()
                    .exponent()
                    .big_endian_without_leading_zero()
                    .to_vec(),
            },
            Self::Ed25519(key) => Jwk::Ed25519 {
                x: key.public_key().as_ref().try_into().unwrap(),
            },
            Self::MlDsa(parameters, key) => Jwk::MlDsa {
                parameters: *parameters,
                public_key: key.public_key().as_ref().to_vec(),
            },
        }
    }

    /// A signature as JWS has it.
    pub(crate) fn jws(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ec(curve, pkcs8) => ecdsa(fixed(*curve), pkcs8, message),
            Self::Rsa(key) => rsa(
                key,
                match algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    other => panic!("{other} is not RSA's"),
                },
                message,
            ),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::MlDsa(_, key) => sign_ml_dsa(key, message),
        }
    }

    /// A signature as certificates have it, and the object identifier of its algorithm.
    pub(crate) fn x509(&self, message: &[u8]) -> (&'static str, Vec<u8>) {
        match self {
            Self::Ec(curve, pkcs8) => {
                let (oid, algorithm) = match curve {
                    Curve::P256 => (
                        "1.2.840.10045.4.3.2",
                        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                    ),
                    Curve::P384 => (
                        "1.2.840.10045.4.3.3",
                        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                    ),
                    Curve::P521 => (
                        "1.2.840.10045.4.3.4",
                        &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
                    ),
                };
                (oid, ecdsa(algorithm, pkcs8, message))
            }
            Self::Rsa(key) => (
                "1.2.840.113549.1.1.11",
                rsa(key, &signature::RSA_PKCS1_SHA256, message),
            ),
            Self::Ed25519(key) => ("1.3.101.112", key.sign(message).as_ref().to_vec()),
            Self::MlDsa(parameters, key) => {
                let oid = match parameters {
                    MlDsa::MlDsa44 => "2.16.840.1.101.3.4.3.17",
                    MlDsa::MlDsa65 => "2.16.840.1.101.3.4.3.18",
                    MlDsa::MlDsa87 => "2.16.840.1.101.3.4.3.19",
                };
                (oid, sign_ml_dsa(key, message))
            }
        }
    }

    /// The point of an EC key in compressed form.
    pub(crate) fn compressed_point(&self) -> Vec<u8> {
        let Self::Ec(curve, pkcs8) = self else {
            panic!("only EC keys have points");
        };
        let key = EcdsaKeyPair::from_pkcs8(fixed(*curve), pkcs8).unwrap();
        let point: aws_lc_rs::encoding::EcPublicKeyCompressedBin<'_> =
            key.public_key().as_be_bytes().unwrap();
        point.as_ref().to_vec()
    }
}

fn fixed(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8], message: &[u8]) -> Vec<u8> {
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).unwrap();
    let signature = key.sign(&SystemRandom::new(), message).unwrap();
    signature.as_ref().to_vec()
}

fn rsa(key: &RsaKeyPair, encoding: &'static RsaSignatureEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    signature
}

/// The body of a request: header and payload as they are given, and a signature over them.
pub(crate) fn signed(
    signer: &Signer,
    algorithm: Algorithm,
    header: &str,
    payload: &str,
) -> Vec<u8> {
    let protected = encode_base64url(header);
    let payload = encode_base64url(payload);
    let message = format!("{protected}.{payload}");
    let signature = encode_base64url(signer.jws(algorithm, message.as_bytes()));
    format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#)
        .into_bytes()
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const START: Timestamp = Timestamp::from_secs(1_900_000_000);
/// Longer than any attempt of these tests takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn provisioner() -> ProvisionerName {
    "default".parse().unwrap()
}

pub(crate) fn saw(finding: Finding) -> Observation {
    Observation {
        finding,
        phase: Phase::Compare,
        address: None,
        detail: format!("saw {}", finding.as_str()),
        took: Duration::from_millis(3),
    }
}

pub(crate) fn attempt(number: u32, started_at: Timestamp, finding: Finding) -> Attempt {
    Attempt {
        number,
        slot: Slot::default(),
        started_at,
        perspective: "local".to_owned(),
        observation: saw(finding),
    }
}

/// A challenge, a clock, and a worker that does what it is told.
pub(crate) struct Driven {
    pub(crate) state: ChallengeState,
    pub(crate) clock: ManualClock,
    pub(crate) policy: RetryPolicy,
    pub(crate) expires_at: Timestamp,
    pub(crate) epoch: Epoch,
    /// When attempts started, in milliseconds after [`START`].
    pub(crate) starts: Vec<i64>,
    claims: u32,
}

impl Driven {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            state: ChallengeState::Pending,
            clock: ManualClock::new(START),
            policy,
            expires_at: START.plus(secs(24 * 3600)),
            epoch: Epoch(1),
            starts: Vec::new(),
            claims: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Seconds since [`START`].
    pub(crate) fn elapsed(&self) -> u64 {
        self.now().since(START).as_secs()
    }

    pub(crate) fn retry(&self) -> &Retry {
        match &self.state {
            ChallengeState::Processing { retry, .. } => retry,
            other => panic!("not processing: {other:?}"),
        }
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.retry().next_attempt
    }

    pub(crate) fn in_flight(&self) -> Option<InFlight> {
        match &self.state {
            ChallengeState::Processing { in_flight, .. } => *in_flight,
            _ => None,
        }
    }

    fn change(&mut self, step: impl FnOnce(ChallengeState) -> ChallengeState) {
        self.state = step(self.state.clone());
    }

    pub(crate) fn request(&mut self, slot: Slot) {
        let (policy, now) = (self.policy.clone(), self.now());
        self.change(|state| state.requested(slot, &provisioner(), &policy, now));
    }

    pub(crate) fn poll(&mut self, slot: Slot) {
        let (policy, now) = (self.policy.clone(), self.now());
        self.change(|state| state.polled(slot, &policy, now));
    }

    pub(crate) fn is_claimable(&self, slot: Slot) -> bool {
        let epoch = self.epoch;
        self.state
            .is_claimable(slot, self.now(), |claim| claim.epoch != epoch)
    }

    /// Claims the attempt if it is due.
    pub(crate) fn claim(&mut self, slot: Slot) -> bool {
        let claimable = self.is_claimable(slot);
        if claimable {
            self.claims += 1;
            let (number, epoch, now) = (self.claims, self.epoch, self.now());
            self.starts.push(now.as_millis() - START.as_millis());
            self.change(|state| state.claimed(slot, epoch, number, now, PATIENCE));
        }
        claimable
    }

    /// Concludes the attempt in flight.
    pub(crate) fn conclude(&mut self, finding: Finding) {
        let started_at = self.in_flight().unwrap().started_at;
        self.conclude_from(finding, started_at);
    }

    pub(crate) fn conclude_from(&mut self, finding: Finding, started_at: Timestamp) {
        let (policy, now, expires_at) = (self.policy.clone(), self.now(), self.expires_at);
        self.change(|state| state.concluded(&saw(finding), started_at, expires_at, &policy, now));
    }

    /// Lets time pass second by second; each attempt that is due is made at once and finds `finding`.
    pub(crate) fn run(&mut self, span: Duration, finding: Finding) {
        let end = self.now().plus(span);
        loop {
            if self.claim(Slot::default()) {
                self.conclude(finding);
            }
            if self.now() >= end {
                break;
            }
            self.clock.advance(SECOND);
        }
    }

    pub(crate) fn start_secs(&self) -> Vec<i64> {
        self.starts.iter().map(|millis| millis / 1000).collect()
    }
}
