//! uacme, as an operator would call it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Ran, program, run};
use crate::{ExternalKey, Server, Webroot};

/// uacme asks this for every challenge; it takes http-01 alone.
const HOOK: &str = r#"#!/bin/sh
[ "$2" = http-01 ] || exit 1
file="$WEBROOT/.well-known/acme-challenge/$4"
case "$1" in
    begin) printf %s "$5" > "$file" ;;
    *) rm -f "$file" ;;
esac
"#;

/// Debian's libcurl takes its roots from one file and no other, so uacme sees another one there; no
/// privilege is needed for that.
const WITH_ROOT: &str = "mount -t tmpfs tmpfs /etc/ssl/certs && \
                         cp \"$1\" /etc/ssl/certs/ca-certificates.crt && shift && exec \"$@\"";

/// One installation of uacme with its own account and certificates.
#[derive(Debug)]
pub struct Uacme {
    dir: TempDir,
    directory_url: String,
    root: PathBuf,
}

impl Uacme {
    /// A fresh one that trusts the server's root and asks the server.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        let dir = TempDir::new().unwrap();
        let hook = dir.path().join("hook.sh");
        std::fs::write(&hook, HOOK).unwrap();
        std::fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
        Self {
            dir,
            directory_url: server.directory_url(),
            root: server.root_file(),
        }
    }

    /// Makes an account.
    pub async fn register(&self, key: Option<&ExternalKey>) -> Ran {
        let mut command = self.command();
        if let Some(ExternalKey { id, hmac_key }) = key {
            command.args(["--eab", &format!("{id}:{hmac_key}")]);
        }
        run(command.args(["--yes", "new", "operator@example.test"])).await
    }

    /// Asks for a certificate by http-01, its answers put into the webroot; again if it has one.
    pub async fn webroot(&self, webroot: &Webroot, names: &[&str]) -> Ran {
        let mut command = self.command();
        command
            .env("WEBROOT", webroot.path())
            .args(["--force", "--no-ocsp", "--hook"])
            .arg(self.dir.path().join("hook.sh"))
            .arg("issue")
            .args(names);
        run(&mut command).await
    }

    /// Gives the account another key.
    pub async fn change_key(&self) -> Ran {
        run(self.command().args(["--yes", "newkey"])).await
    }

    /// Revokes the certificate of that name.
    pub async fn revoke(&self, name: &str) -> Ran {
        let certificate = self.certificate(name);
        run(self.command().arg("revoke").arg(certificate)).await
    }

    /// Deactivates the account.
    pub async fn deactivate(&self) -> Ran {
        run(self.command().args(["--yes", "deactivate"])).await
    }

    /// The file with the leaf and its issuers.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.dir.path().join("conf").join(name).join("cert.pem")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(["sh", "-c", WITH_ROOT, "sh"])
            .arg(&self.root)
            .arg(program("ACME_TEST_UACME", "uacme"))
            .args(["--acme-url", &self.directory_url, "--confdir"])
            .arg(self.dir.path().join("conf"));
        command
    }
}
