//! `cargo xtask ci`: what CI runs, cheapest first, the tests last.

use crate::chore::{Breach, Result, cargo, run};
use crate::workspace::Metadata;
use crate::{conformance, dependencies, docs, files, layers, licences, test};

/// House rules, format, lints, documentation, then every test, and the table that the tests make.
pub(crate) fn ci() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    house_rules()?;
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .arg("--document-private-items")
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    test::run_tests(false, None)?.compare()
}

/// Runs every check of our own and lists all that is wrong.
pub(crate) fn house_rules() -> Result<()> {
    let metadata = Metadata::load()?;
    let mut breaches = files::check()?;
    breaches.extend(docs::check()?);
    breaches.extend(layers::check(&metadata)?);
    breaches.extend(dependencies::check(&metadata)?);
    breaches.extend(licences::check(&metadata)?);
    breaches.extend(conformance::check(&metadata)?);
    if !breaches.is_empty() {
        return Err(told(breaches).into());
    }
    licences::cargo_deny()
}

fn told(mut breaches: Vec<Breach>) -> String {
    breaches.sort();
    breaches.dedup();
    let lines: Vec<_> = breaches.iter().map(ToString::to_string).collect();
    format!("house rules broken:\n{}", lines.join("\n"))
}
