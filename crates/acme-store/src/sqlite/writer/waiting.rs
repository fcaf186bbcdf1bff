//! The order in which the writer takes what waits for it.

use std::collections::VecDeque;
use std::time::Duration;

use super::Job;
use super::inbox::Inbox;

/// Most acts in one transaction.
const MAX_BATCH: usize = 512;
/// Of those, acts that can wait, while others are there too and while there are none: who comes
/// meanwhile waits until the transaction is over.
const PATIENT_BESIDE: usize = 128;
const PATIENT_ALONE: usize = MAX_BATCH;
/// Most acts that wait; a caller beyond that waits to be let in.
pub(super) const MAX_WAITING: usize = 4096;
/// How long acts that can wait are waited with for more of their kind: a commit costs as much for one
/// as for many.
const LINGER: Duration = Duration::from_millis(5);

/// Acts that were let in and are not done yet.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) urgent: VecDeque<Box<dyn Job>>,
    pub(super) patient: VecDeque<Box<dyn Job>>,
    pub(super) last: Option<Box<dyn Job>>,
}

impl Waiting {
    /// Takes in what has come; waits for something when there is nothing to do. False at the end.
    pub(super) fn take_in(&mut self, inbox: &mut Inbox) -> bool {
        inbox.drain(self);
        if self.is_empty() && self.last.is_none() {
            if !inbox.wait(self) {
                return false;
            }
            inbox.drain(self);
        }
        if self.urgent.is_empty() && self.patient.len() < PATIENT_ALONE && self.last.is_none() {
            inbox.linger(self, LINGER);
            inbox.drain(self);
        }
        true
    }

    pub(super) fn has_room(&self) -> bool {
        self.urgent.len() + self.patient.len() < MAX_WAITING && self.last.is_none()
    }

    /// How many acts wait.
    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.patient.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.patient.is_empty()
    }

    /// What is done next in one transaction: some of those that can wait are always among it.
    pub(super) fn next_batch(&mut self) -> Vec<Box<dyn Job>> {
        let share = if self.urgent.is_empty() {
            PATIENT_ALONE
        } else {
            PATIENT_BESIDE
        };
        let patient = self.patient.len().min(share);
        let urgent = self.urgent.len().min(MAX_BATCH - patient);
        let urgent = self.urgent.drain(..urgent);
        urgent.chain(self.patient.drain(..patient)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Nothing;
    use super::*;

    #[test]
    fn neither_those_who_wait_nor_those_who_can_wait_starve() {
        let mut waiting = Waiting::default();
        for _ in 0..1000 {
            waiting.urgent.push_back(Box::new(Nothing));
            waiting.patient.push_back(Box::new(Nothing));
        }
        let left = |waiting: &Waiting| (waiting.urgent.len(), waiting.patient.len());
        let mut seen = Vec::new();
        while !waiting.is_empty() {
            let before = left(&waiting);
            let batch = waiting.next_batch().len();
            let after = left(&waiting);
            assert_eq!(batch, before.0 - after.0 + before.1 - after.1);
            seen.push((before.0 - after.0, before.1 - after.1));
        }
        assert_eq!(seen[..3], [(384, 128), (384, 128), (232, 128)]);
        assert_eq!(seen[3..], [(0, 512), (0, 104)]);
    }
}
