use std::ops::Range;

use crate::message::Key;

/// Which requests have been sent and which have been answered.
pub(crate) struct Exchange {
    requests: Range<u32>,
    /// The next one to be sent.
    next: u32,
    /// Of each request that has been sent.
    answered: Vec<bool>,
    open: u32,
}

impl Exchange {
    /// Requests with the keys of this range.
    pub(crate) fn new(requests: Range<u32>) -> Self {
        Self {
            next: requests.start,
            answered: Vec::with_capacity(requests.len()),
            open: 0,
            requests,
        }
    }

    /// The next request, if fewer than `window` are open.
    pub(crate) fn next(&mut self, window: u32) -> Option<Key> {
        if self.open >= window || self.next == self.requests.end {
            return None;
        }
        let key = Key::new(self.next);
        self.next += 1;
        self.open += 1;
        self.answered.push(false);
        Some(key)
    }

    /// Notes an answer; gives whether it is the first to a request that was sent.
    pub(crate) fn answer(&mut self, key: Key) -> bool {
        let at = key.index().checked_sub(self.requests.start);
        let Some(answered) = at.and_then(|at| self.answered.get_mut(at as usize)) else {
            return false;
        };
        let first = !*answered;
        *answered = true;
        self.open -= u32::from(first);
        first
    }

    /// The requests without an answer.
    pub(crate) fn open(&self) -> impl Iterator<Item = Key> {
        let keys = (self.requests.start..).zip(&self.answered);
        keys.filter(|(_, answered)| !**answered)
            .map(|(index, _)| Key::new(index))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.open == 0 && self.next == self.requests.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_requests_are_open_than_the_window_allows() {
        let mut exchange = Exchange::new(5..8);
        assert_eq!(exchange.next(2), Some(Key::new(5)));
        assert_eq!(exchange.next(2), Some(Key::new(6)));
        assert_eq!(exchange.next(2), None);
        assert!(exchange.answer(Key::new(6)));
        assert_eq!(exchange.next(2), Some(Key::new(7)));
        assert!(exchange.open().eq([5, 7].map(Key::new)));
    }

    #[test]
    fn it_is_done_when_every_request_has_its_answer() {
        let mut exchange = Exchange::new(5..7);
        while exchange.next(9).is_some() {}
        assert!(exchange.answer(Key::new(5)));
        assert!(!exchange.is_done());
        assert!(exchange.answer(Key::new(6)));
        assert!(exchange.is_done());
    }

    #[test]
    fn answer_counts_once_and_only_to_what_was_sent() {
        let mut exchange = Exchange::new(5..9);
        exchange.next(1);
        for (key, first) in [(4, false), (6, false), (5, true), (5, false)] {
            assert_eq!(exchange.answer(Key::new(key)), first, "{key}");
        }
        assert_eq!(exchange.open().count(), 0);
        assert!(!exchange.is_done());
    }
}
