//! Public keys as JSON ([RFC 7517], [RFC 7518 § 6], [RFC 8037]).
//!
//! [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
//! [RFC 7518 § 6]: https://www.rfc-editor.org/rfc/rfc7518#section-6
//! [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{decode_base64url, encode_base64url};

/// A curve that ECDSA account keys may use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    /// The curve's name in a JWK.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Octets of one coordinate.
    #[must_use]
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A set of parameters of ML-DSA ([FIPS 204](https://doi.org/10.6028/NIST.FIPS.204)).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MlDsa {
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl MlDsa {
    /// Every set of parameters.
    pub const ALL: &'static [Self] = &[Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// The name of the algorithm in JOSE
    /// ([RFC 9964](https://www.rfc-editor.org/rfc/rfc9964)).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Octets of a public key.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }
}

/// A public key of a known kind, its members of the right length and in canonical form.
///
/// That the key is strong enough and the point lies on its curve is for the crate that verifies.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawJwk<'_>", into = "RawJwk<'static>")]
pub enum Jwk {
    /// RSA: modulus and exponent, big-endian without leading zero octets.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
    /// ECDSA: the two coordinates of the point, each of the curve's length.
    Ec {
        /// The curve.
        curve: Curve,
        /// The x coordinate.
        x: Vec<u8>,
        /// The y coordinate.
        y: Vec<u8>,
    },
    /// Ed25519.
    Ed25519 {
        /// The public key.
        x: [u8; 32],
    },
    /// ML-DSA: a key of type `AKP` ([RFC 9964](https://www.rfc-editor.org/rfc/rfc9964)).
    MlDsa {
        /// The parameters.
        parameters: MlDsa,
        /// The public key, of the parameters' length.
        public_key: Vec<u8>,
    },
}

impl Jwk {
    /// The JSON text whose SHA-256 is the key's thumbprint: required members only, in
    /// lexicographic order, no white space ([RFC 7638 § 3](https://www.rfc-editor.org/rfc/rfc7638#section-3)).
    #[must_use]
    pub fn thumbprint_input(&self) -> String {
        match self {
            Self::Rsa { n, e } => format!(
                r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                encode_base64url(e),
                encode_base64url(n)
            ),
            Self::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                curve.as_str(),
                encode_base64url(x),
                encode_base64url(y)
            ),
            Self::Ed25519 { x } => format!(
                r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
                encode_base64url(x)
            ),
            Self::MlDsa {
                parameters,
                public_key,
            } => format!(
                r#"{{"alg":"{}","kty":"AKP","pub":"{}"}}"#,
                parameters.as_str(),
                encode_base64url(public_key)
            ),
        }
    }
}

impl std::str::FromStr for Jwk {
    type Err = JwkError;

    /// Reads a key from its JSON text.
    fn from_str(json: &str) -> Result<Self, JwkError> {
        let raw: RawJwk<'_> =
            serde_json::from_str(json).map_err(|e| JwkError::Json(e.to_string()))?;
        raw.try_into()
    }
}

/// The members of a JWK that matter here; others (`use`, `kid`, ...) are ignored, and so is `alg` but
/// for keys of type `AKP`.
#[derive(Default, Serialize, Deserialize)]
struct RawJwk<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    crv: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    n: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    e: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    x: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    y: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    alg: Option<Cow<'a, str>>,
    #[serde(
        borrow,
        rename = "pub",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    public: Option<Cow<'a, str>>,
    // A private or symmetric key must never be sent; its mere presence is refused.
    #[serde(default, skip_serializing)]
    d: Option<serde::de::IgnoredAny>,
    #[serde(default, skip_serializing)]
    k: Option<serde::de::IgnoredAny>,
    #[serde(rename = "priv", default, skip_serializing)]
    private: Option<serde::de::IgnoredAny>,
}

