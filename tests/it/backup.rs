//! A backup that is made under load, and a server that is set up from it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acme_tests::client::{self, Proof};
use acme_tests::{Settings, Webroot};
use instant_acme::OrderStatus;
use tempfile::TempDir;

/// Copies files and folders over what lies there.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_is_there_after_it_is_restored() {
    let mut server = Settings::new().start().await;
    let webroot = Arc::new(Webroot::new());
    let _target = webroot.serve(server.http01_port).await;
    let account = client::account(&server).await;
    let stop = Arc::new(AtomicBool::new(false));
    // Certificates are issued before, while and after the backup is made.
    let (issued, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let load = tokio::spawn({
        let (account, webroot, stop) = (account.clone(), Arc::clone(&webroot), Arc::clone(&stop));
        async move {
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let name = format!("n{round}.test");
                let mut order = client::order(&account, &[&name]).await;
                let issuing = client::try_issue(&mut order, Proof::Http(&webroot));
                issuing.await.unwrap();
                issued.send(order.url().to_owned()).unwrap();
            }
        }
    });
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 5 {
        acknowledged.push(seen.recv().await.unwrap());
    }

    let backup = TempDir::new().unwrap();
    let dir = backup.path().join("made/for/it");
    let ran = server.cli(&["backup", dir.to_str().unwrap()]).await;
    let ran = ran.expect_success();
    assert!(ran.stderr.is_empty(), "nobody is at a terminal: {ran}");
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();

    // A second one does not go over the first.
    let ran = server.cli(&["backup", dir.to_str().unwrap()]).await;
    let ran = ran.expect_status(64);
    assert!(ran.stderr.contains("is not empty"), "{ran}");

    // The machine is lost with all its disks.
    server.kill();
    for entry in std::fs::read_dir(server.dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else if path.file_name().unwrap() != "test.log" {
            std::fs::remove_file(path).unwrap();
        }
    }
    copy(&dir, server.dir());
    server.start().await;
    for url in &acknowledged {
        let mut order = account.order(url.clone()).await.unwrap();
        assert_eq!(order.state().status, OrderStatus::Valid, "{url}");
        let chain = order.certificate().await.unwrap();
        assert!(chain.is_some(), "{url} has lost its certificate");
    }
    client::issue(&account, &["later.test"], Proof::Http(&webroot)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Settings::new().start().await;
    let backup = TempDir::new().unwrap();
    let dir = backup.path().join("backup");
    let ran = server
        .cli(&["backup", dir.to_str().unwrap(), "--output", "json"])
        .await;
    let told: serde_json::Value = serde_json::from_str(&ran.expect_success().stdout).unwrap();
    assert!(told["store_bytes"].as_u64().unwrap() > 0, "{told}");
    assert!(told["ca_files"].as_u64().unwrap() >= 4, "{told}");
    let mode = |path: &str| {
        let metadata = std::fs::metadata(dir.join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("ca")), (0o700, 0o700));
    for file in ["acme.db", "acme-server.toml", "ca/intermediate.key"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_left_to_its_own_tools() {
    let server = Settings::new().start().await;
    let backup = TempDir::new().unwrap();
    let dir = backup.path().join("backup");
    let dir = dir.to_str().unwrap();
    let url = "store.url=postgres://acme:planted-password@db.test/acme";
    let ran = server.cli(&["backup", dir, "--set", url]).await;
    let ran = ran.expect_status(64);
    assert!(ran.stderr.contains("pg_dump"), "{ran}");
    assert!(!ran.stderr.contains("planted-password"), "{ran}");
    assert!(!Path::new(dir).exists(), "nothing was made");
    let rest = ["backup", dir, "--without-store", "--set", url];
    server.cli(&rest).await.expect_success();
    assert!(Path::new(dir).join("ca/root.crt").exists());
    assert!(!Path::new(dir).join("acme.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_by_hand_removes_what_has_ended() {
    let mut server = Settings::new().start().await;
    let account = client::account(&server).await;
    client::order(&account, &["a.test"]).await;
    let ran = server.cli(&["prune"]).await.expect_success();
    assert!(ran.stdout.starts_with("Removed 0 orders"), "{ran}");
    assert!(server.terminate().await.success());
    // A year has passed.
    server.sql("UPDATE orders SET expires_at = 1").await;
    server.sql("UPDATE authorizations SET expires_at = 1").await;
    let ran = server.cli(&["prune"]).await.expect_success();
    assert!(
        ran.stdout.starts_with("Removed 1 orders, 1 authorizations"),
        "{ran}"
    );
    assert!(ran.stderr.is_empty(), "{ran}");
}
