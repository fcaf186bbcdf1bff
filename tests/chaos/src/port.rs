//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::error::{Error, Result};

/// Below the range from which the system takes the ports of outgoing connections: a port that is
/// kept for later must not be taken by one of those meanwhile.
const FIRST: u16 = 12_000;
const LAST: u16 = 31_999;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A free port of the loopback address.
///
/// # Errors
/// When every port is taken.
pub fn free_port() -> Result<u16> {
    (FIRST..=LAST)
        .map(|_| candidate())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| Error::stage("no free port"))
}

/// Each process starts elsewhere, so that runs beside each other seldom meet.
fn candidate() -> u16 {
    let range = u32::from(LAST - FIRST) + 1;
    let start = std::process::id().wrapping_mul(997) % range;
    let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
    FIRST + u16::try_from((start + step) % range).unwrap_or_default()
}
