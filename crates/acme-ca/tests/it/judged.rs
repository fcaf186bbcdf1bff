//! Every issuer with every leaf key, judged by OpenSSL, pkilint and pyca/cryptography.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acme_ca::{KeyType, LeafProfile, ObjectIdentifier};
use tempfile::TempDir;

use crate::support::{authority, issue, leaf_keys, openssl, python, request, write_pem};

/// What pkilint may say at WARNING or above, and why that is right here. One that is no longer
/// needed fails the test.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        linter: "pkix",
        file: "wildcard-",
        code: "pkix.invalid_domain_name_syntax",
        reason: "RFC 5280 leaves wildcards to other documents; RFC 9525 § 6.3 has them",
    },
    Exception {
        linter: "pkix",
        file: "single-",
        code: "pkix.invalid_domain_name_syntax",
        reason: "private networks use names of one label",
    },
    Exception {
        linter: "tls-leaf",
        file: "profile-",
        code: "cabf.serverauth.dv.common_name_attribute_present",
        reason: "not recommended there, but allowed; old clients show nothing without it",
    },
    Exception {
        linter: "tls-leaf",
        file: "-by-ed25519",
        code: "cabf.serverauth.prohibited_signature_algorithm_encoding",
        reason: "public authorities may not use Ed25519; a private one may",
    },
    Exception {
        linter: "tls-leaf",
        file: "-by-ml-dsa-65",
        code: "cabf.serverauth.prohibited_signature_algorithm_encoding",
        reason: "public authorities may not use ML-DSA; a private one may",
    },
];

struct Exception {
    linter: &'static str,
    /// A part of the file's name.
    file: &'static str,
    code: &'static str,
    reason: &'static str,
}

impl Exception {
    fn covers(&self, linter: &str, file: &str, code: &str) -> bool {
        self.linter == linter && file.contains(self.file) && self.code == code
    }
}

struct Leaf {
    issuer: KeyType,
    dir: PathBuf,
    path: PathBuf,
}

/// Leaves of every kind, and the directories that must outlive them.
fn leaves() -> (Vec<TempDir>, Vec<Leaf>) {
    let names: [(&str, &[&str]); 5] = [
        (
            "name",
            &["a.example.com", "b.example.com", "10.0.0.1", "2001:db8::1"],
        ),
        ("wildcard", &["*.example.com", "example.com"]),
        ("ip", &["192.0.2.7"]),
        ("single", &["localhost"]),
        (
            "long",
            &[concat!(
                "a-name-that-is-longer-than-a-common-name-may-be.",
                "but-shorter-than-a-dns-name-may-be.example.com"
            )],
        ),
    ];
    let keys = leaf_keys();
    let (mut dirs, mut leaves) = (Vec::new(), Vec::new());
    for issuer in KeyType::ALL {
        let (dir, authority) = authority(issuer);
        for (key, spki) in &keys {
            for (kind, names) in names {
                // What the names are does not depend on the keys: all of them with one key only.
                if kind != "name" && *key != "P-256" {
                    continue;
                }
                let der = issue(&authority, &request(names, spki.clone()));
                let name = format!("{kind}-{key}-by-{issuer}.crt");
                leaves.push(Leaf {
                    issuer,
                    dir: dir.path().to_owned(),
                    path: write_pem(dir.path(), &name, &der),
                });
            }
        }
        let profile = LeafProfile {
            crl_url: Some("http://ca.example.com/crl/1.crl".to_owned()),
            ocsp_url: Some("http://ca.example.com/ocsp".to_owned()),
            issuer_url: Some("http://ca.example.com/intermediate.crt".to_owned()),
        };
        let authority = authority.with_profile(&profile).unwrap();
        let mut asked = request(&["a.example.com"], keys[0].1.clone());
        asked.contents.subject_key_identifier = false;
        asked.contents.policies = vec![ObjectIdentifier::new_unwrap("2.23.140.1.2.1")];
        let der = issue(&authority, &asked);
        let name = format!("profile-P-256-by-{issuer}.crt");
        leaves.push(Leaf {
            issuer,
            dir: dir.path().to_owned(),
            path: write_pem(dir.path(), &name, &der),
        });
        dirs.push(dir);
    }
    (dirs, leaves)
}

