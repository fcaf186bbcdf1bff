//! CAA: which names are asked for records, and whether the records permit this authority
//! ([RFC 8659], for accounts and methods [RFC 8657]).
//!
//! [RFC 8659]: https://www.rfc-editor.org/rfc/rfc8659
//! [RFC 8657]: https://www.rfc-editor.org/rfc/rfc8657

use std::time::Duration;

use acme_types::{ChallengeKind, DnsName, Identifier, ProvisionerName, Timestamp};

use crate::issue_value::{IssueValue, Repeated};
use crate::{Authorization, Challenge, ChallengeState, Order, Provisioner, printable};

/// Whether CAA records are heeded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum CaaMode {
    /// They are not looked at.
    #[default]
    Off,
    /// As RFC 8659 has it, from the name up to its top-level domain.
    On,
    /// The same, but for names at and below one of these suffixes the climb ends at the suffix, and a
    /// look-up that fails counts as one that finds nothing: name servers of private zones often know
    /// no CAA, and nobody above the suffix has a say.
    PrivateSuffixes(Vec<DnsName>),
}

/// One property of a CAA record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaaRecord {
    /// The flags' octet.
    pub flags: u8,
    /// The property's tag.
    pub tag: String,
    /// The property's value.
    pub value: Vec<u8>,
}

/// The question whether CAA records permit a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaaCheck {
    /// Whose resolvers are asked.
    pub provisioner: ProvisionerName,
    /// What the certificate is for, without `*.`.
    pub identifier: Identifier,
    /// Whether it is for the identifier's wildcard.
    pub wildcard: bool,
    /// The challenge by which control was proven.
    pub method: ChallengeKind,
    /// The account's URLs, the one in use first.
    pub account_urls: Vec<String>,
    /// The names of this authority.
    pub issuer_names: Vec<String>,
    /// See [`CaaMode::PrivateSuffixes`].
    pub private_suffixes: Vec<DnsName>,
}

impl CaaCheck {
    /// How long a look at the records is good for: an authorization that is older when its order is
    /// finalized needs another.
    pub const GOOD_FOR: Duration = Duration::from_secs(7 * 3600);

    /// What must be looked at again before an order is finalized: the names whose proof is older than
    /// [`CaaCheck::GOOD_FOR`], and those that were proven by another name. `authorizations` are those
    /// of the order.
    #[must_use]
    pub fn due(
        provisioner: &Provisioner,
        order: &Order,
        authorizations: &[Authorization],
        account_urls: &[String],
        now: Timestamp,
    ) -> Vec<Self> {
        let Some(private_suffixes) = provisioner.caa.private_suffixes() else {
            return Vec::new();
        };
        let mut due = Vec::new();
        for identifier in &order.identifiers {
            let is_for_it = |proof: &Authorization| {
                proof.identifier == identifier.base() && proof.wildcard == identifier.is_wildcard()
            };
            let proof = authorizations.iter().find(|proof| is_for_it(proof));
            let above = || authorizations.iter().find(|proof| proof.covers(identifier));
            let proof = proof.or_else(above);
            let met = proof.and_then(|proof| proof.challenges.iter().find_map(met_at));
            let (method, looked_at) = match (proof, met) {
                (Some(proof), Some((method, at))) if is_for_it(proof) => (method, at),
                (_, Some((method, _))) => (method, Timestamp::from_secs(0)),
                // Nothing proves it, so that nothing may be permitted for the proof's sake.
                (_, None) => (ChallengeKind::Http01, Timestamp::from_secs(0)),
            };
            if now.since(looked_at) > Self::GOOD_FOR {
                due.push(Self {
                    provisioner: provisioner.name.clone(),
                    identifier: identifier.base(),
                    wildcard: identifier.is_wildcard(),
                    method,
                    account_urls: account_urls.to_vec(),
                    issuer_names: provisioner.caa_identities.clone(),
                    private_suffixes: private_suffixes.to_vec(),
                });
            }
        }
        due
    }

