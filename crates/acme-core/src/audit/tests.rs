//! Every way to tamper with a chain is found, and named by its entry.

use super::*;

fn chain(entries: u64) -> (ChainHead, Vec<AuditEntry>) {
    let mut head = ChainHead::empty("0.issuance.0".to_owned());
    let mut all = Vec::new();
    for number in 1..=entries {
        // No clock stops at whole seconds.
        let at = Timestamp::from_millis(number as i64 * 1_337);
        let origin = Origin::of_server(Slot::new(0), at);
        let event = AuditEvent::done(AuditAct::CertificateIssue, "certificate", number);
        let (entry, next) = head.next(&origin, &event);
        head = next;
        all.push(entry);
    }
    (head, all)
}

#[track_caller]
fn check(tamper: impl FnOnce(&mut ChainHead, &mut Vec<AuditEntry>), expected: &[&str]) {
    let (mut head, mut all) = chain(5);
    tamper(&mut head, &mut all);
    let mut check = ChainCheck::new(head);
    for entry in &all {
        check.push(entry);
    }
    let found: Vec<String> = check.finish().iter().map(ToString::to_string).collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|e| format!("0.issuance.0 {e}"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn whatever_is_done_to_a_chain_is_found() {
    check(|_, _| (), &[]);
    check(|_, all| drop(all.remove(2)), &["3 is missing"]);
    check(|_, all| drop(all.drain(1..3)), &["2 to 3 is missing"]);
    check(|_, all| all.truncate(3), &["4 to 5 is missing"]);
    check(|_, all| all.clear(), &["1 to 5 is missing"]);
    check(
        |_, all| all[2].body = all[2].body.replace("certificate:3", "certificate:9"),
        &["3 was changed"],
    );
    check(|_, all| all[2].body.clear(), &["3 was changed"]);
    // Who can write a digest too is told by the entry after it.
    check(
        |_, all| {
            all[2].body = all[2].body.replace("certificate:3", "certificate:9");
            all[2].hash = sha256(all[2].body.as_bytes());
        },
        &["4 was not written after the one that now comes before it"],
    );
    check(
        |_, all| {
            all[4].body = all[4].body.replace("certificate:5", "certificate:9");
            all[4].hash = sha256(all[4].body.as_bytes());
        },
        &["5 was changed"],
    );
    check(
        |_, all| {
            all.swap(1, 2);
            (all[1].number, all[2].number) = (2, 3);
        },
        &[
            "2 was moved here from another place",
            "3 was moved here from another place",
            "4 was not written after the one that now comes before it",
        ],
    );
    check(
        |head, _| head.number = 4,
        &["5 is not known to the chain's head"],
    );
}

#[test]
fn a_pruned_chain_begins_at_its_anchor() {
    check(
        |head, all| {
            (head.anchor_number, head.anchor_hash) = (2, all[1].hash);
            all.drain(..2);
        },
        &[],
    );
    check(
        |head, all| {
            (head.anchor_number, head.anchor_hash) = (2, all[0].hash);
            all.drain(..2);
        },
        &["3 was not written after the one that now comes before it"],
    );
}

#[test]
fn an_entry_is_written_as_the_document_says() {
    let (_, all) = chain(1);
    assert_eq!(
        all[0].body,
        concat!(
            r#"{"chain":"0.issuance.0","number":1,"#,
            r#""previous":"0000000000000000000000000000000000000000000000000000000000000000","#,
            r#""at":"1970-01-01T00:00:01Z","act":"certificate.issue","result":"done","#,
            r#""actor":"server","address":null,"slot":0,"request":null,"#,
            r#""object":"certificate:1","detail":{}}"#
        )
    );
}
