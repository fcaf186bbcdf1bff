//! The Python library `acme`, which certbot is made of, driven by a script.

use tokio::process::Command;

use crate::command::{Ran, program, run};
use crate::{Server, Webroot};

/// An account, a certificate by http-01, and then what `more` says: `update` of the contact,
/// `revoke`, `deactivate`. It prints the chain.
pub async fn python_acme(server: &Server, webroot: &Webroot, names: &[&str], more: &[&str]) -> Ran {
    // The library lies where certbot's own Python finds it.
    let certbot = program("ACME_TEST_CERTBOT", "certbot");
    let mut command = Command::new(certbot.with_file_name("python3"));
    command
        .args(["-c", include_str!("python_acme.py")])
        .arg(server.directory_url())
        .arg(webroot.path())
        .arg(names.join(","))
        .args(more)
        .env("REQUESTS_CA_BUNDLE", server.root_file());
    run(&mut command).await
}
