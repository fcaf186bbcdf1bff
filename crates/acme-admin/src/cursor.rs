//! Cursors: a store's place in a list, as text that names its list and means nothing to others.

use acme_types::{decode_base64url, encode_base64url};

/// The text of a place in a list.
pub(crate) fn seal(list: &str, place: &str) -> String {
    encode_base64url(format!("{list}:{place}"))
}

/// The place that such a text names; none when it is of another list, or none at all.
pub(crate) fn open(list: &str, text: &str) -> Option<String> {
    let bytes = decode_base64url(text).ok()?;
    let opened = String::from_utf8(bytes).ok()?;
    let place = opened.strip_prefix(list)?.strip_prefix(':')?;
    is_place(place).then(|| place.to_owned())
}

/// The place in the audit trail that such a text names: a time, a number and the name of a chain.
pub(crate) fn open_audit(text: &str) -> Option<String> {
    let bytes = decode_base64url(text).ok()?;
    let opened = String::from_utf8(bytes).ok()?;
    let place = opened.strip_prefix("audit:")?;
    let mut parts = place.splitn(3, '.');
    parts.next()?.parse::<i64>().ok()?;
    parts.next()?.parse::<u64>().ok()?;
    let chain = parts.next()?;
    let is_chain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.';
    (chain.len() <= 64 && chain.bytes().all(is_chain)).then(|| place.to_owned())
}

/// A number, which may be missing, a dot, and an id: what every list of the store goes by.
fn is_place(place: &str) -> bool {
    let Some((number, id)) = place.split_once('.') else {
        return false;
    };
    let is_number = number.is_empty() || number.parse::<i64>().is_ok();
    let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_number && is_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_in_its_own_list_alone() {
        let place = format!("17.{}", "a".repeat(32));
        let text = seal("orders", &place);
        assert_eq!(open("orders", &text), Some(place));
        assert_eq!(open("accounts", &text), None);
        for bad in [
            "",
            "x",
            "orders",
            &seal("orders", "17"),
            &seal("orders", "x.abc"),
            &seal("orders", "17.' OR 1=1 --"),
            &format!("{text}A"),
        ] {
            assert_eq!(open("orders", bad), None, "{bad:?}");
        }
    }
}