    /// The names whose records are asked for, the nearest first; none for an address. The first that
    /// has records decides ([RFC 8659 § 3](https://www.rfc-editor.org/rfc/rfc8659#section-3)).
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let Identifier::Dns(name) = &self.identifier else {
            return Vec::new();
        };
        let name = name.as_str();
        let name = name.strip_prefix("*.").unwrap_or(name);
        let end = self.private_suffix().map_or("", DnsName::as_str);
        let mut names = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            names.push(name);
            let parent = name.split_once('.').filter(|_| name != end);
            next = parent.map(|(_, parent)| parent);
        }
        names
    }

    /// Whether a look-up that fails counts as one that finds nothing.
    #[must_use]
    pub fn tolerates_failure(&self) -> bool {
        self.private_suffix().is_some()
    }

    /// The longest of the private suffixes under which the name lies.
    fn private_suffix(&self) -> Option<&DnsName> {
        let Identifier::Dns(name) = &self.identifier else {
            return None;
        };
        let holds = |suffix: &&DnsName| {
            let above = name.as_str().strip_suffix(suffix.as_str());
            above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let suffixes = self.private_suffixes.iter().filter(holds);
        suffixes.max_by_key(|suffix| suffix.as_str().len())
    }

    /// Whether these records, all of one name and at least one, permit the certificate.
    ///
    /// # Errors
    /// Why they do not, in words that follow "the CAA records".
    pub fn judge(&self, records: &[CaaRecord]) -> Result<(), String> {
        if let Some(unknown) = records.iter().find(|r| r.is_critical() && !r.is_known()) {
            let tag = printable(unknown.tag.as_bytes(), 30);
            return Err(format!(
                "have a critical property {tag:?} that is not known"
            ));
        }
        let of = |tag: &'static str| records.iter().filter(move |r| r.is(tag));
        let tag = if self.wildcard && of("issuewild").next().is_some() {
            "issuewild"
        } else {
            "issue"
        };
        let mut refusals = Vec::new();
        for record in of(tag) {
            match self.permits(&record.value) {
                Ok(()) => return Ok(()),
                Err(why) => refusals.push(why),
            }
        }
        // The one that names this authority tells best what to mend.
        refusals.sort_by_key(|why| !why.is_near);
        match refusals.first() {
            None => Ok(()),
            Some(why) => Err(format!("say {tag} {}", why.text)),
        }
    }

    fn permits(&self, value: &[u8]) -> Result<(), Refusal> {
        let shown = format!("\"{}\"", printable(value, 120));
        let near = |why: &str| Refusal {
            is_near: true,
            text: format!("{shown}, {why}"),
        };
        let far = |why: &str| Refusal {
            is_near: false,
            text: format!("{shown}, {why}"),
        };
        let value = IssueValue::parse(value).map_err(&far)?;
        if !value.names_one_of(&self.issuer_names) {
            return Err(far(&format!(
                "which does not name this authority ({})",
                self.issuer_names.join(", ")
            )));
        }
        match value.parameter("accounturi") {
            Ok(None) => {}
            Ok(Some(url)) if self.account_urls.iter().any(|own| own == url) => {}
            Ok(Some(_)) => {
                let own = self.account_urls.first().map_or("", String::as_str);
                return Err(near(&format!("and the account is {own}")));
            }
            Err(Repeated) => return Err(near("which names an account twice")),
        }
        match value.parameter("validationmethods") {
            Ok(None) => Ok(()),
            Ok(Some(methods)) if methods.split(',').any(|m| m == self.method.as_str()) => Ok(()),
            Ok(Some(_)) => Err(near(&format!("and the challenge was {}", self.method))),
            Err(Repeated) => Err(near("which lists methods twice")),
        }
    }
}

/// By which challenge an authorization was met, and when.
const fn met_at(challenge: &Challenge) -> Option<(ChallengeKind, Timestamp)> {
    match challenge.state {
        ChallengeState::Valid { validated_at } => Some((challenge.kind, validated_at)),
        _ => None,
    }
}

struct Refusal {
    is_near: bool,
    text: String,
}

impl CaaRecord {
    fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag)
    }

    /// Bit 0 counts from the left; some zones were written by who counted from the right.
    const fn is_critical(&self) -> bool {
        self.flags & 0b1000_0001 != 0
    }

    /// Whether what the property says of certificates for servers is understood: all that are
    /// registered and do not forbid them.
    fn is_known(&self) -> bool {
        const KNOWN: [&str; 7] = [
            "issue",
            "issuewild",
            "iodef",
            "issuemail",
            "issuevmc",
            "contactemail",
            "contactphone",
        ];
        KNOWN.iter().any(|tag| self.is(tag))
    }
}

#[cfg(test)]
mod tests;
