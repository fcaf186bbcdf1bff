//! What comes to the writing thread, and how the thread waits for it.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Job;
use super::waiting::{MAX_WAITING, Waiting};

type Sender = mpsc::Sender<Box<dyn Job>>;
type Receiver = mpsc::Receiver<Box<dyn Job>>;

/// Where acts are handed in; a caller waits to be let in when too many are there.
#[derive(Debug)]
pub(super) struct Outlets {
    /// Acts that a client waits for.
    pub(super) urgent: Sender,
    /// Acts that can wait.
    pub(super) patient: Sender,
    /// The one to do last, after all that was let in before.
    pub(super) last: Sender,
}

/// The other end of [`Outlets`].
pub(super) struct Inbox {
    urgent: Receiver,
    patient: Receiver,
    last: Receiver,
}

/// An inbox and the outlets to it.
pub(super) fn inbox() -> (Outlets, Inbox) {
    let (urgent, urgent_inbox) = mpsc::channel(MAX_WAITING);
    let (patient, patient_inbox) = mpsc::channel(MAX_WAITING);
    let (last, last_inbox) = mpsc::channel(1);
    let outlets = Outlets {
        urgent,
        patient,
        last,
    };
    let inbox = Inbox {
        urgent: urgent_inbox,
        patient: patient_inbox,
        last: last_inbox,
    };
    (outlets, inbox)
}

impl Inbox {
    /// Lets in what is there.
    pub(super) fn drain(&mut self, waiting: &mut Waiting) {
        while waiting.has_room()
            && let Ok(job) = self.urgent.try_recv()
        {
            waiting.urgent.push_back(job);
        }
        while waiting.has_room()
            && let Ok(job) = self.patient.try_recv()
        {
            waiting.patient.push_back(job);
        }
        if waiting.last.is_none() {
            waiting.last = self.last.try_recv().ok();
        }
    }

    /// Waits for whatever comes first and lets it in; false when nothing will come any more.
    pub(super) fn wait(&mut self, waiting: &mut Waiting) -> bool {
        let came = park_until(None, |context| {
            let urgent = self.urgent.poll_recv(context).map(|job| {
                let came = job.is_some();
                waiting.urgent.extend(job);
                came
            });
            let patient = self.patient.poll_recv(context).map(|job| {
                let came = job.is_some();
                waiting.patient.extend(job);
                came
            });
            let last = self.last.poll_recv(context).map(|job| {
                let came = job.is_some();
                waiting.last = job;
                came
            });
            match (urgent, patient, last) {
                (Poll::Ready(true), ..) | (_, Poll::Ready(true), _) | (.., Poll::Ready(true)) => {
                    Poll::Ready(true)
                }
                (Poll::Ready(false), Poll::Ready(false), Poll::Ready(false)) => Poll::Ready(false),
                _ => Poll::Pending,
            }
        });
        came == Some(true)
    }

    /// Waits until an act comes that cannot wait, or the end, but no longer than `most`.
    pub(super) fn linger(&mut self, waiting: &mut Waiting, most: Duration) {
        park_until(Some(Instant::now() + most), |context| {
            let urgent = self.urgent.poll_recv(context);
            let last = self.last.poll_recv(context);
            if urgent.is_pending() && last.is_pending() {
                return Poll::Pending;
            }
            if let Poll::Ready(job) = urgent {
                waiting.urgent.extend(job);
            }
            if let Poll::Ready(job) = last {
                waiting.last = job;
            }
            Poll::Ready(())
        });
    }

    /// Lets in all that was handed in, and nothing after that.
    pub(super) fn close(&mut self, waiting: &mut Waiting) {
        self.urgent.close();
        self.patient.close();
        self.last.close();
        while let Ok(job) = self.urgent.try_recv() {
            waiting.urgent.push_back(job);
        }
        while let Ok(job) = self.patient.try_recv() {
            waiting.patient.push_back(job);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Puts this thread to sleep until `poll` is ready, or until `end` has come.
fn park_until<T>(
    end: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = poll(&mut context) {
            return Some(value);
        }
        match end {
            None => thread::park(),
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Nothing;
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn those_who_can_wait_are_waited_with_until_somebody_comes_who_cannot() {
        let (outlets, mut inbox) = inbox();
        let mut waiting = Waiting::default();
        outlets.patient.try_send(Box::new(Nothing)).unwrap();
        assert!(inbox.wait(&mut waiting));
        assert_eq!(waiting.patient.len(), 1);

        outlets.patient.try_send(Box::new(Nothing)).unwrap();
        let begun = Instant::now();
        inbox.linger(&mut waiting, SHORT);
        assert!(begun.elapsed() >= SHORT);
        assert!(waiting.urgent.is_empty());

        let urgent = outlets.urgent.clone();
        let other = thread::spawn(move || {
            thread::sleep(SHORT);
            urgent.try_send(Box::new(Nothing)).unwrap();
        });
        let begun = Instant::now();
        inbox.linger(&mut waiting, LONG);
        assert!(begun.elapsed() < LONG / 2);
        assert_eq!(waiting.urgent.len(), 1);
        other.join().unwrap();
        inbox.drain(&mut waiting);
        assert_eq!(waiting.patient.len(), 2);
    }

    #[test]
    fn the_end_is_told_and_ends_a_wait() {
        let (outlets, mut inbox) = inbox();
        let mut waiting = Waiting::default();
        outlets.patient.try_send(Box::new(Nothing)).unwrap();
        outlets.last.try_send(Box::new(Nothing)).unwrap();
        let begun = Instant::now();
        inbox.linger(&mut waiting, LONG);
        assert!(begun.elapsed() < LONG / 2);
        assert!(waiting.last.is_some());
        inbox.close(&mut waiting);
        assert_eq!(waiting.patient.len(), 1);
        assert!(outlets.urgent.try_send(Box::new(Nothing)).is_err());

        let (outlets, mut inbox) = super::inbox();
        drop(outlets);
        assert!(!inbox.wait(&mut Waiting::default()));
        inbox.linger(&mut Waiting::default(), LONG);
        assert!(begun.elapsed() < LONG / 2);
    }
}
