//! The workspace as `cargo metadata` tells it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::chore::{Result, cargo, output};

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Packages of the workspace and all they depend on, on this machine.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// Where it was fetched from; none for a package of the workspace.
    source: Option<String>,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
    metadata: Option<PackageMetadata>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) rename: Option<String>,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PackageMetadata {
    xtask: Option<XtaskMetadata>,
}

/// `[package.metadata.xtask]` of a crate's `Cargo.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct XtaskMetadata {
    /// Dependencies that no source names: they are there for a feature or a version.
    unnamed_dependencies: Vec<String>,
}

impl Metadata {
    /// Asks cargo, for this machine's platform alone, so that nothing else need be downloaded.
    pub(crate) fn load() -> Result<Self> {
        let host = output(Command::new("rustc").arg("-vV"))?;
        let host = host
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or("rustc -vV names no host")?
            .to_owned();
        let json = output(cargo().args([
            "metadata",
            "--locked",
            "--format-version=1",
            "--filter-platform",
            &host,
        ]))?;
        Ok(serde_json::from_str(&json)?)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.source.is_none())
    }
}

impl Package {
    pub(crate) fn dir(&self) -> &Path {
        self.manifest_path
            .parent()
            .unwrap_or_else(|| Path::new("."))
    }

    /// The manifest, relative to the workspace's root.
    pub(crate) fn manifest(&self) -> &Path {
        relative(&self.manifest_path)
    }

    /// The manifest's line that names the dependency, 0 when there is none.
    pub(crate) fn line_naming(&self, dependency: &str) -> usize {
        let text = std::fs::read_to_string(&self.manifest_path).unwrap_or_default();
        let names = |line: &str| {
            line.strip_prefix(dependency)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        text.lines().position(names).map_or(0, |index| index + 1)
    }

    pub(crate) fn unnamed_dependencies(&self) -> &[String] {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.xtask.as_ref())
            .map_or(&[], |xtask| &xtask.unnamed_dependencies)
    }
}

impl Dependency {
    /// Neither for tests nor for a build script.
    pub(crate) fn is_normal(&self) -> bool {
        self.kind.is_none()
    }

    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }

    /// The name that the source uses.
    pub(crate) fn name_in_source(&self) -> String {
        self.rename
            .as_deref()
            .unwrap_or(&self.name)
            .replace('-', "_")
    }
}

/// The path as seen from the workspace's root.
pub(crate) fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}
