//! Ports that no other fixture of this process has and nobody listens on.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the system takes the ports of outgoing connections: a port that is
/// kept for later must not be taken by one of those meanwhile.
const FIRST: u16 = 12_000;
const LAST: u16 = 31_999;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of the loopback address, free for TCP and UDP.
#[must_use]
pub fn free_port() -> u16 {
    for _ in FIRST..=LAST {
        let port = candidate();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if tcp.is_ok() && udp.is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} to {LAST}");
}

/// Each process starts elsewhere, so that test runs beside each other seldom meet.
fn candidate() -> u16 {
    let range = u32::from(LAST - FIRST) + 1;
    let start = std::process::id().wrapping_mul(997) % range;
    let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
    FIRST + u16::try_from((start + step) % range).unwrap_or_default()
}
