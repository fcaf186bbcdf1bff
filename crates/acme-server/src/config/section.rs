//! Reads one table of a configuration key by key: what is wrong is collected, what nobody asked
//! for is unknown, and what holds in the end is kept for showing.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::mistake::{Mistake, nearest};
use super::setting::Setting;
use super::tree::{Node, Table, Value};

/// A table that is being read.
pub(super) struct Section<'a> {
    path: String,
    /// Where the table begins, for what is missing in it.
    place: String,
    given: Table,
    /// Every key that was asked for, and where it stood.
    asked: Vec<(&'static str, Option<String>)>,
    effective: toml::Table,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Section<'a> {
    /// Reads the root table of `file`; returns what was read and the effective configuration.
    pub(super) fn root<T>(
        file: &str,
        given: Table,
        mistakes: &'a mut Vec<Mistake>,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> (T, toml::Table) {
        Self::run(String::new(), file.to_owned(), given, mistakes, read)
    }

    fn run<T>(
        path: String,
        place: String,
        given: Table,
        mistakes: &mut Vec<Mistake>,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> (T, toml::Table) {
        let mut section = Section {
            path,
            place,
            given,
            asked: Vec::new(),
            effective: toml::Table::new(),
            mistakes,
        };
        let value = read(&mut section);
        section.report_unknown();
        (value, section.effective)
    }

    /// The key's value, or `default` when it is not given or wrong.
    pub(super) fn value<T: Setting>(&mut self, key: &'static str, default: T) -> T {
        self.checked(key, default, |_| Ok(()))
    }

    /// The key's value, which must lie in `bounds`.
    pub(super) fn bounded<T: Setting + PartialOrd>(
        &mut self,
        key: &'static str,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        self.checked(key, default, |value| {
            if bounds.contains(value) {
                return Ok(());
            }
            let (least, most) = (bounds.start().show(), bounds.end().show());
            Err(format!("must be between {least} and {most}"))
        })
    }

    /// The key's value, which must pass `check`.
    pub(super) fn checked<T: Setting>(
        &mut self,
        key: &'static str,
        default: T,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> T {
        let value = match self.take(key) {
            None => default,
            Some(node) => {
                let read = T::read(&node.value).and_then(|value| check(&value).map(|()| value));
                read.unwrap_or_else(|reason| {
                    self.mistake(key, reason);
                    default
                })
            }
        };
        self.show(key, value.show());
        value
    }

    /// The key's value, which must be given; `stand_in` is read on with when it is not.
    pub(super) fn required<T: Setting>(
        &mut self,
        key: &'static str,
        stand_in: T,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> T {
        if !self.given.contains_key(key) {
            self.asked.push((key, None));
            self.mistake(key, "is missing");
            return stand_in;
        }
        self.checked(key, stand_in, check)
    }

    /// A table within this one; an empty one when it is not given.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let node = self.take(key);
        let place = node
            .as_ref()
            .map_or_else(|| self.place.clone(), |node| node.place.clone());
        let given = match node.map(|node| node.value) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.mistake(
                    key,
                    format!("must be a table, [{key}], not {}", other.kind()),
                );
                Table::new()
            }
        };
        let path = self.full(key);
        let (value, effective) = Self::run(path, place, given, self.mistakes, read);
        self.show(key, toml::Value::Table(effective));
        value
    }

    /// A list of tables within this one, at least one.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        let nodes = match self.take(key).map(|node| node.value) {
            None => return Vec::new(),
            Some(Value::List(nodes)) => nodes,
            Some(other) => {
                let reason = format!("must be tables, each [[{key}]], not {}", other.kind());
                self.mistake(key, reason);
                return Vec::new();
            }
        };
        if nodes.is_empty() {
            self.mistake(key, format!("there must be at least one, [[{key}]]"));
        }
        let (mut values, mut shown) = (Vec::new(), Vec::new());
        for (at, node) in nodes.into_iter().enumerate() {
            let Value::Table(given) = node.value else {
                let reason = format!("must be a table, [[{key}]], not {}", node.value.kind());
                self.mistakes.push(Mistake {
                    place: node.place,
                    key: self.full(key),
                    reason,
                });
                continue;
            };
            // A provisioner is told by its name, other tables by their place in the list.
            let name = match given.get("name").map(|name| &name.value) {
                Some(Value::Text(name)) if is_bare(name) => name.clone(),
                Some(Value::Text(name)) => format!("{name:?}"),
                _ => format!("{}", at + 1),
            };
            let path = format!("{}.{name}", self.full(key));
            let (value, effective) = Self::run(path, node.place, given, self.mistakes, &mut read);
            values.push(value);
            shown.push(toml::Value::Table(effective));
        }
        self.show(key, toml::Value::Array(shown));
        values
    }

    /// Tables within this one that the file names as it likes, by name.
    pub(super) fn named_sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section<'_>) -> T,
    ) -> Vec<T> {
        let given = match self.take(key).map(|node| node.value) {
            None => return Vec::new(),
            Some(Value::Table(given)) => given,
            Some(other) => {
                let reason = format!("must be tables, each [{key}.NAME], not {}", other.kind());
                self.mistake(key, reason);
                return Vec::new();
            }
        };
        let (mut values, mut shown) = (Vec::new(), toml::Table::new());
        for (name, node) in given {
            let segment = if is_bare(&name) {
                name.clone()
            } else {
                format!("{name:?}")
            };
            let path = format!("{}.{segment}", self.full(key));
            let Value::Table(given) = node.value else {
                let reason = format!("must be a table, not {}", node.value.kind());
                self.mistakes.push(Mistake {
                    place: node.place,
                    key: path,
                    reason,
                });
                continue;
            };
            let read = |section: &mut Section<'_>| read(&name, section);
            let (value, effective) = Self::run(path, node.place, given, self.mistakes, read);
            values.push(value);
            shown.insert(name.clone(), toml::Value::Table(effective));
        }
        self.show(key, toml::Value::Table(shown));
        values
    }

    /// Whether a mistake of a key was told already: what follows from it need not be.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        let key = self.full(key);
        self.mistakes.iter().any(|mistake| mistake.key == key)
    }

    /// Adds what is wrong with a key of this table.
    pub(super) fn mistake(&mut self, key: &str, reason: impl Display) {
        let asked = self.asked.iter().find(|(known, _)| *known == key);
        let place = asked.and_then(|(_, place)| place.clone());
        self.mistakes.push(Mistake {
            place: place.unwrap_or_else(|| self.place.clone()),
            key: self.full(key),
            reason: reason.to_string(),
        });
    }

    /// Adds what is wrong with this table as a whole.
    pub(super) fn mistake_of_all(&mut self, reason: impl Display) {
        self.mistakes.push(Mistake {
            place: self.place.clone(),
            key: self.path.clone(),
            reason: reason.to_string(),
        });
    }

    /// Shows a key's value otherwise than it was read.
    pub(super) fn show(&mut self, key: &str, value: toml::Value) {
        self.effective.insert(key.to_owned(), value);
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        let node = self.given.remove(key);
        self.asked
            .push((key, node.as_ref().map(|node| node.place.clone())));
        node
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn report_unknown(&mut self) {
        for (key, node) in std::mem::take(&mut self.given) {
            let known = self.asked.iter().map(|(known, _)| *known);
            let guess = nearest(&key, known)
                .map_or_else(String::new, |known| format!("; did you mean {known}?"));
            self.mistakes.push(Mistake {
                place: node.place,
                key: self.full(&key),
                reason: format!("there is no such key{guess}"),
            });
        }
    }
}

/// Whether TOML takes the text for one segment of a key without quotes.
fn is_bare(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.chars().all(is_plain)
}
