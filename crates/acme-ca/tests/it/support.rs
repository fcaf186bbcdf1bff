//! An authority in a directory of its own, leaves from it, and the tools that judge them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use acme_ca::{InitOptions, KeyType, LocalAuthority, Passphrase, init};
use acme_core::pem::{certificates_from_pem, certificates_to_pem};
use acme_core::{Entropy, IssueRequest, LeafContents, Provisioner, Serial, SignAuthority};
use acme_types::{Identifier, ProvisionerName, RawIdentifier, Timestamp};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use tempfile::TempDir;

/// 2026-11-24T12:00:00Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_795_521_600)
}

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The machine's random bytes.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

pub(crate) fn options(key_type: KeyType) -> InitOptions {
    InitOptions {
        name: "Example".to_owned(),
        key_type,
        root: None,
        passphrase: None,
    }
}

/// A directory with a new authority.
pub(crate) fn ready(key_type: KeyType) -> TempDir {
    let dir = TempDir::new().unwrap();
    init(dir.path(), &options(key_type), &SystemEntropy, now()).unwrap();
    dir
}

/// DER of the certificates in a PEM file.
pub(crate) fn certificates(path: &Path) -> Vec<Vec<u8>> {
    certificates_from_pem(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Fails the test unless OpenSSL finds the leaf good under a root, by way of a chain.
pub(crate) fn verify(root: &Path, chain: &Path, leaf: &Path) {
    let file = |path: &Path| path.display().to_string();
    openssl(&[
        "verify",
        "-x509_strict",
        "-attime",
        &now().as_secs().to_string(),
        "-CAfile",
        &file(root),
        "-untrusted",
        &file(chain),
        &file(leaf),
    ]);
}

/// A new authority and the directory it lives in.
pub(crate) fn authority(key_type: KeyType) -> (TempDir, LocalAuthority) {
    let dir = ready(key_type);
    let authority = load(dir.path(), None).unwrap();
    (dir, authority)
}

pub(crate) fn load(
    dir: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<LocalAuthority, acme_ca::CaError> {
    let provisioner = Arc::new(Provisioner::new(provisioner_name()));
    LocalAuthority::load(dir, passphrase, vec![provisioner], now())
}

pub(crate) fn provisioner_name() -> ProvisionerName {
    "default".parse().unwrap()
}

pub(crate) fn identifiers(texts: &[&str]) -> Vec<Identifier> {
    texts
        .iter()
        .map(|text| {
            let kind = if text.parse::<std::net::IpAddr>().is_ok() {
                "ip"
            } else {
                "dns"
            };
            Identifier::try_from(RawIdentifier {
                kind: kind.to_owned(),
                value: (*text).to_owned(),
            })
            .unwrap()
        })
        .collect()
}

pub(crate) fn request(names: &[&str], spki: Vec<u8>) -> IssueRequest {
    IssueRequest {
        provisioner: provisioner_name(),
        profile: None,
        serial: "0102030405060708090a0b0c0d0e0f1011"
            .parse::<Serial>()
            .unwrap(),
        identifiers: identifiers(names),
        spki,
        not_before: now().minus(Duration::from_secs(60)),
        not_after: now().plus(30 * DAY).minus(Duration::from_secs(1)),
        contents: LeafContents::default(),
    }
}

/// Waits for a future that needs no runtime.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn issue(authority: &LocalAuthority, request: &IssueRequest) -> Vec<u8> {
    wait(async {
        let prepared = authority.prepare(request).await.unwrap();
        authority
            .sign(prepared.issuer, &prepared.tbs)
            .await
            .unwrap()
    })
}

/// A kind of key and the public key of one, as a CSR would bring it.
pub(crate) fn leaf_keys() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("P-256", ec(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)),
        ("P-384", ec(&signature::ECDSA_P384_SHA384_ASN1_SIGNING)),
        ("P-521", ec(&signature::ECDSA_P521_SHA512_ASN1_SIGNING)),
        (
            "RSA-2048",
            spki(RsaKeyPair::generate(KeySize::Rsa2048).unwrap().public_key()),
        ),
        (
            "Ed25519",
            spki(Ed25519KeyPair::generate().unwrap().public_key()),
        ),
    ]
}

pub(crate) fn p256() -> Vec<u8> {
    ec(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)
}

fn ec(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Vec<u8> {
    spki(EcdsaKeyPair::generate(algorithm).unwrap().public_key())
}

pub(crate) fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
    key.as_der().unwrap().as_ref().to_vec()
}

pub(crate) fn write_pem(dir: &Path, name: &str, der: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, certificates_to_pem(&[der])).unwrap();
    path
}

/// Runs OpenSSL's command; its output when it ended well.
#[track_caller]
pub(crate) fn openssl(args: &[&str]) -> String {
    let output = try_openssl(args);
    assert!(
        output.status.success(),
        "openssl {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn try_openssl(args: &[&str]) -> Output {
    Command::new("openssl").args(args).output().unwrap()
}

/// The interpreter of a virtual environment that has pkilint and pyca/cryptography; made on first
/// use, from the package index.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
        let python = tools.join("pkilint/bin/python");
        let is_ready = || {
            let check = "import cryptography, pkilint.bin.lint_pkix_cert";
            Command::new(&python)
                .args(["-c", check])
                .output()
                .is_ok_and(|output| output.status.success())
        };
        if !is_ready() {
            fs::create_dir_all(&tools).unwrap();
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(tools.join("pkilint")));
            run(Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "pkilint==0.13.3",
                "cryptography>=50",
            ]));
            assert!(is_ready(), "pkilint does not start");
        }
        python
    })
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
