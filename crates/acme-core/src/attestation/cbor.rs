//! As much of CBOR ([RFC 8949](https://www.rfc-editor.org/rfc/rfc8949)) as attestation objects are made of:
//! integers, strings, arrays, and maps whose keys are texts, each once; lengths are always given.

use super::statement::Refusal;

/// How deep arrays and maps may be nested; an attestation object has 3 levels.
const MAX_DEPTH: usize = 8;
/// How many entries an array or map may have; that of a TPM's statement has 6.
const MAX_ENTRIES: u64 = 64;

/// A value, as slices of what was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(&'a str, Self)>),
    /// False, true, null or undefined: nothing that is looked at has one.
    Simple,
}

impl<'a> Value<'a> {
    /// The value of a key; none in what is no map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// The octets under a key.
    pub(super) fn bytes(&self, key: &str) -> Result<&'a [u8], Refusal> {
        match self.get(key) {
            Some(Self::Bytes(bytes)) => Ok(bytes),
            _ => Err(Refusal(format!("its attStmt has no byte string {key:?}"))),
        }
    }
}

/// Reads one value that takes up all of the input.
pub(super) fn read(input: &[u8]) -> Result<Value<'_>, Refusal> {
    let mut reader = Reader { rest: input };
    match reader.value(MAX_DEPTH) {
        Ok(value) if reader.rest.is_empty() => Ok(value),
        Ok(_) => Err(Refusal::new("it has more after its CBOR")),
        Err(Broken) => Err(Refusal::new(
            "it is not CBOR of the kind that attestation objects are",
        )),
    }
}

struct Broken;

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Broken> {
        let [first] = *self.take_array::<1>()?;
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match info {
                20..=23 => Ok(Value::Simple),
                _ => Err(Broken),
            };
        }
        let argument = self.argument(info)?;
        if matches!(major, 4 | 5) && argument > MAX_ENTRIES {
            return Err(Broken);
        }
        match major {
            0 => Ok(Value::Integer(i128::from(argument))),
            1 => Ok(Value::Integer(-1 - i128::from(argument))),
            2 => self.take(argument).map(Value::Bytes),
            3 => self.text(argument).map(Value::Text),
            4 => {
                let depth = depth.checked_sub(1).ok_or(Broken)?;
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.value(depth)?);
                }
                Ok(Value::Array(items))
            }
            5 => {
                let depth = depth.checked_sub(1).ok_or(Broken)?;
                let mut entries: Vec<(&str, Value<'_>)> = Vec::new();
                for _ in 0..argument {
                    let Value::Text(key) = self.value(0)? else {
                        return Err(Broken);
                    };
                    if entries.iter().any(|(known, _)| *known == key) {
                        return Err(Broken);
                    }
                    entries.push((key, self.value(depth)?));
                }
                Ok(Value::Map(entries))
            }
            // Tags.
            _ => Err(Broken),
        }
    }

    /// The number that follows the first octet; an open length is refused.
    fn argument(&mut self, info: u8) -> Result<u64, Broken> {
        match info {
            0..=23 => Ok(u64::from(info)),
            24 => self.take_array::<1>().map(|[octet]| u64::from(*octet)),
            25 => self
                .take_array()
                .map(|octets| u64::from(u16::from_be_bytes(*octets))),
            26 => self
                .take_array()
                .map(|octets| u64::from(u32::from_be_bytes(*octets))),
            27 => self.take_array().map(|octets| u64::from_be_bytes(*octets)),
            _ => Err(Broken),
        }
    }

    fn text(&mut self, len: u64) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.take(len)?).map_err(|_| Broken)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Broken> {
        let len = usize::try_from(len).map_err(|_| Broken)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Broken)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<&'a [u8; N], Broken> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Broken)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_the_standard_are_read() {
        // Appendix A of RFC 8949.
        for (octets, value) in [
            (&[0x00][..], Value::Integer(0)),
            (&[0x17], Value::Integer(23)),
            (&[0x18, 0x18], Value::Integer(24)),
            (&[0x19, 0x03, 0xe8], Value::Integer(1000)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Value::Integer(1_000_000)),
            (
                &[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                Value::Integer(-18_446_744_073_709_551_616),
            ),
            (&[0x39, 0x01, 0x00], Value::Integer(-257)),
            (&[0x44, 1, 2, 3, 4], Value::Bytes(&[1, 2, 3, 4])),
            (&[0x64, 0x49, 0x45, 0x54, 0x46], Value::Text("IETF")),
            (&[0x80], Value::Array(vec![])),
            (
                &[0x82, 0x01, 0x81, 0x02],
                Value::Array(vec![
                    Value::Integer(1),
                    Value::Array(vec![Value::Integer(2)]),
                ]),
            ),
            (
                &[0xa1, 0x61, 0x61, 0x01],
                Value::Map(vec![("a", Value::Integer(1))]),
            ),
            (&[0xf6], Value::Simple),
        ] {
            assert_eq!(read(octets).ok(), Some(value), "{octets:x?}");
        }
    }

    #[test]
    fn what_has_no_place_in_an_attestation_is_refused() {
        let deep = [vec![0x81; 9], vec![0x00]].concat();
        for octets in [
            &[][..],
            // Open lengths, tags, floats, other simple values.
            &[0x5f, 0x41, 0x00, 0xff],
            &[0x9f, 0xff],
            &[0xbf, 0xff],
            &[0xc0, 0x00],
            &[0xf9, 0x00, 0x00],
            &[0xf8, 0x20],
            &[0xff],
            // Reserved lengths, cut values, more than one.
            &[0x1c],
            &[0x18],
            &[0x42, 0x00],
            &[0x81],
            &[0x00, 0x00],
            // More is said to follow than memory could hold.
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            // Text that is none; keys that are none, or stand there twice.
            &[0x61, 0xff],
            &[0xa1, 0x01, 0x01],
            &[0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02],
            &deep,
        ] {
            assert!(read(octets).is_err(), "{octets:x?}");
        }
        assert!(read(&deep[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets);
        }
    }
}
