//! acme-tiny, as an operator would call it.

use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Ran, program, run};
use crate::openssl::openssl;
use crate::{Server, Webroot};

/// One account's key; acme-tiny keeps nothing else.
#[derive(Debug)]
pub struct AcmeTiny {
    dir: TempDir,
    server: (String, std::path::PathBuf),
}

impl AcmeTiny {
    /// A fresh one that trusts the server's root and asks the server.
    pub async fn new(server: &Server) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = openssl();
        command
            .args(["genrsa", "-out", "account.key", "2048"])
            .current_dir(dir.path());
        run(&mut command).await.expect_success();
        Self {
            dir,
            server: (server.directory_url(), server.root_file()),
        }
    }

    /// Asks for a certificate by http-01, its answers put into the webroot. It prints the chain.
    pub async fn webroot(&self, webroot: &Webroot, names: &[&str]) -> Ran {
        let names: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let mut command = openssl();
        command
            .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/"])
            .args(["-addext", &format!("subjectAltName={}", names.join(","))])
            .args(["-keyout", "one.key", "-out", "one.csr"])
            .current_dir(self.dir.path());
        run(&mut command).await.expect_success();

        let (directory_url, root) = &self.server;
        let mut command = Command::new(program("ACME_TEST_ACME_TINY", "acme-tiny"));
        command
            .args(["--account-key", "account.key", "--csr", "one.csr"])
            .args(["--directory-url", directory_url])
            // It would look for its own answer at port 80 of a name that is known here alone.
            .arg("--disable-check")
            .arg("--acme-dir")
            .arg(webroot.path().join(".well-known/acme-challenge"))
            .env("SSL_CERT_FILE", root)
            .current_dir(self.dir.path());
        run(&mut command).await
    }
}
