//! Name constraints ([RFC 5280 § 4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)):
//! what the authorities of a chain may certify. A leaf outside of them would be refused by every
//! client, so it is not signed.

use std::net::IpAddr;

use acme_core::device_other_name;
use acme_types::{DnsName, Identifier};
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;

/// The constraints of every authority in a chain, the root too; a name must pass all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChainConstraints(Vec<NameConstraints>);

impl FromIterator<NameConstraints> for ChainConstraints {
    fn from_iter<I: IntoIterator<Item = NameConstraints>>(constraints: I) -> Self {
        Self(constraints.into_iter().collect())
    }
}

impl ChainConstraints {
    /// Whether the chain may certify this; the error says why not.
    pub(crate) fn check(&self, identifier: &Identifier) -> Result<(), String> {
        for constraints in &self.0 {
            if subtrees(&constraints.excluded_subtrees).any(|base| excludes(base, identifier)) {
                return Err(format!(
                    "{identifier} is excluded by the name constraints of the authority's certificate; \
                     order another name, or ask the operator"
                ));
            }
            let mut of_kind = subtrees(&constraints.permitted_subtrees)
                .filter(|base| is_of_kind(base, identifier))
                .peekable();
            if of_kind.peek().is_some() && !of_kind.any(|base| permits(base, identifier)) {
                return Err(format!(
                    "{identifier} is not among what the name constraints of the authority's certificate \
                     permit; order another name, or ask the operator"
                ));
            }
        }
        Ok(())
    }

    /// Whether a subject that is not empty could be outside of them.
    pub(crate) fn name_directories(&self) -> bool {
        self.0.iter().any(|constraints| {
            subtrees(&constraints.permitted_subtrees)
                .chain(subtrees(&constraints.excluded_subtrees))
                .any(|base| matches!(base, GeneralName::DirectoryName(_)))
        })
    }
}

fn subtrees(subtrees: &Option<Vec<GeneralSubtree>>) -> impl Iterator<Item = &GeneralName> {
    subtrees.iter().flatten().map(|subtree| &subtree.base)
}

fn is_of_kind(base: &GeneralName, identifier: &Identifier) -> bool {
    constrains_device(base, identifier)
        || matches!(
            (base, identifier),
            (GeneralName::DnsName(_), Identifier::Dns(_))
                | (GeneralName::IpAddress(_), Identifier::Ip(_))
        )
}

fn permits(base: &GeneralName, identifier: &Identifier) -> bool {
    match (base, identifier) {
        (GeneralName::DnsName(base), Identifier::Dns(name)) => {
            is_within(name.base().as_str(), &base.as_str().to_ascii_lowercase())
        }
        (GeneralName::IpAddress(base), Identifier::Ip(ip)) => {
            // A subtree that cannot be read permits nothing.
            network_contains(base.as_bytes(), *ip).unwrap_or(false)
        }
        // RFC 5280 does not say what a subtree of devices takes in.
        _ => false,
    }
}

/// Whether a subtree is about devices of this kind: nobody says which of them it takes in, so that one
/// that permits some permits none here, and one that excludes some excludes all.
fn constrains_device(base: &GeneralName, identifier: &Identifier) -> bool {
    let (GeneralName::OtherName(base), Some((kind, _))) = (base, device_other_name(identifier))
    else {
        return false;
    };
    base.type_id == kind
}

fn excludes(base: &GeneralName, identifier: &Identifier) -> bool {
    match (base, identifier) {
        (GeneralName::DnsName(base), Identifier::Dns(name)) => {
            let base = base.as_str().to_ascii_lowercase();
            is_within(name.base().as_str(), &base) || wildcard_covers(name, &base)
        }
        (GeneralName::IpAddress(base), Identifier::Ip(ip)) => {
            network_contains(base.as_bytes(), *ip).unwrap_or(true)
        }
        _ => constrains_device(base, identifier),
    }
}

/// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand
/// side of the name satisfies the name constraint." With a leading dot, as many write it, at least
/// one label must be added.
fn is_within(name: &str, base: &str) -> bool {
    if base.is_empty() || name == base {
        return true;
    }
    name.strip_suffix(base).is_some_and(|labels| {
        labels.ends_with('.') || (base.starts_with('.') && !labels.is_empty())
    })
}

/// Whether a wildcard stands for a name in the subtree: `*.example.com` for `mail.example.com`.
fn wildcard_covers(name: &DnsName, base: &str) -> bool {
    name.is_wildcard()
        && base
            .trim_start_matches('.')
            .split_once('.')
            .is_some_and(|(_, parent)| parent == name.base().as_str())
}

/// Whether the address is in the network, which is an address and a mask of the same length; none
/// when it is neither.
fn network_contains(network: &[u8], ip: IpAddr) -> Option<bool> {
    let inside = |octets: &[u8]| {
        let (address, mask) = network.split_at(network.len() / 2);
        octets.len() == address.len()
            && octets
                .iter()
                .zip(address)
                .zip(mask)
                .all(|((octet, address), mask)| octet & mask == address & mask)
    };
    matches!(network.len(), 8 | 32).then(|| match ip {
        IpAddr::V4(ip) => inside(&ip.octets()),
        IpAddr::V6(ip) => inside(&ip.octets()),
    })
}

#[cfg(test)]
mod tests;
