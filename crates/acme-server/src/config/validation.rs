//! The `[validation]` keys: where probes go, and when they are repeated. A provisioner may override
//! each of them.

use std::time::Duration;

use acme_core::{OnExhausted, RetryPolicy};
use acme_validate::{Network, ValidationConfig};

use super::section::Section;
use super::setting::{Setting, show_word, text, word};
use super::tree::Value;

/// What one `[validation]` table says, with its `[validation.retry]`.
#[derive(Clone, Debug)]
pub(super) struct Validation {
    pub(super) probes: ValidationConfig,
    retry: Retry,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            probes: ValidationConfig {
                user_agent: USER_AGENT.to_owned(),
                ..ValidationConfig::default()
            },
            retry: Retry {
                interval: RetryPolicy::INTERVAL,
                window: RetryPolicy::WINDOW,
                schedule: Schedule::Steady,
                min_gap: RetryPolicy::MIN_GAP,
                on_exhausted: OnExhausted::default(),
                dns_mismatch: DnsMismatch::Processing,
                answer_within: RetryPolicy::ANSWER_WITHIN,
            },
        }
    }
}

impl Validation {
    /// Reads a `[validation]` table; what it does not say is as in `base`.
    pub(super) fn read(section: &mut Section<'_>, base: &Self) -> Self {
        let probes = &base.probes;
        let probes = ValidationConfig {
            resolvers: section.checked("resolvers", probes.resolvers.clone(), |resolvers| {
                match resolvers.iter().find(|resolver| resolver.port() == 0) {
                    Some(resolver) => Err(format!("{resolver} has no port; DNS has port 53")),
                    None => Ok(()),
                }
            }),
            http01_port: section.bounded("http01_port", probes.http01_port, 1..=u16::MAX),
            https_port: section.bounded("https_port", probes.https_port, 1..=u16::MAX),
            tlsalpn01_port: section.bounded("tlsalpn01_port", probes.tlsalpn01_port, 1..=u16::MAX),
            timeout: section.bounded("timeout", probes.timeout, TIMEOUT.0..=TIMEOUT.1),
            deny_networks: section.value("deny_networks", probes.deny_networks.clone()),
            allow_networks: section.value("allow_networks", probes.allow_networks.clone()),
            user_agent: probes.user_agent.clone(),
        };
        let retry = section.section("retry", |section| Retry::read(section, &base.retry));
        Self { probes, retry }
    }

    /// The retry policy; a mistake in it was told when it was read.
    pub(super) fn policy(&self) -> RetryPolicy {
        self.retry.policy().unwrap_or_default()
    }
}

/// How the probes of http-01 introduce themselves.
const USER_AGENT: &str = concat!(
    "acme-server/",
    env!("CARGO_PKG_VERSION"),
    " (ACME validation)"
);
/// Bounds of `timeout`.
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// Bounds of `interval`.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(86_400));
/// Longest `window`, `min_gap` and time in a `schedule`.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Longest `answer_within`: clients wait for an answer about this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The `[validation.retry]` keys as they are written, before they make a policy.
#[derive(Clone, Debug)]
struct Retry {
    interval: Duration,
    window: Duration,
    schedule: Schedule,
    min_gap: Duration,
    on_exhausted: OnExhausted,
    dns_mismatch: DnsMismatch,
    answer_within: Duration,
}

impl Retry {
    fn read(section: &mut Section<'_>, base: &Self) -> Self {
        let zero = Duration::ZERO;
        let retry = Self {
            interval: section.bounded("interval", base.interval, INTERVAL.0..=INTERVAL.1),
            window: section.bounded("window", base.window, zero..=LONGEST),
            schedule: section.value("schedule", base.schedule.clone()),
            min_gap: section.bounded("min_gap", base.min_gap, zero..=LONGEST),
            on_exhausted: section.value("on_exhausted", base.on_exhausted),
            dns_mismatch: section.value("dns_mismatch", base.dns_mismatch),
            answer_within: section.bounded(
                "answer_within",
                base.answer_within,
                zero..=ANSWER_WITHIN,
            ),
        };
        if let Err(error) = retry.policy() {
            let key = match retry.schedule {
                Schedule::Steady => "window",
                Schedule::Eager | Schedule::At(_) => "schedule",
            };
            section.mistake(key, error);
            // A provisioner that inherits the mistake shall not report it again.
            return base.clone();
        }
        retry
    }

    fn policy(&self) -> Result<RetryPolicy, acme_core::InvalidRetryPolicy> {
        let policy = match &self.schedule {
            Schedule::Steady => RetryPolicy::every(self.interval, self.window)?,
            Schedule::Eager => RetryPolicy::eager(self.interval),
            Schedule::At(times) => RetryPolicy::at(times.clone(), self.interval)?,
        };
        let mut policy = policy.with_min_gap(self.min_gap);
        policy.on_exhausted = self.on_exhausted;
        policy.dns_mismatch_is_final = self.dns_mismatch == DnsMismatch::Invalid;
        policy.answer_within = self.answer_within;
        Ok(policy)
    }
}

/// The `schedule` key.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Schedule {
    /// Empty: every interval until the window ends.
    Steady,
    /// The documented schedule for clients that give up early.
    Eager,
    /// At these times after the request.
    At(Vec<Duration>),
}

impl Setting for Schedule {
    fn read(value: &Value) -> Result<Self, String> {
        if let Ok(text) = text(value)
            && !text.trim().is_empty()
            && !text.contains(',')
            && !text.starts_with('[')
        {
            return if text == "eager" {
                Ok(Self::Eager)
            } else {
                Err(format!(
                    "{text:?} is no schedule; write a list of times such as [\"0s\", \"2s\", \"5s\"], or \"eager\""
                ))
            };
        }
        let times: Vec<Duration> = Setting::read(value)?;
        Ok(if times.is_empty() {
            Self::Steady
        } else {
            Self::At(times)
        })
    }

    fn show(&self) -> toml::Value {
        match self {
            Self::Steady => Vec::<Duration>::new().show(),
            Self::Eager => toml::Value::from("eager"),
            Self::At(times) => times.show(),
        }
    }
}

/// The `dns_mismatch` key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum DnsMismatch {
    Processing,
    Invalid,
}

const DNS_MISMATCH: [(&str, DnsMismatch); 2] = [
    ("processing", DnsMismatch::Processing),
    ("invalid", DnsMismatch::Invalid),
];

impl Setting for DnsMismatch {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &DNS_MISMATCH)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &DNS_MISMATCH)
    }
}

impl Setting for Network {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        text.parse()
            .map_err(|error: acme_validate::ParseNetworkError| error.to_string())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string())
    }
}
