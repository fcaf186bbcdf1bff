//! Results on standard output: for people, or as JSON for machines.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::exit::Failure;

/// What results look like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// A result that can be told to people and to machines.
pub(crate) trait Report: Serialize {
    /// The result for people, with a line break at its end.
    fn text(&self) -> String;
}

impl OutputFormat {
    /// Prints a result.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be written. A reader that has gone away is no failure: who pipes
    /// into `head` has seen enough.
    pub(crate) fn print(self, report: &impl Report) -> Result<(), Failure> {
        match self {
            Self::Text => write_out(report.text().as_bytes()),
            Self::Json => {
                let mut json = serde_json::to_vec_pretty(report)
                    .map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))?;
                json.push(b'\n');
                write_out(&json)
            }
        }
    }
}

/// Writes bytes to standard output.
///
/// # Errors
/// [`Failure`] when they cannot be written; see [`OutputFormat::print`].
pub(crate) fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// Rows in columns under their headings, each column as wide as its widest cell.
#[must_use]
pub(crate) fn columns<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; N]| {
        let start = text.len();
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{cell:width$}  ");
        }
        let end = text[start..].trim_end().len();
        text.truncate(start + end);
        text.push('\n');
    };
    line(headings);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// Labels and values, a pair a line; pairs without a value are left out.
#[must_use]
pub(crate) fn facts(pairs: &[(&str, String)]) -> String {
    let width = pairs
        .iter()
        .map(|(label, _)| label.len())
        .max()
        .unwrap_or(0)
        + 2;
    let mut text = String::new();
    for (label, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{label:width$}{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["a", "bbbb"], ["ä", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(["long", "b"], &rows), "long  b\na     bbbb\nä\n");
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let pairs = [
            ("a", "1".to_owned()),
            ("bb", String::new()),
            ("ccc", "3".to_owned()),
        ];
        assert_eq!(facts(&pairs), "a    1\nccc  3\n");
    }
}
