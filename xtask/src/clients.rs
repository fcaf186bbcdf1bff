//! `docs/CLIENTS.md`: which client has shown what. The table is made of what the scenarios told
//! while they ran, so that it says nothing that was not seen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::chore::Result;
use crate::workspace::root;

const DOCUMENT: &str = "docs/CLIENTS.md";
const BEGIN: &str = "<!-- clients -->";
const END: &str = "<!-- /clients -->";

/// The file that scenarios tell what they have shown, a line each: client, tab, feature.
#[derive(Debug)]
pub(crate) struct Shown(PathBuf);

impl Shown {
    /// An empty one: what earlier runs have shown does not count.
    pub(crate) fn begin(target: &Path) -> Result<Self> {
        let file = target.join("shown-by-clients.txt");
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(Self(file)),
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.0
    }

    /// Writes the table into the document.
    pub(crate) fn write(&self) -> Result<()> {
        let document = root().join(DOCUMENT);
        Ok(std::fs::write(document, self.document()?.1)?)
    }

    /// Fails when the document's table is another.
    pub(crate) fn compare(&self) -> Result<()> {
        let (committed, shown) = self.document()?;
        if committed == shown {
            return Ok(());
        }
        Err(format!(
            "the table in {DOCUMENT} is not what the tests have shown: \
             run `cargo xtask test` and commit what it writes there"
        )
        .into())
    }

    /// The document as it is, and with the table of this run.
    fn document(&self) -> Result<(String, String)> {
        let told = std::fs::read_to_string(&self.0)
            .map_err(|error| format!("no test has shown anything of a client: {error}"))?;
        let committed = std::fs::read_to_string(root().join(DOCUMENT))?;
        let shown = with_table(&committed, &table(&told)?)?;
        Ok((committed, shown))
    }
}

/// A row for each feature, a column for each client, both in the order of the alphabet.
fn table(told: &str) -> Result<String> {
    let shown = told
        .lines()
        .map(|line| line.split_once('\t').ok_or("a line names no feature"))
        .collect::<std::result::Result<BTreeSet<_>, _>>()?;
    let clients: BTreeSet<_> = shown.iter().map(|(client, _)| *client).collect();
    let features: BTreeSet<_> = shown.iter().map(|(_, feature)| *feature).collect();
    let row = |first: &str, cells: Vec<&str>| format!("| {first} | {} |\n", cells.join(" | "));
    let mut table = row("feature", clients.iter().copied().collect());
    table += &row("---", vec!["---"; clients.len()]);
    for feature in features {
        let cell = |client: &&'_ str| {
            if shown.contains(&(*client, feature)) {
                "yes"
            } else {
                ""
            }
        };
        table += &row(feature, clients.iter().map(cell).collect());
    }
    Ok(table)
}

fn with_table(document: &str, table: &str) -> Result<String> {
    let parts = document.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| format!("{DOCUMENT} has no place for the table: {BEGIN} and {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_becomes_a_table() {
        let told = "b\tx\na\ty\nb\tx\n";
        let table = table(told).unwrap();
        let expected = "| feature | a | b |\n| --- | --- | --- |\n| x |  | yes |\n| y | yes |  |\n";
        assert_eq!(table, expected);
        let document = format!("before {BEGIN}\nold\n{END} after");
        let made = with_table(&document, &table).unwrap();
        assert_eq!(made, format!("before {BEGIN}\n\n{expected}\n{END} after"));
        assert_eq!(with_table(&made, &table).unwrap(), made);
        assert_ne!(
            with_table(&made, expected.replace("| yes |  |", "|  |  |").as_str()).unwrap(),
            made
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(table("a feature alone\n").is_err());
        assert!(with_table("no markers", "").is_err());
        assert!(with_table(&format!("{END} {BEGIN}"), "").is_err());
    }
}
