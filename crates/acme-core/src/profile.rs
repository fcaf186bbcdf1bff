//! Profiles ([draft-ietf-acme-profiles]): named kinds of certificate that orders may ask for, and
//! which one an order gets.
//!
//! [draft-ietf-acme-profiles]: https://datatracker.ietf.org/doc/draft-ietf-acme-profiles/

use acme_types::{Problem, ProblemKind, ProfileName};

use crate::{Issuance, Provisioner};

/// Most characters of a profile that nobody offers that are repeated to the client.
const SHOWN: usize = 80;

/// A named kind of certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// Its name, by which orders ask for it.
    pub name: ProfileName,
    /// What it is for, for people, or the URL of a page that tells; shown in the directory.
    pub description: String,
    /// What its certificates are like.
    pub issuance: Issuance,
}

impl Provisioner {
    /// The profile that a new order gets: the one that it asks for; if it asks for none, the
    /// default. An account that is bound to some profiles (`bound` is not empty) gets no other, and
    /// the first of them where the default is not among them, so that clients that know nothing of
    /// profiles can be bound to one.
    ///
    /// None when the order asks for none and there is no default.
    ///
    /// # Errors
    /// `invalidProfile` when the profile is not offered here, or not to this account.
    pub fn choose_profile(
        &self,
        asked: Option<&str>,
        bound: &[ProfileName],
    ) -> Result<Option<ProfileName>, Problem> {
        let Some(asked) = asked else {
            let default = self.default_profile.as_ref();
            let chosen = match default.filter(|name| bound.contains(name)) {
                Some(bound) => Some(bound),
                None => bound.first().or(default),
            };
            let Some(name) = chosen else {
                return Ok(None);
            };
            self.issuance_of(Some(name))?;
            return Ok(Some(name.clone()));
        };
        let offered = self.profiles.iter().map(|profile| &profile.name);
        let allowed: Vec<&ProfileName> = offered
            .filter(|name| bound.is_empty() || bound.contains(name))
            .collect();
        if let Some(name) = allowed.iter().find(|name| name.as_str() == asked) {
            return Ok(Some((*name).clone()));
        }
        let names: Vec<_> = allowed.iter().map(|name| name.as_str()).collect();
        let shown: String = asked.chars().take(SHOWN).collect();
        let is_offered = self.profiles.iter().any(|one| one.name.as_str() == asked);
        let detail = match (is_offered, names.as_slice()) {
            (true, []) => format!(
                "the profile {shown:?} is not for accounts of this external account key, and those \
                 that it is bound to are not offered any more; ask the operator for another key"
            ),
            (true, names) => format!(
                "the profile {shown:?} is not for accounts of this external account key; use {}",
                names.join(", ")
            ),
            (false, []) => format!(
                "there is no profile {shown:?} here; this provisioner has none, so ask for none"
            ),
            (false, names) => format!(
                "there is no profile {shown:?} here; use {}, or ask for none",
                names.join(", ")
            ),
        };
        Err(Problem::new(ProblemKind::InvalidProfile, detail))
    }

    /// What the certificates of a profile are like; without a profile, those of the provisioner.
    ///
    /// # Errors
    /// `invalidProfile` when the profile is not offered any more.
    pub fn issuance_of(&self, profile: Option<&ProfileName>) -> Result<&Issuance, Problem> {
        let Some(name) = profile else {
            return Ok(&self.issuance);
        };
        let found = self.profiles.iter().find(|profile| profile.name == *name);
        found.map(|profile| &profile.issuance).ok_or_else(|| {
            let detail = format!(
                "the profile {:?} is not offered here any more; open a new order with another",
                name.as_str()
            );
            Problem::new(ProblemKind::InvalidProfile, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProfileName {
        text.parse().unwrap()
    }

    fn provisioner(profiles: &[&str], default: Option<&str>) -> Provisioner {
        let mut provisioner = Provisioner::new("default".parse().unwrap());
        provisioner.profiles = profiles
            .iter()
            .map(|text| Profile {
                name: name(text),
                description: String::new(),
                issuance: Issuance::default(),
            })
            .collect();
        provisioner.default_profile = default.map(name);
        provisioner
    }

    #[test]
    fn an_order_gets_the_profile_it_asks_for_or_the_default() {
        let (plain, with) = (
            provisioner(&["tls", "short"], None),
            provisioner(&["tls", "short"], Some("tls")),
        );
        for (provisioner, asked, bound, gets) in [
            (&plain, None, &[][..], None),
            (&plain, Some("short"), &[], Some("short")),
            (&plain, None, &["short"], Some("short")),
            (&with, None, &[], Some("tls")),
            (&with, Some("short"), &[], Some("short")),
            (&with, None, &["short"], Some("short")),
            (&with, None, &["short", "tls"], Some("tls")),
            (&with, Some("tls"), &["short", "tls"], Some("tls")),
        ] {
            let bound: Vec<_> = bound.iter().map(|text| name(text)).collect();
            let chosen = provisioner.choose_profile(asked, &bound);
            assert_eq!(chosen, Ok(gets.map(name)), "{asked:?} {bound:?}");
        }
    }

    #[test]
    fn a_profile_that_is_not_offered_is_refused_with_those_that_are() {
        let provisioner = provisioner(&["tls", "short"], Some("tls"));
        let long = "x".repeat(5000);
        for (asked, bound, says) in [
            ("fat", &[][..], "use tls, short, or ask for none"),
            ("TLS", &[], "use tls, short, or ask for none"),
            ("", &[], "use tls, short, or ask for none"),
            (&long, &[], "use tls, short, or ask for none"),
            ("tls", &["short"], "external account key; use short"),
            (
                "fat",
                &["short"],
                "there is no profile \"fat\" here; use short",
            ),
            ("tls", &["gone"], "ask the operator for another key"),
        ] {
            let bound: Vec<_> = bound.iter().map(|text| name(text)).collect();
            let problem = provisioner.choose_profile(Some(asked), &bound).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::InvalidProfile);
            assert!(problem.detail.contains(says), "{}", problem.detail);
            assert!(problem.detail.len() < 300, "{}", problem.detail);
        }
        // One that the operator has taken out of the configuration.
        for bound in [&[name("gone")][..], &[name("gone"), name("short")]] {
            let problem = provisioner.choose_profile(None, bound).unwrap_err();
            assert!(
                problem.detail.contains("\"gone\" is not offered"),
                "{problem:?}"
            );
        }
        assert!(provisioner.issuance_of(Some(&name("gone"))).is_err());
    }
}
