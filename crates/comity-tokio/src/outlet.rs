use std::collections::VecDeque;

use tokio::sync::mpsc;

/// The way of events to the application, which may be slow.
///
/// The driver never waits for it: the application may itself be waiting for the driver.
#[derive(Debug)]
pub(crate) struct Outlet<E> {
    events: mpsc::Sender<E>,
    /// Events that the channel has no room for. What could make more of them is held back while
    /// there are any, so that there are not many.
    backlog: VecDeque<E>,
    /// Above this no stanza is taken.
    limit: usize,
}

impl<E> Outlet<E> {
    pub(crate) fn new(events: mpsc::Sender<E>, limit: usize) -> Self {
        Self {
            events,
            backlog: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn emit(&mut self, event: E) {
        if self.is_clear() {
            match self.events.try_send(event) {
                // Nobody listens any more.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(event)) => self.backlog.push_back(event),
            }
        } else {
            self.backlog.push_back(event);
        }
    }

    /// Whether the application keeps up.
    pub(crate) fn is_clear(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Whether the application must read before it may send.
    pub(crate) fn is_full(&self) -> bool {
        self.backlog.len() > self.limit
    }

    /// Waits until there is room for an event that waits, and hands it over; if none waits, until
    /// nobody listens any more. No event is lost if this is dropped before it is ready.
    pub(crate) async fn advance(&mut self) -> Audience {
        if self.is_clear() {
            self.events.closed().await;
            return Audience::Gone;
        }
        match self.events.reserve().await {
            Ok(permit) => {
                if let Some(event) = self.backlog.pop_front() {
                    permit.send(event);
                }
                Audience::Listens
            }
            Err(_nobody) => {
                self.backlog.clear();
                Audience::Gone
            }
        }
    }
}

/// Whether the application still holds the receiver of its events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    Listens,
    Gone,
}
