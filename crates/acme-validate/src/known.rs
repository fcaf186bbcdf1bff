//! Addresses of names, kept as long as their records may be, so that a name that is tried every few
//! seconds is not looked up each time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Longest time that addresses are kept, whatever their records allow: who moves a name need not
/// wait longer for its challenges to follow.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Most names of which addresses are kept, about 150 bytes each.
const MOST: usize = 131_072;

/// Addresses by name. That a name has none is never kept: the record may have been made just now.
#[derive(Debug, Default)]
pub(crate) struct KnownAddresses(Mutex<HashMap<Box<str>, Known>>);

#[derive(Debug)]
struct Known {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl KnownAddresses {
    fn all(&self) -> MutexGuard<'_, HashMap<Box<str>, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name, while they are good.
    pub(crate) fn get(&self, name: &str, now: Instant) -> Option<Arc<[IpAddr]>> {
        let all = self.all();
        let known = all.get(name).filter(|known| known.until > now)?;
        Some(Arc::clone(&known.addresses))
    }

    /// Keeps addresses whose records may be kept for `ttl`.
    pub(crate) fn keep(&self, name: &str, addresses: &[IpAddr], ttl: Duration, now: Instant) {
        if ttl.is_zero() {
            return;
        }
        let mut all = self.all();
        if all.len() >= MOST {
            all.retain(|_, known| known.until > now);
        }
        if all.len() < MOST {
            let known = Known {
                addresses: addresses.into(),
                until: now + ttl.min(KEPT_FOR),
            };
            all.insert(name.into(), known);
        }
    }

    /// Forgets the addresses of a name.
    pub(crate) fn forget(&self, name: &str) {
        self.all().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_long_as_their_records_and_no_longer_than_a_minute() {
        let known = KnownAddresses::default();
        let now = Instant::now();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for (ttl, kept_for) in [(0, 0), (5, 5), (60, 60), (86_400, 60)] {
            let name = format!("ttl{ttl}.example");
            known.keep(&name, &[address], Duration::from_secs(ttl), now);
            let found = |after| known.get(&name, now + Duration::from_secs(after));
            assert_eq!(found(kept_for).as_deref(), None, "{ttl}");
            if kept_for > 0 {
                assert_eq!(
                    found(kept_for - 1).as_deref(),
                    Some(&[address][..]),
                    "{ttl}"
                );
            }
        }
        known.forget("ttl60.example");
        assert_eq!(known.get("ttl60.example", now), None);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let known = KnownAddresses::default();
        let now = Instant::now();
        let keep = |n: usize, now| {
            let name = format!("n{n}.example");
            known.keep(
                &name,
                &[IpAddr::from([192, 0, 2, 1])],
                Duration::from_secs(9),
                now,
            );
        };
        for n in 0..MOST + 10 {
            keep(n, now);
        }
        assert_eq!(known.all().len(), MOST);
        // Those whose time is over make room.
        keep(MOST + 10, now + Duration::from_secs(9));
        assert_eq!(known.all().len(), 1);
    }
}
