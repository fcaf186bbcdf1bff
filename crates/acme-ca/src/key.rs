//! The private keys of an authority: made, read, and used to sign.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, BitString};
use der::{Decode, Document, Reader};
use signature::{Keypair, Signer};
use spki::{
    AlgorithmIdentifierOwned, AlgorithmIdentifierRef, DynSignatureAlgorithmIdentifier,
    EncodePublicKey, SignatureBitStringEncoding,
};
use zeroize::Zeroizing;

use crate::oid;

/// A kind of key that an authority can be made with.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum KeyType {
    /// ECDSA on P-256.
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-65, which stands against quantum computers
    /// ([RFC 9881](https://www.rfc-editor.org/rfc/rfc9881)).
    MlDsa65,
}

impl KeyType {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::P256,
        Self::P384,
        Self::Rsa3072,
        Self::Ed25519,
        Self::MlDsa65,
    ];

    /// The word for it in commands and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa3072 => "rsa3072",
            Self::Ed25519 => "ed25519",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    fn from_str(text: &str) -> Result<Self, UnknownKeyType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKeyType(text.to_owned()))
    }
}

/// The text names no kind of key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no kind of key; use p256, p384, rsa3072, ed25519 or ml-dsa-65")]
pub struct UnknownKeyType(pub String);

/// A private key that signs certificates. It is wiped from memory when dropped, and `Debug` tells
/// no more than its kind.
///
/// It also is a [`Signer`], so that other builders of signed ASN.1 can use it.
pub struct CaKey {
    pair: Pair,
    spki: Vec<u8>,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa65(PqdsaKeyPair),
}

impl CaKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the library fails.
    pub fn generate(kind: KeyType) -> Result<Self, KeyError> {
        let pair = match kind {
            KeyType::P256 => Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?),
            KeyType::P384 => Pair::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING)?),
            KeyType::Rsa3072 => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa3072)?),
            KeyType::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate()?),
            KeyType::MlDsa65 => Pair::MlDsa65(PqdsaKeyPair::generate(&ML_DSA_65_SIGNING)?),
        };
        Self::from_pair(pair)
    }

    /// Reads a key in PKCS#8 ([RFC 5208](https://www.rfc-editor.org/rfc/rfc5208)).
    ///
    /// # Errors
    /// [`KeyError`] when it is damaged, or no P-256, P-384, RSA (2048 to 8192 bits), Ed25519 or
    /// ML-DSA-65 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, curve) = pkcs8_algorithm(der).map_err(|_| KeyError::Damaged)?;
        let pair = match (algorithm, curve) {
            (oid::EC_PUBLIC_KEY, Some(oid::P256)) => Pair::P256(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                der,
            )?),
            (oid::EC_PUBLIC_KEY, Some(oid::P384)) => Pair::P384(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P384_SHA384_ASN1_SIGNING,
                der,
            )?),
            (oid::RSA_ENCRYPTION, _) => Pair::Rsa(RsaKeyPair::from_pkcs8(der)?),
            (oid::ED25519, _) => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(der)?),
            (oid::ML_DSA_65, _) => {
                Pair::MlDsa65(PqdsaKeyPair::from_pkcs8(&ML_DSA_65_SIGNING, der)?)
            }
            (oid::EC_PUBLIC_KEY, Some(curve)) => {
                return Err(KeyError::Unsupported(format!("a key on the curve {curve}")));
            }
            (algorithm, _) => {
                return Err(KeyError::Unsupported(format!(
                    "a key of the algorithm {algorithm}"
                )));
            }
        };
        Self::from_pair(pair)
    }

    /// Reads an RSA key as PKCS#1 has it: PEM `RSA PRIVATE KEY`.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(Pair::Rsa(RsaKeyPair::from_der(der)?))
    }

    /// Reads a key on P-256 or P-384 as SEC 1 has it: PEM `EC PRIVATE KEY`.
    pub(crate) fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Pair::P256)
            .or_else(|_| {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_ASN1_SIGNING, der)
                    .map(Pair::P384)
            })?;
        Self::from_pair(pair)
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let spki = match &pair {
            Pair::P256(pair) | Pair::P384(pair) => spki_der(pair.public_key())?,
            Pair::Rsa(pair) => spki_der(pair.public_key())?,
            Pair::Ed25519(pair) => spki_der(pair.public_key())?,
            Pair::MlDsa65(pair) => spki_der(pair.public_key())?,
        };
        Ok(Self { pair, spki })
    }

    /// DER of the public key (SubjectPublicKeyInfo).
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key in PKCS#8, not encrypted.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the library fails.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.to_pkcs8v1()?,
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                return Ok(Zeroizing::new(der.as_ref().to_vec()));
            }
            Pair::Ed25519(pair) => pair.to_pkcs8v1()?,
            Pair::MlDsa65(pair) => pair.to_pkcs8v1()?,
        };
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The algorithm that this key signs with, as it stands in what is signed.
    #[must_use]
    pub fn algorithm(&self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match &self.pair {
            Pair::P256(_) => (oid::ECDSA_WITH_SHA256, None),
            Pair::P384(_) => (oid::ECDSA_WITH_SHA384, None),
            // RFC 4055 § 5: the parameters MUST be NULL.
            Pair::Rsa(_) => (oid::SHA256_WITH_RSA, Some(Any::null())),
            Pair::Ed25519(_) => (oid::ED25519, None),
            Pair::MlDsa65(_) => (oid::ML_DSA_65, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// Signs a message; the library draws what randomness it needs.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the library fails.
    pub fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let rng = SystemRandom::new();
        match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => Ok(pair.sign(&rng, message)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::MlDsa65(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature)?;
                signature.truncate(length);
                Ok(signature)
            }
        }
    }

    /// Whether one signature takes so long (0.7 ms and more) that it must not hold up other tasks.
    pub(crate) const fn is_slow(&self) -> bool {
        match self.pair {
            Pair::Rsa(_) => true,
            Pair::P256(_) | Pair::P384(_) | Pair::Ed25519(_) | Pair::MlDsa65(_) => false,
        }
    }
}

