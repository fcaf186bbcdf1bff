//! What certificates are like: the `[provisioner.certificate]` table, and the same keys in each
//! `[provisioner.profile.NAME]`.

use std::time::Duration;

use acme_ca::ObjectIdentifier;
use acme_core::{ExtendedKeyUsage, Issuance, KeyRules, LeafContents, LeafKeyUsage, Profile};
use acme_types::{Identifier, InvalidProfileName, ProfileName};

use super::duration;
use super::policy::read_keys;
use super::section::Section;
use super::setting::{Setting, show_word, text, word};
use super::tree::Value;

/// Shortest life of a certificate.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest life of a certificate: ten years and the leap days in them.
const LONGEST: Duration = Duration::from_secs(3653 * 86_400);
/// Farthest that a certificate may begin before the present.
const FARTHEST_BACK: Duration = Duration::from_secs(86_400);
/// Most characters of a profile's description, which stands in every directory.
const LONGEST_DESCRIPTION: usize = 500;

/// Reads one profile; none when its name is wrong. What it does not say is as in `base`.
pub(super) fn read_profile(
    name: &str,
    section: &mut Section<'_>,
    base: &Issuance,
    allowed: &KeyRules,
) -> Option<Profile> {
    let issuance = read(section, base, allowed);
    let usual = format!(
        "certificates that are valid for {}",
        duration::show(issuance.default_validity)
    );
    let description = section.checked("description", usual, |text: &String| {
        let length = text.chars().count();
        if length > LONGEST_DESCRIPTION || text.chars().any(char::is_control) {
            Err(format!(
                "must be one line of at most {LONGEST_DESCRIPTION} characters"
            ))
        } else {
            Ok(())
        }
    });
    match name.parse() {
        Ok(name) => Some(Profile {
            name,
            description,
            issuance,
        }),
        Err(InvalidProfileName) => {
            section.mistake_of_all(InvalidProfileName);
            None
        }
    }
}

/// Reads one table; what it does not say is as in `base`. A certificate must be possible with some
/// key that the provisioner allows.
pub(super) fn read(section: &mut Section<'_>, base: &Issuance, allowed: &KeyRules) -> Issuance {
    let bounds = SHORTEST..=LONGEST;
    let types: Vec<_> = base
        .identifier_types
        .iter()
        .map(|one| IdentifierType(one))
        .collect();
    let types = section.checked("identifier_types", types, |list| not_empty(list));
    let issuance = Issuance {
        default_validity: section.bounded(
            "default_validity",
            base.default_validity,
            bounds.clone(),
        ),
        min_validity: section.bounded("min_validity", base.min_validity, bounds.clone()),
        max_validity: section.bounded("max_validity", base.max_validity, bounds),
        backdate: section.bounded("backdate", base.backdate, Duration::ZERO..=FARTHEST_BACK),
        identifier_types: types.into_iter().map(|IdentifierType(one)| one).collect(),
        keys: read_keys(section, &base.keys),
        contents: contents(section, &base.contents),
    };
    let mistakes = contradictions(&issuance, allowed);
    if mistakes.is_empty() {
        return issuance;
    }
    for (key, reason) in mistakes {
        section.mistake(key, reason);
    }
    // A profile that inherits the mistake shall not report it again.
    base.clone()
}

/// What does not fit together, by key.
fn contradictions(issuance: &Issuance, allowed: &KeyRules) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut tell = |key, reason: &str| found.push((key, reason.to_owned()));
    if issuance.min_validity > issuance.max_validity {
        tell("min_validity", "is longer than max_validity");
    } else if issuance.default_validity > issuance.max_validity {
        tell("default_validity", "is longer than max_validity");
    } else if issuance.default_validity < issuance.min_validity {
        tell("default_validity", "is shorter than min_validity");
    }
    let kinds = &issuance.keys.kinds;
    if !kinds.iter().any(|kind| allowed.kinds.contains(kind)) {
        tell(
            "key_types",
            "names none that policy.key_types allows: no certificate would be possible",
        );
    }
    let usages = &issuance.contents.key_usages;
    let unfit = |kind: &&acme_core::KeyKind| !usages.iter().any(|usage| usage.fits(**kind));
    if let Some(kind) = kinds.iter().find(unfit) {
        let reason = format!(
            "has nothing that a key of type {kind} can do; add digital_signature, or take {kind} \
             out of key_types"
        );
        found.push(("key_usages", reason));
    }
    found
}

fn contents(section: &mut Section<'_>, base: &LeafContents) -> LeafContents {
    LeafContents {
        common_name: section.value("common_name", base.common_name),
        key_usages: section.checked("key_usages", base.key_usages.clone(), |list| {
            not_empty(list)
        }),
        extended_key_usages: section.checked(
            "extended_key_usages",
            base.extended_key_usages.clone(),
            |list| not_empty(list),
        ),
        policies: section.value("certificate_policies", base.policies.clone()),
        subject_key_identifier: section
            .value("subject_key_identifier", base.subject_key_identifier),
        crl_url: section.value("crl_url", base.crl_url),
        ocsp_url: section.value("ocsp_url", base.ocsp_url),
    }
}

pub(super) fn not_empty<T: PartialEq>(list: &[T]) -> Result<(), String> {
    if list.is_empty() {
        return Err("must not be empty: no certificate would be possible".to_owned());
    }
    let is_repeated = |(at, one): (usize, &T)| list.iter().take(at).any(|before| before == one);
    match list.iter().enumerate().position(is_repeated) {
        Some(at) => Err(format!("entry {} stands there twice", at + 1)),
        None => Ok(()),
    }
}

/// A word of [`Identifier::TYPES`].
#[derive(PartialEq)]
struct IdentifierType(&'static str);

impl Setting for IdentifierType {
    fn read(value: &Value) -> Result<Self, String> {
        let words: Vec<_> = Identifier::TYPES.iter().map(|one| (*one, *one)).collect();
        word(value, &words).map(Self)
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.0)
    }
}

impl Setting for LeafKeyUsage {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &Self::WORDS)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &Self::WORDS)
    }
}

/// A setting whose text is read and written by its type alone.
macro_rules! texts {
    ($($kind:ty),*) => {$(
        impl Setting for $kind {
            fn read(value: &Value) -> Result<Self, String> {
                let text = text(value)?;
                text.parse().map_err(|error| format!("{text:?}: {error}"))
            }

            fn show(&self) -> toml::Value {
                toml::Value::from(self.to_string())
            }
        }
    )*};
}

texts!(ProfileName, ObjectIdentifier);

impl Setting for ExtendedKeyUsage {
    fn read(value: &Value) -> Result<Self, String> {
        text(value)?
            .parse()
            .map_err(|error: acme_core::UnknownExtendedKeyUsage| error.to_string())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string())
    }
}
