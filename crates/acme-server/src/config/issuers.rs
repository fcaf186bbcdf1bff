//! The `[provisioner.issuers]` table: which of the authority's issuers sign for a provisioner.

use acme_core::{InvalidIssuerName, IssuerChoice, IssuerName, KeyKind};

use super::section::Section;
use super::setting::{Setting, text};
use super::tree::Value;

/// Reads one table.
pub(super) fn read(section: &mut Section<'_>) -> IssuerChoice {
    let default = section.value("default", None);
    let by_key = KeyKind::ALL.iter().filter_map(|kind| {
        let name: Option<IssuerName> = section.value(kind.as_str(), None);
        name.map(|name| (*kind, name))
    });
    IssuerChoice {
        default,
        by_key: by_key.collect(),
    }
}

impl Setting for IssuerName {
    fn read(value: &Value) -> Result<Self, String> {
        text(value)?
            .parse()
            .map_err(|error: InvalidIssuerName| error.to_string())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.as_str())
    }
}
