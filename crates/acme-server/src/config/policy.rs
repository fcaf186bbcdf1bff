//! The `[provisioner.policy]` table: for which names and keys certificates are issued, and who else
//! is asked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use acme_core::{HookMoment, KeyKind, KeyRules, NamePattern, Policy};
use hyper::Uri;

use super::certificate::not_empty;
use super::section::Section;
use super::setting::{Setting, show_word, text, word};
use super::tree::Value;
use super::url::Link;
use crate::policy_hook::HookConfig;

/// Sizes of RSA keys that a rule may ask for: weaker and larger ones are refused anyway.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What one `[provisioner.policy]` table says.
pub(super) struct PolicySection {
    pub(super) rules: Policy,
    pub(super) hook: Option<HookConfig>,
}

/// Reads one table.
pub(super) fn read(section: &mut Section<'_>) -> PolicySection {
    PolicySection {
        rules: Policy {
            allow: section.value("allow", Vec::new()),
            deny: section.value("deny", Vec::new()),
            keys: read_keys(section, &KeyRules::default()),
        },
        hook: section.section("hook", hook),
    }
}

/// Default time of one question, and its bounds: clients give up on a request after 10 s or more.
const TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(30);

/// Reads one `[provisioner.policy.hook]`; none when it has no URL.
fn hook(section: &mut Section<'_>) -> Option<HookConfig> {
    let url: Option<HookUrl> = section.value("url", None);
    let secret_file: Option<PathBuf> = section.value("secret_file", None);
    let roots_file = section.value("roots_file", None);
    let timeout = section.bounded("timeout", TIMEOUT, TIMEOUTS);
    let both = MOMENTS.map(|(_, moment)| moment).to_vec();
    let moments = section.checked("moments", both, |list| match list.is_empty() {
        true => Err("must not be empty; without a url, nobody is asked".to_owned()),
        false => Ok(()),
    });
    match (url, secret_file) {
        (None, None) => None,
        (None, Some(_)) => {
            if !section.is_wrong("url") {
                section.mistake("url", "is missing beside secret_file");
            }
            None
        }
        (Some(_), None) => {
            let how = "is missing beside url; `openssl rand -hex 32` makes one for the file";
            section.mistake("secret_file", how);
            None
        }
        (Some(HookUrl(url)), Some(secret_file)) => Some(HookConfig {
            url,
            secret_file,
            roots_file,
            timeout,
            moments,
        }),
    }
}

/// The moments at which a hook is asked, as the file has them.
const MOMENTS: [(&str, HookMoment); 2] = [
    ("new-order", HookMoment::NewOrder),
    ("finalize", HookMoment::Finalize),
];

impl Setting for HookMoment {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &MOMENTS)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &MOMENTS)
    }
}

/// Where a hook is: `https`, or `http` on this machine.
struct HookUrl(Uri);

impl Setting for HookUrl {
    fn read(value: &Value) -> Result<Self, String> {
        // Checks that there is a host, and what else every link must have.
        let Link(text) = Link::read(value)?;
        let url: Uri = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if url.scheme_str() == Some("http") && !is_here {
            return Err(format!(
                "{text:?} is plain HTTP to another machine, where anybody on the way could allow \
                 everything; use https"
            ));
        }
        Ok(Self(url))
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.0.to_string())
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
