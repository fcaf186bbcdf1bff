//! Kinds of public key, and rules that say which of them a certificate may have.

use std::fmt;
use std::str::FromStr;

use acme_types::{Curve, Jwk, MlDsa, Problem, ProblemKind};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// A kind of public key that a certificate may have.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum KeyKind {
            $($(#[$doc])* $variant,)*
        }

        impl KeyKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

kinds! {
    /// RSA, of any accepted size.
    Rsa = "rsa",
    /// ECDSA on NIST P-256.
    P256 = "p256",
    /// ECDSA on NIST P-384.
    P384 = "p384",
    /// ECDSA on NIST P-521.
    P521 = "p521",
    /// Ed25519.
    Ed25519 = "ed25519",
    /// ML-DSA-44.
    MlDsa44 = "ml-dsa-44",
    /// ML-DSA-65.
    MlDsa65 = "ml-dsa-65",
    /// ML-DSA-87.
    MlDsa87 = "ml-dsa-87",
}

impl KeyKind {
    /// The kinds that are good unless a rule says otherwise.
    pub const USUAL: &'static [Self] =
        &[Self::Rsa, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// The kind of a key.
    #[must_use]
    pub const fn of(jwk: &Jwk) -> Self {
        match jwk {
            Jwk::Rsa { .. } => Self::Rsa,
            Jwk::Ec { curve, .. } => match curve {
                Curve::P256 => Self::P256,
                Curve::P384 => Self::P384,
                Curve::P521 => Self::P521,
            },
            Jwk::Ed25519 { .. } => Self::Ed25519,
            Jwk::MlDsa { parameters, .. } => match parameters {
                MlDsa::MlDsa44 => Self::MlDsa44,
                MlDsa::MlDsa65 => Self::MlDsa65,
                MlDsa::MlDsa87 => Self::MlDsa87,
            },
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyKind {
    type Err = UnknownKeyKind;

    fn from_str(text: &str) -> Result<Self, UnknownKeyKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownKeyKind(text.to_owned()))
    }
}

/// The word is that of no kind of key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no kind of key")]
pub struct UnknownKeyKind(pub String);

/// Which keys certificates may have. That a key is strong enough at all is checked before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRules {
    /// The kinds; not empty.
    pub kinds: Vec<KeyKind>,
    /// Fewest bits of an RSA modulus.
    pub min_rsa_bits: usize,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self {
            kinds: KeyKind::USUAL.to_vec(),
            min_rsa_bits: 2048,
        }
    }
}

impl KeyRules {
    /// Checks the key of an account: kinds that not every client and server knows, as ML-DSA, are good
    /// for accounts where they are for certificates. All others always are.
    ///
    /// # Errors
    /// `badPublicKey`, with the setting that turns the kind on.
    pub fn check_account_key(&self, jwk: &Jwk) -> Result<(), Problem> {
        let kind = KeyKind::of(jwk);
        if KeyKind::USUAL.contains(&kind) || self.kinds.contains(&kind) {
            return Ok(());
        }
        let detail = format!(
            "this provisioner takes no account keys of type {kind}; use another, or have the \
             operator name it in key_types of provisioner.policy"
        );
        Err(Problem::new(ProblemKind::BadPublicKey, detail))
    }

    /// Checks a key.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, as the rest of a sentence about the key.
    pub fn check(&self, jwk: &Jwk) -> Result<(), String> {
        let kind = KeyKind::of(jwk);
        if !self.kinds.contains(&kind) {
            let allowed: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
            let remedy = if KeyKind::USUAL.contains(&kind) {
                ""
            } else {
                "; the operator turns it on by key_types, in provisioner.policy and in \
                 provisioner.certificate"
            };
            return Err(format!("is {kind}; use {}{remedy}", allowed.join(", ")));
        }
        match jwk {
            Jwk::Rsa { n, .. } if bits(n) < self.min_rsa_bits => Err(format!(
                "has {} bits; use {} or more",
                bits(n),
                self.min_rsa_bits
            )),
            _ => Ok(()),
        }
    }
}

/// Bits of a big-endian number.
fn bits(octets: &[u8]) -> usize {
    let unused = octets
        .first()
        .map_or(0, |first| first.leading_zeros() as usize);
    octets.len() * 8 - unused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(bytes: usize, first: u8) -> Jwk {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        Jwk::Rsa {
            n,
            e: vec![1, 0, 1],
        }
    }

    #[test]
    fn keys_are_told_apart_by_kind_and_size() {
        let p256 = Jwk::Ec {
            curve: Curve::P256,
            x: vec![1; 32],
            y: vec![1; 32],
        };
        assert_eq!(KeyRules::default().check(&p256), Ok(()));
        assert_eq!(KeyRules::default().check(&rsa(256, 0x80)), Ok(()));

        let strict = KeyRules {
            kinds: vec![KeyKind::Rsa, KeyKind::P384],
            min_rsa_bits: 3072,
        };
        for (key, says) in [
            (p256, Some("is p256; use rsa, p384")),
            (rsa(256, 0xff), Some("has 2048 bits; use 3072 or more")),
            (rsa(384, 0x7f), Some("has 3071 bits; use 3072 or more")),
            (rsa(384, 0x80), None),
        ] {
            assert_eq!(strict.check(&key).err().as_deref(), says);
        }
    }

    #[test]
    fn every_kind_has_its_word() {
        for kind in KeyKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
        assert!("dsa".parse::<KeyKind>().is_err());
    }
}
