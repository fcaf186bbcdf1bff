//! Public keys: which are strong enough, what they verify, and their form in certificates.

use std::fmt;
use std::sync::Arc;

use acme_types::{Algorithm, Curve, Jwk, MlDsa, Problem, ProblemKind};
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Reader as _, SliceReader};
use spki::SubjectPublicKeyInfoRef;

use crate::asn1;

/// Sizes of RSA modulus that are accepted, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The one public exponent that is accepted: 65537.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];
/// A modulus that one of the odd primes below this divides was made by a broken generator.
const SMALL_PRIMES_BELOW: usize = 752;

/// A public key that has been found strong enough, ready to verify signatures. Cloning is cheap, so
/// it may be kept for requests to come.
#[derive(Clone)]
pub struct VerifyKey(Arc<Checked>);

enum Checked {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Ec(Curve, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    MlDsa(MlDsa, ParsedPublicKey),
}

impl VerifyKey {
    /// Checks a key.
    ///
    /// # Errors
    /// `badPublicKey`: an RSA key outside 2048 to 8192 bits, with an exponent other than 65537, or
    /// with a modulus that is even or has a small factor; an EC point that is not on its curve.
    pub fn new(jwk: &Jwk) -> Result<Self, Problem> {
        let checked = match jwk {
            Jwk::Rsa { n, e } => {
                check_rsa(n, e).map_err(|detail| refused(&detail))?;
                Checked::Rsa(RsaPublicKeyComponents {
                    n: n.clone(),
                    e: e.clone(),
                })
            }
            Jwk::Ec { curve, x, y } => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let key = ParsedPublicKey::new(jws_ecdsa(*curve), point)
                    .map_err(|_| refused(&format!("the point is not on {}", curve.as_str())))?;
                Checked::Ec(*curve, key)
            }
            Jwk::Ed25519 { x } => {
                let key = ParsedPublicKey::new(&signature::ED25519, x)
                    .map_err(|_| refused("the key is not an Ed25519 public key"))?;
                Checked::Ed25519(key)
            }
            Jwk::MlDsa {
                parameters,
                public_key,
            } => {
                let key = ParsedPublicKey::new(ml_dsa(*parameters), public_key).map_err(|_| {
                    let name = parameters.as_str();
                    refused(&format!("the key is not an {name} public key"))
                })?;
                Checked::MlDsa(*parameters, key)
            }
        };
        Ok(Self(Arc::new(checked)))
    }

    /// The JWS algorithms that fit this key.
    #[must_use]
    pub fn algorithms(&self) -> &'static [Algorithm] {
        use Algorithm as A;
        match &*self.0 {
            Checked::Rsa(_) => &[A::Rs256, A::Rs384, A::Rs512, A::Ps256, A::Ps384, A::Ps512],
            Checked::Ec(Curve::P256, _) => &[A::Es256],
            Checked::Ec(Curve::P384, _) => &[A::Es384],
            Checked::Ec(Curve::P521, _) => &[A::Es512],
            Checked::Ed25519(_) => &[A::EdDsa],
            Checked::MlDsa(MlDsa::MlDsa44, _) => &[A::MlDsa44],
            Checked::MlDsa(MlDsa::MlDsa65, _) => &[A::MlDsa65],
            Checked::MlDsa(MlDsa::MlDsa87, _) => &[A::MlDsa87],
        }
    }

    /// Whether `signature`, in the form that JWS gives it
    /// ([RFC 7518 § 3](https://www.rfc-editor.org/rfc/rfc7518#section-3)), is this key's over
    /// `message`. An algorithm that does not fit the key verifies nothing.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&*self.0, algorithm) {
            // Apple's client drops the zeros that r or s begins with, and its signatures get short.
            (Checked::Ec(Curve::P256, key), Algorithm::Es256) if signature.len() < ES256_LEN => {
                zeros_restored(signature).any(|it| key.verify_sig(message, &it).is_ok())
            }
            (Checked::Ec(Curve::P256, key), Algorithm::Es256)
            | (Checked::Ec(Curve::P384, key), Algorithm::Es384)
            | (Checked::Ec(Curve::P521, key), Algorithm::Es512)
            | (Checked::Ed25519(key), Algorithm::EdDsa)
            | (Checked::MlDsa(MlDsa::MlDsa44, key), Algorithm::MlDsa44)
            | (Checked::MlDsa(MlDsa::MlDsa65, key), Algorithm::MlDsa65)
            | (Checked::MlDsa(MlDsa::MlDsa87, key), Algorithm::MlDsa87) => {
                key.verify_sig(message, signature).is_ok()
            }
            (Checked::Rsa(key), algorithm) => jws_rsa(algorithm)
                .is_some_and(|parameters| key.verify(parameters, message, signature).is_ok()),
            _ => false,
        }
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Checked::Rsa(_) => "RSA",
            Checked::Ec(curve, _) => curve.as_str(),
            Checked::Ed25519(_) => "Ed25519",
            Checked::MlDsa(parameters, _) => parameters.as_str(),
        };
        write!(f, "VerifyKey({kind})")
    }
}

