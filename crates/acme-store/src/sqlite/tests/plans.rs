//! No query walks through a table that grows: each is explained by SQLite itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use acme_core::{
    AuditClass, AuthorizationState, ChallengeState, Epoch, InFlight, IssuerId, OrderState,
    ProofDigest, Replacement, RetryPolicy, Revocation, RevocationReason, Serial,
};
use acme_types::{AuthorizationId, Identifier, Problem, ProblemKind, Slot, Thumbprint, Timestamp};
use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::super::queries::{challenges, records};
use super::super::session::Session;
use super::empty;
use crate::cursor::Cursor;
use crate::rows::{
    AccountRows as _, AuditCursor, AuditRows as _, CertificateRows as _, ChallengeRows as _,
    Counters, DueCursor, ExternalKeyRows as _, LeaseRows as _, OperatorRows as _, OrderRows as _,
    PruneRows as _, RecordRows as _, RevocationRows as _, StandingRows as _, Walk,
};

/// Tables that stay small, whatever happens.
const SMALL: [&str; 7] = [
    "leases",
    "meta",
    "issuers",
    "revocation_logs",
    "crls",
    "operators",
    "audit_heads",
];

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
    "0123456789abcdefghijklmnopqrstuv".parse().unwrap()
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[tokio::test]
async fn no_query_scans_a_table_that_grows() {
    let dir = tempfile::tempdir().unwrap();
    let mut conn = empty(dir.path());
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let log = seen.clone();
    conn.conn
        .set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let text = query.to_string();
                let sql = text.split(" -- binds").next().unwrap_or_default();
                log.lock().unwrap().insert(sql.to_owned());
            }
        });
    run_every_query(&mut conn).await;
    conn.conn
        .set_instrumentation(|_: InstrumentationEvent<'_>| ());

    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() > 40, "only {} queries were run", seen.len());
    let mut scans = Vec::new();
    for sql in seen {
        let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
        for step in steps.load::<Step>(&mut conn.conn).unwrap() {
            let is_small = SMALL.iter().any(|table| step.detail.contains(table));
            let walks_index = step.detail.contains("_by_creation")
                // By id, the last first, as far as the page goes.
                || step.detail.contains("USING COVERING INDEX sqlite_autoindex_authorizations_1")
                || step.detail.contains("orders USING INDEX sqlite_autoindex_orders_1")
                || step.detail.contains("revoked_certificates")
                || step.detail.contains("CONSTANT ROW")
                // Only what is open, and never more than so many.
                || step.detail.contains("open_orders")
                || step.detail.contains("SCAN bounded");
            let sorts = step.detail.contains("TEMP B-TREE") && !step.detail.contains("LAST");
            if step.detail.starts_with("SCAN") && !is_small && !walks_index || sorts {
                scans.push(format!("{}: {sql}", step.detail));
            }
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

fn order_of(identifier: &Identifier) -> acme_core::Order {
    acme_core::Order {
        id: id(),
        account_id: id(),
        provisioner: "default".parse().unwrap(),
        identifiers: vec![identifier.clone()],
        profile: None,
        not_before: None,
        not_after: None,
        created_at: Timestamp::from_secs(1),
        expires_at: Timestamp::from_secs(2),
        authorizations: vec![],
        replaces: None,
        state: OrderState::Pending,
    }
}

async fn run_every_query(conn: &mut Session) {
    let (now, slot) = (Timestamp::from_secs(1), Slot::new(1));
    let place = Cursor {
        created_at: now,
        id: "x".to_owned(),
    };
    let dns: Identifier = serde_json::from_str(r#"{"type":"dns","value":"a.example"}"#).unwrap();
    let many: Vec<AuthorizationId> = vec![id(), id()];

    conn.lock_lease(slot).await.unwrap();
    conn.leases().await.unwrap();
    conn.meta("x").await.unwrap();
    conn.account(&id()).await.unwrap();
    conn.hold_account(&id()).await.unwrap();
    let thumbprint = Thumbprint([0; 32]);
    let provisioner = "default".parse().unwrap();
    conn.account_by_key(&provisioner, &thumbprint)
        .await
        .unwrap();
    conn.order(&id()).await.unwrap();
    conn.lock_open_orders(&id()).await.unwrap();
    conn.lock_open_orders_of_account(&id()).await.unwrap();
    conn.set_order(&id(), &OrderState::Ready).await.unwrap();
    conn.is_being_tried(&many).await.unwrap();
    conn.is_being_tried(&many[..1]).await.unwrap();
    conn.authorization_states(&many).await.unwrap();
    conn.authorization_states(&many[..1]).await.unwrap();
    conn.authorization(&id()).await.unwrap();
    conn.authorization_of_challenge(&id()).await.unwrap();
    conn.pending_authorizations_of_account(&id()).await.unwrap();
    let state = AuthorizationState::Valid;
    conn.set_authorization(&id(), state).await.unwrap();
    let error = Problem::new(ProblemKind::Dns, "");
    let challenge = acme_core::Challenge {
        id: id(),
        authorization_id: id(),
        kind: acme_types::ChallengeKind::Http01,
        token: "0123456789abcdefghijklmnopqrstuv".parse().unwrap(),
        state: ChallengeState::Invalid { error },
    };
    conn.set_challenge(&challenge, Counters::default())
        .await
        .unwrap();
    conn.newest_attempts(&id(), 11).await.unwrap();
    conn.all_attempts(&id()).await.unwrap();
    conn.lock_due(slot, 10, now).await.unwrap();
    conn.lock_challenge(&id(), &provisioner).await.unwrap();
    let armed = acme_core::Challenge {
        state: ChallengeState::Pending.requested(slot, &provisioner, &RetryPolicy::default(), now),
        ..challenge
    };
    conn.set_attempted(&armed, Counters::default())
        .await
        .unwrap();
    conn.next_due(slot, now).await.unwrap();
    conn.subject(&id()).await.unwrap();
    let in_flight = InFlight {
        slot,
        epoch: Epoch(1),
        number: 1,
        started_at: now,
        until: now,
    };
    conn.is_stale(&in_flight).await.unwrap();
    conn.expired(slot, 10, now).await.unwrap();
    conn.adopt_challenges(slot, slot, 10, now).await.unwrap();
    let ids = vec!["x".to_owned()];
    challenges::set_owner(conn, ids, slot).await.unwrap();
    for next_attempt in [None, Some(now)] {
        let id = id();
        let after = DueCursor { next_attempt, id };
        conn.processing(slot, Some(&after), 10).await.unwrap();
    }
    conn.processing(slot, None, 10).await.unwrap();
    conn.certificate(&id()).await.unwrap();
    conn.certificate_and_issuer(&id()).await.unwrap();
    let serial = Serial::from_be_bytes(&[1]).unwrap();
    conn.certificate_by_serial(&serial).await.unwrap();
    conn.set_given_up(&id()).await.unwrap();
    let reason = RevocationReason::Unspecified;
    let revocation = Revocation { at: now, reason };
    conn.set_revoked(&id(), revocation).await.unwrap();
    let dns_and_more = [dns.clone(), dns.clone()];
    conn.valid_authorizations(&id(), &dns_and_more)
        .await
        .unwrap();
    conn.hold_authorizations(&id(), &many).await.unwrap();
    conn.prolong_authorization(&id(), now).await.unwrap();
    conn.accounts_of_key(&thumbprint).await.unwrap();
    conn.is_blocked(&thumbprint).await.unwrap();
    let order = order_of(&dns);
    conn.lock_open_orders_like(&order).await.unwrap();
    conn.set_early_renewal(&id(), None).await.unwrap();
    let replacement = Replacement::Issued(id());
    conn.set_replacement(&id(), &replacement).await.unwrap();
    let issuer = IssuerId([7; 32]);
    conn.lock_revision(&issuer).await.unwrap();
    conn.revocations(&issuer, 7, 10).await.unwrap();
    conn.crl_number(&issuer).await.unwrap();
    conn.newer_crl(&issuer, 7).await.unwrap();
    conn.prune_revocations(now, 10).await.unwrap();
    conn.unsigned(slot, now, 10).await.unwrap();
    conn.adopt_certificates(slot, slot, 10).await.unwrap();
    conn.external_key(&id()).await.unwrap();
    for after in [None, Some(&place)] {
        conn.accounts(after, 10).await.unwrap();
        conn.external_keys(after, 10).await.unwrap();
        conn.orders_of_account(&id(), after, 10, now).await.unwrap();
        for walk in [
            Walk::All,
            Walk::Revoked,
            Walk::Account(id()),
            Walk::Identifier(dns.clone()),
        ] {
            conn.certificates(&walk, after, 10).await.unwrap();
        }
    }
    run_queries_for_operators(conn, &dns, &place, now).await;
    conn.prune_orders(now, 10).await.unwrap();
    conn.prune_authorizations(now, 10).await.unwrap();
    conn.prune_certificates(now, 10).await.unwrap();
    conn.count_armed(slot, None, 10).await.unwrap();
    conn.count_exhausted(slot, 10).await.unwrap();
    conn.oldest_open_order(10, now).await.unwrap();
    conn.count_expiring(now, now, 10).await.unwrap();
}

async fn run_queries_for_operators(
    conn: &mut Session,
    dns: &Identifier,
    place: &Cursor,
    now: Timestamp,
) {
    let name = "alice".parse().unwrap();
    conn.lock_operator(&name).await.unwrap();
    conn.operators().await.unwrap();
    let digest = ProofDigest([7; 32]);
    conn.proof(&digest).await.unwrap();
    conn.delete_proof(&digest).await.unwrap();
    conn.delete_proofs_of(&name).await.unwrap();
    conn.prune_proofs(now, 10).await.unwrap();
    conn.lock_audit_head(None, AuditClass::Control)
        .await
        .unwrap();
    conn.audit_heads().await.unwrap();
    conn.audit_chain("x", 7, 10).await.unwrap();
    let audited = AuditCursor {
        at: now,
        chain: "x".to_owned(),
        number: 7,
    };
    for after in [None, Some(&audited)] {
        conn.audit(after, 10).await.unwrap();
    }
    let class = AuditClass::Control;
    conn.prune_audit(class, now, 10).await.unwrap();
    conn.orders_of_authorization(&id(), 10).await.unwrap();
    let ids = vec!["x".to_owned(), "y".to_owned()];
    records::whole_authorizations(conn, ids).await.unwrap();
    for after in [None, Some(place)] {
        let at = after.map(|place| place.id.as_str());
        conn.orders_by_id(at, 10).await.unwrap();
        for invalid in [false, true] {
            conn.whole_orders_of_account(&id(), invalid, after, 10)
                .await
                .unwrap();
        }
        for identifier in [None, Some(dns)] {
            conn.authorizations_by_id(identifier, at, 10).await.unwrap();
        }
        conn.certificates_by_end(now, now, after, 10).await.unwrap();
    }
}
