//! Stanzas that wait for their streams.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use comity_xmpp::stream::Pair;

use super::application::Outgoing;

/// Stanzas that wait, in their order for each two domains. Domains that take nothing hold up no others.
#[derive(Debug)]
pub(super) struct Waiting {
    queues: BTreeMap<Pair, VecDeque<Outgoing>>,
    /// What may go on.
    ready: VecDeque<Pair>,
    /// When what had no room is tried again; the earliest is the first.
    held: VecDeque<(Instant, Pair)>,
    len: usize,
    max_len: usize,
}

impl Waiting {
    pub(super) fn new(max_len: usize) -> Self {
        Self {
            queues: BTreeMap::new(),
            ready: VecDeque::new(),
            held: VecDeque::new(),
            len: 0,
            max_len,
        }
    }

    /// Lets a stanza wait; it comes back if there is no room.
    pub(super) fn push(&mut self, outgoing: Outgoing) -> Option<Outgoing> {
        let (local, remote) = outgoing.stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let queued = self.queues.get(&pair).map_or(0, VecDeque::len);
        // Half the room is enough for two domains that take nothing.
        if self.len >= self.max_len || queued >= self.max_len.div_ceil(2) {
            return Some(outgoing);
        }
        self.len += 1;
        if queued == 0 {
            self.ready.push_back(pair.clone());
        }
        self.queues.entry(pair).or_default().push_back(outgoing);
        None
    }

    /// Takes the next stanzas that may go on, all between the same two domains.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Pair, Vec<Outgoing>)> {
        while self.next_retry().is_some_and(|due| due <= now) {
            self.ready
                .extend(self.held.pop_front().map(|(_, pair)| pair));
        }
        let pair = self.ready.pop_front()?;
        let queue = self.queues.get_mut(&pair)?;
        let some: Vec<_> = queue.drain(..queue.len().min(MAX_BATCH)).collect();
        self.len -= some.len();
        if queue.is_empty() {
            self.queues.remove(&pair);
        } else {
            self.ready.push_back(pair.clone());
        }
        Some((pair, some))
    }

    /// Puts back what had no room, and what is behind it waits too.
    pub(super) fn put_back(&mut self, now: Instant, pair: Pair, some: Vec<Outgoing>) {
        if some.is_empty() {
            return;
        }
        self.len += some.len();
        let queue = self.queues.entry(pair.clone()).or_default();
        if !queue.is_empty() {
            // It is the last that was made ready, unless others came meanwhile.
            let ready = self.ready.iter().rposition(|ready| *ready == pair);
            ready.and_then(|ready| self.ready.remove(ready));
        }
        for outgoing in some.into_iter().rev() {
            queue.push_front(outgoing);
        }
        let until = now.checked_add(RETRY).unwrap_or(now);
        self.held.push_back((until, pair));
    }

    /// When something is tried again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.held.front().map(|(until, _)| *until)
    }
}

/// How many stanzas are given to a stream at once.
pub(super) const MAX_BATCH: usize = 64;
/// How long a stream that has no room is left alone.
const RETRY: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use comity_testkit::origin;
    use comity_xmpp::{Stanza, StanzaKind};

    use super::super::application::Purpose;
    use super::*;

    fn outgoing(remote: &str, id: usize) -> Outgoing {
        let (from, to) = ("a.example".parse().unwrap(), remote.parse().unwrap());
        Outgoing {
            stanza: Stanza::new(StanzaKind::Presence, from, to).with_id(&id.to_string()),
            purpose: Purpose::Untracked,
        }
    }

    fn ids(some: &[Outgoing]) -> Vec<usize> {
        let id = |outgoing: &Outgoing| outgoing.stanza.id().unwrap().parse().unwrap();
        some.iter().map(id).collect()
    }

    #[test]
    fn what_is_put_back_comes_first_and_later() {
        let now = origin();
        let mut waiting = Waiting::new(1000);
        for id in 0..100 {
            assert!(waiting.push(outgoing("b.example", id)).is_none());
        }
        let (pair, mut first) = waiting.pop(now).unwrap();
        assert_eq!(ids(&first), Vec::from_iter(0..64));
        waiting.put_back(now, pair, first.split_off(60));
        assert!(waiting.push(outgoing("b.example", 100)).is_none());
        assert!(waiting.pop(now).is_none());
        let retry = waiting.next_retry().unwrap();
        assert_eq!(retry, now + RETRY);
        let (_, second) = waiting.pop(retry).unwrap();
        assert_eq!(ids(&second), Vec::from_iter(60..101));
        assert!(waiting.pop(retry).is_none());
        assert_eq!((waiting.len, waiting.next_retry()), (0, None));
    }

    #[test]
    fn domains_that_take_nothing_hold_up_no_others() {
        let now = origin();
        let mut waiting = Waiting::new(100);
        let refused = (0..100).filter_map(|id| waiting.push(outgoing("b.example", id)));
        assert_eq!(ids(&Vec::from_iter(refused)), Vec::from_iter(50..100));
        let (pair, stuck) = waiting.pop(now).unwrap();
        waiting.put_back(now, pair, stuck);
        assert!(waiting.push(outgoing("c.example", 1)).is_none());
        let (pair, others) = waiting.pop(now).unwrap();
        assert_eq!(pair.remote.as_str(), "c.example");
        assert_eq!(ids(&others), [1]);
        assert!(waiting.pop(now).is_none());
    }

    #[test]
    fn there_is_an_end_for_all_together() {
        let mut waiting = Waiting::new(4);
        let to_domain = |number| outgoing(&format!("{number}.example"), number);
        let refused = (0..6).filter_map(|number| waiting.push(to_domain(number)));
        assert_eq!(ids(&Vec::from_iter(refused)), [4, 5]);
    }
}
