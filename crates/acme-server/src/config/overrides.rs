//! Single keys set from outside the file: environment variables and `--set`.

use std::str::FromStr;

use super::mistake::Mistake;
use super::tree::{Node, Table, Value, key_path};

/// Variables that start with this set a key; two underscores stand for a dot.
pub const VARIABLE_PREFIX: &str = "ACME_SERVER__";

/// One key set from outside the file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Assignment {
    path: Vec<String>,
    text: String,
    place: String,
    /// Whether a provisioner's name is compared as a variable can spell it: in capitals, with
    /// underscores for all that is neither letter nor digit.
    is_variable: bool,
}

impl Assignment {
    /// Sets a key in the name of another option of the command line.
    #[must_use]
    pub fn by_option(option: &str, path: &[&str], text: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            text: text.into(),
            place: option.to_owned(),
            is_variable: false,
        }
    }

    /// The key that an environment variable sets; none for variables that set none.
    #[must_use]
    pub fn from_variable(name: &str, value: &str) -> Option<Self> {
        let path = name.strip_prefix(VARIABLE_PREFIX)?;
        Some(Self {
            path: path.split("__").map(str::to_ascii_lowercase).collect(),
            text: value.to_owned(),
            place: name.to_owned(),
            is_variable: true,
        })
    }

    /// Whether it sets this key.
    #[must_use]
    pub fn sets(&self, path: &[&str]) -> bool {
        self.path
            .iter()
            .map(String::as_str)
            .eq(path.iter().copied())
    }

    /// Puts the value where the key says; the tables on the way are made.
    pub(super) fn apply(&self, root: &mut Table) -> Result<(), Mistake> {
        match self.path.as_slice() {
            [first, name, rest @ ..] if first == "provisioner" && !rest.is_empty() => {
                let provisioner = self.provisioner(root, name)?;
                self.put(provisioner, rest)
            }
            path => self.put(root, path),
        }
    }

    fn put(&self, mut table: &mut Table, path: &[String]) -> Result<(), Mistake> {
        let Some((last, way)) = path.split_last() else {
            return Ok(());
        };
        for part in way {
            let node = table.entry(part.clone()).or_insert_with(|| Node {
                value: Value::Table(Table::new()),
                place: self.place.clone(),
            });
            match &mut node.value {
                Value::Table(inner) => table = inner,
                other => {
                    let reason = format!("{part} is {}, not a table", other.kind());
                    return Err(self.mistake(reason));
                }
            }
        }
        let node = Node {
            value: Value::Raw(self.text.clone()),
            place: self.place.clone(),
        };
        table.insert(last.clone(), node);
        Ok(())
    }

    fn provisioner<'a>(&self, root: &'a mut Table, name: &str) -> Result<&'a mut Table, Mistake> {
        let list = provisioners(root, &self.place);
        let Value::List(entries) = &mut list.value else {
            return Err(self.mistake("provisioner is not a list of tables, [[provisioner]]"));
        };
        let named = entries.iter().filter_map(|entry| match &entry.value {
            Value::Table(table) => name_of(table),
            _ => None,
        });
        let known = named.collect::<Vec<_>>().join(", ");
        entries
            .iter_mut()
            .find_map(|entry| match &mut entry.value {
                Value::Table(table) if name_of(table).is_some_and(|n| self.means(name, n)) => {
                    Some(table)
                }
                _ => None,
            })
            .ok_or_else(|| {
                self.mistake(format!(
                    "no provisioner is named {name:?}; there are: {known}"
                ))
            })
    }

    fn means(&self, given: &str, name: &str) -> bool {
        let spelled = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        given == name || (self.is_variable && given.chars().eq(name.chars().map(spelled)))
    }

    fn mistake(&self, reason: impl Into<String>) -> Mistake {
        Mistake {
            place: self.place.clone(),
            key: self.path.join("."),
            reason: reason.into(),
        }
    }
}

/// The list of provisioners; without a word about them there is one, `default`.
pub(super) fn provisioners<'a>(root: &'a mut Table, place: &str) -> &'a mut Node {
    let node = |value| Node {
        value,
        place: place.to_owned(),
    };
    root.entry("provisioner".to_owned()).or_insert_with(|| {
        let name = node(Value::Text("default".to_owned()));
        let default = Table::from([("name".to_owned(), name)]);
        node(Value::List(vec![node(Value::Table(default))]))
    })
}

fn name_of(provisioner: &Table) -> Option<&str> {
    match &provisioner.get("name")?.value {
        Value::Text(name) => Some(name),
        _ => None,
    }
}

impl FromStr for Assignment {
    type Err = InvalidAssignment;

    /// Reads `key=value`; the key is dotted and quoted as in TOML.
    fn from_str(text: &str) -> Result<Self, InvalidAssignment> {
        let (key, value) = split_assignment(text).ok_or(InvalidAssignment)?;
        Ok(Self {
            path: key_path(key).ok_or(InvalidAssignment)?,
            text: value.to_owned(),
            place: format!("--set {}", key.trim()),
            is_variable: false,
        })
    }
}

/// Parts key and value at the first equals sign outside quotes.
fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '=') => return Some((&text[..at], &text[at + 1..])),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// The text is not `key=value`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write key=value with the key as in the file, such as validation.timeout=5s")]
pub struct InvalidAssignment;
