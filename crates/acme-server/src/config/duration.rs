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
}
