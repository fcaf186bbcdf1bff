//! The text by which a domain's holder names an authority: the value of CAA's `issue` and `issuewild`
//! properties ([RFC 8659 § 4.2]), which dns-persist-01 uses too.
//!
//! [RFC 8659 § 4.2]: https://www.rfc-editor.org/rfc/rfc8659#section-4.2

/// An authority's name and what it is limited to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IssueValue {
    /// The authority, in lower case; none for "nobody".
    pub(crate) issuer: Option<String>,
    /// Tags in lower case, with their values, in the order in which they stand.
    parameters: Vec<(String, String)>,
}

/// A parameter that stands there more than once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Repeated;

impl IssueValue {
    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with it, in words that begin with "it".
    pub(crate) fn parse(value: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(value).map_err(|_| "it is not ASCII")?;
        let (issuer, parameters) = match text.split_once(';') {
            Some((issuer, parameters)) => (trim(issuer), trim(parameters)),
            None => (trim(text), ""),
        };
        if !issuer.is_empty() && !issuer.split('.').all(is_label) {
            return Err("it does not begin with a domain name");
        }
        let mut read = Vec::new();
        if !parameters.is_empty() {
            for parameter in parameters.split(';') {
                let (tag, value) = parameter
                    .split_once('=')
                    .ok_or("it has a parameter without \"=\"")?;
                let (tag, value) = (trim(tag), trim(value));
                if !is_label(tag) {
                    return Err("it has a parameter without a proper name");
                }
                if !value
                    .bytes()
                    .all(|b| matches!(b, 0x21..=0x3a | 0x3c..=0x7e))
                {
                    return Err("it has a parameter whose value holds a space or worse");
                }
                read.push((tag.to_ascii_lowercase(), value.to_owned()));
            }
        }
        Ok(Self {
            issuer: (!issuer.is_empty()).then(|| issuer.to_ascii_lowercase()),
            parameters: read,
        })
    }

    /// Whether the authority is one of these names.
    pub(crate) fn names_one_of(&self, names: &[String]) -> bool {
        let issuer = self.issuer.as_deref();
        issuer.is_some_and(|issuer| names.iter().any(|name| name.eq_ignore_ascii_case(issuer)))
    }

    /// The value of a parameter, if it stands there.
    ///
    /// # Errors
    /// [`Repeated`]: which of them holds cannot be told.
    pub(crate) fn parameter(&self, tag: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.parameters.iter().filter(|(found, _)| found == tag);
        match (values.next(), values.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
            (_, Some(_)) => Err(Repeated),
        }
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Letters and digits, with hyphens between them.
fn is_label(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_and_its_parameters_are_read() {
        let value = IssueValue::parse(b" CA.Internal ;\tAccountURI = https://ca/1 ; x=").unwrap();
        assert_eq!(value.issuer.as_deref(), Some("ca.internal"));
        assert_eq!(value.parameter("accounturi"), Ok(Some("https://ca/1")));
        assert_eq!(value.parameter("x"), Ok(Some("")));
        assert_eq!(value.parameter("y"), Ok(None));
        assert!(value.names_one_of(&["other".to_owned(), "CA.internal".to_owned()]));
        assert!(!value.names_one_of(&["internal".to_owned()]));

        let twice = IssueValue::parse(b"ca; a=1; A=1").unwrap();
        assert_eq!(twice.parameter("a"), Err(Repeated));
        for nobody in [&b""[..], b";", b" ; ", b"; a=1"] {
            let value = IssueValue::parse(nobody).unwrap();
            assert_eq!(value.issuer, None);
            assert!(!value.names_one_of(&[String::new()]));
        }
        assert!(IssueValue::parse(b"ca.internal;").is_ok());
    }

    #[test]
    fn what_is_not_such_a_text_is_told_apart() {
        for (value, why) in [
            (&b"\xff"[..], "not ASCII"),
            (b"ca internal", "domain name"),
            (b"ca..internal", "domain name"),
            (b"-ca.internal", "domain name"),
            ("ca.ïnternal".as_bytes(), "domain name"),
            (b"ca; a", "without \"=\""),
            (b"ca; a=1;", "without \"=\""),
            (b"ca; =1", "proper name"),
            (b"ca; a b=1", "proper name"),
            (b"ca; a=1 2", "holds a space"),
            (b"ca; a=\x7f", "holds a space"),
        ] {
            let error = IssueValue::parse(value).unwrap_err();
            assert!(error.contains(why), "{value:?}: {error}");
        }
    }
}
