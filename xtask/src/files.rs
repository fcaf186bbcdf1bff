//! Rules for every tracked file: size, opening line, nothing of one machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chore::{Breach, Result, output};
use crate::source::{Source, line_at};
use crate::workspace::root;

const MOST_LINES: usize = 600;

/// Hosts of package registries and folders of one machine; what is tracked must work elsewhere too.
/// Written in two halves, so that this file keeps its own rule.
const FOREIGN: [(&str, &str); 12] = [
    ("crates", ".io"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("registry.npmjs", ".org"),
    ("proxy.golang", ".org"),
    ("repo.maven.apache", ".org"),
    ("deb.debian", ".org"),
    ("registry.docker", ".io"),
    (" /wo", "rk/"),
    ("\"/wo", "rk/"),
    ("/ro", "ot/."),
    ("/ho", "me/"),
];

/// Every breach in the files that git tracks or would.
pub(crate) fn check() -> Result<Vec<Breach>> {
    let listed = output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root()),
    )?;
    let mut breaches = Vec::new();
    for file in listed.lines().map(PathBuf::from) {
        // Deleted but not yet committed, or not text.
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else {
            continue;
        };
        breaches.extend(check_file(&file, &text));
    }
    Ok(breaches)
}

fn check_file(file: &Path, text: &str) -> Vec<Breach> {
    let breach = |line, what: String| Breach {
        file: file.to_owned(),
        line,
        what,
    };
    let mut breaches = Vec::new();
    // The lock file names its registry by design.
    if file != Path::new("Cargo.lock") {
        for (left, right) in FOREIGN {
            let foreign = format!("{left}{right}");
            breaches.extend(text.match_indices(&foreign).map(|(at, found)| {
                let what = format!("names `{}`, which is not everywhere", found.trim());
                breach(line_at(text, at), what)
            }));
        }
    }
    if file.extension().is_none_or(|extension| extension != "rs") {
        return breaches;
    }
    // The documentation of a library is its README.
    if !text.starts_with("//!") && !text.starts_with("#![doc = include_str!(") {
        breaches.push(breach(1, "opens without a `//!` line".to_owned()));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        let what = format!("{lines} lines, more than {MOST_LINES}: split it");
        breaches.push(breach(0, what));
    }
    if file.file_name().is_some_and(|name| name == "mod.rs") {
        breaches.push(breach(
            0,
            "use foo.rs beside foo/, not foo/mod.rs".to_owned(),
        ));
    }
    let code = Source::new(file, text).code;
    for unfinished in [concat!("to", "do!"), concat!("unimpl", "emented!")] {
        breaches.extend(code.match_indices(unfinished).map(|(at, found)| {
            let what = format!("`{found}` is not finished");
            breach(line_at(&code, at), what)
        }));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, text: &str, expected_lines: &[usize]) {
        let breaches = check_file(Path::new(file), text);
        let lines: Vec<_> = breaches.iter().map(|breach| breach.line).collect();
        assert_eq!(lines, expected_lines, "{breaches:?}");
    }

    #[test]
    fn finds_planted_breaches() {
        check("a.rs", "//! Good.\nfn a() {}\n", &[]);
        check("a.rs", "fn a() {}\n", &[1]);
        check("a.rs", "//! Long.\n".repeat(601).as_str(), &[0]);
        check("a.rs", "//! A.\nfn a() { todo!() }\n", &[2]);
        check("a.rs", "//! A.\n// todo!\nfn a() {}\n", &[]);
        check("a/mod.rs", "//! A.\n", &[0]);
        check("a.md", &["see ", "crates", ".io\n"].concat(), &[1]);
        check("a.sh", &["#!/bin/sh\ncd /ro", "ot/.x\n"].concat(), &[2]);
        check("Cargo.lock", &["crates", ".io\n"].concat(), &[]);
        check("a.md", "framework/works/roots\n", &[]);
    }
}