#[test]
fn openssl_verifies_every_chain() {
    let (_dirs, leaves) = leaves();
    // OpenSSL 3.0 knows no ML-DSA.
    let known = leaves.iter().filter(|leaf| leaf.issuer != KeyType::MlDsa65);
    for leaf in known {
        let file = |name: &str| leaf.dir.join(name).display().to_string();
        openssl(&[
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-attime",
            "1795521600",
            "-CAfile",
            &file("root.crt"),
            "-untrusted",
            &file("intermediate.crt"),
            &leaf.path.display().to_string(),
        ]);
    }
}

#[test]
fn pyca_verifies_every_signature() {
    const SCRIPT: &str = "
import sys
from cryptography.x509 import load_pem_x509_certificate as load
certificates = [load(open(path, 'rb').read()) for path in sys.argv[1:]]
for subject, issuer in zip(certificates, certificates[1:] + certificates[-1:]):
    subject.verify_directly_issued_by(issuer)
";
    let (_dirs, leaves) = leaves();
    for leaf in &leaves {
        let output = Command::new(python())
            .args(["-c", SCRIPT])
            .arg(&leaf.path)
            .arg(leaf.dir.join("intermediate.crt"))
            .arg(leaf.dir.join("root.crt"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}: {}",
            leaf.path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn pkilint_finds_nothing() {
    let (_dirs, leaves) = leaves();
    let mut jobs: Vec<Vec<&Path>> = Vec::new();
    let authorities: Vec<_> = leaves
        .iter()
        .filter(|leaf| is_kind(&leaf.path, "profile"))
        .flat_map(|leaf| ["root.crt", "intermediate.crt"].map(|name| leaf.dir.join(name)))
        .collect();
    let issuers: Vec<_> = leaves
        .iter()
        .map(|leaf| leaf.dir.join("intermediate.crt"))
        .collect();
    for pair in authorities.chunks(2) {
        jobs.extend(pair.iter().map(|path| vec![Path::new("pkix"), path]));
        jobs.push(vec![Path::new("chain"), &pair[0], &pair[1]]);
    }
    for (leaf, issuer) in leaves.iter().zip(&issuers) {
        // The linter of public TLS has the PKIX rules in it, but for those it sets aside.
        let linter = match is_kind(&leaf.path, "profile") {
            true => "tls-leaf",
            false => "pkix",
        };
        jobs.push(vec![Path::new(linter), &leaf.path]);
        jobs.push(vec![Path::new("chain"), issuer, &leaf.path]);
    }
    let mut complaints = String::new();
    let mut needed = vec![false; EXCEPTIONS.len()];
    for (job, findings) in jobs.iter().zip(lint(&jobs)) {
        let linter = job[0].to_str().unwrap();
        let file = job.last().unwrap().file_name().unwrap().to_str().unwrap();
        for [severity, code, message] in findings {
            let quiet = ["NOTICE", "INFO", "DEBUG"].contains(&severity.as_str());
            let exception = EXCEPTIONS
                .iter()
                .position(|exception| exception.covers(linter, file, &code));
            match exception {
                Some(at) => needed[at] = true,
                None if quiet => {}
                None => {
                    writeln!(complaints, "{linter} {file}: {severity} {code} {message}").unwrap();
                }
            }
        }
    }
    for (exception, _) in EXCEPTIONS.iter().zip(needed).filter(|(_, needed)| !needed) {
        let Exception {
            file, code, reason, ..
        } = exception;
        writeln!(complaints, "no longer needed: {code} in {file} ({reason})").unwrap();
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

fn is_kind(path: &Path, kind: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_str().unwrap().starts_with(kind))
}

/// What each job found: severity, code, message.
pub(crate) fn lint(jobs: &[Vec<&Path>]) -> Vec<Vec<[String; 3]>> {
    let mut child = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lint.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(jobs).unwrap()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the linter failed");
    let findings: Vec<_> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings.len(), jobs.len());
    findings
}
