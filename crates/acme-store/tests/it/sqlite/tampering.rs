//! A trail that somebody has edited with SQL.

use acme_core::{AuditAct, AuditEvent, AuditTrail as _, Origin};

use super::{Place, sql};
use crate::contract::audit::findings;
use crate::world::{A, at};

/// Five entries in one chain, each tampered with in turn: what is done is found and named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_sql_does_to_the_trail_is_found() {
    let chain = "0.control.0";
    let swap = format!(
        "UPDATE audit SET number = 100 WHERE chain = '{chain}' AND number = 2;
         UPDATE audit SET number = 2 WHERE chain = '{chain}' AND number = 3;
         UPDATE audit SET number = 3 WHERE chain = '{chain}' AND number = 100;"
    );
    let cases: [(&str, &[&str]); 7] = [
        ("DELETE FROM audit WHERE number = 3", &["3 is missing"]),
        ("DELETE FROM audit WHERE number > 3", &["4 to 5 is missing"]),
        ("DELETE FROM audit", &["1 to 5 is missing"]),
        (
            "UPDATE audit SET body = replace(body, 'slot:3', 'slot:9') WHERE number = 3",
            &["3 was changed"],
        ),
        (
            "UPDATE audit SET at = at + 1 WHERE number = 3",
            &["3 was moved here from another place"],
        ),
        (
            "UPDATE audit_heads SET number = 4 WHERE number = 5",
            &["5 is not known to the chain's head"],
        ),
        (
            &swap,
            &[
                "2 was moved here from another place",
                "3 was moved here from another place",
                "4 was not written after the one that now comes before it",
            ],
        ),
    ];
    for (tampering, expected) in cases {
        let place = Place::new();
        for secs in 1..=5 {
            let event = AuditEvent::done(AuditAct::Drain, "slot", secs);
            let origin = Origin::of_server(A, at(secs));
            place.store.note(event, &origin).await.unwrap();
        }
        assert_eq!(findings(&*place.store).await, [""; 0]);
        sql(&place.path(), tampering).unwrap();
        let found = findings(&*place.store).await;
        let expected = expected.iter().map(|one| format!("{chain} {one}"));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{tampering}");
    }
}
