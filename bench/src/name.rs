//! What certificates are asked for: a template that gives each issuance its name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

/// One identifier, as it goes into an order and a CSR.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub(crate) enum Name {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// A text in which `{n}` stands for a number: `b{n}.bench.test`. One without is the same name each
/// time; one that reads as an IP address asks for that.
#[derive(Clone, Debug)]
pub(crate) struct Template(String);

impl Template {
    /// The name of this number.
    pub(crate) fn name(&self, n: u64) -> Name {
        let text = self.0.replace("{n}", &n.to_string());
        match text.parse() {
            Ok(ip) => Name::Ip(ip),
            Err(_) => Name::Dns(text),
        }
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a name must not be empty".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_names_and_addresses() {
        let numbered: Template = "b{n}.bench.test".parse().unwrap();
        assert_eq!(numbered.name(7), Name::Dns("b7.bench.test".to_owned()));
        let address: Template = "127.0.0.1".parse().unwrap();
        assert_eq!(address.name(7), Name::Ip("127.0.0.1".parse().unwrap()));
    }
}
