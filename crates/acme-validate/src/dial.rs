//! From a host to a connection: resolve, refuse what is denied, and dial the very addresses that
//! were looked at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use acme_core::{Finding, Phase};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::dns::Resolver;
use crate::host::Host;
use crate::network::{Reach, Refusal};
use crate::progress::{Failure, Progress, in_words};

/// Most addresses that are dialled for one name.
const MAX_DIALLED: usize = 6;

/// Connects to a host: by IPv6 first, and after a failed connection by IPv4.
pub(crate) async fn dial(
    resolver: &Resolver,
    reach: &Reach,
    progress: &mut Progress,
    host: &Host,
    port: u16,
) -> Result<TcpStream, Failure> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => match resolver.known_addresses(name) {
            Some(known) => {
                progress.remembered(name);
                known.to_vec()
            }
            None => {
                let servers = resolver.servers_in_words();
                progress.enter(Phase::Dns, format!("no answer about {name} from {servers}"));
                resolver.addresses(name).await?
            }
        },
    };
    progress.enter(Phase::Connect, "nothing was dialled");
    let allowed = allowed(reach, progress, host, addresses)?;
    let mut candidates = in_turn(allowed);
    candidates.truncate(MAX_DIALLED);

    let mut failure = Failure::new(Finding::Internal, "there is no address to dial");
    let count = candidates.len();
    for (n, address) in candidates.into_iter().enumerate() {
        if n > 0 {
            progress.note(failure.text);
        }
        let address = SocketAddr::new(address, port);
        progress.enter(
            Phase::Connect,
            format!("{address} neither accepted nor refused the connection"),
        );
        progress.dialling(address);
        // A black hole must leave time for those that come after it, and for the rest of the probe;
        // the last one may take all there is.
        let left = u32::try_from(count - n).unwrap_or(u32::MAX);
        let patience = match left {
            1 => progress.remaining(),
            left => progress.remaining() / (left + 1),
        };
        match connect(address, patience, left == 1).await {
            Ok((stream, took)) => {
                progress.note(format!("connected to {address} after {}", in_words(took)));
                return Ok(stream);
            }
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

/// The addresses that may be dialled, at least one.
fn allowed(
    reach: &Reach,
    progress: &mut Progress,
    host: &Host,
    addresses: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, Failure> {
    let mut refused: Option<(IpAddr, Refusal)> = None;
    let mut allowed = Vec::with_capacity(addresses.len());
    for address in addresses {
        match reach.refusal(address) {
            None => allowed.push(address),
            Some(refusal) => {
                refused.get_or_insert((address, refusal));
            }
        }
    }
    match (refused, allowed.is_empty()) {
        (Some((address, refusal)), true) => {
            let text = match host {
                Host::Name(name) => format!("{name} has the address {address}, {refusal}"),
                Host::Address(_) => format!("{address} is {refusal}"),
            };
            Err(Failure::new(Finding::DeniedNetwork, text))
        }
        (Some((address, refusal)), false) => {
            progress.note(format!("{address} not dialled, {refusal}"));
            Ok(allowed)
        }
        (None, _) => Ok(allowed),
    }
}

/// The addresses in the order of dialling: IPv6, IPv4, IPv6, ... so that a broken family costs one
/// attempt.
fn in_turn(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let mut ordered = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let before = ordered.len();
        ordered.extend(v6.next());
        ordered.extend(v4.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

async fn connect(
    address: SocketAddr,
    patience: Duration,
    last: bool,
) -> Result<(TcpStream, Duration), Failure> {
    let started = Instant::now();
    let connecting = TcpStream::connect(address);
    // The last one is ended by the probe's own deadline, which tells of the whole time.
    let connected = if last {
        connecting.await
    } else {
        match timeout(patience, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    };
    match connected {
        Ok(stream) => Ok((stream, started.elapsed())),
        Err(error) => Err(connect_failure(address, started.elapsed(), &error)),
    }
}

/// What a failed connection means.
fn connect_failure(address: SocketAddr, took: Duration, error: &io::Error) -> Failure {
    let (finding, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            Finding::ConnectRefused,
            format!("{address} refused the connection"),
        ),
        io::ErrorKind::TimedOut => (
            Finding::ConnectTimeout,
            format!(
                "{address} neither accepted nor refused the connection within {}",
                in_words(took)
            ),
        ),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => (
            Finding::ConnectFailed,
            format!("{address} cannot be reached from here: {}", os_words(error)),
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => (
            Finding::ConnectFailed,
            format!("{address} reset the connection while it was made"),
        ),
        io::ErrorKind::PermissionDenied => (
            Finding::ConnectFailed,
            format!("a firewall of this server's host forbids connections to {address}"),
        ),
        _ if is_exhaustion(error) => (
            Finding::Internal,
            format!(
                "this server has no socket left to dial {address}: {}",
                os_words(error)
            ),
        ),
        _ => (
            Finding::ConnectFailed,
            format!("{address} cannot be connected to: {}", os_words(error)),
        ),
    };
    Failure::new(finding, text)
}

/// The system's words without the number that std adds.
fn os_words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

/// Whether the fault is that of this host: no file descriptor, buffer or local port is left.
fn is_exhaustion(error: &io::Error) -> bool {
    // ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM of Linux; std has no kind for most of them.
    const OURS: [i32; 5] = [23, 24, 99, 105, 12];
    let ours_on_linux = cfg!(target_os = "linux");
    ours_on_linux && error.raw_os_error().is_some_and(|n| OURS.contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_ipv6_begins() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        let given = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"].map(parse);
        let expected = ["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"].map(parse);
        assert_eq!(in_turn(given.to_vec()), expected);
    }

    #[test]
    fn each_error_of_the_system_is_classified() {
        let table = [
            (111, Finding::ConnectRefused, "refused the connection"),
            (110, Finding::ConnectTimeout, "neither accepted nor refused"),
            (101, Finding::ConnectFailed, "Network is unreachable"),
            (113, Finding::ConnectFailed, "No route to host"),
            (104, Finding::ConnectFailed, "reset the connection"),
            (13, Finding::ConnectFailed, "firewall of this server's host"),
            (24, Finding::Internal, "Too many open files"),
            (99, Finding::Internal, "no socket left"),
            (22, Finding::ConnectFailed, "Invalid argument"),
        ];
        let address = "10.0.3.7:80".parse().unwrap();
        for (number, finding, text) in table {
            let error = io::Error::from_raw_os_error(number);
            let failure = connect_failure(address, Duration::ZERO, &error);
            assert_eq!(failure.finding, finding, "{error}");
            assert!(failure.text.contains(text), "{}", failure.text);
            assert!(!failure.text.contains("os error"), "{}", failure.text);
        }
    }
}
