//! A point in time: milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, in whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Schedules need the milliseconds; the wire and certificates carry whole seconds, so `Display` and
/// serde write [RFC 3339] text of the second the timestamp falls in.
///
/// [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

/// 9999-12-31T23:59:59Z, the last second that certificates and RFC 3339 can spell.
const LAST_MILLIS: i64 = 253_402_300_799_000;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last second of the year 9999, the latest that certificates can carry.
    pub const MAX: Self = Self(LAST_MILLIS);

    /// From milliseconds since the epoch, brought into 1970 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            Self::EPOCH
        } else if millis > LAST_MILLIS {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// From whole seconds since the epoch, brought into 1970 to 9999.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, the fraction dropped.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0 / 1000
    }

    /// The nearest whole second, half a second upwards.
    #[must_use]
    pub const fn rounded_to_second(self) -> Self {
        Self::from_secs((self.0 + 500) / 1000)
    }

    /// The second this falls in, the fraction dropped.
    #[must_use]
    pub const fn truncated_to_second(self) -> Self {
        Self::from_secs(self.as_secs())
    }

    /// This time and a span more; stops at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(span)))
    }

    /// This time and a span less; stops at [`Timestamp::EPOCH`].
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.as_secs())
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+{:03}ms", self.0 % 1000)
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, ParseTimestampError> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ParseTimestampError)?;
        let millis = i64::try_from(parsed.unix_timestamp_nanos() / 1_000_000)
            .map_err(|_| ParseTimestampError)?;
        if (0..=LAST_MILLIS + 999).contains(&millis) {
            Ok(Self::from_millis(millis))
        } else {
            Err(ParseTimestampError)
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not an RFC 3339 time between 1970 and 9999.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an RFC 3339 time between 1970 and 9999, such as 2030-01-31T12:00:00Z")]
pub struct ParseTimestampError;
