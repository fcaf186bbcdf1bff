//! Whether a provisioner heeds CAA records, and by which names they know this CA.

use acme_core::CaaMode;
use acme_types::{ChallengeKind, DnsName};

use super::section::Section;
use super::setting::{Setting, show_word, word};
use super::tree::Value;

/// The names of this CA in DNS, and whether CAA records are heeded.
pub(super) fn read(
    section: &mut Section<'_>,
    challenges: &[ChallengeKind],
) -> (CaaMode, Vec<String>) {
    let plain = |names: &Vec<DnsName>| match names.iter().find(|name| name.is_wildcard()) {
        Some(name) => Err(format!("{:?} must not be a wildcard", name.as_str())),
        None => Ok(()),
    };
    let heed = section.value("caa", Heed::Off);
    let identities = section.checked("caa_identities", Vec::new(), plain);
    let suffixes = section.checked("caa_private_suffixes", Vec::new(), plain);
    let persists = challenges.contains(&ChallengeKind::DnsPersist01);
    if section.is_wrong("caa_identities") {
        // What was meant is not known.
    } else if identities.is_empty() && heed != Heed::Off {
        let reason = "must name this CA, or every CAA record would forbid it: [\"ca.internal\"]";
        section.mistake("caa_identities", reason);
    } else if identities.is_empty() && persists {
        let reason = "must name this CA: dns-persist-01 looks for its name in the record";
        section.mistake("caa_identities", reason);
    } else if !identities.is_empty() && heed == Heed::Off && !persists {
        let reason = "stands there, but no CAA record is looked at; set caa = \"on\"";
        section.mistake("caa_identities", reason);
    }
    let mode = match heed {
        Heed::Off => CaaMode::Off,
        Heed::On => CaaMode::On,
        Heed::Private => CaaMode::PrivateSuffixes(suffixes.clone()),
    };
    if suffixes.is_empty() == (heed == Heed::Private) {
        let reason = "and caa = \"private\" need each other: the suffixes are for that mode alone";
        section.mistake("caa_private_suffixes", reason);
    }
    (mode, identities.iter().map(DnsName::to_string).collect())
}

/// The `caa` key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heed {
    Off,
    On,
    Private,
}

const HEED: [(&str, Heed); 3] = [
    ("off", Heed::Off),
    ("on", Heed::On),
    ("private", Heed::Private),
];

impl Setting for Heed {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &HEED)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &HEED)
    }
}
