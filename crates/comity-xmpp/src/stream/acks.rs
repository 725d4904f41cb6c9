//! Acknowledgements of stanzas (XEP-0198), without resumption.

use std::collections::VecDeque;

use crate::Stanza;

/// What each side has sent and the other has handled.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Stanzas of the peer that we have handled, modulo 2^32; nothing until they are counted.
    handled: Option<u32>,
    sent: Option<Sent>,
}

/// Our stanzas since they have been counted.
#[derive(Debug, Default)]
struct Sent {
    /// How many the peer has acknowledged, modulo 2^32.
    acknowledged: u32,
    /// Those that it has not, with what they take.
    pending: VecDeque<(Stanza, usize)>,
    bytes: usize,
    /// Whether a request has not been answered.
    requested: bool,
}

/// An acknowledgement of more stanzas than were sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooHigh {
    pub(super) acknowledged: u32,
    pub(super) sent: u32,
}

impl Acks {
    /// Counts the peer's stanzas from now on.
    pub(super) fn count_handled(&mut self) {
        self.handled = Some(0);
    }

    pub(super) fn counts_handled(&self) -> bool {
        self.handled.is_some()
    }

    /// Counts our stanzas from now on.
    pub(super) fn count_sent(&mut self) {
        self.sent = Some(Sent::default());
    }

    pub(super) fn counts_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// The peer will not acknowledge anything.
    pub(super) fn give_up(&mut self) {
        self.sent = None;
    }

    /// Notes that a stanza of the peer was handled.
    pub(super) fn note_handled(&mut self) {
        if let Some(handled) = &mut self.handled {
            *handled = handled.wrapping_add(1);
        }
    }

    /// How many stanzas of the peer were handled, if they are counted.
    pub(super) fn handled(&self) -> Option<u32> {
        self.handled
    }

    /// Whether one more stanza may be sent.
    pub(super) fn has_room(&self, max_stanzas: usize, max_bytes: usize) -> bool {
        let fits = |sent: &Sent| sent.pending.len() < max_stanzas && sent.bytes < max_bytes;
        self.sent.as_ref().is_none_or(fits)
    }

    /// Keeps a stanza that was sent until it is acknowledged.
    pub(super) fn note_sent(&mut self, stanza: &Stanza) {
        if let Some(sent) = &mut self.sent {
            let bytes = stanza.held_bytes();
            sent.bytes = sent.bytes.saturating_add(bytes);
            sent.pending.push_back((stanza.clone(), bytes));
        }
    }

    /// What the stanzas take that have not been acknowledged.
    pub(super) fn pending_bytes(&self) -> usize {
        self.sent.as_ref().map_or(0, |sent| sent.bytes)
    }

    /// Whether a request is due: something was sent and none is under way.
    pub(super) fn wants_request(&self) -> bool {
        let wants = |sent: &Sent| !sent.requested && !sent.pending.is_empty();
        self.sent.as_ref().is_some_and(wants)
    }

    /// Whether a request has not been answered.
    pub(super) fn is_requested(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.requested)
    }

    /// Notes that a request was sent.
    pub(super) fn note_request(&mut self) {
        if let Some(sent) = &mut self.sent {
            sent.requested = true;
        }
    }

    /// Takes the peer's count; gives whether it answers a request.
    pub(super) fn acknowledge(&mut self, handled: u32) -> Result<bool, TooHigh> {
        let Some(sent) = &mut self.sent else {
            return Ok(false);
        };
        let count = handled.wrapping_sub(sent.acknowledged);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > sent.pending.len() {
            let pending = u32::try_from(sent.pending.len()).unwrap_or(u32::MAX);
            return Err(TooHigh {
                acknowledged: handled,
                sent: sent.acknowledged.wrapping_add(pending),
            });
        }
        for (_, bytes) in sent.pending.drain(..count) {
            sent.bytes = sent.bytes.saturating_sub(bytes);
        }
        sent.acknowledged = handled;
        // The same count again answers nothing while something is pending.
        let is_answer = count > 0 || sent.pending.is_empty();
        sent.requested &= !is_answer;
        if sent.pending.is_empty() {
            // A burst shall not keep its memory for the life of the stream.
            sent.pending = VecDeque::new();
        }
        Ok(is_answer)
    }

    /// Takes what was sent and never acknowledged.
    pub(super) fn take_pending(&mut self) -> impl Iterator<Item = Stanza> + use<> {
        let sent = self.sent.take().unwrap_or_default();
        sent.pending.into_iter().map(|(stanza, _)| stanza)
    }
}
