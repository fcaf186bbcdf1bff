//! Where a request came from.

use std::net::SocketAddr;

/// The address of whoever sent a request; handlers find it among the request's extensions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer(pub SocketAddr);
