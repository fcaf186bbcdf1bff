//! Spent nonces in memory: one bit each, by the counter of their epoch.

use std::collections::BTreeMap;
use std::time::Duration;

use acme_core::{Epoch, NonceVerdict, SpentNonce};
use acme_types::{Slot, Timestamp};
use serde::{Deserialize, Serialize};

const NONCES_PER_SHEET: u64 = 4096;
const BITS_PER_WORD: u64 = 64;
const WORDS_PER_SHEET: usize = (NONCES_PER_SHEET / BITS_PER_WORD) as usize;

/// How long after a newer epoch began the nonces of an older one are still told apart.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Which nonces are spent. It knows the epochs whose every spending it has seen; nonces of others
/// are refused, since they may have been spent before.
///
/// Memory: 1/8 octet for each nonce issued while any near it is spent and has not run out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SpentNonces {
    ledgers: Vec<Ledger>,
}

/// What was spent of one epoch.
#[derive(Debug, Serialize, Deserialize)]
struct Ledger {
    slot: Slot,
    epoch: Epoch,
    /// When a newer epoch of the slot began.
    superseded_at: Option<i64>,
    /// What ran out up to here is forgotten, and must be refused even when a clock is set back.
    forgotten_until: i64,
    sheets: BTreeMap<u64, Sheet>,
}

/// The nonces of `NONCES_PER_SHEET` successive counters.
#[derive(Debug, Serialize, Deserialize)]
struct Sheet {
    /// When the last of those spent runs out.
    last_expiry: i64,
    words: Vec<u64>,
}

impl SpentNonces {
    /// An epoch begins: none of its nonces is spent.
    pub(crate) fn begin(&mut self, slot: Slot, epoch: Epoch, now: Timestamp) {
        self.ledgers.retain(|ledger| {
            let end = |at| Timestamp::from_millis(at).plus(LONGEST_LIFE);
            ledger.superseded_at.is_none_or(|at| end(at) > now)
        });
        for older in self.ledgers.iter_mut().filter(|l| l.slot == slot) {
            older.superseded_at.get_or_insert(now.as_millis());
        }
        self.ledgers.push(Ledger {
            slot,
            epoch,
            superseded_at: None,
            forgotten_until: i64::MIN,
            sheets: BTreeMap::new(),
        });
    }

    /// Spends a nonce.
    pub(crate) fn spend(&mut self, nonce: SpentNonce, now: Timestamp) -> NonceVerdict {
        let expires_at = nonce.expires_at.as_millis();
        let ledger = self
            .ledgers
            .iter_mut()
            .find(|ledger| (ledger.slot, ledger.epoch) == (nonce.slot, nonce.epoch));
        let Some(ledger) = ledger else {
            return NonceVerdict::Refused;
        };
        if nonce.expires_at <= now || expires_at <= ledger.forgotten_until {
            return NonceVerdict::Refused;
        }
        let sheet = ledger
            .sheets
            .entry(nonce.counter / NONCES_PER_SHEET)
            .or_insert_with(|| Sheet {
                last_expiry: i64::MIN,
                words: vec![0; WORDS_PER_SHEET],
            });
        let at = nonce.counter % NONCES_PER_SHEET;
        let bit = 1 << (at % BITS_PER_WORD);
        // A sheet that was read back may be too short; the missing words cannot be trusted.
        let Some(word) = sheet.words.get_mut((at / BITS_PER_WORD) as usize) else {
            return NonceVerdict::Refused;
        };
        if *word & bit != 0 {
            return NonceVerdict::Refused;
        }
        *word |= bit;
        sheet.last_expiry = sheet.last_expiry.max(expires_at);
        NonceVerdict::Fresh
    }

