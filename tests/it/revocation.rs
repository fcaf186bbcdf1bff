//! What was revoked is told by list and by OCSP, to a stranger who fetches both where the
//! certificate says.

use std::path::Path;
use std::time::{Duration, Instant};

use acme_tests::{Certbot, Server, Settings, Webroot, free_port};
use tokio::process::Command;
use tokio::time::sleep;

/// Longest time from a revocation until everyone is told.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

async fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// What OpenSSL says of a certificate whose list it downloads.
async fn verify(server: &Server, chain: &Path) -> String {
    let (root, chain) = (server.root_file().display().to_string(), text(chain));
    let mut args = vec!["verify", "-x509_strict", "-crl_check", "-crl_download"];
    args.extend(["-CAfile", &root, "-untrusted", &chain, &chain]);
    openssl(&args).await
}

/// What the responder says of it.
async fn ask(server: &Server, url: &str, chain: &Path, options: &[&str]) -> String {
    let root = server.root_file().display().to_string();
    let issuer = text(&server.dir().join("ca/intermediate.crt"));
    let chain = text(chain);
    let mut args = vec!["ocsp", "-url", url, "-CAfile", &root];
    args.extend(options);
    args.extend(["-issuer", &issuer, "-cert", &chain]);
    openssl(&args).await
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_that_certbot_revoked() {
    let port = free_port();
    let server = Settings::new()
        .set(&[
            "ca.crl=true",
            "ca.ocsp=true",
            &format!("ca.public_base_url=http://127.0.0.1:{port}"),
            &format!("listen.public=127.0.0.1:{port}"),
        ])
        .start()
        .await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    for name in ["one.test", "two.test"] {
        certbot.webroot(&webroot, &[name]).await.expect_success();
    }
    let (one, two) = (
        certbot.certificate("one.test"),
        certbot.certificate("two.test"),
    );
    let told = openssl(&["x509", "-noout", "-ocsp_uri", "-in", &text(&one)]).await;
    let url = format!("http://127.0.0.1:{port}/ocsp");
    assert_eq!(told.trim(), url);
    let said = verify(&server, &one).await;
    assert!(said.ends_with(": OK\n"), "{said}");
    for options in [&["-no_nonce"][..], &["-nonce"], &["-sha256", "-no_nonce"]] {
        let said = ask(&server, &url, &one, options).await;
        assert!(said.contains("Response verify OK"), "{options:?}: {said}");
        assert!(said.contains(": good"), "{options:?}: {said}");
        assert!(
            !said.to_lowercase().contains("warning"),
            "{options:?}: {said}"
        );
    }

    certbot.revoke("one.test").await.expect_success();

    let revoked = Instant::now();
    loop {
        let by_list = verify(&server, &one).await;
        let by_answer = ask(&server, &url, &one, &["-no_nonce"]).await;
        if by_list.contains("certificate revoked") && by_answer.contains(": revoked") {
            break;
        }
        let late = revoked.elapsed() > TOLD_WITHIN;
        assert!(!late, "{by_list}\n{by_answer}");
        sleep(Duration::from_millis(50)).await;
    }
    let said = verify(&server, &two).await;
    assert!(said.ends_with(": OK\n"), "{said}");
    let said = ask(&server, &url, &two, &["-no_nonce"]).await;
    assert!(said.contains(": good"), "{said}");
    // ACME is not spoken without TLS.
    let plain = format!("http://127.0.0.1:{port}/acme/default/directory");
    let answer = Command::new("curl").args(["-s", &plain]).output().await;
    let answer = String::from_utf8(answer.unwrap().stdout).unwrap();
    assert!(answer.contains("HTTPS alone"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_told_after_a_crash_too() {
    let port = free_port();
    let mut server = Settings::new()
        .set(&[
            "ca.crl=true",
            &format!("ca.public_base_url=http://127.0.0.1:{port}"),
            &format!("listen.public=127.0.0.1:{port}"),
        ])
        .start()
        .await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server);
    certbot
        .webroot(&webroot, &["one.test"])
        .await
        .expect_success();
    let one = certbot.certificate("one.test");
    certbot.revoke("one.test").await.expect_success();

    server.kill();
    server.start().await;

    let said = verify(&server, &one).await;
    assert!(said.contains("certificate revoked"), "{said}");
}
