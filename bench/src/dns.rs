//! A DNS server for the names of a run: every name has one IPv4 address on the loopback, and
//! nothing else. Names that begin with `storm` have an address of their own, so that their targets
//! can be down while the others are up.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// Where the proofs of issuances are.
pub(crate) const UP: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// Where the targets of a storm are.
pub(crate) const STORM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Octets before the first question.
const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;

/// Answers queries until the handle is aborted.
pub(crate) async fn listen(address: SocketAddr) -> Result<JoinHandle<()>> {
    let socket = UdpSocket::bind(address)
        .await
        .map_err(Error::io(format!("listening on {address}")))?;
    Ok(tokio::spawn(async move {
        let mut query = [0; 1500];
        loop {
            // An error here tells of an earlier answer that nobody waited for.
            if let Ok((length, from)) = socket.recv_from(&mut query).await
                && let Some(answer) = answer(&query[..length])
            {
                socket.send_to(&answer, from).await.ok();
            }
        }
    }))
}

/// The answer to a query of one question (RFC 1035 § 4.1); None when it is none.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let flags = *query.get(2)?;
    let questions = u16::from_be_bytes([*query.get(4)?, *query.get(5)?]);
    if flags & 0x80 != 0 || questions != 1 {
        return None;
    }
    let mut end = HEADER;
    while *query.get(end)? != 0 {
        end += usize::from(query[end]) + 1;
    }
    let question = query.get(HEADER..end + 5)?;
    let fixed = &question[question.len() - 4..];
    let is_address = fixed == [TYPE_A.to_be_bytes(), CLASS_IN.to_be_bytes()].concat();
    let mut answer = Vec::with_capacity(query.len() + 16);
    answer.extend_from_slice(&query[..2]);
    // A response, authoritative, recursion desired as asked and available; no error.
    answer.extend_from_slice(&[0x84 | (flags & 1), 0x80]);
    answer.extend_from_slice(&[0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend_from_slice(question);
    if is_address {
        let first = question.get(1..6).unwrap_or_default();
        let address = if first.eq_ignore_ascii_case(b"storm") {
            STORM
        } else {
            UP
        };
        // The name by pointer to the question, type A, class IN, 60 s to live.
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend_from_slice(&address.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, kind, 0, 1]);
        query
    }

    #[test]
    fn a_name_has_one_address() {
        let answer = answer(&query("b1.bench.test", 1)).unwrap();
        assert_eq!(answer[..8], [7, 9, 0x85, 0x80, 0, 1, 0, 1]);
        assert!(answer.ends_with(&[0, 4, 127, 0, 0, 1]));
    }

    #[test]
    fn a_storm_has_its_own_address() {
        let answer = answer(&query("storm5.bench.test", 1)).unwrap();
        assert!(answer.ends_with(&[0, 4, 127, 0, 0, 2]));
    }

    #[test]
    fn other_types_have_no_record_and_no_error() {
        let answer = answer(&query("b1.bench.test", 28)).unwrap();
        assert_eq!(answer[..8], [7, 9, 0x85, 0x80, 0, 1, 0, 0]);
    }

    #[test]
    fn what_is_no_query_gets_no_answer() {
        let whole = query("b1.bench.test", 1);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end]), None, "{end}");
        }
        let mut response = whole;
        response[2] |= 0x80;
        assert_eq!(answer(&response), None);
    }
}
