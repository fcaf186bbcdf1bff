//! lego, as an operator would call it.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Ran, program, run};
use crate::{Dns, ExternalKey, Server, Webroot};

/// One installation of lego with its own account and certificates.
#[derive(Debug)]
pub struct Lego {
    dir: TempDir,
    directory_url: String,
    root: PathBuf,
}

impl Lego {
    /// A fresh one that trusts the server's root and asks the server.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            directory_url: server.directory_url(),
            root: server.root_file(),
        }
    }

    /// Asks for a certificate by http-01, its answers put into the webroot.
    pub async fn webroot(&self, webroot: &Webroot, names: &[&str]) -> Ran {
        let mut command = self.command(names);
        command
            .arg("--http")
            .arg("--http.webroot")
            .arg(webroot.path());
        run(command.arg("run")).await
    }

    /// The same, with an account that shows an external account key.
    pub async fn webroot_bound(&self, webroot: &Webroot, names: &[&str], key: &ExternalKey) -> Ran {
        let mut command = self.command(names);
        command
            .args(["--eab", "--kid", &key.id, "--hmac", &key.hmac_key])
            .arg("--http")
            .arg("--http.webroot")
            .arg(webroot.path());
        run(command.arg("run")).await
    }

    /// Asks for a certificate by tls-alpn-01, which lego answers itself on the port.
    pub async fn tls_alpn(&self, port: u16, names: &[&str]) -> Ran {
        let mut command = self.command(names);
        command.args(["--tls", "--tls.port", &format!("127.0.0.1:{port}")]);
        run(command.arg("run")).await
    }

    /// Asks for a certificate by dns-01, its answers put into the DNS by a program.
    pub async fn dns(&self, dns: &Dns, names: &[&str]) -> Ran {
        let mut command = self.command(names);
        command
            .args(["--dns", "exec", "--dns.disable-cp"])
            .args(["--dns.resolvers", &dns.address().to_string()])
            .env("EXEC_PATH", dns.hook())
            .env("EXEC_PROPAGATION_TIMEOUT", "10")
            .env("EXEC_POLLING_INTERVAL", "1")
            .env("EXEC_SEQUENCE_INTERVAL", "1");
        run(command.arg("run")).await
    }

    /// Asks again for the certificate of these names, by http-01.
    pub async fn renew(&self, webroot: &Webroot, names: &[&str]) -> Ran {
        let mut command = self.command(names);
        command
            .arg("--http")
            .arg("--http.webroot")
            .arg(webroot.path());
        command.args(["renew", "--days", "100000", "--no-random-sleep"]);
        run(&mut command).await
    }

    /// Revokes the certificate of these names.
    pub async fn revoke(&self, names: &[&str]) -> Ran {
        let mut command = self.command(names);
        run(command.args(["revoke", "--keep", "--reason", "4"])).await
    }

    /// The file with the leaf and its issuers.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        let file = name.replace('*', "_").replace(':', "-");
        let certificates = self.dir.path().join("certificates");
        certificates.join(format!("{file}.crt"))
    }

    fn command(&self, names: &[&str]) -> Command {
        let mut command = Command::new(program("ACME_TEST_LEGO", "lego"));
        command
            .args(["--server", &self.directory_url, "--accept-tos"])
            .args(["--email", "operator@example.test", "--path"])
            .arg(self.dir.path())
            .env("LEGO_CA_CERTIFICATES", &self.root);
        for name in names {
            command.args(["--domains", name]);
        }
        command
    }
}
