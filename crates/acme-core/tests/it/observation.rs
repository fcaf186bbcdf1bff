//! What each finding means, and what foreign bytes look like.

use acme_core::{Finding, Judgement, Observation, Phase, RetryPolicy, printable};
use acme_types::ProblemKind;

#[test]
fn every_finding_is_judged() {
    use Finding as F;
    use Judgement::{Contradiction, NotYet, Proof};
    use ProblemKind as K;
    let table = [
        (F::Proof, Proof, K::ServerInternal),
        (F::DnsFailure, NotYet, K::Dns),
        (F::DnsNoAddress, NotYet, K::Dns),
        (F::DnsNoTxt, NotYet, K::Dns),
        (F::DnsTxtMismatch, NotYet, K::IncorrectResponse),
        (F::ConnectRefused, NotYet, K::Connection),
        (F::ConnectTimeout, NotYet, K::Connection),
        (F::ConnectFailed, NotYet, K::Connection),
        (F::HttpBroken, NotYet, K::Connection),
        (F::HttpStatus, NotYet, K::Connection),
        (F::HttpRedirect, NotYet, K::Connection),
        (F::HttpMismatch, Contradiction, K::IncorrectResponse),
        (F::TlsFailed, NotYet, K::Tls),
        (F::TlsNoAlpn, NotYet, K::Tls),
        (F::TlsWrongCertificate, NotYet, K::Tls),
        (F::TlsMismatch, Contradiction, K::IncorrectResponse),
        (F::DeniedNetwork, Contradiction, K::RejectedIdentifier),
        (F::CaaFailure, NotYet, K::Dns),
        (F::CaaRefused, Contradiction, K::Caa),
        (
            F::AttestationRefused,
            Contradiction,
            K::BadAttestationStatement,
        ),
        (F::Internal, NotYet, K::ServerInternal),
    ];
    let listed: Vec<_> = table.iter().map(|(finding, ..)| *finding).collect();
    assert_eq!(listed, Finding::ALL, "a finding is missing here");
    let lenient = RetryPolicy::default();
    let mut strict = RetryPolicy::default();
    strict.dns_mismatch_is_final = true;
    for (finding, judgement, kind) in table {
        assert_eq!(finding.judge(&lenient), judgement, "{finding:?}");
        assert_eq!(finding.problem_kind(), kind, "{finding:?}");
        let strictly = match finding {
            F::DnsTxtMismatch => Contradiction,
            _ => judgement,
        };
        assert_eq!(finding.judge(&strict), strictly, "{finding:?}");
    }
}

#[test]
fn words_are_the_same_in_code_and_in_json() {
    for finding in Finding::ALL {
        let json = serde_json::to_value(finding).unwrap();
        assert_eq!(json, finding.as_str());
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), *finding);
    }
    for phase in Phase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
    }
}

#[test]
fn foreign_bytes_are_made_fit_for_people() {
    for (bytes, max, shown) in [
        (&b"plain text"[..], 20, "plain text"),
        (b"trailing \r\n\t ", 20, "trailing"),
        (b"cut here", 3, "cut…"),
        (b"just fits", 9, "just fits"),
        (b"a\0b\x1b[31mc", 20, "a\u{fffd}b\u{fffd}[31mc"),
        (b"two\nlines", 20, "two\u{fffd}lines"),
        (b"\xff\xfe", 20, "\u{fffd}\u{fffd}"),
        ("bücher".as_bytes(), 2, "bü…"),
        ("abc\u{202e}def".as_bytes(), 20, "abc\u{fffd}def"),
        ("a\u{200b}b\u{feff}".as_bytes(), 20, "a\u{fffd}b\u{fffd}"),
        (b"", 20, ""),
        (b"x", 0, "…"),
    ] {
        assert_eq!(printable(bytes, max), shown, "{bytes:?}");
    }
    assert!(
        printable(&vec![b'x'; 100_000], Observation::MAX_DETAIL)
            .chars()
            .count()
            <= 401
    );
}
