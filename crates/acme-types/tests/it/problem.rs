//! Problem documents as they stand on the wire.

use acme_types::{Algorithm, Problem, ProblemKind, RawIdentifier, Subproblem};
use serde_json::json;

#[test]
fn every_type_has_its_urn_and_a_status_of_an_error() {
    for kind in ProblemKind::ALL {
        let word = kind
            .urn()
            .strip_prefix("urn:ietf:params:acme:error:")
            .unwrap();
        assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic()));
        assert_eq!(
            serde_json::to_value(kind).unwrap(),
            json!(kind.urn()),
            "{kind:?}"
        );
        assert!((400..600).contains(&kind.http_status()), "{kind:?}");
    }
    let urns: std::collections::BTreeSet<_> = ProblemKind::ALL.iter().map(|k| k.urn()).collect();
    assert_eq!(urns.len(), ProblemKind::ALL.len());
}

#[test]
fn statuses_that_the_rfc_or_its_clients_rely_on() {
    use ProblemKind as K;
    for (kind, status) in [
        (K::AccountDoesNotExist, 400),
        (K::BadCsr, 400),
        (K::BadNonce, 400),
        (K::BadSignatureAlgorithm, 400),
        (K::Malformed, 400),
        (K::Caa, 403),
        (K::ExternalAccountRequired, 403),
        (K::OrderNotReady, 403),
        (K::Unauthorized, 403),
        (K::UserActionRequired, 403),
        (K::RateLimited, 429),
        (K::ServerInternal, 500),
    ] {
        assert_eq!(kind.http_status(), status, "{kind:?}");
    }
}

#[test]
fn empty_lists_are_left_out_and_full_ones_are_not() {
    let plain = Problem::new(ProblemKind::Malformed, "no");
    assert_eq!(
        serde_json::to_value(&plain).unwrap(),
        json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "no", "status": 400})
    );
    let full = Problem::new(ProblemKind::BadSignatureAlgorithm, "no")
        .with_status(401)
        .with_algorithms(&[Algorithm::Es256, Algorithm::EdDsa])
        .with_subproblems(vec![Subproblem {
            kind: ProblemKind::Dns,
            detail: "gone".to_owned(),
            identifier: Some(RawIdentifier {
                kind: "dns".to_owned(),
                value: "a.example".to_owned(),
            }),
        }]);
    let written = serde_json::to_value(&full).unwrap();
    assert_eq!(
        written,
        json!({
            "type": "urn:ietf:params:acme:error:badSignatureAlgorithm",
            "detail": "no",
            "status": 401,
            "algorithms": ["ES256", "EdDSA"],
            "subproblems": [{
                "type": "urn:ietf:params:acme:error:dns",
                "detail": "gone",
                "identifier": {"type": "dns", "value": "a.example"},
            }],
        })
    );
    assert_eq!(serde_json::from_value::<Problem>(written).unwrap(), full);
}
