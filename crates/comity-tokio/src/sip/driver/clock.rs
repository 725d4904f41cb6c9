use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Waits for a time that changes with every message.
#[derive(Debug)]
pub(super) struct Clock {
    sleep: Pin<Box<Sleep>>,
    /// When the wait is over, if it goes on.
    until: Option<Instant>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            sleep: Box::pin(sleep_until(Instant::now().into())),
            until: None,
        }
    }

    /// Ready when `deadline` has come. A wait for an earlier time goes on until then: to change it
    /// costs more than to look again.
    pub(super) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.until.is_none_or(|until| deadline < until) {
            self.set(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            self.until = None;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.set(deadline);
        }
        Poll::Pending
    }

    fn set(&mut self, deadline: Instant) {
        self.sleep.as_mut().reset(deadline.into());
        self.until = Some(deadline);
    }
}
