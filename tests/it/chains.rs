//! One root takes the other's place while clients of both are served.

use std::fs;
use std::path::{Path, PathBuf};

use acme_tests::{Certbot, Certificate, Server, Settings, Webroot, run_server, shown};
use tempfile::TempDir;

const NEXT_ROOT: &str = "Next Root CA";

#[tokio::test(flavor = "multi_thread")]
async fn certbot_prefers_the_chain_of_either_root_while_the_root_changes() {
    let mut server = Settings::new().start().await;
    let (first, next) = roots(&server).await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let certbot = Certbot::new(&server).trusting(&first);
    let names = ["one.test"];
    certbot.webroot(&webroot, &names).await.expect_success();
    let served = || Certificate::read(&certbot.certificate("one.test"));
    served().expect_good(&first, &names).await;

    let of_next = |file: &str| next.path().join("ca").join(file).display().to_string();
    let (certificate, key) = (of_next("root.crt"), of_next("root.key"));
    let old_key = server.dir().join("ca/root.key").display().to_string();
    let mut arguments = vec!["ca", "cross-sign", "--old-root-key", &old_key];
    arguments.extend(["--root-cert", &certificate, "--root-key", &key]);
    server.cli(&arguments).await.expect_success();
    server.cli(&arguments).await.expect_failure();
    restart(&mut server).await;

    // The old root's chain goes on being the usual one.
    let by_root = async |root| {
        let ran = certbot
            .webroot_again(&webroot, "one.test", &["--preferred-chain", root])
            .await;
        ran.expect_success();
    };
    by_root("no such root").await;
    served().expect_good(&first, &names).await;
    by_root(NEXT_ROOT).await;
    let next_root = next.path().join("ca/root.crt");
    served().expect_good(&next_root, &names).await;
    let trusting_next = Certbot::new(&server).trusting(&next_root);
    trusting_next
        .webroot_again(&webroot, "two.test", &["--preferred-chain", NEXT_ROOT])
        .await
        .expect_success();

    // Then the new one's, as docs/CHAINS.md tells.
    let ca = server.dir().join("ca");
    let over_old = |path: &PathBuf| path.to_string_lossy().ends_with("-over-old.crt");
    let next_chain = alternates(&ca).into_iter().find(over_old).unwrap();
    fs::create_dir(ca.join("previous")).unwrap();
    for (from, to) in [
        ("intermediate.crt", "previous/first.crt"),
        ("intermediate.key", "previous/first.key"),
        ("intermediate.crt", "alternate/first.crt"),
    ] {
        fs::copy(ca.join(from), ca.join(to)).unwrap();
    }
    fs::rename(next_chain, ca.join("intermediate.crt")).unwrap();
    restart(&mut server).await;

    // One chain for all: who trusts the old root alone, and who trusts the new one alone.
    for (client, root, name) in [
        (&certbot, &first, "three.test"),
        (&trusting_next, &next_root, "four.test"),
    ] {
        client.webroot(&webroot, &[name]).await.expect_success();
        let certificate = Certificate::read(&client.certificate(name));
        certificate.expect_good(root, &[name]).await;
        assert_eq!(certificate.chain_length(), 3);
    }
    certbot.revoke("one.test").await.expect_success();
    shown("certbot", "alternate chain");
}

#[tokio::test(flavor = "multi_thread")]
async fn certbot_gets_a_chain_of_rsa_keys_for_an_rsa_key() {
    let mut server = Settings::new().start().await;
    let webroot = Webroot::new();
    let _target = webroot.serve(server.http01_port).await;
    let root_key = server.dir().join("ca/root.key").display().to_string();
    let mut add = vec!["ca", "add-issuer", "rsa", "--name", "Old devices"];
    add.extend(["--key-type", "rsa3072", "--root-key", &root_key]);
    server.cli(&add).await.expect_success();
    let config = server.dir().join("acme-server.toml");
    let text = fs::read_to_string(&config).unwrap();
    let named = text.replace("#rsa = \"\"", "rsa = \"rsa\"");
    assert_ne!(text, named);
    fs::write(&config, named).unwrap();
    restart(&mut server).await;

    let certbot = Certbot::new(&server);
    for (name, key_type, issuer) in [
        ("rsa.test", "rsa", "Old devices Intermediate CA"),
        ("ec.test", "ecdsa", "acme-server dev Intermediate CA"),
    ] {
        certbot
            .webroot_again(&webroot, name, &["--key-type", key_type])
            .await
            .expect_success();
        let certificate = Certificate::read(&certbot.certificate(name));
        certificate.expect_good(&server.root_file(), &[name]).await;
        let by = certificate.issuer().await;
        assert!(by.ends_with(issuer), "{by}");
    }
    shown("certbot", "RSA key");
}

/// A file with the server's root alone, and the folder of a new authority.
async fn roots(server: &Server) -> (PathBuf, TempDir) {
    let next = TempDir::new().unwrap();
    let dir = next.path().to_str().unwrap();
    let init = ["init", "--dir", dir, "--name", "Next"];
    run_server(&init).await.expect_success();
    let first = next.path().join("first-root.crt");
    fs::copy(server.root_file(), &first).unwrap();
    (first, next)
}

fn alternates(ca: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(ca.join("alternate")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn restart(server: &mut Server) {
    server.terminate().await;
    server.start().await;
}
