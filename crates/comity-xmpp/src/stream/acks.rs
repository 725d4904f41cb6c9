//! Acknowledgements of stanzas (XEP-0198), without resumption.

use std::collections::VecDeque;

use super::handled::Handled;
use super::sent::Kept;

/// What each side has sent and the other has handled.
#[derive(Debug, Default)]
pub(super) struct Acks {
    pub(super) handled: Handled,
    sent: Option<Sent>,
}

/// Our stanzas since they have been counted.
#[derive(Debug, Default)]
struct Sent {
    /// How many the peer has acknowledged, modulo 2^32.
    acknowledged: u32,
    /// Those that it has not.
    pending: VecDeque<Kept>,
    bytes: usize,
    /// How many had been sent when a request left that has not been answered.
    requested: Option<u32>,
}

/// An acknowledgement of more stanzas than were sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooHigh {
    pub(super) acknowledged: u32,
    pub(super) sent: u32,
}

impl Acks {
    /// Counts our stanzas from now on.
    pub(super) fn count_sent(&mut self) {
        self.sent = Some(Sent::default());
    }

    pub(super) fn counts_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// The peer will not acknowledge anything; gives what waited for it.
    pub(super) fn give_up(&mut self) -> VecDeque<Kept> {
        self.sent.take().unwrap_or_default().pending
    }

    /// Whether one more stanza may be sent.
    pub(super) fn has_room(&self, max_stanzas: usize, max_bytes: usize) -> bool {
        let fits = |sent: &Sent| sent.pending.len() < max_stanzas && sent.bytes < max_bytes;
        self.sent.as_ref().is_none_or(fits)
    }

    /// Keeps a stanza that was sent until it is acknowledged.
    pub(super) fn note_sent(&mut self, kept: Kept) {
        if let Some(sent) = &mut self.sent {
            sent.bytes = sent.bytes.saturating_add(kept.bytes);
            sent.pending.push_back(kept);
        }
    }

    /// What the stanzas take that have not been acknowledged.
    pub(super) fn pending_bytes(&self) -> usize {
        self.sent.as_ref().map_or(0, |sent| sent.bytes)
    }

    /// Whether a request is due: something was sent and none is under way.
    pub(super) fn wants_request(&self) -> bool {
        let wants = |sent: &Sent| sent.requested.is_none() && !sent.pending.is_empty();
        self.sent.as_ref().is_some_and(wants)
    }

    /// Whether a request has not been answered.
    pub(super) fn is_requested(&self) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|sent| sent.requested.is_some())
    }

    /// Notes that a request was sent.
    pub(super) fn note_request(&mut self) {
        if let Some(sent) = &mut self.sent {
            sent.requested = Some(sent.count());
        }
    }

    /// Takes the peer's count, and tells of each stanza that it acknowledges; gives whether it
    /// answers a request.
    pub(super) fn acknowledge(
        &mut self,
        handled: u32,
        mut arrived: impl FnMut(Kept),
    ) -> Result<bool, TooHigh> {
        let Some(sent) = &mut self.sent else {
            return Ok(false);
        };
        let count = handled.wrapping_sub(sent.acknowledged);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > sent.pending.len() {
            return Err(TooHigh {
                acknowledged: handled,
                sent: sent.count(),
            });
        }
        for kept in sent.pending.drain(..count) {
            sent.bytes = sent.bytes.saturating_sub(kept.bytes);
            arrived(kept);
        }
        sent.acknowledged = handled;
        // The same count again answers nothing while something is pending that was asked about.
        let is_all = sent.pending.is_empty() || sent.requested == Some(handled);
        let is_answer = count > 0 || is_all;
        if is_answer {
            sent.requested = None;
        }
        if sent.pending.is_empty() {
            // A burst shall not keep its memory for the life of the stream.
            sent.pending = VecDeque::new();
        }
        Ok(is_answer)
    }
}

impl Sent {
    /// How many were sent, modulo 2^32.
    fn count(&self) -> u32 {
        let pending = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        self.acknowledged.wrapping_add(pending)
    }
}