impl fmt::Debug for CaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.pair {
            Pair::P256(_) => "CaKey(P-256)",
            Pair::P384(_) => "CaKey(P-384)",
            Pair::Rsa(_) => "CaKey(RSA)",
            Pair::Ed25519(_) => "CaKey(Ed25519)",
            Pair::MlDsa65(_) => "CaKey(ML-DSA-65)",
        })
    }
}

/// A signature by a [`CaKey`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaSignature(Vec<u8>);

impl SignatureBitStringEncoding for CaSignature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

/// The public half of a [`CaKey`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaPublicKey(Vec<u8>);

impl EncodePublicKey for CaPublicKey {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::from_der(&self.0)?)
    }
}

impl Signer<CaSignature> for CaKey {
    fn try_sign(&self, message: &[u8]) -> Result<CaSignature, signature::Error> {
        self.sign_message(message)
            .map(CaSignature)
            .map_err(|_| signature::Error::new())
    }
}

impl Keypair for CaKey {
    type VerifyingKey = CaPublicKey;

    fn verifying_key(&self) -> CaPublicKey {
        CaPublicKey(self.spki.clone())
    }
}

impl DynSignatureAlgorithmIdentifier for CaKey {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(self.algorithm())
    }
}

/// Why a private key cannot be read or used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file holds no PEM block of a private key.
    #[error("there is no PEM block of a private key")]
    Missing,
    /// It cannot be decoded, or its parts do not fit each other.
    #[error("it is damaged")]
    Damaged,
    /// It is a good key, but not one that is used here.
    #[error(
        "it is {0}, which is not supported here; \
         use P-256, P-384, RSA (2048 to 8192 bits), Ed25519 or ML-DSA-65"
    )]
    Unsupported(String),
    /// It is encrypted in a way that is not supported.
    #[error(
        "it is encrypted with {0}, which is not supported here; \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc` converts it"
    )]
    Encryption(String),
    /// It is encrypted and there is no passphrase.
    #[error("it is encrypted; a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not open it.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> Self {
        Self::Crypto
    }
}

impl From<KeyRejected> for KeyError {
    fn from(rejected: KeyRejected) -> Self {
        // The library takes RSA keys of 2048 to 8192 bits, as wanted here.
        match rejected.to_string().as_str() {
            "TooSmall" => Self::Unsupported("a key that is too short".to_owned()),
            "TooLarge" => Self::Unsupported("a key that is too long".to_owned()),
            _ => Self::Damaged,
        }
    }
}

fn spki_der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Result<Vec<u8>, KeyError> {
    Ok(key.as_der()?.as_ref().to_vec())
}

/// The algorithm of a PKCS#8 key, and its curve when it has one.
fn pkcs8_algorithm(der: &[u8]) -> der::Result<(ObjectIdentifier, Option<ObjectIdentifier>)> {
    AnyRef::from_der(der)?.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let algorithm: AlgorithmIdentifierRef<'_> = reader.decode()?;
        let curve = match algorithm.parameters {
            Some(parameters) if algorithm.oid == oid::EC_PUBLIC_KEY => {
                Some(parameters.decode_as()?)
            }
            Some(_) | None => None,
        };
        // The key itself, attributes and a public key follow; the library reads them.
        reader.drain(reader.remaining_len())?;
        Ok((algorithm.oid, curve))
    })
}
