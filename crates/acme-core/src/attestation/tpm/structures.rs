//! The structures of a TPM that a statement holds, as
//! [part 2 of the TPM library](https://trustedcomputinggroup.org/resource/tpm-library-specification/) lays
//! them out: numbers are big-endian, and what may have any length begins with it.

use acme_types::{Curve, Jwk};

use crate::asn1;
use crate::signature::Hash;

/// "\xffTCG": that a TPM has made a structure itself.
const GENERATED: u32 = 0xff54_4347;
/// The kind of TPMS_ATTEST that TPM2_Certify makes.
const ATTEST_CERTIFY: u16 = 0x8017;
/// No algorithm at all.
const NULL: u16 = 0x0010;
const RSA: u16 = 0x0001;
const ECC: u16 = 0x0023;
const RSASSA: u16 = 0x0014;
const RSAES: u16 = 0x0015;
const RSAPSS: u16 = 0x0016;
const ECDSA: u16 = 0x0018;
const ECDAA: u16 = 0x001a;
/// RSA's public exponent when none is told.
const USUAL_EXPONENT: u32 = 65537;

/// Bits of objectAttributes: the key never leaves its TPM or its parent, was made in the TPM, and is one of
/// those that sign only what the TPM has made.
const FIXED_TPM: u32 = 1 << 1;
const FIXED_PARENT: u32 = 1 << 4;
const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
const RESTRICTED: u32 = 1 << 16;

/// What TPM2_Certify says of a key (TPMS_ATTEST).
pub(super) struct Certified<'a> {
    /// What the caller had it sign along.
    pub(super) extra_data: &'a [u8],
    /// The name of the key that is certified.
    pub(super) name: &'a [u8],
}

impl<'a> Certified<'a> {
    pub(super) fn read(octets: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        if reader.u32()? != GENERATED || reader.u16()? != ATTEST_CERTIFY {
            return None;
        }
        let _qualified_signer = reader.sized()?;
        let extra_data = reader.sized()?;
        // Clock, counts of resets and restarts, whether the clock is safe; version of the firmware.
        reader.take(8 + 4 + 4 + 1 + 8)?;
        let name = reader.sized()?;
        let _qualified_name = reader.sized()?;
        reader.end()?;
        Some(Self { extra_data, name })
    }
}

/// The public part of a key (TPMT_PUBLIC).
pub(super) struct PublicArea {
    /// The hash by which it gets its name.
    name_hash: Hash,
    attributes: u32,
    pub(super) jwk: Jwk,
}

impl PublicArea {
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        let kind = reader.u16()?;
        let name_hash = reader.hash()?;
        let attributes = reader.u32()?;
        let _policy = reader.sized()?;
        reader.symmetric()?;
        reader.scheme()?;
        let jwk = match kind {
            RSA => {
                let _bits = reader.u16()?;
                let exponent = match reader.u32()? {
                    0 => USUAL_EXPONENT,
                    other => other,
                };
                Jwk::Rsa {
                    n: stripped(reader.sized()?).to_vec(),
                    e: stripped(&exponent.to_be_bytes()).to_vec(),
                }
            }
            ECC => {
                let curve = match reader.u16()? {
                    0x0003 => Curve::P256,
                    0x0004 => Curve::P384,
                    0x0005 => Curve::P521,
                    _ => return None,
                };
                // How keys are derived.
                if reader.u16()? != NULL {
                    reader.u16()?;
                }
                let (x, y) = (reader.sized()?, reader.sized()?);
                Jwk::Ec {
                    curve,
                    x: padded(x, curve.coordinate_len())?,
                    y: padded(y, curve.coordinate_len())?,
                }
            }
            _ => return None,
        };
        reader.end()?;
        Some(Self {
            name_hash,
            attributes,
            jwk,
        })
    }

    /// Whether a name is that of this key, whose structure is `octets`.
    pub(super) fn has_name(&self, octets: &[u8], name: &[u8]) -> bool {
        let algorithm = number_of(self.name_hash).to_be_bytes();
        let digest = self.name_hash.digest(octets);
        name.strip_prefix(&algorithm) == Some(digest.as_ref())
    }

    /// Checks that the key is the TPM's own, and free to sign what its holder wants.
    pub(super) fn check_attributes(&self) -> Result<(), &'static str> {
        let own = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN;
        if self.attributes & own != own {
            return Err("its key may leave the TPM, or was not made in it");
        }
        if self.attributes & RESTRICTED != 0 {
            return Err("its key is restricted to what the TPM makes itself");
        }
        Ok(())
    }
}

/// A signature by a key of a TPM (TPMT_SIGNATURE).
pub(super) struct TpmSignature {
    pub(super) scheme: SignatureScheme,
    pub(super) hash: Hash,
    /// ECDSA's as a SEQUENCE of r and s.
    pub(super) octets: Vec<u8>,
}

/// How a TPM signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SignatureScheme {
    RsaSsa,
    RsaPss,
    Ecdsa,
}

impl TpmSignature {
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        let scheme = match reader.u16()? {
            RSASSA => SignatureScheme::RsaSsa,
            RSAPSS => SignatureScheme::RsaPss,
            ECDSA => SignatureScheme::Ecdsa,
            _ => return None,
        };
        let hash = reader.hash()?;
        let octets = match scheme {
            SignatureScheme::RsaSsa | SignatureScheme::RsaPss => reader.sized()?.to_vec(),
            SignatureScheme::Ecdsa => {
                let r = asn1::integer(stripped(reader.sized()?));
                let s = asn1::integer(stripped(reader.sized()?));
                asn1::tlv(asn1::SEQUENCE, &[&r, &s])
            }
        };
        reader.end()?;
        Some(Self {
            scheme,
            hash,
            octets,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*taken))
    }

    fn u32(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*taken))
    }

    /// What begins with its length (TPM2B).
    fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A hash; SHA-1 is not among those that are known.
    fn hash(&mut self) -> Option<Hash> {
        let number = self.u16()?;
        let all = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
        all.into_iter().find(|hash| number_of(*hash) == number)
    }

    /// Passes over the symmetric algorithm of a key that keeps others.
    fn symmetric(&mut self) -> Option<()> {
        if self.u16()? != NULL {
            // Bits and mode.
            self.take(4)?;
        }
        Some(())
    }

    /// Passes over the scheme of a key: the hash that each but one has, and a count.
    fn scheme(&mut self) -> Option<()> {
        match self.u16()? {
            NULL | RSAES => {}
            ECDAA => {
                self.take(4)?;
            }
            _ => {
                self.take(2)?;
            }
        }
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// The number of a hash (TPM_ALG_ID).
const fn number_of(hash: Hash) -> u16 {
    match hash {
        Hash::Sha256 => 0x000b,
        Hash::Sha384 => 0x000c,
        Hash::Sha512 => 0x000d,
    }
}

/// A number without the zeros that it begins with.
fn stripped(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    &octets[zeros..]
}

/// A number with as many zeros before it as its length wants.
fn padded(octets: &[u8], len: usize) -> Option<Vec<u8>> {
    let octets = stripped(octets);
    let zeros = len.checked_sub(octets.len())?;
    Some([vec![0; zeros].as_slice(), octets].concat())
}