impl TryFrom<RawJwk<'_>> for Jwk {
    type Error = JwkError;

    fn try_from(raw: RawJwk<'_>) -> Result<Self, JwkError> {
        if raw.d.is_some() || raw.k.is_some() || raw.private.is_some() {
            return Err(JwkError::Private);
        }
        match (raw.kty.as_ref(), raw.crv.as_deref()) {
            ("RSA", _) => {
                let n = integer("n", raw.n)?;
                let e = integer("e", raw.e)?;
                Ok(Self::Rsa { n, e })
            }
            ("EC", Some(crv)) => {
                let curve = match crv {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    other => return Err(JwkError::UnknownCurve(other.to_owned())),
                };
                let x = coordinate("x", raw.x, curve.coordinate_len())?;
                let y = coordinate("y", raw.y, curve.coordinate_len())?;
                Ok(Self::Ec { curve, x, y })
            }
            ("EC" | "OKP", None) => Err(JwkError::Missing("crv")),
            ("OKP", Some("Ed25519")) => {
                let x = coordinate("x", raw.x, 32)?;
                let x = x.try_into().map_err(|_| JwkError::Length("x"))?;
                Ok(Self::Ed25519 { x })
            }
            ("OKP", Some(other)) => Err(JwkError::UnknownCurve(other.to_owned())),
            ("AKP", _) => {
                let alg = raw.alg.ok_or(JwkError::Missing("alg"))?;
                let mut all = MlDsa::ALL.iter().copied();
                let parameters = all
                    .find(|parameters| parameters.as_str() == alg)
                    .ok_or_else(|| JwkError::UnknownAlgorithm(alg.into_owned()))?;
                let public_key = coordinate("pub", raw.public, parameters.public_key_len())?;
                Ok(Self::MlDsa {
                    parameters,
                    public_key,
                })
            }
            (other, _) => Err(JwkError::UnknownKind(other.to_owned())),
        }
    }
}

fn octets(name: &'static str, text: Option<Cow<'_, str>>) -> Result<Vec<u8>, JwkError> {
    let text = text.ok_or(JwkError::Missing(name))?;
    decode_base64url(text.as_ref()).map_err(|_| JwkError::Base64(name))
}

fn integer(name: &'static str, text: Option<Cow<'_, str>>) -> Result<Vec<u8>, JwkError> {
    let octets = octets(name, text)?;
    match octets.first() {
        None => Err(JwkError::Length(name)),
        // A second spelling of the same key would have a second thumbprint.
        Some(0) => Err(JwkError::LeadingZero(name)),
        Some(_) => Ok(octets),
    }
}

fn coordinate(
    name: &'static str,
    text: Option<Cow<'_, str>>,
    len: usize,
) -> Result<Vec<u8>, JwkError> {
    let octets = octets(name, text)?;
    if octets.len() == len {
        Ok(octets)
    } else {
        Err(JwkError::Length(name))
    }
}

impl From<Jwk> for RawJwk<'static> {
    fn from(jwk: Jwk) -> Self {
        let text = |bytes: &[u8]| Some(Cow::Owned(encode_base64url(bytes)));
        match jwk {
            Jwk::Rsa { n, e } => Self {
                kty: "RSA".into(),
                n: text(&n),
                e: text(&e),
                ..Self::default()
            },
            Jwk::Ec { curve, x, y } => Self {
                kty: "EC".into(),
                crv: Some(curve.as_str().into()),
                x: text(&x),
                y: text(&y),
                ..Self::default()
            },
            Jwk::Ed25519 { x } => Self {
                kty: "OKP".into(),
                crv: Some("Ed25519".into()),
                x: text(&x),
                ..Self::default()
            },
            Jwk::MlDsa {
                parameters,
                public_key,
            } => Self {
                kty: "AKP".into(),
                alg: Some(parameters.as_str().into()),
                public: text(&public_key),
                ..Self::default()
            },
        }
    }
}

/// Why a JSON object is not a public key that can be used here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// Not a JSON object, or a member is repeated or of the wrong type.
    #[error("the key cannot be read: {0}")]
    Json(String),
    /// A required member is not there.
    #[error("the key has no member {0:?}")]
    Missing(&'static str),
    /// A member is not base64url without padding.
    #[error("the key's member {0:?} is not base64url without padding")]
    Base64(&'static str),
    /// A member has the wrong length.
    #[error("the key's member {0:?} has the wrong length")]
    Length(&'static str),
    /// An integer with leading zero octets.
    #[error("the key's member {0:?} has leading zero octets")]
    LeadingZero(&'static str),
    /// A private or symmetric key.
    #[error("the key holds private parts; never send them, and replace that key")]
    Private,
    /// A key type not supported.
    #[error("keys of type {0:?} are not supported; use RSA, EC or OKP")]
    UnknownKind(String),
    /// An algorithm of a key of type `AKP` that is not supported.
    #[error("keys for {0:?} are not supported; use ML-DSA-44, ML-DSA-65 or ML-DSA-87")]
    UnknownAlgorithm(String),
    /// A curve not supported.
    #[error("the curve {0:?} is not supported; use P-256, P-384, P-521 or Ed25519")]
    UnknownCurve(String),
}
