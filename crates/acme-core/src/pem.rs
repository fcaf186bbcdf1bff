//! Certificates as PEM text ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Characters of base64 in a line (RFC 7468 § 2).
const LINE: usize = 64;

/// The certificates one after another, each DER as one block, lines ended by a line feed: the form
/// of a chain that [RFC 8555 § 9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1) asks for.
#[must_use]
pub fn certificates_to_pem<C: AsRef<[u8]>>(certificates: &[C]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        let base64 = STANDARD.encode(certificate);
        text.reserve(base64.len() + base64.len() / LINE + BEGIN.len() + END.len() + 3);
        text.push_str(BEGIN);
        text.push('\n');
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(LINE));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str(END);
        text.push('\n');
    }
    text
}

/// DER of every certificate in a text, in its order. What stands between the blocks is passed over:
/// many tools write explanations there.
///
/// # Errors
/// [`PemError`] when a block has no end or is not base64.
pub fn certificates_from_pem(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (block, after) = after.split_once(END).ok_or(PemError)?;
        let base64: String = block.split_ascii_whitespace().collect();
        certificates.push(STANDARD.decode(base64).map_err(|_| PemError)?);
        rest = after;
    }
    Ok(certificates)
}

/// A PEM block of a certificate is damaged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a PEM block of a certificate has no end or is not base64")]
pub struct PemError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back_whatever_its_length() {
        let certificates: Vec<Vec<u8>> = [0, 1, 47, 48, 49, 96, 1000]
            .map(|length| (0..=u8::MAX).cycle().take(length).collect())
            .to_vec();
        let text = certificates_to_pem(&certificates);
        assert_eq!(certificates_from_pem(&text), Ok(certificates));
        assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
        assert!(text.ends_with("-----END CERTIFICATE-----\n"), "{text}");
    }

    #[test]
    fn explanations_and_carriage_returns_are_passed_over() {
        let text = "subject=CN = a\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\nBA==\r\n\
                    -----END CERTIFICATE-----\r\nissuer=CN = b\r\n";
        assert_eq!(certificates_from_pem(text), Ok(vec![vec![1, 2, 3, 4]]));
        assert_eq!(certificates_from_pem("nothing here"), Ok(vec![]));
    }

    #[test]
    fn damaged_blocks_are_refused() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nAQID\n",
            "-----BEGIN CERTIFICATE-----\nAQ*D\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAQIDB\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(certificates_from_pem(text), Err(PemError), "{text}");
        }
    }
}
