//! What the documents point to is there: relative links, and the paths of the workspace that they
//! name. Maps that nobody checks lead astray.

use std::path::Path;
use std::process::Command;

use crate::chore::{Breach, Result, output};
use crate::workspace::root;

/// Folders of the workspace; a word in backticks that starts with one of them is a path.
const FOLDERS: [&str; 5] = ["crates/", "tests/", "xtask/", "docs/", "bench/"];

/// Every link and path in a document that leads nowhere.
pub(crate) fn check() -> Result<Vec<Breach>> {
    let listed = output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .arg("*.md")
            .current_dir(root()),
    )?;
    let mut breaches = Vec::new();
    for file in listed.lines().map(Path::new) {
        // Deleted but not yet committed.
        let Ok(text) = std::fs::read_to_string(root().join(file)) else {
            continue;
        };
        breaches.extend(check_document(file, &text, |path| {
            root().join(path).exists()
        }));
    }
    Ok(breaches)
}

fn check_document(file: &Path, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Breach> {
    let here = file.parent().unwrap_or_else(|| Path::new(""));
    let mut breaches = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let links = links(line).map(|link| here.join(link));
        let gone = links.filter(|path| !exists(path));
        // Paths count from the root of the workspace, or of the crate.
        let paths = quoted_paths(line).map(Path::new);
        let paths = paths.filter(|path| !exists(path) && !exists(&here.join(path)));
        let gone = gone.chain(paths.map(Path::to_owned));
        breaches.extend(gone.map(|path| Breach {
            file: file.to_owned(),
            line: index + 1,
            what: format!("there is no {}", path.display()),
        }));
    }
    breaches
}

/// Targets of the links that stay within the repository, without their fragments.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

fn quoted_paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        word.chars().all(is_path) && FOLDERS.iter().any(|folder| word.starts_with(folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_planted_breaches() {
        let text = "[a](b.md) [gone](gone.md#x)\n[web](https://x.test) [here](#here)\n\
                    `crates/a` `crates/gone` `crates/{a,b}` `gone`\n";
        let there = ["docs/b.md", "crates/a"].map(Path::new);
        let breaches = check_document(Path::new("docs/x.md"), text, |path| there.contains(&path));
        let found: Vec<_> = breaches.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/x.md:1: there is no docs/gone.md",
                "docs/x.md:3: there is no crates/gone"
            ]
        );
    }
}
