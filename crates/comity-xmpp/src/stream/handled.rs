//! Which stanzas of the peer have been handled (XEP-0198 §4).

use std::collections::VecDeque;

/// Names a stanza of the peer that a stream has handed out and that is to be settled.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Receipt(u64);

/// The stanzas of the peer by their number, from 0 on.
#[derive(Debug, Default)]
pub(super) struct Handled {
    /// The first that is not settled.
    first_open: u64,
    /// Whether that one and those behind it are settled.
    open: VecDeque<bool>,
    /// The first that the peer counts; nothing until it does.
    first_counted: Option<u64>,
    /// The first that came after the peer has last asked, if it was not told of all before it.
    owed: Option<u64>,
}

impl Handled {
    /// Counts from the next stanza on.
    pub(super) fn begin_count(&mut self) {
        self.first_counted = Some(self.next());
    }

    pub(super) fn is_counting(&self) -> bool {
        self.first_counted.is_some()
    }

    /// How many were settled without one before them that was not, modulo 2^32.
    pub(super) fn count(&self) -> Option<u32> {
        let count = self.first_open.saturating_sub(self.first_counted?);
        u32::try_from(count & u64::from(u32::MAX)).ok()
    }

    /// Notes a stanza that needs nobody to settle it.
    pub(super) fn note_settled(&mut self) {
        if self.open.is_empty() {
            self.first_open = self.first_open.wrapping_add(1);
        } else {
            self.open.push_back(true);
        }
    }

    /// Notes a stanza that somebody will settle.
    pub(super) fn note_open(&mut self) -> Receipt {
        let receipt = Receipt(self.next());
        self.open.push_back(false);
        receipt
    }

    /// Whether fewer stanzas are held back than there may be.
    pub(super) fn has_room(&self, max: usize) -> bool {
        self.open.len() < max
    }

    /// Notes that the peer asks how many were handled.
    pub(super) fn note_asked(&mut self) {
        self.owed = (!self.open.is_empty()).then(|| self.next());
    }

    /// Settles a stanza; gives whether the peer waits to be told.
    pub(super) fn settle(&mut self, receipt: Receipt) -> bool {
        let index = receipt.0.checked_sub(self.first_open);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let Some(open) = index.and_then(|index| self.open.get_mut(index)) else {
            return false;
        };
        *open = true;
        let before = self.count();
        while self.open.front() == Some(&true) {
            self.open.pop_front();
            self.first_open = self.first_open.wrapping_add(1);
        }
        if self.open.is_empty() {
            // A burst shall not keep its memory for the life of the stream.
            self.open = VecDeque::new();
        }
        let is_owed = self.owed.is_some() && self.count() != before;
        self.owed = self.owed.filter(|&next| self.first_open < next);
        is_owed
    }

    /// The number of the next stanza.
    fn next(&self) -> u64 {
        let open = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        self.first_open.wrapping_add(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_round_at_two_to_the_32() {
        let mut handled = Handled {
            first_open: (1 << 32) + 4,
            first_counted: Some(5),
            ..Handled::default()
        };
        assert_eq!(handled.count(), Some(u32::MAX));
        handled.note_settled();
        assert_eq!(handled.count(), Some(0));
        handled.note_settled();
        assert_eq!(handled.count(), Some(1));
    }

    #[test]
    fn what_is_settled_twice_or_was_never_handed_out_counts_for_nothing() {
        let mut handled = Handled::default();
        handled.begin_count();
        let first = handled.note_open();
        handled.note_open();
        handled.note_asked();
        assert!(handled.settle(first));
        assert!(!handled.settle(first));
        assert!(!handled.settle(Receipt(2)));
        assert!(!handled.settle(Receipt(u64::MAX)));
        assert_eq!(handled.count(), Some(1));
    }
}
