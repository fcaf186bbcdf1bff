//! Which contact URLs an account may have
//! ([RFC 8555 § 7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).

use acme_types::{DnsName, Problem, ProblemKind};

/// Most contacts of one account.
const MAX_CONTACTS: usize = 10;
/// Longest local part of an address in octets ([RFC 5321 § 4.5.3.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1)).
const MAX_LOCAL_PART: usize = 64;

/// Checks contacts: `mailto:` and exactly one address each, no header fields.
pub(crate) fn check_contacts(contacts: &[String]) -> Result<(), Problem> {
    if contacts.len() > MAX_CONTACTS {
        let detail = format!("an account may have at most {MAX_CONTACTS} contacts");
        return Err(Problem::new(ProblemKind::InvalidContact, detail));
    }
    contacts.iter().try_for_each(|contact| check(contact))
}

fn check(contact: &str) -> Result<(), Problem> {
    let invalid = |why: &str| {
        let detail = format!("the contact {contact:?} is not valid: {why}");
        Problem::new(ProblemKind::InvalidContact, detail)
    };
    let (scheme, address) = contact
        .split_once(':')
        .ok_or_else(|| invalid("it is not a URL; write mailto:name@example.org"))?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        let detail = format!("the contact {contact:?} is not supported; use mailto:");
        return Err(Problem::new(ProblemKind::UnsupportedContact, detail));
    }
    if address.contains('?') {
        return Err(invalid("header fields are not allowed"));
    }
    let (local, domain) = address
        .rsplit_once('@')
        .ok_or_else(|| invalid("there is no @"))?;
    if !is_dot_atom(local) || local.len() > MAX_LOCAL_PART {
        return Err(invalid("what stands before the @ is not one mailbox"));
    }
    match domain.parse::<DnsName>() {
        Ok(name) if !name.is_wildcard() => Ok(()),
        Ok(_) => Err(invalid("the domain is a wildcard")),
        Err(error) => Err(invalid(&error.to_string())),
    }
}

/// RFC 5322 § 3.2.3.
fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(contact: &str, expect: Option<ProblemKind>) {
        let refused = check_contacts(&[contact.to_owned()]).map_err(|p| p.kind);
        assert_eq!(refused.err(), expect, "{contact}");
    }

    #[test]
    fn one_mailbox_each() {
        let invalid = Some(ProblemKind::InvalidContact);
        let unsupported = Some(ProblemKind::UnsupportedContact);
        check_one("mailto:admin@example.org", None);
        check_one("MAILTO:first.last+tag%2F@xn--bcher-kva.example", None);
        check_one("mailto:root@localhost", None);
        check_one("mailto:admin@example.org?subject=x", invalid);
        check_one("mailto:a@example.org,b@example.org", invalid);
        check_one("mailto:a@example.org, b@example.org", invalid);
        check_one("mailto:a@b@example.org", invalid);
        check_one("mailto:admin", invalid);
        check_one("mailto:@example.org", invalid);
        check_one("mailto:.a@example.org", invalid);
        check_one("mailto:a..b@example.org", invalid);
        check_one("mailto:a@", invalid);
        check_one("mailto:a@example..org", invalid);
        check_one("mailto:a@*.example.org", invalid);
        check_one("mailto:a@10.0.0.1", invalid);
        check_one("mailto:a\n@example.org", invalid);
        check_one("mailto:\u{fc}@example.org", invalid);
        check_one(&format!("mailto:{}@example.org", "a".repeat(65)), invalid);
        check_one("admin@example.org", invalid);
        check_one("", invalid);
        check_one("tel:+41440000000", unsupported);
        check_one("https://example.org/", unsupported);
    }

    #[test]
    fn no_more_than_ten() {
        let contacts = |n| vec!["mailto:a@example.org".to_owned(); n];
        assert_eq!(check_contacts(&contacts(10)), Ok(()));
        assert!(check_contacts(&contacts(11)).is_err());
    }
}
