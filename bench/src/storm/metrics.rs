//! The lateness that the server measured itself, from its metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::error::{Error, Result};

/// The histogram's buckets at one time: how many attempts were at most so many milliseconds late.
#[derive(Debug, Default)]
pub(super) struct Scrape(BTreeMap<Bound, u64>);

/// A bucket's bound in milliseconds; infinity is the last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Bound(u64);

/// Bounds of quantiles: the smallest bucket that holds so much of the attempts.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct ServerLateness {
    pub(super) attempts: u64,
    pub(super) p50_at_most_ms: u64,
    pub(super) p99_at_most_ms: u64,
}

impl Scrape {
    /// Reads the metrics; None when there is no address to read from.
    pub(super) async fn read(address: Option<SocketAddr>) -> Result<Option<Self>> {
        let Some(address) = address else {
            return Ok(None);
        };
        let scrape = async {
            let mut stream = TcpStream::connect(address).await?;
            let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            Ok(text)
        };
        let text = scrape
            .await
            .map_err(Error::io(format!("reading metrics at {address}")))?;
        Ok(Some(Self::parse(&text)))
    }

    /// Sums the buckets of the histogram whose name tells of lateness.
    fn parse(text: &str) -> Self {
        let mut buckets = BTreeMap::new();
        for line in text.lines() {
            let Some((name, rest)) = line.split_once('{') else {
                continue;
            };
            if !name.contains("lateness") || !name.ends_with("_bucket") {
                continue;
            }
            let bound = rest
                .split_once("le=\"")
                .and_then(|(_, bound)| bound.split('"').next());
            let count: Option<u64> = rest.rsplit(' ').next().and_then(|count| count.parse().ok());
            if let (Some(bound), Some(count)) = (bound.and_then(Bound::parse), count) {
                *buckets.entry(bound).or_default() += count;
            }
        }
        Self(buckets)
    }

    /// What was added since an earlier reading.
    pub(super) fn since(&self, before: &Self) -> ServerLateness {
        let added: Vec<(Bound, u64)> = self
            .0
            .iter()
            .map(|(bound, count)| (*bound, count - before.0.get(bound).unwrap_or(&0)))
            .collect();
        let attempts = added.last().map_or(0, |(_, count)| *count);
        let at_most = |percent: u64| {
            added
                .iter()
                .find(|(_, count)| count * 100 >= attempts * percent)
                .map_or(0, |(bound, _)| bound.0)
        };
        ServerLateness {
            attempts,
            p50_at_most_ms: at_most(50),
            p99_at_most_ms: at_most(99),
        }
    }
}

impl Bound {
    fn parse(text: &str) -> Option<Self> {
        let seconds: f64 = text.parse().ok()?;
        // The cast ends at the largest number for infinity.
        Some(Self((seconds * 1000.0) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_came_between() {
        let text = |a: u64, b: u64, c: u64| {
            format!(
                "# TYPE x_lateness_seconds histogram\n\
                 x_lateness_seconds_bucket{{slot=\"0\",le=\"0.1\"}} {a}\n\
                 x_lateness_seconds_bucket{{slot=\"0\",le=\"1\"}} {b}\n\
                 x_lateness_seconds_bucket{{slot=\"0\",le=\"+Inf\"}} {c}\n\
                 x_other_seconds_bucket{{le=\"1\"}} 7\n"
            )
        };
        let before = Scrape::parse(&text(5, 5, 5));
        let after = Scrape::parse(&text(65, 104, 105));
        assert_eq!(
            after.since(&before),
            ServerLateness {
                attempts: 100,
                p50_at_most_ms: 100,
                p99_at_most_ms: 1000
            }
        );
    }
}
