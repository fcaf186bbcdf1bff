//! base64url without padding, as JOSE and ACME want it ([RFC 7515 § 2]).
//!
//! [RFC 7515 § 2]: https://www.rfc-editor.org/rfc/rfc7515#section-2

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes base64url, refusing padding, white space and non-zero trailing bits.
///
/// # Errors
/// [`Base64UrlError`] tells what is wrong with the text.
pub fn decode_base64url(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Base64UrlError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|e| Base64UrlError(e.to_string()))
}

/// Encodes bytes as base64url without padding.
#[must_use]
pub fn encode_base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The text is not base64url without padding.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not base64url without padding: {0}")]
pub struct Base64UrlError(String);