/// DER of the key's SubjectPublicKeyInfo ([RFC 5280 § 4.1.2.7], [RFC 3279], [RFC 5480], [RFC 8410]),
/// in the one form in which certificates usually carry it.
///
/// [RFC 5280 § 4.1.2.7]: https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7
/// [RFC 3279]: https://www.rfc-editor.org/rfc/rfc3279
/// [RFC 5480]: https://www.rfc-editor.org/rfc/rfc5480
/// [RFC 8410]: https://www.rfc-editor.org/rfc/rfc8410
#[must_use]
pub fn spki_of(jwk: &Jwk) -> Vec<u8> {
    let (algorithm, key) = match jwk {
        Jwk::Rsa { n, e } => (
            [
                asn1::oid(rfc5912::RSA_ENCRYPTION),
                asn1::tlv(asn1::NULL, &[]),
            ]
            .concat(),
            asn1::tlv(asn1::SEQUENCE, &[&asn1::integer(n), &asn1::integer(e)]),
        ),
        Jwk::Ec { curve, x, y } => (
            [
                asn1::oid(rfc5912::ID_EC_PUBLIC_KEY),
                asn1::oid(curve_oid(*curve)),
            ]
            .concat(),
            [&[4], x.as_slice(), y.as_slice()].concat(),
        ),
        Jwk::Ed25519 { x } => (asn1::oid(rfc8410::ID_ED_25519), x.to_vec()),
        Jwk::MlDsa {
            parameters,
            public_key,
        } => (asn1::oid(ml_dsa_oid(*parameters)), public_key.clone()),
    };
    let algorithm = asn1::tlv(asn1::SEQUENCE, &[&algorithm]);
    let key = asn1::tlv(asn1::BIT_STRING, &[&[0], &key]);
    asn1::tlv(asn1::SEQUENCE, &[&algorithm, &key])
}

/// The key in a SubjectPublicKeyInfo, so that a certificate's or a CSR's key can be compared with
/// an account's.
///
/// None when it is of another kind, or not written as [`spki_of`] writes it: no key has two forms
/// here.
#[must_use]
pub fn jwk_from_spki(spki: &[u8]) -> Option<Jwk> {
    let info = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    let jwk = match info.algorithm.oid {
        rfc5912::RSA_ENCRYPTION => {
            let mut reader = SliceReader::new(key).ok()?;
            let (n, e) = reader
                .sequence(|r| {
                    let n = UintRef::decode(r)?.as_bytes().to_vec();
                    Ok::<_, der::Error>((n, UintRef::decode(r)?.as_bytes().to_vec()))
                })
                .ok()?;
            Jwk::Rsa { n, e }
        }
        rfc5912::ID_EC_PUBLIC_KEY => {
            let oid = info.algorithm.parameters_oid().ok()?;
            let curve = [Curve::P256, Curve::P384, Curve::P521]
                .into_iter()
                .find(|curve| curve_oid(*curve) == oid)?;
            let coordinates = key.strip_prefix(&[4])?;
            let (x, y) = coordinates.split_at_checked(curve.coordinate_len())?;
            Jwk::Ec {
                curve,
                x: x.to_vec(),
                y: y.to_vec(),
            }
        }
        rfc8410::ID_ED_25519 => Jwk::Ed25519 {
            x: key.try_into().ok()?,
        },
        oid => {
            let mut all = MlDsa::ALL.iter().copied();
            let parameters = all.find(|parameters| ml_dsa_oid(*parameters) == oid)?;
            Jwk::MlDsa {
                parameters,
                public_key: key.to_vec(),
            }
        }
    };
    if let Jwk::MlDsa {
        parameters,
        public_key,
    } = &jwk
        && public_key.len() != parameters.public_key_len()
    {
        return None;
    }
    (spki_of(&jwk) == spki).then_some(jwk)
}

