//! Crashes, full disks and second processes: what was acknowledged is there afterwards.

use std::sync::Arc;
use std::time::Duration;

use acme_tests::client::{self, Proof};
use acme_tests::{Settings, Webroot};
use instant_acme::{Account, Identifier, NewOrder, OrderStatus};
use tokio::time::sleep;

const EVERY_SECOND: &[&str] = &[
    "validation.retry.interval=1s",
    "validation.retry.window=60s",
];

/// Clients that ask at the same time when the server is killed.
const CLIENTS: usize = 4;

/// What the server has acknowledged to one client.
struct Acknowledged {
    account: Account,
    /// Orders whose certificate was fetched, with the chain's length.
    issued: Vec<String>,
    /// Orders that were made and whose challenge was asked for, but has no target.
    waiting: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_under_load_loses_nothing() {
    let mut server = Settings::new().set(EVERY_SECOND).start().await;
    let webroot = Arc::new(Webroot::new());
    let _target = webroot.serve(server.http01_port).await;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let account = client::account(&server).await;
        server.dns.break_name(&format!("waiting{n}.test"));
        clients.push(tokio::spawn(load(n, account, Arc::clone(&webroot))));
    }
    sleep(Duration::from_secs(3)).await;
    server.kill();
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.push(client.await.unwrap());
    }
    let issued: usize = acknowledged.iter().map(|it| it.issued.len()).sum();
    assert!(issued >= CLIENTS, "a load of {issued} certificates is none");

    server.start().await;
    for (n, client) in acknowledged.iter().enumerate() {
        for url in &client.issued {
            let mut order = client.account.order(url.clone()).await.unwrap();
            assert_eq!(order.state().status, OrderStatus::Valid, "{url}");
            let chain = order.certificate().await.unwrap();
            assert!(chain.is_some(), "{url} has lost its certificate");
        }
        assert!(!client.waiting.is_empty(), "client {n} waits for nothing");
        server.dns.mend_name(&format!("waiting{n}.test"));
    }
    // Nobody asks again: the server goes on by itself.
    for client in &acknowledged {
        for url in &client.waiting {
            let mut order = client.account.order(url.clone()).await.unwrap();
            client::wait_until_ready(&mut order).await;
            client::finalize(&mut order).await;
        }
    }
}

/// Asks for certificates, one after the other, until the server is gone.
async fn load(n: usize, account: Account, webroot: Arc<Webroot>) -> Acknowledged {
    let mut acknowledged = Acknowledged {
        account: account.clone(),
        issued: Vec::new(),
        waiting: Vec::new(),
    };
    let proof = Proof::Http(&webroot);
    for round in 0.. {
        if round % 3 == 0 {
            let name = format!("waiting{n}.test");
            let Some(mut order) = ask(&account, &name).await else {
                break;
            };
            if client::try_answer(&mut order, |_| proof).await.is_err() {
                break;
            }
            acknowledged.waiting.push(order.url().to_owned());
            continue;
        }
        let name = format!("client{n}-round{round}.test");
        let Some(mut order) = ask(&account, &name).await else {
            break;
        };
        if client::try_issue(&mut order, proof).await.is_err() {
            break;
        }
        acknowledged.issued.push(order.url().to_owned());
    }
    acknowledged
}

async fn ask(account: &Account, name: &str) -> Option<instant_acme::Order> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    account.new_order(&NewOrder::new(&identifiers)).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_loses_nothing_either() {
    let mut server = Settings::new().set(EVERY_SECOND).start().await;
    let webroot = Webroot::new();
    let account = client::account(&server).await;
    let mut order = client::order(&account, &["late.test"]).await;
    client::answer(&mut order, Proof::Http(&webroot)).await;

    let status = server.terminate().await;
    assert_eq!(status.code(), Some(0));
    server.start().await;

    let _target = webroot.serve(server.http01_port).await;
    client::wait_until_ready(&mut order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_store_is_told_to_try_again() {
    let server = Settings::new().start().await;
    let account = client::account(&server).await;

    let second = server.second_process().await.expect_status(75);
    assert!(!second.stderr.is_empty(), "it says why: {second}");

    // The first one is not disturbed.
    client::order(&account, &["one.test"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing() {
    let server = Settings::new().on_small_disk().start().await;
    let account = client::account(&server).await;
    let mut orders = Vec::new();
    let refused = loop {
        let name = format!("name{}.test", orders.len());
        let identifiers = [Identifier::Dns(name)];
        match account.new_order(&NewOrder::new(&identifiers)).await {
            Ok(order) => orders.push(order.url().to_owned()),
            Err(error) => break error,
        }
        assert!(orders.len() < 20_000, "the disk never fills");
    };
    let instant_acme::Error::Api(problem) = refused else {
        panic!("no problem document: {refused:?}");
    };
    let kind = problem.r#type.as_deref();
    assert_eq!(kind, Some("urn:ietf:params:acme:error:serverInternal"));

    server.free_disk();
    client::order(&account, &["again.test"]).await;
    for url in orders {
        account.order(url).await.expect("an acknowledged order");
    }
}
