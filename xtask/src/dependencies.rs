//! Unused dependencies: what a manifest lists, some source of the crate must name.

use std::collections::BTreeSet;

use crate::chore::{Breach, Result};
use crate::source::{Source, named_paths};
use crate::workspace::{Metadata, Package};

/// Every dependency that no source names.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<Breach>> {
    let mut breaches = Vec::new();
    for package in metadata.members() {
        breaches.extend(check_package(package)?);
    }
    Ok(breaches)
}

fn check_package(package: &Package) -> Result<Vec<Breach>> {
    let mut product = BTreeSet::new();
    let mut everything = BTreeSet::new();
    for source in Source::all_below(package.dir())? {
        everything.extend(words(&source.code));
        let in_src = source.file.iter().any(|part| part == "src");
        if in_src {
            product.extend(words(&source.without_tests().code));
        }
    }
    // A README whose examples are tested is source too.
    let readme = std::fs::read_to_string(package.dir().join("README.md")).unwrap_or_default();
    everything.extend(words(&readme));

    let unnamed = |name: &str| package.unnamed_dependencies().iter().any(|it| it == name);
    let mut breaches = Vec::new();
    for dependency in &package.dependencies {
        let named_in = if dependency.is_dev() {
            &everything
        } else {
            &product
        };
        if named_in.contains(&dependency.name_in_source()) == unnamed(&dependency.name) {
            let what = if unnamed(&dependency.name) {
                format!("{} is named by the source after all", dependency.name)
            } else {
                format!("nothing in {} names {}", package.name, dependency.name)
            };
            breaches.push(Breach {
                file: package.manifest().to_owned(),
                line: package.line_naming(&dependency.name),
                what,
            });
        }
    }
    Ok(breaches)
}

fn words(code: &str) -> impl Iterator<Item = String> {
    named_paths(code)
        .into_iter()
        .flat_map(|path| path.segments)
        .map(str::to_owned)
}
