//! Fixtures for tests that drive the built `acme-server` as its users do: real clients, real
//! targets on loopback, a DNS server of their own, crashes.
//!
//! A scenario starts a [`Server`], publishes proofs ([`Webroot`], [`Dns`], [`AlpnTarget`]) and lets
//! a client ([`Certbot`], [`Lego`], [`Uacme`], [`AcmeTiny`], [`python_acme()`], [`client`]) ask. Every scenario has its own processes, ports and
//! folders, so all of them run at the same time. A fixture panics when it cannot do its work: a
//! test that cannot run has failed.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture that cannot do its work must fail its test"
)]

mod acme_tiny;
mod alpn;
pub mod browser;
mod certbot;
pub mod client;
mod collector;
mod command;
mod dns;
mod hook;
mod http;
mod lego;
mod openssl;
mod port;
mod python_acme;
mod server;
mod shown;
mod uacme;

pub use acme_tiny::AcmeTiny;
pub use alpn::AlpnTarget;
pub use certbot::Certbot;
pub use collector::Collector;
pub use command::Ran;
pub use dns::Dns;
pub use hook::PolicyHook;
pub use http::{HttpTarget, Webroot, http_get};
pub use lego::Lego;
pub use openssl::{Certificate, openssl_csr};
pub use port::free_port;
pub use python_acme::python_acme;
pub use server::{ExternalKey, Server, Settings, run_server};
pub use shown::shown;
pub use uacme::Uacme;

use std::time::Duration;

/// Undoes base64url without padding.
#[must_use]
pub fn decode_base64url(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Vec::new();
    let (mut bits, mut kept) = (0_u32, 0);
    for letter in text.bytes() {
        let six = ALPHABET.iter().position(|other| *other == letter);
        bits = (bits << 6) | six.expect("base64url") as u32;
        kept += 6;
        if kept >= 8 {
            kept -= 8;
            bytes.push((bits >> kept) as u8);
        }
    }
    bytes
}

/// How long a target keeps a client waiting, and how often the server tries meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Lateness {
    /// The target starts to answer this long after it was asked for.
    pub target_after: Duration,
    /// Settings of the retry schedule, in the form of `--set`.
    pub schedule: &'static [&'static str],
}

impl Lateness {
    /// Some seconds with a short schedule; with `ACME_FULL_LENGTH` set, 20 s with the schedule that
    /// the server has when nobody sets one.
    #[must_use]
    pub fn of_this_run() -> Self {
        if std::env::var_os("ACME_FULL_LENGTH").is_some() {
            return Self {
                target_after: Duration::from_secs(20),
                schedule: &[],
            };
        }
        Self {
            target_after: Duration::from_secs(3),
            schedule: &[
                "validation.retry.interval=1s",
                "validation.retry.window=30s",
            ],
        }
    }
}
