//! The most memory that a server has while something befalls it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::usage::usage;

/// Looks ten times a second, until it is asked or dropped.
pub(crate) struct Watch {
    going_on: Sender<()>,
    thread: JoinHandle<u64>,
}

impl Watch {
    /// Watches the process that has this number at the time.
    pub(crate) fn start(id: Arc<AtomicU32>) -> Self {
        let (going_on, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut most = 0;
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                // It may be in the middle of a start.
                if let Ok(now) = usage(id.load(Ordering::Relaxed)) {
                    most = now.memory.max(most);
                }
            }
            most
        });
        Self { going_on, thread }
    }

    /// The most in bytes.
    pub(crate) fn end(self) -> Result<u64, Box<dyn Error>> {
        drop(self.going_on);
        self.thread
            .join()
            .map_err(|_panic| "the watch has ended early".into())
    }
}

const INTERVAL: Duration = Duration::from_millis(100);
