//! The query of a request: every parameter known, each at most once.

use std::fmt::Display;
use std::str::FromStr;

use url::form_urlencoded;

use crate::cursor;
use crate::refusal::Refusal;

/// Entries of a page unless told otherwise, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

/// A parameter that a route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) means: &'static str,
    /// The words that it may be; empty for others.
    pub(crate) words: &'static [&'static str],
}

impl Parameter {
    pub(crate) const fn text(name: &'static str, means: &'static str) -> Self {
        Self {
            name,
            means,
            words: &[],
        }
    }
}

/// Where a page begins; every list takes it.
pub(crate) const CURSOR: Parameter =
    Parameter::text("cursor", "Where the page begins: `next` of the page before");
/// How many entries a page has; every list takes it.
pub(crate) const LIMIT: Parameter = Parameter::text(
    "limit",
    "How many entries at most, 1 to 200; 50 when it is absent",
);

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query, of which the route takes `known`.
    pub(crate) fn parse(text: &str, known: &[Parameter]) -> Result<Self, Refusal> {
        Self::read(text, known, |_| true)
    }

    /// Reads the query of a form, of which a field that was left empty is sent all the same.
    pub(crate) fn parse_form(text: &str, known: &[Parameter]) -> Result<Self, Refusal> {
        Self::read(text, known, |value| !value.is_empty())
    }

    fn read(text: &str, known: &[Parameter], is_given: fn(&str) -> bool) -> Result<Self, Refusal> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let given = form_urlencoded::parse(text.as_bytes());
        for (name, value) in given.filter(|(_, value)| is_given(value)) {
            let Some(parameter) = known.iter().find(|one| one.name == name) else {
                let names: Vec<_> = known.iter().map(|one| one.name).collect();
                let names = match names.as_slice() {
                    [] => "none".to_owned(),
                    names => names.join(", "),
                };
                return Err(Refusal::UnknownFilter(format!(
                    "there is no filter {name:?} here; there is {names}"
                )));
            };
            if found.iter().any(|(before, _)| *before == parameter.name) {
                return Err(Refusal::malformed(format!("{name:?} is given twice")));
            }
            if !parameter.words.is_empty() && !parameter.words.contains(&&*value) {
                let words = parameter.words.join(", ");
                return Err(Refusal::malformed(format!(
                    "{name}={value:?} is none of {words}"
                )));
            }
            found.push((parameter.name, value.into_owned()));
        }
        Ok(Self(found))
    }

    /// A parameter's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(found, _)| *found == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter's value.
    pub(crate) fn value<T>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T: FromStr<Err: Display>,
    {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|error| Refusal::malformed(format!("{name}={text:?}: {error}")))
            })
            .transpose()
    }

    /// How many entries the page may have.
    pub(crate) fn limit(&self) -> Result<u32, Refusal> {
        let limit = self.value("limit")?.unwrap_or(PAGE);
        if (1..=MAX_PAGE).contains(&limit) {
            Ok(limit)
        } else {
            Err(Refusal::malformed(format!("limit is 1 to {MAX_PAGE}")))
        }
    }

    /// The store's place after which the page begins, in the list of this name.
    pub(crate) fn after(&self, list: &str) -> Result<Option<String>, Refusal> {
        self.text("cursor")
            .map(|text| cursor::open(list, text).ok_or(Refusal::BadCursor))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 3] = [
        CURSOR,
        LIMIT,
        Parameter {
            name: "status",
            means: "",
            words: &["valid"],
        },
    ];

    #[test]
    fn what_is_not_known_is_refused() {
        for (query, word) in [
            ("stauts=valid", "unknownFilter"),
            ("status=x", "malformed"),
            ("status=valid&status=valid", "malformed"),
        ] {
            let refusal = Query::parse(query, &KNOWN).unwrap_err();
            assert_eq!(refusal.word(), word, "{query}");
        }
        let query = Query::parse("status=valid&limit=7", &KNOWN).unwrap();
        assert_eq!(
            (query.text("status"), query.limit().unwrap()),
            (Some("valid"), 7)
        );
    }

    #[test]
    fn a_page_has_a_size() {
        for bad in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit="] {
            let query = Query::parse(bad, &KNOWN).unwrap();
            assert_eq!(query.limit().unwrap_err().word(), "malformed", "{bad}");
        }
    }
}
