//! The policy of a provisioner: for which names and keys it issues.

use acme_types::{Identifier, Jwk, Problem, ProblemKind, RawIdentifier, Subproblem};

use crate::{KeyRules, NamePattern};

/// Most patterns that a refusal lists.
const SHOWN: usize = 10;

/// For which names and keys a provisioner issues, whatever the profile.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    /// The names and addresses that it issues for; empty for all that are not denied.
    pub allow: Vec<NamePattern>,
    /// The names and addresses that it does not issue for, whether they are allowed or not.
    pub deny: Vec<NamePattern>,
    /// The keys that certificates may have.
    pub keys: KeyRules,
}

impl Policy {
    /// Checks an identifier.
    ///
    /// # Errors
    /// Which rule refuses it, and what to do.
    pub fn check_identifier(&self, identifier: &Identifier) -> Result<(), String> {
        if let Some(denied) = self.deny.iter().find(|rule| covers(rule, identifier)) {
            return Err(format!(
                "{identifier} is denied by the rule {denied} of this provisioner's policy; order \
                 another name, or ask the operator"
            ));
        }
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.matches(identifier)) {
            return Ok(());
        }
        Err(format!(
            "{identifier} is not among what this provisioner's policy allows, {}; order one of \
             these, or ask the operator",
            listed(&self.allow)
        ))
    }

    /// Checks the key of a CSR.
    ///
    /// # Errors
    /// `badCSR` with the keys that are allowed.
    pub fn check_key(&self, jwk: &Jwk) -> Result<(), Problem> {
        check_key(&self.keys, jwk, "this provisioner's policy")
    }
}

/// Checks the key of a CSR against the rules of `whose`.
pub(crate) fn check_key(rules: &KeyRules, jwk: &Jwk, whose: &str) -> Result<(), Problem> {
    rules.check(jwk).map_err(|reason| {
        Problem::new(
            ProblemKind::BadCsr,
            format!("the CSR is refused by {whose}: its key {reason}"),
        )
    })
}

/// Whether a rule takes in an identifier or, when it is a wildcard, a name that it stands for.
fn covers(rule: &NamePattern, identifier: &Identifier) -> bool {
    let stands_for = match (rule, identifier) {
        (NamePattern::Exact(name), Identifier::Dns(asked)) if asked.is_wildcard() => name
            .as_str()
            .split_once('.')
            .is_some_and(|(_, parent)| parent == asked.base().as_str()),
        _ => false,
    };
    stands_for || rule.matches(identifier)
}

/// Some patterns for a detail; there may be very many.
pub(crate) fn listed(patterns: &[NamePattern]) -> String {
    let shown: Vec<_> = patterns
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    match patterns.len().checked_sub(SHOWN) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Checks each identifier of an order by a rule.
///
/// # Errors
/// `rejectedIdentifier`, with a subproblem for each that the rule refuses
/// ([RFC 8555 § 6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1)).
pub fn check_each(
    identifiers: &[Identifier],
    rule: impl Fn(&Identifier) -> Result<(), String>,
) -> Result<(), Problem> {
    let refused: Vec<Subproblem> = identifiers
        .iter()
        .filter_map(|identifier| {
            Some(Subproblem {
                kind: ProblemKind::RejectedIdentifier,
                detail: rule(identifier).err()?,
                identifier: Some(RawIdentifier::from(identifier.clone())),
            })
        })
        .collect();
    let detail = match refused.as_slice() {
        [] => return Ok(()),
        [one] => one.detail.clone(),
        [first, more @ ..] => format!(
            "{} (and {} more refused, see subproblems)",
            first.detail,
            more.len()
        ),
    };
    Err(Problem::new(ProblemKind::RejectedIdentifier, detail).with_subproblems(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(value: &str) -> Identifier {
        let kind = match value.parse::<std::net::IpAddr>() {
            Ok(_) => "ip",
            Err(_) => "dns",
        };
        let raw = RawIdentifier {
            kind: kind.to_owned(),
            value: value.to_owned(),
        };
        raw.try_into().unwrap()
    }

    fn policy(allow: &[&str], deny: &[&str]) -> Policy {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Policy {
            allow: read(allow),
            deny: read(deny),
            keys: KeyRules::default(),
        }
    }

    #[test]
    fn denied_goes_before_allowed_and_nothing_means_all() {
        let lab = policy(
            &["*.lab.internal", "db.internal", "10.1.0.0/16"],
            &["secret.lab.internal", "*.prod.lab.internal", "10.1.2.0/24"],
        );
        let only_denied = policy(&[], &["*.prod.internal"]);
        for (policy, name, says) in [
            (&lab, "a.lab.internal", None),
            (&lab, "*.a.lab.internal", None),
            (&lab, "db.internal", None),
            (&lab, "10.1.3.4", None),
            (
                &lab,
                "lab.internal",
                Some("*.lab.internal, db.internal, 10.1.0.0/16"),
            ),
            (&lab, "evillab.internal", Some("is not among")),
            (&lab, "a.db.internal", Some("is not among")),
            (&lab, "10.2.0.1", Some("is not among")),
            (&lab, "fd00::1", Some("is not among")),
            (
                &lab,
                "secret.lab.internal",
                Some("by the rule secret.lab.internal"),
            ),
            (
                &lab,
                "a.prod.lab.internal",
                Some("by the rule *.prod.lab.internal"),
            ),
            (&lab, "10.1.2.3", Some("by the rule 10.1.2.0/24")),
            // It would stand for the name that is denied.
            (
                &lab,
                "*.lab.internal",
                Some("by the rule secret.lab.internal"),
            ),
            (&lab, "*.prod.lab.internal", Some("by the rule *.prod")),
            (&only_denied, "a.internal", None),
            (&only_denied, "10.0.0.1", None),
            (&only_denied, "a.prod.internal", Some("denied")),
            (&policy(&[], &[]), "anything.at.all", None),
        ] {
            let refused = policy.check_identifier(&identifier(name)).err();
            match says {
                None => assert_eq!(refused, None, "{name}"),
                Some(says) => assert!(refused.unwrap().contains(says), "{name}"),
            }
        }
    }

    #[test]
    fn every_refused_identifier_is_named_and_long_lists_are_cut() {
        let many: Vec<String> = (0..40).map(|n| format!("host{n}.internal")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let policy = policy(&many, &[]);
        let asked = ["a.test", "host1.internal", "b.test"].map(identifier);
        let problem = check_each(&asked, |one| policy.check_identifier(one)).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::RejectedIdentifier);
        assert!(problem.detail.contains("host9.internal and 30 more"));
        assert!(problem.detail.contains("and 1 more refused"));
        let named = problem.subproblems.iter();
        let named: Vec<_> = named
            .map(|one| one.identifier.clone().unwrap().value)
            .collect();
        assert_eq!(named, ["a.test", "b.test"]);
    }
}
