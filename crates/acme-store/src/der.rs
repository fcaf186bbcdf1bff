//! Just enough DER to cut the to-be-signed form out of a certificate.

const SEQUENCE: u8 = 0x30;

/// The first element inside a SEQUENCE, with its own header; none when the bytes are not so built.
pub(crate) fn first_element(der: &[u8]) -> Option<&[u8]> {
    let (header, content) = lengths(der)?;
    if der.first() != Some(&SEQUENCE) || der.len() != header.checked_add(content)? {
        return None;
    }
    let inside = der.get(header..)?;
    let (header, content) = lengths(inside)?;
    inside.get(..header.checked_add(content)?)
}

/// Octets of an element's header and of its content.
fn lengths(der: &[u8]) -> Option<(usize, usize)> {
    match *der.get(1)? {
        short @ 0..=0x7f => Some((2, usize::from(short))),
        long @ 0x81..=0x84 => {
            let count = usize::from(long & 0x7f);
            let octets = der.get(2..2 + count)?;
            let content = octets
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet));
            Some((2 + count, content))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::first_element;

    #[test]
    fn the_first_element_is_cut_out() {
        let long = [&[0x04, 0x81, 0x80][..], &[7; 0x80]].concat();
        let outer = [&[0x30, 0x81, 0x86][..], &long, &[0x05, 0x00, 0x00]].concat();
        let cases: [(&[u8], Option<&[u8]>); 8] = [
            (
                &[0x30, 0x05, 0x02, 0x01, 0x07, 0x05, 0x00],
                Some(&[0x02, 0x01, 0x07]),
            ),
            (&outer, Some(&long)),
            (&[0x30, 0x02, 0x05, 0x00], Some(&[0x05, 0x00])),
            (&[0x30, 0x00], None),
            (&[0x31, 0x02, 0x05, 0x00], None),
            (&[0x30, 0x03, 0x05, 0x00], None),
            (&[0x30, 0x02, 0x05, 0x01], None),
            (b"certificate", None),
        ];
        for (der, expected) in cases {
            assert_eq!(first_element(der), expected, "{der:02x?}");
        }
    }
}
