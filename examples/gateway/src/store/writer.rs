use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::{Change, Store, StoreError};

/// Writes changes on a thread of its own, many of them at once when they come fast.
///
/// What fails is tried again until it is written, or until the writer is finished and the last try
/// fails too; meanwhile the queue fills, and more changes are refused.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    queued_bytes: Arc<AtomicUsize>,
    limits: Limits,
    submitted: u64,
    progress: watch::Receiver<Progress>,
}

/// Ends the thread of a writer, wherever that is.
#[derive(Debug)]
pub(crate) struct Ending {
    queue: SyncSender<Message>,
    is_ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), StoreError>>,
}

#[derive(Debug)]
enum Message {
    Change(Change),
    End,
}

/// The number of a change, from one.
pub(crate) type Sequence = u64;

/// How far the writer has come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    /// Every change up to this one is durable.
    pub(crate) durable: Sequence,
    /// Why the next ones are not, if something is wrong with the store.
    pub(crate) error: Option<StoreError>,
}

/// Bounds of what waits to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Changes; 65,536, which is ten subscriptions for each of some thousand users at a start.
    pub(crate) max_changes: usize,
    /// Bytes of their keys and values; 16 MiB.
    pub(crate) max_bytes: usize,
    /// Changes that are made durable at once; 1,024.
    pub(crate) max_batch: usize,
    /// Until what has failed is tried again; 1 s.
    pub(crate) retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_changes: 65_536,
            max_bytes: 16 * 1024 * 1024,
            max_batch: 1024,
            retry: Duration::from_secs(1),
        }
    }
}

/// A change was not taken, and will never be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Overloaded {
    #[error("{limit} changes wait to be written already")]
    Changes { limit: usize },
    #[error("{limit} bytes wait to be written already")]
    Bytes { limit: usize },
    #[error("the writer has ended")]
    Ended,
}

impl Writer {
    pub(crate) fn start(store: Box<dyn Store>, limits: Limits) -> (Self, Ending) {
        let (queue, changes) = mpsc::sync_channel(limits.max_changes);
        let (report, progress) = watch::channel(Progress::default());
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let is_ending = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            store,
            changes,
            queued_bytes: Arc::clone(&queued_bytes),
            report,
            is_ending: Arc::clone(&is_ending),
            limits: limits.clone(),
        };
        let ending = Ending {
            queue: queue.clone(),
            is_ending,
            thread: thread::spawn(move || worker.run()),
        };
        let writer = Self {
            queue,
            queued_bytes,
            limits,
            submitted: 0,
            progress,
        };
        (writer, ending)
    }

    /// Takes a change, without waiting, and gives its number.
    pub(crate) fn submit(&mut self, change: Change) -> Result<Sequence, Overloaded> {
        let bytes = change.bytes();
        let queued = self.queued_bytes.load(Ordering::Acquire);
        let limit = self.limits.max_bytes;
        if queued.saturating_add(bytes) > limit {
            return Err(Overloaded::Bytes { limit });
        }
        self.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        match self.queue.try_send(Message::Change(change)) {
            Ok(()) => {
                self.submitted += 1;
                Ok(self.submitted)
            }
            Err(error) => {
                self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
                Err(match error {
                    TrySendError::Full(_) => Overloaded::Changes {
                        limit: self.limits.max_changes,
                    },
                    TrySendError::Disconnected(_) => Overloaded::Ended,
                })
            }
        }
    }

    /// How far it has come; whoever needs to know when more is durable waits for a change of it.
    #[cfg(test)]
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Why nothing is written at the moment, if something is wrong with the store.
    pub(crate) fn error(&self) -> Option<StoreError> {
        self.progress.borrow().error.clone()
    }

    /// How many changes were taken and are not durable.
    pub(crate) fn pending(&self) -> u64 {
        self.submitted
            .saturating_sub(self.progress.borrow().durable)
    }
}

impl Ending {
    /// Writes what waits, and ends. It blocks until then.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        self.is_ending.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // A thread that has ended already takes nothing, and says why below.
        let _ = self.queue.send(Message::End);
        // A panic in the thread is a fault of ours, which has been printed.
        self.thread.join().unwrap_or(Ok(()))
    }
}

struct Worker {
    store: Box<dyn Store>,
    changes: Receiver<Message>,
    queued_bytes: Arc<AtomicUsize>,
    report: watch::Sender<Progress>,
    is_ending: Arc<AtomicBool>,
    limits: Limits,
}

impl Worker {
    fn run(mut self) -> Result<(), StoreError> {
        let mut durable = 0;
        let mut goes_on = true;
        while goes_on && let Ok(Message::Change(first)) = self.changes.recv() {
            let mut batch = vec![first];
            goes_on = self.fill(&mut batch);
            let bytes: usize = batch.iter().map(Change::bytes).sum();
            self.write(&last_of_each(&batch), durable)?;
            self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            durable += batch.len() as u64;
            self.report.send_replace(Progress {
                durable,
                error: None,
            });
        }
        Ok(())
    }

    /// What waits already is written together with the first.
    /// False if it is the last batch.
    fn fill(&self, batch: &mut Vec<Change>) -> bool {
        while batch.len() < self.limits.max_batch {
            match self.changes.try_recv() {
                Ok(Message::Change(change)) => batch.push(change),
                Ok(Message::End) => return false,
                Err(_empty) => return true,
            }
        }
        true
    }

    /// Tries until it is written, and once more when the writer is to end.
    fn write(&mut self, batch: &[Change], durable: Sequence) -> Result<(), StoreError> {
        loop {
            let is_last = self.is_ending.load(Ordering::Acquire);
            let Err(error) = self.store.apply(batch) else {
                return Ok(());
            };
            self.report.send_replace(Progress {
                durable,
                error: Some(error.clone()),
            });
            if is_last {
                return Err(error);
            }
            thread::park_timeout(self.limits.retry);
        }
    }
}

/// Of the changes with one key the last counts; their order by keys does not matter then.
fn last_of_each(batch: &[Change]) -> Vec<Change> {
    let last: BTreeMap<&[u8], &Change> = batch.iter().map(|one| (one.key(), one)).collect();
    last.into_values().cloned().collect()
}

#[cfg(test)]
mod tests;
