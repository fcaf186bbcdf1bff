//! Ids, tokens, slots, provisioner names, statuses and base64url.

use std::convert::Infallible;

use acme_types::{
    AccountId, AccountStatus, AuthorizationStatus, ChallengeKind, ChallengeStatus, InvalidId,
    InvalidRequestId, KeyAuthorization, OrderId, OrderStatus, ProvisionerName, RequestId, Slot,
    Thumbprint, Timestamp, Token, decode_base64url, encode_base64url, random_id,
};
use rand_core::{TryCryptoRng, TryRng};

/// Gives every octet in turn: no generator, but it shows what is made of each.
struct EveryOctet(u8);

impl TryRng for EveryOctet {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for EveryOctet {}

#[test]
fn the_id_of_a_request_is_short_and_read_back() {
    let id = RequestId::random(&mut EveryOctet(0));
    assert_eq!(id.as_str(), "0123456789abcdef");
    assert_eq!(id.as_str().parse(), Ok(id));
    for wrong in [
        "",
        "0123456789abcde",
        "0123456789abcdefg",
        "0123456789ABCDEF",
        "0123456789abcde\n",
    ] {
        assert_eq!(
            wrong.parse::<RequestId>(),
            Err(InvalidRequestId),
            "{wrong:?}"
        );
    }
}

#[test]
fn ids_are_32_letters_and_digits_each_equally_likely() {
    let mut rng = EveryOctet(0);
    // 31 ids take 992 characters, four rounds of the 248 octets that are used, each of the 62
    // letters and digits the same number of times.
    let text: String = (0..31).map(|_| random_id(&mut rng)).collect();
    assert_eq!(text.len(), 31 * 32);
    let mut count = std::collections::BTreeMap::new();
    text.chars().for_each(|c| *count.entry(c).or_insert(0) += 1);
    assert_eq!(count.len(), 62);
    assert!(count.keys().all(char::is_ascii_alphanumeric));
}

#[test]
fn dated_ids_sort_by_the_time_they_were_made_at_and_differ_otherwise() {
    let mut rng = EveryOctet(0);
    // 62^6 hundredths of a second, 18 years, begin anew here and there; not within these.
    let times = [
        1_767_225_600_000,
        1_767_225_600_010,
        1_767_225_600_620,
        1_767_229_200_000,
        1_798_761_600_000,
    ];
    let mut id = |millis| OrderId::dated(Timestamp::from_millis(millis), &mut rng).to_string();
    let made: Vec<String> = times.into_iter().map(&mut id).collect();
    assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
    assert!(made.iter().all(|id| id.parse::<OrderId>().is_ok()));
    let (first, second) = (id(times[0]), id(times[0]));
    assert_eq!(first[..6], second[..6]);
    assert_ne!(first[6..], second[6..]);
    // Before the epoch there is an id too, of the same length.
    assert!(id(-1).parse::<OrderId>().is_ok());
}

#[test]
fn ids_are_parsed_as_strictly_as_they_are_made() {
    let id = AccountId::random(&mut EveryOctet(0));
    assert_eq!(id.as_str().parse(), Ok(id.clone()));
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<AccountId>(&json).unwrap(), id);
    for text in [
        "",
        "abc",
        "0123456789012345678901234567890",
        "012345678901234567890123456789012",
        "0123456789012345678901234567890-",
        "0123456789012345678901234567890/",
        "012345678901234567890123456789é",
    ] {
        assert_eq!(text.parse::<OrderId>(), Err(InvalidId), "{text:?}");
    }
    assert!(serde_json::from_str::<OrderId>(r#""abc""#).is_err());
}

#[test]
fn tokens_have_128_bits_at_least() {
    let token = Token::random(&mut EveryOctet(0));
    assert_eq!(token.as_str().len(), 43);
    assert_eq!(token.as_str().parse(), Ok(token.clone()));
    assert!(encode_base64url([0; 16]).parse::<Token>().is_ok());
    for text in [
        encode_base64url([0; 15]),
        String::new(),
        format!("{token}="),
        format!("{token}/../x"),
    ] {
        assert!(text.parse::<Token>().is_err(), "{text:?}");
    }
}

#[test]
fn a_key_authorization_is_token_dot_thumbprint_and_is_not_logged() {
    let token: Token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
        .parse()
        .unwrap();
    let authorization = KeyAuthorization::new(&token, &Thumbprint([0; 32]));
    assert_eq!(
        authorization.as_str(),
        "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    );
    assert_eq!(format!("{authorization:?}"), "KeyAuthorization(..)");
}

#[test]
fn slots_are_numbers_up_to_255() {
    for (text, number) in [("0", 0), ("7", 7), ("255", 255), ("007", 7)] {
        assert_eq!(text.parse(), Ok(Slot::new(number)));
    }
    for text in ["", "256", "-1", "+1", "1.0", " 1", "one", "٣"] {
        assert!(text.parse::<Slot>().is_err(), "{text:?}");
    }
    for (name, number) in [("acme-server-2", 2), ("acme-0", 0), ("a-b-c-12", 12)] {
        assert_eq!(Slot::from_pod_name(name), Ok(Slot::new(number)));
    }
    // The second is a Deployment's pod: its suffix is no ordinal.
    for name in ["acme", "acme-7d9c8b6f5-x2x2x", "acme-", "acme-256", "", "2"] {
        assert!(Slot::from_pod_name(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_provisioner_name_is_one_segment_of_a_path() {
    for (name, escaped) in [
        ("default", "default"),
        ("a-b.c_d~e", "a-b.c_d~e"),
        ("two words", "two%20words"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        (
            "?#[]@!$&'()*+,;=:",
            "%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A",
        ),
        ("zürich", "z%C3%BCrich"),
    ] {
        let parsed: ProvisionerName = name.parse().unwrap();
        assert_eq!(parsed.url_safe(), escaped);
        assert_eq!(parsed.as_str(), name);
    }
    let longest = "ü".repeat(64);
    assert!(longest.parse::<ProvisionerName>().is_ok());
    for name in ["", ".", "..", "a\nb", "a\0", &"x".repeat(65)] {
        assert!(name.parse::<ProvisionerName>().is_err(), "{name:?}");
    }
}

#[test]
fn status_words_are_those_of_the_rfc() {
    macro_rules! check {
        ($type:ty, $words:expr) => {
            let words: Vec<_> = <$type>::ALL.iter().map(|status| status.as_str()).collect();
            assert_eq!(words, $words);
            for status in <$type>::ALL {
                assert_eq!(status.as_str().parse::<$type>(), Ok(*status));
                assert_eq!(
                    serde_json::to_value(status).unwrap(),
                    serde_json::json!(status.as_str())
                );
            }
            assert!("Valid".parse::<$type>().is_err());
        };
    }
    check!(AccountStatus, ["valid", "deactivated", "revoked"]);
    check!(
        OrderStatus,
        ["pending", "ready", "processing", "valid", "invalid"]
    );
    check!(
        AuthorizationStatus,
        [
            "pending",
            "valid",
            "invalid",
            "deactivated",
            "expired",
            "revoked"
        ]
    );
    check!(
        ChallengeStatus,
        ["pending", "processing", "valid", "invalid"]
    );
    assert!(!ChallengeStatus::Processing.is_settled() && ChallengeStatus::Invalid.is_settled());
    assert!(!OrderStatus::Ready.is_settled() && OrderStatus::Valid.is_settled());
}

#[test]
fn challenge_words_are_those_of_the_rfcs() {
    let words: Vec<_> = ChallengeKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    assert_eq!(
        words,
        [
            "http-01",
            "dns-01",
            "tls-alpn-01",
            "dns-account-01",
            "dns-persist-01",
            "device-attest-01"
        ]
    );
    let usual: Vec<_> = ChallengeKind::USUAL.iter().map(|k| k.as_str()).collect();
    assert_eq!(usual, ["http-01", "dns-01", "tls-alpn-01"]);
    for kind in ChallengeKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(
            serde_json::to_value(kind).unwrap(),
            serde_json::json!(kind.as_str())
        );
    }
    let unknown = "tls-sni-01".parse::<ChallengeKind>().unwrap_err();
    assert!(
        unknown
            .to_string()
            .ends_with("dns-persist-01, device-attest-01")
    );
}

#[test]
fn base64url_has_one_spelling_for_each_value() {
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (&[0xfb, 0xff], "-_8"),
    ] {
        assert_eq!(encode_base64url(bytes), text);
        assert_eq!(decode_base64url(text).unwrap(), bytes);
    }
    for text in [
        "Zg==", "Zm8=", "Z", "Zh", "Zm9", "+/8", " Zg", "Zg\n", "Zm9v=", "Z g", "Zgé",
    ] {
        assert!(decode_base64url(text).is_err(), "{text:?}");
    }
}
