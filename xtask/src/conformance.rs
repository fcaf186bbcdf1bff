//! `docs/CONFORMANCE.md`: every section of the RFCs has a row, and every test that it or
//! `docs/CLIENTS.md` names is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::chore::{Breach, Result};
use crate::source::Source;
use crate::workspace::{Metadata, root};

const TABLE: &str = "docs/CONFORMANCE.md";
/// Its table of oddities names tests, too.
const ODDITIES: &str = "docs/CLIENTS.md";

/// Sections that tell an ACME server what to do.
const SECTIONS: [(&str, &[&str]); 3] = [
    (
        "RFC 8555",
        &[
            "6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "7.1.1", "7.1.2", "7.1.3", "7.1.4",
            "7.1.5", "7.1.6", "7.2", "7.3", "7.3.1", "7.3.2", "7.3.3", "7.3.4", "7.3.5", "7.3.6",
            "7.4", "7.4.1", "7.4.2", "7.5", "7.5.1", "7.5.2", "7.6", "8.1", "8.2", "8.3", "8.4",
            "9.1", "10.3", "10.4", "11.1", "11.3",
        ],
    ),
    ("RFC 8737", &["3", "4", "5"]),
    ("RFC 8738", &["3", "4", "5", "6", "7"]),
];

/// What a row says instead of a test: the server does not do it, or no test shows it yet.
const ADMISSIONS: [&str; 2] = ["not done", "not shown"];

/// Every section without a row, and every test that is not there.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<Breach>> {
    let text = std::fs::read_to_string(root().join(TABLE))?;
    let mut tests = BTreeSet::new();
    for package in metadata.members() {
        for source in Source::all_below(package.dir())? {
            let names = test_names(&source.code).chain(contract_names(&source.code));
            tests.extend(names.map(|name| format!("{}:{name}", package.name)));
        }
    }
    let mut breaches = check_table(&text, &tests);
    let oddities = std::fs::read_to_string(root().join(ODDITIES))?;
    breaches.extend(check_names(ODDITIES, &oddities, &tests));
    Ok(breaches)
}

/// Every test that a document names and that is not there.
fn check_names(document: &str, text: &str, tests: &BTreeSet<String>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for test in named(line).filter(|test| !tests.contains(*test)) {
            breaches.push(Breach {
                file: Path::new(document).to_owned(),
                line: index + 1,
                what: format!("there is no test `{test}`"),
            });
        }
    }
    breaches
}

/// Names of tests in a line: `crate:function`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| is_test_reference(word))
}

fn check_table(text: &str, tests: &BTreeSet<String>) -> Vec<Breach> {
    let breach = |line, what| Breach {
        file: Path::new(TABLE).to_owned(),
        line,
        what,
    };
    let mut breaches = Vec::new();
    let mut rfc = "";
    let mut rows = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if let Some(heading) = line.strip_prefix("## ") {
            rfc = heading;
        }
        let Some(cells) = line.strip_prefix("| §") else {
            continue;
        };
        let section = cells.split('|').next().unwrap_or_default().trim();
        rows.insert((rfc.to_owned(), section.to_owned()));
        let named: Vec<_> = named(line).collect();
        let admits = ADMISSIONS.iter().any(|words| line.contains(words));
        if named.is_empty() && !admits {
            breaches.push(breach(number, format!("§ {section} names no test")));
        }
        for test in named.iter().filter(|test| !tests.contains(**test)) {
            breaches.push(breach(number, format!("there is no test `{test}`")));
        }
    }
    for (rfc, sections) in SECTIONS {
        let has_row = |section: &str| {
            let mut rows = rows.iter();
            rows.any(|(heading, row)| heading.starts_with(rfc) && row == section)
        };
        for section in sections.iter().filter(|section| !has_row(section)) {
            breaches.push(breach(0, format!("{rfc} § {section} has no row")));
        }
    }
    breaches
}

fn is_test_reference(word: &str) -> bool {
    word.split_once(':').is_some_and(|(package, name)| {
        !package.is_empty()
            && package.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Functions under a test attribute: `#[test]`, `#[tokio::test(..)]`.
fn test_names(code: &str) -> impl Iterator<Item = &str> {
    let mut under_test = false;
    code.lines().filter_map(move |line| {
        let line = line.trim();
        let is_attribute = line.starts_with("#[");
        if is_attribute {
            let name = line.trim_start_matches("#[").split(['(', ']']).next();
            under_test |= name.is_some_and(|name| name == "test" || name.ends_with("::test"));
            return None;
        }
        let was_under_test = under_test;
        under_test &= line.is_empty() || !line.contains("fn ");
        let (_, signature) = line.split_once("fn ").filter(|_| was_under_test)?;
        signature.split(['(', '<']).next()
    })
}

/// Functions that a contract lists, a line each: a macro makes a test of each for every engine.
fn contract_names(code: &str) -> impl Iterator<Item = &str> {
    let is_contract = code.contains("macro_rules! contract");
    let is_name = |word: &&str| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !word.is_empty() && word.chars().all(is_word)
    };
    code.lines()
        .filter(move |_| is_contract)
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tests() {
        let code =
            "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(flavor = x)]\n#[x]\nasync fn c() {}";
        assert_eq!(test_names(code).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn finds_contracts() {
        let list = "x: [\n  a_b,\n  c(d),\n  e, f,\n]";
        let code = format!("macro_rules! contract {{}}\n{list}");
        assert_eq!(contract_names(&code).collect::<Vec<_>>(), ["a_b"]);
        assert_eq!(contract_names(list).next(), None);
    }

    #[test]
    fn finds_tests_that_a_document_names_in_vain() {
        let tests = BTreeSet::from(["acme-http:a".to_owned()]);
        let text = "words\n| x | `acme-http:a`, `acme-http:b` |\n`cargo xtask`";
        let breaches = check_names("x.md", text, &tests);
        let told: Vec<_> = breaches.iter().map(|one| (one.line, &*one.what)).collect();
        assert_eq!(told, [(2, "there is no test `acme-http:b`")]);
    }

    #[test]
    fn finds_planted_breaches() {
        let tests = BTreeSet::from(["acme-http:a".to_owned()]);
        let table = "## RFC 8555\n| § 6.1 | x | `acme-http:a` |\n| § 6.2 | x | `acme-http:b` |\n| § 6.3 | x | `y` |\n";
        let breaches = check_table(table, &tests);
        let lines: Vec<_> = breaches.iter().map(|breach| breach.line).collect();
        assert_eq!(lines[..2], [3, 4], "{breaches:?}");
        let missing = breaches.iter().filter(|breach| breach.line == 0).count();
        let all: usize = SECTIONS.iter().map(|(_, sections)| sections.len()).sum();
        assert_eq!(missing, all - 3);
    }
}
