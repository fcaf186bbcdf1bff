//! A configuration as a tree in which every value remembers where it was written.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;

/// A table's entries by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    /// `acme-server.toml:12`, `ACME_SERVER__LISTEN__ACME`, `--set listen.acme`.
    pub(super) place: String,
}

/// What stands in the file or in an override.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A number with a fraction or beyond 64 bits, or a time: no key takes one.
    Other(&'static str),
    List(Vec<Node>),
    Table(Table),
    /// The text of an override, which is what its key wants it to be.
    Raw(String),
}

impl Value {
    /// The kind of value, for people.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Raw(_) => "text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Other(kind) => kind,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads a file's text; what cannot be read is added to `mistakes`, the rest is still read.
pub(super) fn parse(file: &str, text: &str, mistakes: &mut Vec<Mistake>) -> Table {
    let (document, errors) = DeTable::parse_recoverable(text);
    let lines = Lines { file, text };
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        mistakes.push(Mistake {
            place: lines.place(at),
            key: String::new(),
            reason: format!("not TOML: {}", error.message().replace('\n', "; ")),
        });
    }
    lines.table(document.into_inner())
}

/// Reads a list that an override spells as TOML does; none when it does not.
pub(super) fn parse_list(text: &str, place: &str) -> Option<Vec<Node>> {
    let value = DeValue::parse(text).ok()?.into_inner();
    let DeValue::Array(items) = value else {
        return None;
    };
    let item = |item: Spanned<DeValue<'_>>| Node {
        value: Lines { file: place, text }.value(item.into_inner()),
        place: place.to_owned(),
    };
    Some(items.into_iter().map(item).collect())
}

/// The text of a quoted TOML string; none when it is none.
pub(super) fn unquoted(text: &str) -> Option<String> {
    match DeValue::parse(text.trim()).ok()?.into_inner() {
        DeValue::String(inner) => Some(inner.into_owned()),
        _ => None,
    }
}

/// The segments of a dotted key, quoted where TOML would quote them.
pub(super) fn key_path(dotted: &str) -> Option<Vec<String>> {
    // A line break would smuggle in a second key.
    if dotted.contains('\n') {
        return None;
    }
    let text = format!("{dotted} = 0");
    let mut table = DeTable::parse(&text).ok()?.into_inner();
    let mut path = Vec::new();
    loop {
        let (key, value) = table.into_iter().next()?;
        path.push(key.into_inner().into_owned());
        match value.into_inner() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

struct Lines<'a> {
    file: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, at: usize) -> String {
        let before = self.text.as_bytes().iter().take(at);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        let entry = |(key, value): (Spanned<_>, Spanned<_>)| {
            let place = self.place(key.span().start);
            let key: std::borrow::Cow<'_, str> = key.into_inner();
            let value = self.value(value.into_inner());
            (key.into_owned(), Node { value, place })
        };
        table.into_iter().map(entry).collect()
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
            DeValue::Float(_) => Value::Other("a number with a fraction"),
            DeValue::Boolean(yes) => Value::Boolean(yes),
            DeValue::Datetime(_) => Value::Other("a time"),
            DeValue::Array(items) => {
                let item = |item: Spanned<DeValue<'_>>| Node {
                    place: self.place(item.span().start),
                    value: self.value(item.into_inner()),
                };
                Value::List(items.into_iter().map(item).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }
}
