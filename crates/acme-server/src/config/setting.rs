//! What kinds of value a key may have: how each is read, and how it is written back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use acme_core::OnExhausted;
use acme_types::{ChallengeKind, DnsName};

use super::duration;
use super::mistake::nearest;
use super::tree::{Value, parse_list, unquoted};

/// A kind of value that a key may have.
pub(super) trait Setting: Sized {
    /// Reads a value; the error says what is wrong and what would be right.
    fn read(value: &Value) -> Result<Self, String>;
    /// The value as the file would spell it.
    fn show(&self) -> toml::Value;
}

/// The text of a value.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Raw(raw) => Ok(unquoted(raw).unwrap_or_else(|| raw.clone())),
        other => Err(format!("must be text in quotes, not {}", other.kind())),
    }
}

/// Reads one of a few words, and guesses what another was meant to be.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, String> {
    let text = text(value)?;
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meant);
    }
    let known = words.iter().map(|(word, _)| format!("{word:?}"));
    let known = known.collect::<Vec<_>>().join(", ");
    let guess = nearest(&text, words.iter().map(|(word, _)| *word));
    let guess = guess.map_or_else(String::new, |word| format!("; did you mean {word:?}?"));
    Err(format!("{text:?} is none of {known}{guess}"))
}

/// The word of a value among those that [`word`] reads.
pub(super) fn show_word<T: PartialEq>(value: &T, words: &[(&str, T)]) -> toml::Value {
    let found = words.iter().find(|(_, known)| known == value);
    toml::Value::from(found.map_or("", |(word, _)| *word))
}

impl Setting for String {
    fn read(value: &Value) -> Result<Self, String> {
        text(value)
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.clone())
    }
}

impl Setting for PathBuf {
    fn read(value: &Value) -> Result<Self, String> {
        match text(value)? {
            empty if empty.is_empty() => Err("must name a file or directory".to_owned()),
            path => Ok(Self::from(path)),
        }
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string_lossy().into_owned())
    }
}

impl Setting for bool {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Boolean(yes) => Ok(*yes),
            Value::Raw(raw) if raw == "true" => Ok(true),
            Value::Raw(raw) if raw == "false" => Ok(false),
            other => Err(format!("must be true or false, not {}", other.kind())),
        }
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(*self)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            fn read(value: &Value) -> Result<Self, String> {
                let number = match value {
                    Value::Integer(number) => Some(*number),
                    Value::Raw(raw) => raw.trim().parse().ok(),
                    Value::Text(text) if text.parse::<i64>().is_ok() => {
                        return Err(format!("must be a number without quotes, {text}"));
                    }
                    _ => None,
                };
                let number = number
                    .ok_or_else(|| format!("must be a whole number, not {}", value.kind()))?;
                Self::try_from(number)
                    .map_err(|_| format!("{number} is not between 0 and {}", Self::MAX))
            }

            fn show(&self) -> toml::Value {
                i64::try_from(*self).map_or(toml::Value::Integer(i64::MAX), toml::Value::from)
            }
        }
    )*};
}

numbers!(u8, u16, usize);

impl Setting for Duration {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Integer(number) => Err(format!(
                "{number} has no unit; write \"{number}s\" for seconds (units: ms, s, m, h, d)"
            )),
            other => duration::parse(&text(other)?),
        }
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(duration::show(*self))
    }
}

impl Setting for SocketAddr {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        text.parse().map_err(|_| {
            format!("{text:?} is not an address and port, such as 0.0.0.0:443 or [::1]:443")
        })
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string())
    }
}

/// Empty text is none.
impl<T: Setting> Setting for Option<T> {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) | Value::Raw(text) if text.is_empty() => Ok(None),
            Value::Raw(raw) if unquoted(raw).is_some_and(|text| text.is_empty()) => Ok(None),
            other => T::read(other).map(Some),
        }
    }

    fn show(&self) -> toml::Value {
        self.as_ref()
            .map_or_else(|| toml::Value::from(""), Setting::show)
    }
}

/// In an override, items may stand between commas instead of in TOML's brackets.
impl<T: Setting> Setting for Vec<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let items: Vec<Value> = match value {
            Value::List(nodes) => nodes.iter().map(|node| node.value.clone()).collect(),
            Value::Raw(raw) if raw.trim().is_empty() => Vec::new(),
            Value::Raw(raw) if raw.trim_start().starts_with('[') => {
                let nodes = parse_list(raw, "").ok_or_else(|| {
                    format!("{raw:?} is not a list; write [\"a\", \"b\"], or a,b")
                })?;
                nodes.into_iter().map(|node| node.value).collect()
            }
            Value::Raw(raw) => {
                let parts = raw
                    .split(',')
                    .map(|part| Value::Raw(part.trim().to_owned()));
                parts.collect()
            }
            other => return Err(format!("must be a list, not {}", other.kind())),
        };
        let read = items.iter().enumerate().map(|(at, item)| {
            T::read(item).map_err(|reason| match items.len() {
                1 => reason,
                _ => format!("entry {}: {reason}", at + 1),
            })
        });
        let (good, bad): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        if bad.is_empty() {
            Ok(good.into_iter().flatten().collect())
        } else {
            let reasons = bad.into_iter().filter_map(Result::err);
            Err(reasons.collect::<Vec<_>>().join("; "))
        }
    }

    fn show(&self) -> toml::Value {
        self.iter().map(Setting::show).collect::<Vec<_>>().into()
    }
}

impl Setting for ChallengeKind {
    fn read(value: &Value) -> Result<Self, String> {
        let words: Vec<_> = Self::ALL
            .iter()
            .map(|kind| (kind.as_str(), *kind))
            .collect();
        word(value, &words)
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.as_str())
    }
}

impl Setting for DnsName {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        text.parse()
            .map_err(|error: acme_types::DnsNameError| format!("{text:?}: {error}"))
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.to_string())
    }
}

const EXHAUSTED: [(&str, OnExhausted); 2] = [
    ("processing", OnExhausted::Processing),
    ("invalid", OnExhausted::Invalid),
];

impl Setting for OnExhausted {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &EXHAUSTED)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &EXHAUSTED)
    }
}
