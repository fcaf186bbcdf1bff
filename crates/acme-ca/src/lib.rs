//! The built-in certificate authority: a `SignAuthority` over keys on this machine.
//!
#![doc = include_str!("../README.md")]

mod authority;
mod ca_certificate;
mod chain;
mod constraints;
mod crl;
mod cross_sign;
mod error;
mod files;
mod init;
mod issuing;
mod key;
mod key_pem;
mod layout;
mod ocsp;
mod oid;
mod pbes2;
mod profile;
mod root;
mod server_certificate;
mod signer;
mod tbs;
mod verify;

pub use authority::LocalAuthority;
pub use const_oid::ObjectIdentifier;
pub use cross_sign::{CrossSignReport, OldRootKey, cross_sign};
pub use error::CaError;
pub use init::{InitOptions, InitReport, add_issuer, init};
pub use key::{CaKey, CaPublicKey, CaSignature, KeyError, KeyType, UnknownKeyType};
pub use key_pem::Passphrase;
pub use profile::LeafProfile;
pub use root::ExistingRoot;
pub use server_certificate::{
    ServerCertificate, ServerCertificateError, ServerCertificateRequest, issue_server_certificate,
};
