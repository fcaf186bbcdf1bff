//! A provisioner: a named policy and its directory; who may ask, for what, for how long.

use std::time::Duration;

use acme_types::{
    ChallengeKind, Identifier, Problem, ProblemKind, ProvisionerName, RawIdentifier, Subproblem,
    Timestamp,
};

use crate::{RenewalPolicy, RetryPolicy};

/// A named policy and its directory.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// Its name, which is also its id and a segment of its URLs.
    pub name: ProvisionerName,
    /// URL of the terms of service; a new account must agree when there is one.
    pub terms_of_service: Option<String>,
    /// URL of a page about this authority.
    pub website: Option<String>,
    /// Names under which CAA records permit this authority.
    pub caa_identities: Vec<String>,
    /// Whether a new account needs an external account binding.
    pub require_eab: bool,
    /// The challenges it offers.
    pub challenges: Vec<ChallengeKind>,
    /// When challenges are tried again.
    pub retry: RetryPolicy,
    /// How long its objects live.
    pub lifetimes: Lifetimes,
    /// What its certificates are like.
    pub issuance: Issuance,
    /// When its certificates should be renewed.
    pub renewal: RenewalPolicy,
    /// Most identifiers in one order.
    pub max_identifiers: usize,
    /// Whether wildcards are issued.
    pub allow_wildcards: bool,
}

/// How long objects live that are not finished.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// From opening an order to its end, and that of its authorizations.
    pub order: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            order: Duration::from_secs(24 * 3600),
        }
    }
}

/// How long certificates are valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Issuance {
    /// Life of a certificate whose order asks for no end.
    pub default_validity: Duration,
    /// Shortest life that an order may ask for.
    pub min_validity: Duration,
    /// Longest life that an order may ask for.
    pub max_validity: Duration,
    /// How far before the present a certificate begins, for clocks that are slow.
    pub backdate: Duration,
}

impl Default for Issuance {
    fn default() -> Self {
        Self {
            default_validity: Duration::from_secs(30 * 86_400),
            min_validity: Duration::from_secs(300),
            max_validity: Duration::from_secs(90 * 86_400),
            backdate: Duration::from_secs(60),
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
                return refuse(format!("notBefore {start} is too far in the future"));
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
            return refuse(format!("notAfter {end} is not after the start of validity"));
        }
        let life = end.since(counted_from) + one;
        if life < self.min_validity {
            return refuse(format!(
                "a validity of {} s is shorter than the {} s this provisioner allows",
                life.as_secs(),
                self.min_validity.as_secs()
            ));
        }
        if life > self.max_validity + one {
            return refuse(format!(
                "a validity of {} s is longer than the {} s this provisioner allows",
                life.as_secs(),
                self.max_validity.as_secs()
            ));
        }
        Ok((start, end))
    }
}

impl Provisioner {
    /// A provisioner with every default: http-01, dns-01 and tls-alpn-01, no terms of service.
    #[must_use]
    pub fn new(name: ProvisionerName) -> Self {
        Self {
            name,
            terms_of_service: None,
            website: None,
            caa_identities: Vec::new(),
            require_eab: false,
            challenges: ChallengeKind::ALL.to_vec(),
            retry: RetryPolicy::default(),
            lifetimes: Lifetimes::default(),
            issuance: Issuance::default(),
            renewal: RenewalPolicy::default(),
            max_identifiers: 100,
            allow_wildcards: true,
        }
    }

    /// Checks an order's identifiers against this provisioner's rules.
    ///
    /// # Errors
    /// A problem that names each refused identifier in `subproblems`; `malformed` when there are
    /// none or too many.
    pub fn check_identifiers(&self, identifiers: &[Identifier]) -> Result<(), Problem> {
        if identifiers.is_empty() {
            return Err(Problem::new(
                ProblemKind::Malformed,
                "the order has no identifier",
            ));
        }
        if identifiers.len() > self.max_identifiers {
            return Err(Problem::new(
                ProblemKind::Malformed,
                format!(
                    "the order has {} identifiers; this provisioner allows {}",
                    identifiers.len(),
                    self.max_identifiers
                ),
            ));
        }
        let refused: Vec<_> = identifiers
            .iter()
            .filter(|identifier| identifier.is_wildcard() && !self.allow_wildcards)
            .map(|identifier| Subproblem {
                kind: ProblemKind::RejectedIdentifier,
                detail: "this provisioner issues no wildcards".to_owned(),
                identifier: Some(RawIdentifier::from(identifier.clone())),
            })
            .collect();
        match refused.first() {
            None => Ok(()),
            Some(first) => {
                Err(Problem::new(first.kind, first.detail.clone()).with_subproblems(refused))
            }
        }
    }
}
