use std::collections::VecDeque;

use bytes::Bytes;

use crate::Flow;

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// On which way.
    pub flow: Flow,
    /// The message; of what is malformed, as much as was read.
    pub message: Bytes,
}

/// The messages that came and were not looked at, if they are to be.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    received: Option<VecDeque<Received>>,
}

impl Tap {
    pub(crate) fn open(&mut self) {
        self.received.get_or_insert_default();
    }

    pub(crate) fn close(&mut self) {
        self.received = None;
    }

    pub(crate) fn note(&mut self, flow: Flow, message: &Bytes) {
        if let Some(received) = &mut self.received {
            if received.len() >= MAX_RECEIVED {
                received.pop_front();
            }
            let message = message.clone();
            received.push_back(Received { flow, message });
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Received> {
        self.received.as_mut()?.pop_front()
    }
}

/// Messages that wait to be looked at; the oldest goes first. One piece of a stream has fewer.
const MAX_RECEIVED: usize = 1024;
