//! The status words of accounts, orders, authorizations and challenges ([RFC 8555 § 7.1.6]).
//!
//! [RFC 8555 § 7.1.6]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.6

use std::fmt;
use std::str::FromStr;

/// The word is not a status of that object.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown status {0:?}")]
pub struct UnknownStatus(pub String);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every status, in the order of its life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(word: &str) -> Result<Self, UnknownStatus> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownStatus(word.to_owned())),
                }
            }
        }
    )*};
}

statuses! {
    /// The status of an account.
    AccountStatus {
        /// The account may act.
        Valid = "valid",
        /// Its holder ended it.
        Deactivated = "deactivated",
        /// The operator ended it.
        Revoked = "revoked",
    }
    /// The status of an order.
    OrderStatus {
        /// Some authorization is not valid yet.
        Pending = "pending",
        /// Every authorization is valid; the client may finalize.
        Ready = "ready",
        /// The certificate is being signed.
        Processing = "processing",
        /// The certificate is there.
        Valid = "valid",
        /// The order failed or expired.
        Invalid = "invalid",
    }
    /// The status of an authorization.
    AuthorizationStatus {
        /// No challenge has been met yet; also while challenges are being retried.
        Pending = "pending",
        /// A challenge was met.
        Valid = "valid",
        /// A challenge was contradicted.
        Invalid = "invalid",
        /// Its holder gave it up.
        Deactivated = "deactivated",
        /// Its time is over.
        Expired = "expired",
        /// The operator took it back.
        Revoked = "revoked",
    }
    /// The status of a challenge.
    ChallengeStatus {
        /// The client has not asked for a validation yet.
        Pending = "pending",
        /// The client asked; the server tries until there is a distinct conclusion.
        Processing = "processing",
        /// The proof was there.
        Valid = "valid",
        /// The proof was contradicted, or time ran out.
        Invalid = "invalid",
    }
}

impl OrderStatus {
    /// Whether no further change can come.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Valid | Self::Invalid)
    }
}

impl ChallengeStatus {
    /// Whether no further change can come.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Valid | Self::Invalid)
    }
}
