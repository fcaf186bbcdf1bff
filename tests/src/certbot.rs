//! certbot, as an operator would call it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Ran, program, run};
use crate::{Dns, ExternalKey, Server, Webroot};

/// One installation of certbot with its own account and certificates.
#[derive(Debug)]
pub struct Certbot {
    dir: TempDir,
    directory_url: String,
    root: PathBuf,
}

impl Certbot {
    /// A fresh one that trusts the server's root and asks the server.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            directory_url: server.directory_url(),
            root: server.root_file(),
        }
    }

    /// The same, trusting the roots in another file.
    #[must_use]
    pub fn trusting(self, roots: &Path) -> Self {
        Self {
            root: roots.to_owned(),
            ..self
        }
    }

    /// Asks for a certificate by http-01, its answers put into the webroot.
    pub async fn webroot(&self, webroot: &Webroot, names: &[&str]) -> Ran {
        self.webroot_with(webroot, names, &[]).await
    }

    /// The same with more options.
    pub async fn webroot_with(&self, webroot: &Webroot, names: &[&str], options: &[&str]) -> Ran {
        let mut command = self.command("certonly");
        command.args(options);
        command.arg("--webroot").arg("-w").arg(webroot.path());
        for name in names {
            let is_address = name.parse::<std::net::IpAddr>().is_ok();
            command.args([if is_address { "--ip-address" } else { "-d" }, name]);
        }
        run(&mut command).await
    }

    /// Asks by http-01 for a certificate, again if it has one, with more options of `certonly`.
    pub async fn webroot_again(&self, webroot: &Webroot, name: &str, options: &[&str]) -> Ran {
        let mut command = self.command("certonly");
        command.arg("--webroot").arg("-w").arg(webroot.path());
        command.args(["-d", name, "--force-renewal"]).args(options);
        run(&mut command).await
    }

    /// Asks for a certificate by dns-01, its answers put into the DNS by a hook.
    pub async fn dns(&self, dns: &Dns, names: &[&str]) -> Ran {
        let mut command = self.command("certonly");
        command
            .args(["--manual", "--preferred-challenges", "dns"])
            .arg("--manual-auth-hook")
            .arg(dns.hook());
        for name in names {
            command.args(["-d", name]);
        }
        run(&mut command).await
    }

    /// Asks again for all that it has.
    pub async fn renew(&self) -> Ran {
        let mut command = self.command("renew");
        command.args(["--force-renewal", "--no-random-sleep-on-renew"]);
        run(&mut command).await
    }

    /// Asks again for what is due, as a timer would have it do.
    pub async fn renew_due(&self) -> Ran {
        let mut command = self.command("renew");
        command.arg("--no-random-sleep-on-renew");
        run(&mut command).await
    }

    /// Revokes the certificate of that name.
    pub async fn revoke(&self, name: &str) -> Ran {
        let mut command = self.command("revoke");
        command
            .args(["--no-delete-after-revoke", "--reason", "superseded"])
            .arg("--cert-path")
            .arg(self.certificate(name));
        run(&mut command).await
    }

    /// Makes an account that shows an external account key.
    pub async fn register_bound(&self, key: &ExternalKey) -> Ran {
        let mut command = self.command("register");
        command.arg("--register-unsafely-without-email");
        command.args(["--eab-kid", &key.id, "--eab-hmac-key", &key.hmac_key]);
        run(&mut command).await
    }

    /// Changes the account's contact.
    pub async fn update_account(&self, email: &str) -> Ran {
        let mut command = self.command("update_account");
        run(command.args(["--no-eff-email", "--email", email])).await
    }

    /// Deactivates the account.
    pub async fn unregister(&self) -> Ran {
        run(&mut self.command("unregister")).await
    }

    /// The file with the leaf and its issuers.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        let live = self.path("config").join("live");
        live.join(name).join("fullchain.pem")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(program("ACME_TEST_CERTBOT", "certbot"));
        command
            .arg(verb)
            .args(["--non-interactive", "--agree-tos"])
            .args(["--server", &self.directory_url])
            .arg("--config-dir")
            .arg(self.path("config"))
            .arg("--work-dir")
            .arg(self.path("work"))
            .arg("--logs-dir")
            .arg(self.path("logs"))
            .env("REQUESTS_CA_BUNDLE", &self.root);
        if verb == "certonly" {
            command.arg("--register-unsafely-without-email");
        }
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }
}
