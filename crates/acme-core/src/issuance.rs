//! What certificates are like: how long they are valid, for what and whom they are, and what else
//! they say.

use std::time::Duration;

use acme_types::{Identifier, Jwk, Problem, ProblemKind, Timestamp};

use crate::policy::check_key;
use crate::{KeyRules, LeafContents};

/// What certificates are like, and for what they are issued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuance {
    /// Life of a certificate whose order asks for no end.
    pub default_validity: Duration,
    /// Shortest life that an order may ask for.
    pub min_validity: Duration,
    /// Longest life that an order may ask for.
    pub max_validity: Duration,
    /// How far before the present a certificate begins, for clocks that are slow.
    pub backdate: Duration,
    /// The types of identifier they may have, of [`Identifier::TYPES`].
    pub identifier_types: Vec<&'static str>,
    /// The keys they may have.
    pub keys: KeyRules,
    /// What else they say.
    pub contents: LeafContents,
}

impl Default for Issuance {
    fn default() -> Self {
        Self {
            default_validity: Duration::from_secs(30 * 86_400),
            min_validity: Duration::from_secs(300),
            max_validity: Duration::from_secs(90 * 86_400),
            backdate: Duration::from_secs(60),
            identifier_types: Identifier::TYPES.to_vec(),
            keys: KeyRules::default(),
            contents: LeafContents::default(),
        }
    }
}

impl Issuance {
    /// First and last second of validity of a certificate that is signed at `now`.
    ///
    /// A start in the past, as of an order that waited, is brought up to the present.
    ///
    /// # Errors
    /// A `malformed` problem when the requested times are out of bounds.
    pub fn validity(
        &self,
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), Problem> {
        let refuse = |detail: String| Err(Problem::new(ProblemKind::Malformed, detail));
        let now = now.truncated_to_second();
        let earliest = now.minus(self.backdate);
        let start = match not_before {
            Some(start) if start > now.plus(self.max_validity) => {
                return refuse(format!(
                    "notBefore {start} is too far in the future; it may be at most {} s from now",
                    self.max_validity.as_secs()
                ));
            }
            Some(start) if start > now => start.truncated_to_second(),
            Some(_) | None => earliest,
        };
        let counted_from = start.max(now);
        // notAfter is the last second of validity, not the first after it (RFC 5280 § 4.1.2.5).
        let one = Duration::from_secs(1);
        let end = match not_after {
            Some(end) => end.truncated_to_second(),
            None => counted_from.plus(self.default_validity).minus(one),
        };
        if end <= counted_from {
            return refuse(format!(
                "notAfter {end} is not after the start of validity; ask for a later one, or for none"
            ));
        }
        let life = end.since(counted_from) + one;
        if life < self.min_validity {
            return refuse(format!(
                "a validity of {} s is shorter than the {} s this provisioner allows; ask for a later notAfter, or for none",
                life.as_secs(),
                self.min_validity.as_secs()
            ));
        }
        if life > self.max_validity + one {
            return refuse(format!(
                "a validity of {} s is longer than the {} s this provisioner allows; ask for an earlier notAfter, or for none",
                life.as_secs(),
                self.max_validity.as_secs()
            ));
        }
        Ok((start, end))
    }

    /// Checks the key of a CSR.
    ///
    /// # Errors
    /// `badCSR` with the keys that are allowed.
    pub fn check_key(&self, jwk: &Jwk) -> Result<(), Problem> {
        check_key(&self.keys, jwk, "the order's profile")
    }

    /// Checks that certificates like these may have an identifier of this type.
    ///
    /// # Errors
    /// Which types they may have.
    pub fn check_identifier(&self, identifier: &Identifier) -> Result<(), String> {
        if self.identifier_types.contains(&identifier.kind()) {
            return Ok(());
        }
        Err(format!(
            "identifiers of type {} are not certified here, only {}; order them with another \
             profile, if there is one for them",
            identifier.kind(),
            self.identifier_types.join(", ")
        ))
    }
}