/// The algorithm's identifier in certificates, also for signatures
/// ([RFC 9881 § 2](https://www.rfc-editor.org/rfc/rfc9881#section-2)).
#[must_use]
pub const fn ml_dsa_oid(parameters: MlDsa) -> ObjectIdentifier {
    match parameters {
        MlDsa::MlDsa44 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"),
        MlDsa::MlDsa65 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"),
        MlDsa::MlDsa87 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"),
    }
}

pub(crate) fn ml_dsa(parameters: MlDsa) -> &'static dyn VerificationAlgorithm {
    match parameters {
        MlDsa::MlDsa44 => &signature::ML_DSA_44,
        MlDsa::MlDsa65 => &signature::ML_DSA_65,
        MlDsa::MlDsa87 => &signature::ML_DSA_87,
    }
}

const fn curve_oid(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => rfc5912::SECP_256_R_1,
        Curve::P384 => rfc5912::SECP_384_R_1,
        Curve::P521 => rfc5912::SECP_521_R_1,
    }
}

fn refused(detail: &str) -> Problem {
    Problem::new(
        ProblemKind::BadPublicKey,
        format!("the key is refused: {detail}"),
    )
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), String> {
    let unused = n.first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = n.len() * 8 - unused;
    if !RSA_BITS.contains(&bits) {
        return Err(format!(
            "its modulus has {bits} bits; use {} to {}",
            RSA_BITS.start(),
            RSA_BITS.end()
        ));
    }
    if e != RSA_EXPONENT {
        return Err("its exponent is not 65537".to_owned());
    }
    if n.last().is_none_or(|last| last % 2 == 0) {
        return Err("its modulus is even".to_owned());
    }
    match SMALL_PRIMES.iter().find(|prime| remainder(n, **prime) == 0) {
        Some(prime) => Err(format!(
            "its modulus can be divided by {prime}; make another key with a sound generator"
        )),
        None => Ok(()),
    }
}

/// The remainder of a big-endian number.
fn remainder(n: &[u8], divisor: u32) -> u64 {
    let divisor = u64::from(divisor);
    // Words from the right, so that the odd octets stand at the left.
    let (head, words) = n.split_at(n.len() % 4);
    let head = head
        .iter()
        .fold(0, |rest, octet| (rest << 8 | u64::from(*octet)) % divisor);
    words.chunks_exact(4).fold(head, |rest, word| {
        let word = word
            .iter()
            .fold(0, |word, octet| word << 8 | u64::from(*octet));
        (rest << 32 | word) % divisor
    })
}

/// The odd primes below [`SMALL_PRIMES_BELOW`].
const SMALL_PRIMES: [u32; 132] = {
    let mut primes = [0; 132];
    let mut found = 0;
    let mut candidate = 3;
    while candidate < SMALL_PRIMES_BELOW as u32 {
        let mut divisor = 3;
        while divisor * divisor <= candidate && candidate % divisor != 0 {
            divisor += 2;
        }
        if divisor * divisor > candidate {
            primes[found] = candidate;
            found += 1;
        }
        candidate += 2;
    }
    primes
};

/// Octets of a signature by ES256: r and s of 32 each.
const ES256_LEN: usize = 64;
/// Most zeros that are put back; more are missing once in eight million signatures.
const MAX_DROPPED: usize = 2;

/// Every signature of full length that gets to be this one when r and s lose zeros at their left.
/// None when it is too short.
fn zeros_restored(short: &[u8]) -> impl Iterator<Item = [u8; ES256_LEN]> {
    let missing = ES256_LEN.saturating_sub(short.len());
    let dropped_of_r = (0..=missing).filter(move |_| missing <= MAX_DROPPED);
    dropped_of_r.map(move |of_r| {
        let half = ES256_LEN / 2;
        let (r, s) = short.split_at(half - of_r);
        let mut full = [0; ES256_LEN];
        full[of_r..half].copy_from_slice(r);
        full[half + missing - of_r..].copy_from_slice(s);
        full
    })
}

fn jws_ecdsa(curve: Curve) -> &'static dyn VerificationAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
    }
}

fn jws_rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::EdDsa
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87 => return None,
    })
}