    /// Forgets what has run out; returns how many nonces that were.
    pub(crate) fn forget(&mut self, now: Timestamp) -> u64 {
        let mut forgotten = 0;
        for ledger in &mut self.ledgers {
            let until = &mut ledger.forgotten_until;
            ledger.sheets.retain(|_, sheet| {
                let keep = sheet.last_expiry > now.as_millis();
                if !keep {
                    *until = sheet.last_expiry.max(*until);
                    let spent = sheet.words.iter().map(|word| u64::from(word.count_ones()));
                    forgotten += spent.sum::<u64>();
                }
                keep
            });
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(3600);

    fn nonce(epoch: i64, counter: u64, issued_at: Timestamp) -> SpentNonce {
        SpentNonce {
            slot: Slot::new(3),
            epoch: Epoch(epoch),
            counter,
            issued_at,
            expires_at: issued_at.plus(LIFE),
        }
    }

    #[test]
    fn each_is_good_once_wherever_its_bit_lies() {
        let start = Timestamp::from_secs(1000);
        let mut spent = SpentNonces::default();
        spent.begin(Slot::new(3), Epoch(7), start);
        for counter in [0, 1, 63, 64, 4095, 4096, 4097, 1 << 40, u64::MAX] {
            let nonce = nonce(7, counter, start);
            assert_eq!(spent.spend(nonce, start), NonceVerdict::Fresh, "{counter}");
            assert_eq!(
                spent.spend(nonce, start),
                NonceVerdict::Refused,
                "{counter}"
            );
        }
    }

    #[test]
    fn epochs_are_told_apart_and_unknown_ones_refused() {
        let start = Timestamp::from_secs(1000);
        let mut spent = SpentNonces::default();
        assert_eq!(
            spent.spend(nonce(1, 5, start), start),
            NonceVerdict::Refused
        );
        spent.begin(Slot::new(3), Epoch(1), start);
        spent.begin(Slot::new(3), Epoch(2), start);
        assert_eq!(spent.spend(nonce(1, 5, start), start), NonceVerdict::Fresh);
        assert_eq!(spent.spend(nonce(2, 5, start), start), NonceVerdict::Fresh);
        assert_eq!(
            spent.spend(nonce(3, 5, start), start),
            NonceVerdict::Refused
        );
    }

    #[test]
    fn what_is_forgotten_stays_refused_when_the_clock_is_set_back() {
        let start = Timestamp::from_secs(1000);
        let later = start.plus(LIFE);
        let mut spent = SpentNonces::default();
        spent.begin(Slot::new(3), Epoch(1), start);
        assert_eq!(spent.spend(nonce(1, 5, start), start), NonceVerdict::Fresh);
        assert_eq!(spent.forget(later.minus(Duration::from_millis(1))), 0);
        assert_eq!(spent.forget(later), 1);
        assert_eq!(
            spent.spend(nonce(1, 5, start), start),
            NonceVerdict::Refused
        );
        let next = later.minus(Duration::from_secs(1));
        assert_eq!(spent.spend(nonce(1, 6, next), later), NonceVerdict::Fresh);
    }

    #[test]
    fn a_nonce_that_has_run_out_is_refused() {
        let start = Timestamp::from_secs(1000);
        let mut spent = SpentNonces::default();
        spent.begin(Slot::new(3), Epoch(1), start);
        let verdict = spent.spend(nonce(1, 5, start), start.plus(LIFE));
        assert_eq!(verdict, NonceVerdict::Refused);
    }

    #[test]
    fn older_epochs_end_a_day_after_a_newer_one_began() {
        let start = Timestamp::from_secs(1000);
        let mut spent = SpentNonces::default();
        spent.begin(Slot::new(3), Epoch(1), start);
        spent.begin(Slot::new(3), Epoch(2), start);
        spent.begin(Slot::new(3), Epoch(3), start.plus(LONGEST_LIFE));
        let epochs: Vec<i64> = spent.ledgers.iter().map(|ledger| ledger.epoch.0).collect();
        assert_eq!(epochs, [2, 3]);
    }
}
