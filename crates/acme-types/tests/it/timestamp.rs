//! Timestamps: texts, roundings and bounds.

use std::time::Duration;

use acme_types::Timestamp;

#[track_caller]
fn parses(text: &str, millis: i64) {
    assert_eq!(
        text.parse::<Timestamp>().map(Timestamp::as_millis),
        Ok(millis),
        "{text:?}"
    );
}

#[test]
fn rfc_3339_texts() {
    parses("1970-01-01T00:00:00Z", 0);
    parses("2030-01-31T12:00:00Z", 1_896_091_200_000);
    parses("2030-01-31T13:00:00+01:00", 1_896_091_200_000);
    parses("2030-01-31T12:00:00.123456Z", 1_896_091_200_123);
    parses("2030-01-31t12:00:00z", 1_896_091_200_000);
    parses("9999-12-31T23:59:59Z", 253_402_300_799_000);
    // The last second of the year 9999 is the last there is.
    parses("9999-12-31T23:59:59.9Z", 253_402_300_799_000);
}

#[test]
fn other_texts_are_refused() {
    for text in [
        "",
        "2030-01-31",
        "2030-01-31T12:00:00",
        "2030-02-30T12:00:00Z",
        "2030-01-31T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "1896091200",
        "2030-01-31T12:00:00Zz",
        "+10000-01-01T00:00:00Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
    }
}

#[test]
fn texts_and_json_carry_whole_seconds() {
    let time = Timestamp::from_millis(1_896_091_200_999);
    assert_eq!(time.to_string(), "2030-01-31T12:00:00Z");
    assert_eq!(
        serde_json::to_string(&time).unwrap(),
        r#""2030-01-31T12:00:00Z""#
    );
    let read: Timestamp = serde_json::from_str(r#""2030-01-31T12:00:00Z""#).unwrap();
    assert_eq!(read, time.truncated_to_second());
    assert!(serde_json::from_str::<Timestamp>("1896091200").is_err());
    assert_eq!(
        Timestamp::MAX.to_string().parse::<Timestamp>(),
        Ok(Timestamp::MAX)
    );
}

#[test]
fn half_a_second_rounds_up() {
    for (millis, rounded, truncated) in [(1000, 1, 1), (1499, 1, 1), (1500, 2, 1), (1999, 2, 1)] {
        let time = Timestamp::from_millis(millis);
        assert_eq!(time.rounded_to_second(), Timestamp::from_secs(rounded));
        assert_eq!(time.truncated_to_second(), Timestamp::from_secs(truncated));
    }
}

#[test]
fn arithmetic_stays_within_1970_and_9999() {
    let second = Duration::from_secs(1);
    assert_eq!(Timestamp::EPOCH.minus(second), Timestamp::EPOCH);
    assert_eq!(Timestamp::MAX.plus(second), Timestamp::MAX);
    assert_eq!(Timestamp::EPOCH.plus(Duration::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.minus(Duration::MAX), Timestamp::EPOCH);
    assert_eq!(Timestamp::from_millis(-1), Timestamp::EPOCH);
    assert_eq!(Timestamp::from_secs(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_secs(i64::MIN), Timestamp::EPOCH);
    let later = Timestamp::EPOCH.plus(second);
    assert_eq!(later.since(Timestamp::EPOCH), second);
    assert_eq!(Timestamp::EPOCH.since(later), Duration::ZERO);
}
