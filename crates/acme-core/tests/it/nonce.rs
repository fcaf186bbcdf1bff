//! Nonces: what is sealed comes back, and nothing else does.

use acme_core::{Epoch, NONCE_LIFE, NonceKey, SpentNonce};
use acme_types::{Slot, Timestamp, decode_base64url, encode_base64url};
use proptest::prelude::*;

use crate::support::START;

fn key() -> NonceKey {
    NonceKey::new([7; 32])
}

#[test]
fn a_nonce_says_who_issued_it_and_when_it_ends() {
    let nonce = key().issue(Slot::new(3), Epoch(12), 345, START);
    assert_eq!(
        key().open(&nonce),
        Some(SpentNonce {
            slot: Slot::new(3),
            epoch: Epoch(12),
            counter: 345,
            issued_at: START,
            expires_at: START.plus(NONCE_LIFE),
        })
    );
    assert_eq!(NONCE_LIFE.as_secs(), 3600);
    // A JWS header takes it as it is, and it is short.
    assert!(decode_base64url(&nonce).is_ok());
    assert_eq!(nonce.len(), 55);
}

#[test]
fn no_two_nonces_are_the_same() {
    let issue = |slot, epoch, counter| key().issue(Slot::new(slot), Epoch(epoch), counter, START);
    let nonces = [
        issue(0, 0, 0),
        issue(1, 0, 0),
        issue(0, 1, 0),
        issue(0, 0, 1),
    ];
    let distinct: std::collections::BTreeSet<_> = nonces.iter().collect();
    assert_eq!(distinct.len(), nonces.len());
}

#[test]
fn another_key_opens_nothing() {
    let nonce = NonceKey::new([8; 32]).issue(Slot::new(0), Epoch(1), 1, START);
    assert_eq!(key().open(&nonce), None);
}

#[test]
fn what_was_never_issued_is_refused() {
    let nonce = key().issue(Slot::new(0), Epoch(1), 1, START);
    for text in [
        "",
        "AAAA",
        &nonce[..nonce.len() - 1],
        &format!("{nonce}A"),
        &format!("{nonce}="),
        &format!(" {nonce}"),
        &nonce.to_lowercase(),
        &encode_base64url([0; 41]),
        &"A".repeat(10_000),
    ] {
        assert_eq!(key().open(text), None, "{text:?}");
    }
}

#[test]
fn the_key_is_not_logged() {
    assert_eq!(format!("{:?}", key()), "NonceKey(..)");
}

proptest! {
    #[test]
    fn every_nonce_comes_back(slot: u8, epoch: i64, counter: u64, millis in 0..=253_402_300_799_000_i64) {
        let issued_at = Timestamp::from_millis(millis);
        let nonce = key().issue(Slot::new(slot), Epoch(epoch), counter, issued_at);
        let spent = key().open(&nonce).unwrap();
        prop_assert_eq!(
            (spent.slot, spent.epoch, spent.counter, spent.issued_at),
            (Slot::new(slot), Epoch(epoch), counter, issued_at)
        );
    }

    #[test]
    fn a_nonce_with_one_bit_changed_is_refused(counter: u64, bit in 0..41_usize * 8) {
        let nonce = key().issue(Slot::new(0), Epoch(1), counter, START);
        let mut octets = decode_base64url(nonce).unwrap();
        octets[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key().open(&encode_base64url(octets)), None);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        prop_assert_eq!(key().open(&text), None);
    }
}
