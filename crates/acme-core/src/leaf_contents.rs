//! What a certificate says beside its names, key and validity: what it may be used for, and which
//! of the optional parts it has.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;

use crate::KeyKind;

/// What a certificate says beside its names, key and validity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeafContents {
    /// Whether its subject has a common name, the first DNS name that fits. Default: yes.
    pub common_name: bool,
    /// What its key may do; each is set only where the kind of key can do it
    /// ([RFC 5280 § 4.2.1.3], [RFC 8813 § 3]). Default: digital signature and key encipherment.
    ///
    /// [RFC 5280 § 4.2.1.3]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3
    /// [RFC 8813 § 3]: https://www.rfc-editor.org/rfc/rfc8813#section-3
    pub key_usages: Vec<LeafKeyUsage>,
    /// What it is for ([RFC 5280 § 4.2.1.12]); what the issuer's own certificate does not allow is
    /// left out. Default: TLS servers and TLS clients.
    ///
    /// [RFC 5280 § 4.2.1.12]: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12
    pub extended_key_usages: Vec<ExtendedKeyUsage>,
    /// The policies it is issued under. Default: none.
    pub policies: Vec<ObjectIdentifier>,
    /// Whether it carries an identifier of its own key, as
    /// [RFC 5280 § 4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2) says it should.
    /// Default: yes.
    pub subject_key_identifier: bool,
    /// Whether it tells where the revocation list is, if the authority has one. Default: yes.
    pub crl_url: bool,
    /// Whether it tells where the OCSP responder is, if the authority has one. Default: yes.
    pub ocsp_url: bool,
}

impl Default for LeafContents {
    fn default() -> Self {
        Self {
            common_name: true,
            key_usages: vec![
                LeafKeyUsage::DigitalSignature,
                LeafKeyUsage::KeyEncipherment,
            ],
            extended_key_usages: vec![ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH],
            policies: Vec::new(),
            subject_key_identifier: true,
            crl_url: true,
            ocsp_url: true,
        }
    }
}

/// What the key of a certificate may do; what only authorities do is not among them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LeafKeyUsage {
    /// Sign what is not a certificate or a list: every kind of key.
    DigitalSignature,
    /// Sign what its holder shall not deny: every kind of key.
    ContentCommitment,
    /// Encrypt other keys: RSA alone.
    KeyEncipherment,
    /// Encrypt data: RSA alone.
    DataEncipherment,
    /// Agree on keys: elliptic curves alone, but not Ed25519.
    KeyAgreement,
}

impl LeafKeyUsage {
    /// Every usage and the word for it in configuration.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("digital_signature", Self::DigitalSignature),
        ("content_commitment", Self::ContentCommitment),
        ("key_encipherment", Self::KeyEncipherment),
        ("data_encipherment", Self::DataEncipherment),
        ("key_agreement", Self::KeyAgreement),
    ];

    /// Whether a kind of key can do it.
    #[must_use]
    pub const fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::DigitalSignature | Self::ContentCommitment => true,
            Self::KeyEncipherment | Self::DataEncipherment => matches!(kind, KeyKind::Rsa),
            Self::KeyAgreement => {
                matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521)
            }
        }
    }
}

/// A purpose that a certificate is for: a word for those that are well known, or an object
/// identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExtendedKeyUsage(ObjectIdentifier);

/// The purposes that have a word.
const WORDS: [(&str, &str); 6] = [
    ("server_auth", "1.3.6.1.5.5.7.3.1"),
    ("client_auth", "1.3.6.1.5.5.7.3.2"),
    ("code_signing", "1.3.6.1.5.5.7.3.3"),
    ("email_protection", "1.3.6.1.5.5.7.3.4"),
    ("time_stamping", "1.3.6.1.5.5.7.3.8"),
    ("smartcard_logon", "1.3.6.1.4.1.311.20.2.2"),
];

impl ExtendedKeyUsage {
    /// TLS servers.
    pub const SERVER_AUTH: Self = Self(ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"));
    /// TLS clients.
    pub const CLIENT_AUTH: Self = Self(ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"));

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        self.0
    }
}

impl FromStr for ExtendedKeyUsage {
    type Err = UnknownExtendedKeyUsage;

    fn from_str(text: &str) -> Result<Self, UnknownExtendedKeyUsage> {
        let known = WORDS.iter().find(|(word, _)| *word == text);
        let dotted = known.map_or(text, |(_, dotted)| dotted);
        ObjectIdentifier::new(dotted)
            .ok()
            // An authority that could stand for any purpose, or sign answers about others, is not a
            // leaf.
            .filter(|oid| !FORBIDDEN.contains(oid))
            .map(Self)
            .ok_or_else(|| UnknownExtendedKeyUsage(text.to_owned()))
    }
}

/// Any purpose at all, and signing OCSP answers.
const FORBIDDEN: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
];

impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = self.0.to_string();
        let known = WORDS.iter().find(|(_, known)| *known == dotted);
        f.write_str(known.map_or(&dotted, |(word, _)| word))
    }
}

/// The text is no purpose that a certificate may have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is no purpose of a certificate; write server_auth, client_auth, code_signing, \
     email_protection, time_stamping, smartcard_logon, or an object identifier such as \
     1.3.6.1.5.5.7.3.17 (neither any purpose nor OCSP signing, which only authorities may have)"
)]
pub struct UnknownExtendedKeyUsage(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_words_or_numbers() {
        for (text, shown) in [
            ("server_auth", "server_auth"),
            ("1.3.6.1.5.5.7.3.2", "client_auth"),
            ("1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.7.3.17"),
        ] {
            let usage: ExtendedKeyUsage = text.parse().unwrap();
            assert_eq!(usage.to_string(), shown);
        }
        for text in ["", "serverAuth", "1", "2.5.29.37.0", "1.3.6.1.5.5.7.3.9"] {
            assert!(text.parse::<ExtendedKeyUsage>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_key_is_said_to_do_what_its_kind_cannot() {
        use KeyKind as K;
        use LeafKeyUsage as U;
        for (usage, fits) in [
            (U::DigitalSignature, KeyKind::ALL),
            (U::ContentCommitment, KeyKind::ALL),
            (U::KeyEncipherment, &[K::Rsa]),
            (U::DataEncipherment, &[K::Rsa]),
            (U::KeyAgreement, &[K::P256, K::P384, K::P521]),
        ] {
            for kind in KeyKind::ALL {
                assert_eq!(usage.fits(*kind), fits.contains(kind), "{usage:?} {kind}");
            }
        }
    }
}
