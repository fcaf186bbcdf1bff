//! Encrypted private keys: PBES2 with PBKDF2 and AES-CBC
//! ([RFC 8018 § 6.2](https://www.rfc-editor.org/rfc/rfc8018#section-6.2)), as OpenSSL reads and
//! writes them.

use std::num::NonZeroU32;

use acme_core::Entropy;
use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::oid;

/// Rounds of PBKDF2 when a key is written: a tenth of a second or two, and what is advised for
/// HMAC-SHA-256 these days.
const ITERATIONS: u32 = 600_000;
/// Most rounds that are accepted, so that a damaged file cannot hold a server up for hours.
const MAX_ITERATIONS: u32 = 10_000_000;
const SALT_LENGTH: usize = 16;
const IV_LENGTH: usize = 16;

/// Encrypts a PKCS#8 key; gives the DER of EncryptedPrivateKeyInfo
/// ([RFC 5208 § 6](https://www.rfc-editor.org/rfc/rfc5208#section-6)).
pub(crate) fn encrypt(
    pkcs8: &[u8],
    passphrase: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, KeyError> {
    let mut salt = [0; SALT_LENGTH];
    let mut iv = [0; IV_LENGTH];
    entropy.fill(&mut salt);
    entropy.fill(&mut iv);
    let key = derive(
        &AES_256,
        32,
        pbkdf2::PBKDF2_HMAC_SHA256,
        ITERATIONS,
        &salt,
        passphrase,
    )?;
    // The padding is appended in place: with room for it the key is never moved and left behind.
    let mut data = Vec::with_capacity(pkcs8.len() + 2 * IV_LENGTH);
    data.extend_from_slice(pkcs8);
    PaddedBlockEncryptingKey::cbc_pkcs7(key)?
        .less_safe_encrypt(&mut data, EncryptionContext::Iv128(FixedLength::from(iv)))?;
    encode(&salt, &iv, data).map_err(|_| KeyError::Crypto)
}

/// Decrypts the DER of EncryptedPrivateKeyInfo; gives the PKCS#8 key.
pub(crate) fn decrypt(der: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let Parameters {
        kdf,
        encryption,
        data,
    } = decode(der)?;
    let prf = match kdf.prf.as_ref().map_or(oid::HMAC_SHA1, |prf| prf.oid) {
        oid::HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
        oid::HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
        oid::HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
        oid::HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
        other => return Err(KeyError::Encryption(format!("the function {other}"))),
    };
    let (cipher, key_length) = match encryption.oid {
        oid::AES_128_CBC => (&AES_128, 16),
        oid::AES_256_CBC => (&AES_256, 32),
        other => return Err(KeyError::Encryption(format!("the cipher {other}"))),
    };
    let iv: [u8; IV_LENGTH] = encryption
        .parameters
        .as_ref()
        .and_then(|iv| iv.decode_as::<OctetString>().ok())
        .and_then(|iv| iv.as_bytes().try_into().ok())
        .ok_or(KeyError::Damaged)?;
    let salt = kdf.salt.as_bytes();
    let key = derive(cipher, key_length, prf, kdf.iterations, salt, passphrase)?;
    let mut data = Zeroizing::new(data.into_bytes().into_vec());
    let length = PaddedBlockDecryptingKey::cbc_pkcs7(key)?
        .decrypt(&mut data, DecryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(|_| KeyError::WrongPassphrase)?
        .len();
    data.truncate(length);
    // One wrong passphrase in 256 leaves padding that looks right.
    if der::asn1::AnyRef::from_der(&data).is_err() {
        return Err(KeyError::WrongPassphrase);
    }
    Ok(data)
}

fn derive(
    cipher: &'static Algorithm,
    key_length: usize,
    prf: pbkdf2::Algorithm,
    iterations: u32,
    salt: &[u8],
    passphrase: &[u8],
) -> Result<UnboundCipherKey, KeyError> {
    let iterations = NonZeroU32::new(iterations)
        .filter(|rounds| rounds.get() <= MAX_ITERATIONS)
        .ok_or(KeyError::Damaged)?;
    let mut key = Zeroizing::new(vec![0; key_length]);
    pbkdf2::derive(prf, iterations, salt, passphrase, &mut key);
    Ok(UnboundCipherKey::new(cipher, &key)?)
}

struct Parameters {
    kdf: Pbkdf2Parameters,
    encryption: AlgorithmIdentifierOwned,
    data: OctetString,
}

fn decode(der: &[u8]) -> Result<Parameters, KeyError> {
    let damaged = |_| KeyError::Damaged;
    let info = EncryptedPrivateKeyInfo::from_der(der).map_err(damaged)?;
    if info.algorithm.oid != oid::PBES2 {
        let scheme = format!("the scheme {}", info.algorithm.oid);
        return Err(KeyError::Encryption(scheme));
    }
    let scheme = info.algorithm.parameters.ok_or(KeyError::Damaged)?;
    let scheme: Pbes2Parameters = scheme.decode_as().map_err(damaged)?;
    if scheme.kdf.oid != oid::PBKDF2 {
        let kdf = format!("the key derivation {}", scheme.kdf.oid);
        return Err(KeyError::Encryption(kdf));
    }
    let kdf = scheme.kdf.parameters.ok_or(KeyError::Damaged)?;
    Ok(Parameters {
        kdf: kdf.decode_as().map_err(damaged)?,
        encryption: scheme.encryption,
        data: info.data,
    })
}

fn encode(salt: &[u8], iv: &[u8], data: Vec<u8>) -> der::Result<Vec<u8>> {
    let kdf = Pbkdf2Parameters {
        salt: OctetString::new(salt)?,
        iterations: ITERATIONS,
        key_length: None,
        prf: Some(AlgorithmIdentifierOwned {
            oid: oid::HMAC_SHA256,
            parameters: Some(Any::null()),
        }),
    };
    let scheme = Pbes2Parameters {
        kdf: AlgorithmIdentifierOwned {
            oid: oid::PBKDF2,
            parameters: Some(Any::encode_from(&kdf)?),
        },
        encryption: AlgorithmIdentifierOwned {
            oid: oid::AES_256_CBC,
            parameters: Some(Any::encode_from(&OctetString::new(iv)?)?),
        },
    };
    EncryptedPrivateKeyInfo {
        algorithm: AlgorithmIdentifierOwned {
            oid: oid::PBES2,
            parameters: Some(Any::encode_from(&scheme)?),
        },
        data: OctetString::new(data)?,
    }
    .to_der()
}

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

#[derive(Sequence)]
struct Pbes2Parameters {
    kdf: AlgorithmIdentifierOwned,
    encryption: AlgorithmIdentifierOwned,
}

#[derive(Sequence)]
struct Pbkdf2Parameters {
    salt: OctetString,
    iterations: u32,
    #[asn1(optional = "true")]
    key_length: Option<u16>,
    #[asn1(optional = "true")]
    prf: Option<AlgorithmIdentifierOwned>,
}
