//! Spans of time as text: `250ms`, `12s`, `2m`, `24h`, `30d`, or several of them, `1h30m`.

use std::time::Duration;

/// Units by falling length, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a span: whole numbers, each with a unit (`ms`, `s`, `m`, `h`, `d`).
///
/// # Errors
/// What is wrong with the text, in words.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{text:?} is not a duration; write a number and a unit (ms, s, m, h, d), as \"12s\""
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        if unit.is_empty() {
            return Err(format!(
                "{text:?} has no unit; write \"{text}s\" for seconds (units: ms, s, m, h, d)"
            ));
        }
        let factor = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, factor) = factor.ok_or_else(wrong)?;
        total = number
            .checked_mul(*factor)
            .and_then(|span| total.checked_add(span))
            .ok_or_else(|| format!("{text:?} is too long"))?;
        rest = tail;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a span in the longest unit that spells it without a fraction; [`parse`] reads it back.
#[must_use]
pub fn show(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    UNITS
        .iter()
        .find(|(_, factor)| millis.is_multiple_of(*factor))
        .map_or_else(
            || format!("{millis}ms"),
            |(unit, factor)| format!("{}{unit}", millis / factor),
        )
}

/// Writes a span for people, rounded: `3 ms`, `12.4 s`, `2 min 5 s`, `3 h 20 min`, `29 d 4 h`.
#[must_use]
pub fn roughly(span: Duration) -> String {
    let (millis, secs) = (span.as_millis(), span.as_secs());
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match secs {
        0 if millis > 0 => format!("{millis} ms"),
        0 => "0 s".to_owned(),
        1..60 if millis % 1000 < 50 => format!("{secs} s"),
        1..60 => format!("{secs}.{} s", (millis % 1000) / 100),
        60..3600 => pair(secs / 60, "min", secs % 60, "s"),
        3600..86_400 => pair(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => pair(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, millis: u64, shown: &str) {
        let span = parse(text).unwrap();
        assert_eq!(span, Duration::from_millis(millis), "{text}");
        assert_eq!(show(span), shown, "{text}");
        assert_eq!(parse(&show(span)).unwrap(), span, "{text}");
    }

    #[test]
    fn spans_are_read_and_written() {
        check("0s", 0, "0s");
        check("250ms", 250, "250ms");
        check("12s", 12_000, "12s");
        check("120s", 120_000, "2m");
        check("2m", 120_000, "2m");
        check("24h", 86_400_000, "1d");
        check("30d", 2_592_000_000, "30d");
        check("1h30m", 5_400_000, "90m");
        check("1s500ms", 1500, "1500ms");
        check(" 5s ", 5000, "5s");
    }

    #[test]
    fn what_is_no_span_is_told() {
        for (text, word) in [
            ("", "is not a duration"),
            ("12", "no unit"),
            ("s", "is not a duration"),
            ("12 s", "no unit"),
            ("-5s", "is not a duration"),
            ("1.5s", "no unit"),
            ("12sec", "is not a duration"),
            ("9999999999999999d", "too long"),
            ("99999999999999999999999s", "is not a duration"),
            ("5ß", "no unit"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }

    #[test]
    fn people_read_rounded_spans() {
        for (millis, shown) in [
            (0, "0 s"),
            (3, "3 ms"),
            (1000, "1 s"),
            (12_420, "12.4 s"),
            (125_000, "2 min 5 s"),
            (120_000, "2 min"),
            (12_000_000, "3 h 20 min"),
            (2_520_000_000, "29 d 4 h"),
        ] {
            assert_eq!(roughly(Duration::from_millis(millis)), shown);
        }
    }
}
