//! The probes against real servers on the loopback interface: DNS over UDP and TCP, HTTP that
//! behaves and HTTP that does not, TLS with every kind of wrong certificate.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot set up ends it"
)]

mod caa;
mod dns01;
mod dns_account01;
mod dns_persist01;
mod dns_server;
mod hostile;
mod http01;
mod http_server;
mod networks;
mod redirects;
mod resolvers;
mod support;
mod tls_server;
mod tlsalpn01;
