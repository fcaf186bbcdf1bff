//! A provisioner's policy: for which names it issues, and what a hook says to that.

use acme_core::{HookMoment, HookVerdict, NamePattern};
use acme_types::Identifier;
use serde_json::Value;

use crate::client::{Client, csr, identifier, text};
use crate::server::{Mood, Server};

fn patterns(texts: &[&str]) -> Vec<NamePattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn names_out_of_the_policy_open_no_order() {
    let server = Server::with(|p| {
        p.policy.allow = patterns(&["*.lab.test", "10.1.0.0/16"]);
        p.policy.deny = patterns(&["secret.lab.test", "10.1.2.0/24"]);
    })
    .await;
    let client = Client::new(&server).await;
    for names in [&["a.lab.test", "10.1.3.4"][..], &["*.a.lab.test"]] {
        client.new_order(names).await.expect_status(201);
    }
    let opened = client.orders().await.len();
    for (names, refused) in [
        (&["a.test"][..], &["a.test"][..]),
        (&["lab.test", "a.lab.test"], &["lab.test"]),
        (
            &["secret.lab.test", "a.lab.test", "10.1.2.3", "10.2.0.1"],
            &["secret.lab.test", "10.1.2.3", "10.2.0.1"],
        ),
        // It would stand for a name that is denied.
        (&["*.lab.test"], &["*.lab.test"]),
        (&["fd00::1"], &["fd00::1"]),
    ] {
        let reply = client.new_order(names).await;
        let reply = reply.expect_problem(400, "rejectedIdentifier").json();
        let named: Vec<Value> = reply["subproblems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let detail = text(&one["detail"]);
                assert!(
                    detail.contains("policy") && detail.contains("ask"),
                    "{detail}"
                );
                one["identifier"].clone()
            })
            .collect();
        let expected: Vec<_> = refused.iter().map(|name| identifier(name)).collect();
        assert_eq!(named, expected);
    }
    assert_eq!(client.orders().await.len(), opened);
    // The policy is that of its provisioner alone.
    let other = Client::at(&server, "other").await;
    other.new_order(&["a.test"]).await.expect_status(201);
}

#[tokio::test]
async fn what_the_authority_cannot_certify_is_refused_at_once() {
    let server = Server::start().await;
    server.authority.set(Mood::Constrained);
    let client = Client::new(&server).await;
    let reply = client.new_order(&["a.test", "a.constrained.test"]).await;
    let reply = reply.expect_problem(400, "rejectedIdentifier").json();
    let subproblems = reply["subproblems"].as_array().unwrap();
    assert_eq!(subproblems.len(), 1);
    assert_eq!(
        subproblems[0]["identifier"],
        identifier("a.constrained.test")
    );
    assert_eq!(client.orders().await, Vec::<String>::new());
    client.new_order(&["a.test"]).await.expect_status(201);
}

fn deny(identifiers: &[&str]) -> Option<HookVerdict> {
    let denied = identifiers.iter().map(|name| {
        let identifier = Identifier::Dns(name.parse().unwrap());
        (identifier, format!("{name} is taken"))
    });
    Some(HookVerdict::Deny {
        reason: "the host is another team's".to_owned(),
        identifiers: denied.collect(),
    })
}

#[tokio::test]
async fn what_the_hook_denies_opens_no_order() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    for (answer, status, kind, says) in [
        (deny(&[]), 403, "unauthorized", "another team's"),
        (
            deny(&["a.test"]),
            400,
            "rejectedIdentifier",
            "another team's",
        ),
        (None, 503, "serverInternal", "try again"),
    ] {
        let is_away = answer.is_none();
        server.hook.answers(HookMoment::NewOrder, answer);
        let reply = client.new_order(&["a.test", "b.test"]).await;
        let reply = reply.expect_problem(status, kind);
        assert_eq!(reply.retry_after(), is_away.then_some(5));
        let body = reply.json();
        assert!(text(&body["detail"]).contains(says), "{body}");
        if kind == "rejectedIdentifier" {
            assert_eq!(body["subproblems"].as_array().unwrap().len(), 1);
            assert_eq!(body["subproblems"][0]["detail"], "a.test is taken");
        }
    }
    assert_eq!(client.orders().await, Vec::<String>::new());
    server
        .hook
        .answers(HookMoment::NewOrder, Some(HookVerdict::Allow));
    client.new_order(&["a.test"]).await.expect_status(201);
}

#[tokio::test]
async fn what_the_hook_denies_is_not_signed_and_may_be_asked_again() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test"]).await;
    let (request, _) = csr(&["a.test"]);
    for (answer, status, kind) in [
        (deny(&[]), 403, "unauthorized"),
        (None, 503, "serverInternal"),
    ] {
        server.hook.answers(HookMoment::Finalize, answer);
        let reply = client.finalize(&tried, &request).await;
        reply.expect_problem(status, kind);
        assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
        assert_eq!(server.certificates().await.len(), 0);
    }
    server
        .hook
        .answers(HookMoment::Finalize, Some(HookVerdict::Allow));
    client.finalize(&tried, &request).await.expect_status(200);
}

#[tokio::test]
async fn what_is_not_allowed_any_more_is_not_signed() {
    let server = Server::start().await;
    let client = Client::new(&server).await;
    let tried = client.ready_order(&["a.test", "b.test"]).await;
    let (request, _) = csr(&["a.test", "b.test"]);
    // The same store, under a provisioner that the operator has changed meanwhile.
    type Change = fn(&mut acme_core::Provisioner);
    let tightened: [(Change, &str); 3] = [
        (
            |p| p.policy.deny = vec!["b.test".parse().unwrap()],
            "b.test is denied",
        ),
        (
            |p| p.policy.allow = vec!["a.test".parse().unwrap()],
            "b.test is not among",
        ),
        (
            |p| p.issuance.identifier_types = vec!["ip"],
            "type dns are not certified",
        ),
    ];
    for (change, says) in tightened {
        let later = Server::on(server.store.clone(), change).await;
        let client = client.at_server(&later);
        let reply = client.finalize(&tried, &request).await;
        let body = reply.expect_problem(400, "rejectedIdentifier").json();
        assert!(text(&body["detail"]).contains(says), "{body}");
        assert_eq!(client.read(&tried.order).await.json()["status"], "ready");
        assert!(later.certificates().await.is_empty());
    }
    let later = Server::on(server.store.clone(), |_| {}).await;
    let client = client.at_server(&later);
    client.finalize(&tried, &request).await.expect_status(200);
}
