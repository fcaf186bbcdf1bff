//! The layers: which crate may depend on which, and what only one crate may name.

use crate::chore::{Breach, Result};
use crate::source::{NamedPath, Source, named_paths};
use crate::workspace::{Metadata, Package};

#[cfg(test)]
mod tests;

/// The drawing of `docs/ARCHITECTURE.md`: a crate and those of ours that it may name.
const LAYERS: [(&str, &[&str]); 13] = [
    ("acme-types", &[]),
    ("acme-core", &["acme-types"]),
    ("acme-store", &["acme-core", "acme-types"]),
    ("acme-ca", &["acme-core", "acme-types"]),
    ("acme-validate", &["acme-core", "acme-types"]),
    ("acme-http", &["acme-core", "acme-types"]),
    ("acme-admin", &["acme-core", "acme-types"]),
    (
        "acme-server",
        &[
            "acme-admin",
            "acme-ca",
            "acme-core",
            "acme-http",
            "acme-store",
            "acme-types",
            "acme-validate",
        ],
    ),
    // It drives the built binary; the device that it makes up is told in core's words.
    ("acme-tests", &["acme-core", "acme-types"]),
    (
        "acme-sim",
        &["acme-core", "acme-server", "acme-store", "acme-types"],
    ),
    // It drives the built binary, and reads the store beside it.
    ("acme-chaos", &["acme-core", "acme-store", "acme-types"]),
    ("acme-bench", &["acme-types"]),
    ("xtask", &[]),
];

const ALL_LIBRARIES: &[&str] = &[
    "acme-types",
    "acme-core",
    "acme-store",
    "acme-ca",
    "acme-validate",
    "acme-http",
    "acme-admin",
];

/// Something that only some crates may name in their source, tests apart.
struct Reserved {
    /// Runs of path segments, any of which is the thing.
    paths: &'static [&'static [&'static str]],
    denied_to: &'static [&'static str],
    why: &'static str,
}

const RESERVED: [Reserved; 9] = [
    Reserved {
        paths: &[
            &["diesel"],
            &["diesel_async"],
            &["diesel_migrations"],
            &["libsqlite3_sys"],
            &["tokio_postgres"],
        ],
        denied_to: &[
            "acme-types",
            "acme-core",
            "acme-ca",
            "acme-validate",
            "acme-http",
            "acme-admin",
            "acme-server",
        ],
        why: "only acme-store speaks to a database",
    },
    Reserved {
        paths: &[&["warp"]],
        denied_to: &[
            "acme-types",
            "acme-core",
            "acme-store",
            "acme-ca",
            "acme-validate",
            "acme-server",
        ],
        why: "only acme-http and acme-admin name warp",
    },
    Reserved {
        paths: &[&["SystemTime"], &["UNIX_EPOCH"], &["UnixTime", "now"]],
        denied_to: ALL_LIBRARIES,
        why: "only acme-server reads the time of day; take `now` as an argument",
    },
    Reserved {
        paths: &[
            &["Instant", "now"],
            &["Utc", "now"],
            &["OffsetDateTime", "now_utc"],
        ],
        // The other libraries wait for peers, and may know for how long.
        denied_to: &["acme-types", "acme-core"],
        why: "this crate reads no clock; take `now` as an argument",
    },
    Reserved {
        paths: &[
            &["TcpListener"],
            &["TcpSocket"],
            &["TcpStream"],
            &["UdpSocket"],
            &["UnixListener"],
            &["UnixStream"],
            &["ToSocketAddrs"],
            &["tokio", "net"],
        ],
        denied_to: &["acme-types", "acme-core"],
        why: "this crate opens no socket",
    },
    Reserved {
        paths: &[&["std", "fs"], &["tokio", "fs"], &["File", "open"]],
        denied_to: &[
            "acme-types",
            "acme-core",
            "acme-http",
            "acme-admin",
            "acme-validate",
        ],
        why: "this crate opens no file",
    },
    Reserved {
        paths: &[&["tokio"], &["hyper"], &["rustls"], &["tokio_rustls"]],
        denied_to: &["acme-types", "acme-core"],
        why: "decisions are pure: no runtime and no network library here",
    },
    Reserved {
        paths: &[&["std", "env"], &["toml"], &["clap"]],
        denied_to: ALL_LIBRARIES,
        why: "only acme-server reads configuration",
    },
    Reserved {
        paths: &[&["aws_lc_rs", "rand"], &["getrandom"], &["OsRng"]],
        // Not acme-ca: making a key and signing with it want the library's own source.
        denied_to: &[
            "acme-types",
            "acme-core",
            "acme-store",
            "acme-validate",
            "acme-http",
            "acme-admin",
        ],
        why: "only acme-server makes the source of randomness; take `Entropy` as an argument",
    },
];

/// Every breach of the layers, in manifests and source.
pub(crate) fn check(metadata: &Metadata) -> Result<Vec<Breach>> {
    let mut breaches = Vec::new();
    for package in metadata.members() {
        breaches.extend(check_manifest(package));
        for source in Source::all_below(&package.dir().join("src"))? {
            breaches.extend(check_source(&package.name, &source.without_tests()));
        }
    }
    Ok(breaches)
}

fn check_manifest(package: &Package) -> Vec<Breach> {
    let breach = |line, what| Breach {
        file: package.manifest().to_owned(),
        line,
        what,
    };
    let Some((name, below)) = LAYERS.iter().find(|(name, _)| *name == package.name) else {
        let what = format!("{} has no place in the drawing of the layers", package.name);
        return vec![breach(0, what)];
    };
    let ours = |dependency: &str| LAYERS.iter().any(|(name, _)| *name == dependency);
    let mut breaches = Vec::new();
    for dependency in package.dependencies.iter().filter(|d| d.is_normal()) {
        let line = || package.line_naming(&dependency.name);
        if ours(&dependency.name) && !below.contains(&dependency.name.as_str()) {
            let what = format!("{name} must not depend on {}", dependency.name);
            breaches.push(breach(line(), what));
        }
        let in_source = dependency.name_in_source();
        let path = NamedPath {
            line: 0,
            segments: vec![&in_source],
        };
        breaches.extend(reserved(name, &path).map(|why| {
            let what = format!("{name} must not depend on {}: {why}", dependency.name);
            breach(line(), what)
        }));
    }
    breaches
}

fn check_source(package: &str, source: &Source) -> Vec<Breach> {
    named_paths(&source.code)
        .iter()
        .filter_map(|path| {
            let why = reserved(package, path)?;
            Some(Breach {
                file: source.file.clone(),
                line: path.line,
                what: format!("{package} names `{}`: {why}", path.segments.join("::")),
            })
        })
        .collect()
}

/// Why the package may not name the path, if it may not.
fn reserved(package: &str, path: &NamedPath<'_>) -> Option<&'static str> {
    let names = |reserved: &[&str]| {
        path.segments
            .windows(reserved.len())
            .any(|window| window == reserved)
    };
    RESERVED
        .iter()
        .filter(|rule| rule.denied_to.contains(&package))
        .find(|rule| rule.paths.iter().any(|reserved| names(reserved)))
        .map(|rule| rule.why)
}
