//! Licences: every crate in the build is under one that `deny.toml` allows, and none is there that
//! it bans.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::chore::{Breach, Result, cargo, run};
use crate::workspace::{Metadata, root};

#[cfg(test)]
mod tests;

/// The part of `deny.toml` that this check reads; cargo-deny reads all of it.
#[derive(Debug, Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Every crate whose licence is not allowed, or that is banned.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<Breach>> {
    let text = std::fs::read_to_string(root().join("deny.toml"))?;
    let deny: Deny = toml::from_str(&text)?;
    let mut breaches = Vec::new();
    for package in &metadata.packages {
        let wrong = deny.refuses(&package.name, package.license.as_deref());
        breaches.extend(wrong.map(|why| Breach {
            file: "Cargo.lock".into(),
            line: 0,
            what: format!("{} {}: {why}", package.name, package.version),
        }));
    }
    Ok(breaches)
}

/// Runs cargo-deny where it is installed; what it needs from the network it is not asked for.
pub(crate) fn cargo_deny() -> Result<()> {
    let installed = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        return Ok(());
    }
    run(cargo()
        .args(["deny", "--offline", "check", "licenses", "bans", "sources"])
        .current_dir(Path::new(root())))
}

impl Deny {
    fn refuses(&self, name: &str, licence: Option<&str>) -> Option<String> {
        if let Some(banned) = self.bans.deny.iter().find(|banned| banned.name == name) {
            return Some(format!("banned: {}", banned.reason));
        }
        let excepted = self.licenses.exceptions.iter().filter(|e| e.name == name);
        let allowed: Vec<&str> = excepted
            .flat_map(|exception| &exception.allow)
            .chain(&self.licenses.allow)
            .map(String::as_str)
            .collect();
        match licence {
            None => Some("says no licence".to_owned()),
            Some(expression) if is_allowed(expression, &allowed) => None,
            Some(expression) => Some(format!("licence {expression} is not allowed")),
        }
    }
}

/// Whether the SPDX expression can be met with the allowed licences alone.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    // Old crates write `MIT/Apache-2.0`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = any_of(words, allowed);
        return met & words.next_if_eq(&")").is_some();
    }
    let Some(licence) = words.next() else {
        return false;
    };
    // An exception only permits more.
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    allowed.contains(&licence)
}
