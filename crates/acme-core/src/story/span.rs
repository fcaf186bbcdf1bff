//! Spans of time as people read them.

use std::time::Duration;

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
