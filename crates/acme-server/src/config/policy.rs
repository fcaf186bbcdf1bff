//! The `[provisioner.policy]` table: for which names and keys certificates are issued.

use acme_core::{KeyKind, KeyRules, NamePattern, Policy};

use super::certificate::not_empty;
use super::section::Section;
use super::setting::{Setting, text, word};
use super::tree::Value;

/// Sizes of RSA keys that a rule may ask for: weaker and larger ones are refused anyway.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What one `[provisioner.policy]` table says.
pub(super) struct PolicySection {
    pub(super) rules: Policy,
}

/// Reads one table.
pub(super) fn read(section: &mut Section<'_>) -> PolicySection {
    PolicySection {
        rules: Policy {
            allow: section.value("allow", Vec::new()),
            deny: section.value("deny", Vec::new()),
            keys: read_keys(section, &KeyRules::default()),
        },
    }
}

/// Reads which keys are allowed; what the table does not say is as in `base`.
pub(super) fn read_keys(section: &mut Section<'_>, base: &KeyRules) -> KeyRules {
    KeyRules {
        kinds: section.checked("key_types", base.kinds.clone(), |list| not_empty(list)),
        min_rsa_bits: section.bounded("min_rsa_bits", base.min_rsa_bits, RSA_BITS),
    }
}

impl Setting for KeyKind {
    fn read(value: &Value) -> Result<Self, String> {
        let words = Self::ALL.iter().map(|kind| (kind.as_str(), *kind));
        word(value, &words.collect::<Vec<_>>())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.as_str())
    }
}

impl Setting for NamePattern {
    fn read(value: &Value) -> Result<Self, String> {
        text(value)?
            .parse()
            .map_err(|error: acme_core::InvalidNamePattern| error.to_string())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string())
    }
}
