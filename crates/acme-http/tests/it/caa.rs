//! CAA records: told in the directory, and looked at again before a certificate is signed.

use std::time::Duration;

use acme_core::{CaaMode, Finding};
use acme_types::ChallengeKind;

use crate::client::{Client, csr};
use crate::server::Server;

const SEVEN_HOURS: Duration = Duration::from_secs(7 * 3600);

async fn heeding() -> Server {
    Server::with(|p| {
        p.caa = CaaMode::PrivateSuffixes(vec!["test".parse().unwrap()]);
        p.caa_identities = vec!["ca.test".to_owned()];
    })
    .await
}

#[tokio::test]
async fn the_directory_tells_identities_only_where_they_are_heeded() {
    let told = |server: Server| async move {
        server.get("/acme/default/directory").await.json()["meta"]["caaIdentities"].clone()
    };
    assert_eq!(told(heeding().await).await, serde_json::json!(["ca.test"]));
    let off = Server::with(|p| p.caa_identities = vec!["ca.test".to_owned()]).await;
    assert!(told(off).await.is_null());
}

#[tokio::test]
async fn an_authorization_of_more_than_seven_hours_is_looked_at_again() {
    let server = heeding().await;
    let client = Client::new(&server).await;
    let names = ["a.test", "b.test"];
    let (csr, _) = csr(&names);
    let asked = || std::mem::take(&mut *server.runner.caa_checks.lock().unwrap());

    let young = client.ready_order(&names).await;
    server.clock.advance(SEVEN_HOURS);
    client.finalize(&young, &csr).await.expect_status(200);
    assert_eq!(asked(), []);

    let old = client.ready_order(&names).await;
    server.clock.advance(SEVEN_HOURS + Duration::from_secs(1));
    let refusal = "the CAA records of test say issue \"other\"";
    server.runner.sees_caa(Finding::CaaRefused, refusal);
    let reply = client.finalize(&old, &csr).await;
    let problem = reply.expect_problem(403, "caa").json();
    assert_eq!(problem["detail"], refusal);
    let named = problem["subproblems"].as_array().unwrap();
    assert_eq!(named[0]["identifier"]["value"], "a.test");
    assert_eq!(named[1]["identifier"]["value"], "b.test");
    assert_eq!(client.read(&old.order).await.json()["status"], "ready");
    let checks = asked();
    assert_eq!(checks.len(), 2);
    for check in checks {
        assert_eq!(check.method, ChallengeKind::Http01);
        assert_eq!(check.issuer_names, ["ca.test"]);
        assert_eq!(check.private_suffixes, ["test".parse().unwrap()]);
        let urls: Vec<_> = check.account_urls.iter().map(String::as_str).collect();
        let path = client.kid.strip_prefix(crate::server::BASE).unwrap();
        assert_eq!(
            urls,
            [client.kid.as_str(), &format!("https://old.test{path}")]
        );
    }

    server.runner.sees_caa(Finding::CaaFailure, "no answer");
    let reply = client.finalize(&old, &csr).await;
    assert_eq!(reply.retry_after(), Some(10));
    let problem = reply.expect_problem(503, "dns").json();
    assert_eq!(problem["detail"], "no answer; finalize the order again");

    server.runner.sees_caa(Finding::Proof, "permitted");
    client.finalize(&old, &csr).await.expect_status(200);
}

#[tokio::test]
async fn the_challenge_of_a_standing_record_says_what_to_write() {
    let server = Server::with(|p| {
        p.challenges = vec![ChallengeKind::DnsPersist01, ChallengeKind::DnsAccount01];
        p.caa_identities = vec!["ca.test".to_owned()];
    })
    .await;
    let client = Client::new(&server).await;
    for (kind, told) in [("dns-persist-01", true), ("dns-account-01", false)] {
        let tried = client.order_with_challenge("*.a.test", kind).await;
        let challenge = client.read(&tried.challenge).await.json();
        assert_eq!(challenge["token"].as_str().unwrap().len(), 43);
        if told {
            assert_eq!(challenge["accounturi"], client.kid);
            assert_eq!(
                challenge["issuer-domain-names"],
                serde_json::json!(["ca.test"])
            );
        } else {
            assert!(challenge.get("accounturi").is_none());
            assert!(challenge.get("issuer-domain-names").is_none());
        }
    }
}
