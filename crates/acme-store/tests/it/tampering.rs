//! An audit trail that somebody has edited with SQL.

use acme_core::{AdminStore, AuditAct, AuditEvent, Origin};

use crate::contract::audit::findings;
use crate::world::{A, at};

const CHAIN: &str = "0.control.0";

/// Takes two entries for each other.
const SWAP: &str = "
    UPDATE audit SET number = 100 WHERE chain = '0.control.0' AND number = 2;
    UPDATE audit SET number = 2 WHERE chain = '0.control.0' AND number = 3;
    UPDATE audit SET number = 3 WHERE chain = '0.control.0' AND number = 100;
";

/// What is done to a chain of five entries, and what is found then.
pub(crate) const CASES: [(&str, &[&str]); 7] = [
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
        SWAP,
        &[
            "2 was moved here from another place",
            "3 was moved here from another place",
            "4 was not written after the one that now comes before it",
        ],
    ),
];

/// Five entries in one chain, with nothing wrong with them.
pub(crate) async fn five_entries(store: &dyn AdminStore) {
    for secs in 1..=5 {
        let event = AuditEvent::done(AuditAct::Drain, "slot", secs);
        let origin = Origin::of_server(A, at(secs));
        store.note(event, &origin).await.unwrap();
    }
    assert_eq!(findings(store).await, [""; 0]);
}

/// What was done is found and named.
pub(crate) async fn expect_found(store: &dyn AdminStore, tampering: &str, expected: &[&str]) {
    let expected = expected.iter().map(|one| format!("{CHAIN} {one}"));
    let found = findings(store).await;
    assert_eq!(found, expected.collect::<Vec<_>>(), "{tampering}");
}
