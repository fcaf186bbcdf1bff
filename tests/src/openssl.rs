//! Certificates as OpenSSL sees them.

use std::path::Path;

use instant_acme::CertificateIdentifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, Der};
use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Ran, program, run};

/// A certificate that a client was given, with its chain.
#[derive(Debug)]
pub struct Certificate {
    dir: TempDir,
    chain: Vec<CertificateDer<'static>>,
}

impl Certificate {
    /// From the PEM chain: the leaf, then its issuers.
    #[must_use]
    pub fn from_pem(pem: &str) -> Self {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("no PEM chain ({error:?}): {pem}"));
        assert!(!chain.is_empty(), "an empty chain: {pem}");
        let dir = TempDir::new().unwrap();
        // OpenSSL reads the first certificate of a file as the leaf, all of it as the untrusted ones.
        std::fs::write(dir.path().join("chain.pem"), pem).unwrap();
        std::fs::write(dir.path().join("leaf.der"), &chain[0]).unwrap();
        Self { dir, chain }
    }

    /// From the file that a client wrote.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let pem = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::from_pem(&pem)
    }

    /// The leaf.
    #[must_use]
    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// Leaf and issuers.
    #[must_use]
    pub fn chain_length(&self) -> usize {
        self.chain.len()
    }

    /// Fails the test unless the chain is good in OpenSSL's strict eyes, for exactly these names
    /// (an address as OpenSSL writes it).
    pub async fn expect_good(&self, root: &Path, names: &[&str]) {
        let chain = self.dir.path().join("chain.pem");
        let mut verify = openssl();
        verify
            .args(["verify", "-x509_strict", "-purpose", "sslserver"])
            .arg("-CAfile")
            .arg(root)
            .arg("-untrusted")
            .arg(&chain)
            .arg(&chain);
        run(&mut verify).await.expect_success();
        let mut found = self.names().await;
        found.sort();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(found, names);
    }

    /// The names in the subjectAltName, in the certificate's order.
    pub async fn names(&self) -> Vec<String> {
        let text = self.text(&["-ext", "subjectAltName"]).await.stdout;
        let names = text.lines().nth(1).unwrap_or_default().trim();
        names
            .split(", ")
            .map(|name| {
                let bare = name.strip_prefix("DNS:");
                let bare = bare.or_else(|| name.strip_prefix("IP Address:"));
                bare.unwrap_or(name).to_owned()
            })
            .collect()
    }

    /// The issuer's name, as OpenSSL prints it.
    pub async fn issuer(&self) -> String {
        self.text(&["-issuer"]).await.stdout.trim().to_owned()
    }

    /// The serial number, as OpenSSL prints it.
    pub async fn serial(&self) -> String {
        self.text(&["-serial"]).await.stdout.trim().to_owned()
    }

    /// What names it where renewal information is asked for.
    pub async fn renewal_id(&self) -> CertificateIdentifier<'static> {
        let text = self.text(&["-ext", "authorityKeyIdentifier"]).await.stdout;
        let key = octets(text.lines().nth(1).unwrap_or_default());
        let mut serial = octets(self.serial().await.trim_start_matches("serial="));
        // As DER writes it: a first octet that looks like a sign has a zero before it.
        if serial.first().is_some_and(|octet| *octet >= 0x80) {
            serial.insert(0, 0);
        }
        let (key, serial) = (Der::from_slice(&key), Der::from_slice(&serial));
        CertificateIdentifier::new(key, serial).into_owned()
    }

    /// Fails the test if the linter for PKIX certificates has anything to say about the leaf.
    pub async fn expect_no_findings(&self) {
        let mut lint = Command::new(program("ACME_TEST_PKILINT", "lint_pkix_cert"));
        lint.args(["lint", "--severity", "NOTICE"])
            .args(["--document-format", "DER"])
            .arg(self.dir.path().join("leaf.der"));
        let told = run(&mut lint).await.expect_success();
        assert_eq!(told.stdout.trim(), "", "{told}");
    }

    /// All that the leaf says, as OpenSSL prints it.
    pub async fn describe(&self) -> String {
        self.text(&["-subject", "-text"]).await.stdout
    }

    /// Whether the leaf ends within so many seconds from now.
    pub async fn ends_within(&self, seconds: u32) -> bool {
        let mut command = openssl();
        command
            .args(["x509", "-noout", "-in"])
            .arg(self.dir.path().join("chain.pem"))
            .args(["-checkend", &seconds.to_string()]);
        let told = run(&mut command).await.stdout;
        told.contains("Certificate will expire")
    }

    async fn text(&self, what: &[&str]) -> Ran {
        let mut command = openssl();
        command
            .args(["x509", "-noout", "-in"])
            .arg(self.dir.path().join("chain.pem"))
            .args(what);
        run(&mut command).await.expect_success()
    }
}

/// Reads hexadecimal digits with whatever stands between and before them.
fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .trim()
        .trim_start_matches("keyid:")
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks_exact(2).map(octet).collect()
}

pub(crate) fn openssl() -> Command {
    Command::new(program("ACME_TEST_OPENSSL", "openssl"))
}

/// A request in DER with this subject, made by OpenSSL, for a fresh P-256 key and no other name.
pub async fn openssl_csr(subject: &str) -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let mut command = openssl();
    command
        .args(["req", "-new", "-newkey", "ec", "-nodes", "-outform", "DER"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", subject])
        .current_dir(dir.path())
        .args(["-keyout", "key.pem", "-out", "csr.der"]);
    run(&mut command).await.expect_success();
    std::fs::read(dir.path().join("csr.der")).unwrap()
}
