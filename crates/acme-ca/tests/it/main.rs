//! What the authority makes, judged by itself and by strangers: OpenSSL, pkilint, pyca/cryptography.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod alternate;
mod init;
mod issue;
mod issuers;
mod judged;
mod keys;
mod load;
mod revocation;
mod support;
