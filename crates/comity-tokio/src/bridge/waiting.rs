//! Stanzas that wait for their streams.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use comity_xmpp::stream::Pair;

use super::application::Outgoing;

/// Stanzas that wait, in their order for each two domains. Domains that take nothing hold up no others.
#[derive(Debug)]
pub(super) struct Waiting {
    queues: BTreeMap<Pair, Queue>,
    /// What may go on.
    ready: VecDeque<Pair>,
    /// When what had no room is tried again; the earliest is the first.
    held: VecDeque<(Instant, Pair)>,
    max_stanzas: usize,
    max_bytes: usize,
}

/// What waits for two domains.
#[derive(Debug, Default)]
struct Queue {
    stanzas: VecDeque<Outgoing>,
    bytes: usize,
}

impl Waiting {
    /// Nothing waits yet; so much may wait for two domains.
    pub(super) fn new(max_stanzas: usize, max_bytes: usize) -> Self {
        Self {
            queues: BTreeMap::new(),
            ready: VecDeque::new(),
            held: VecDeque::new(),
            max_stanzas,
            max_bytes,
        }
    }

    /// Lets a stanza wait; it comes back if too much waits for its domains.
    pub(super) fn push(&mut self, outgoing: Outgoing) -> Option<Outgoing> {
        let (local, remote) = outgoing.stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let (stanzas, bytes) = match self.queues.get(&pair) {
            Some(queue) => (queue.stanzas.len(), queue.bytes),
            None => (0, 0),
        };
        let bytes = bytes.saturating_add(outgoing.place.bytes());
        if stanzas >= self.max_stanzas || bytes > self.max_bytes {
            return Some(outgoing);
        }
        if stanzas == 0 {
            self.ready.push_back(pair.clone());
        }
        let queue = self.queues.entry(pair).or_default();
        queue.bytes = bytes;
        queue.stanzas.push_back(outgoing);
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
        let count = queue.stanzas.len().min(MAX_BATCH);
        let some: Vec<_> = queue.stanzas.drain(..count).collect();
        queue.bytes -= bytes_of(&some);
        if queue.stanzas.is_empty() {
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
        let queue = self.queues.entry(pair.clone()).or_default();
        queue.bytes += bytes_of(&some);
        if !queue.stanzas.is_empty() {
            // It is the last that was made ready, unless others came meanwhile.
            let ready = self.ready.iter().rposition(|ready| *ready == pair);
            ready.and_then(|ready| self.ready.remove(ready));
        }
        for outgoing in some.into_iter().rev() {
            queue.stanzas.push_front(outgoing);
        }
        let until = now.checked_add(RETRY).unwrap_or(now);
        self.held.push_back((until, pair));
    }

    /// When something is tried again.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.held.front().map(|(until, _)| *until)
    }
}

fn bytes_of(some: &[Outgoing]) -> usize {
    some.iter().map(|outgoing| outgoing.place.bytes()).sum()
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
    use super::super::room::Room;
    use super::*;

    fn outgoing(remote: &str, id: usize) -> Outgoing {
        let (from, to) = ("a.example".parse().unwrap(), remote.parse().unwrap());
        let stanza = Stanza::new(StanzaKind::Presence, from, to).with_id(&id.to_string());
        let room = Room::new(1, usize::MAX);
        Outgoing {
            place: room.take(&stanza).unwrap(),
            stanza,
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
        let mut waiting = Waiting::new(1000, usize::MAX);
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
        assert_eq!((waiting.queues.len(), waiting.next_retry()), (0, None));
    }

    #[test]
    fn domains_that_take_nothing_hold_up_no_others() {
        let now = origin();
        let mut waiting = Waiting::new(50, usize::MAX);
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
    fn two_domains_have_an_end_in_bytes() {
        let now = origin();
        let bytes = outgoing("b.example", 0).place.bytes();
        for (max_bytes, fits) in [(3 * bytes - 1, 2), (3 * bytes, 3), (4 * bytes - 1, 3)] {
            let mut waiting = Waiting::new(1000, max_bytes);
            let mut refused = || {
                let refused = (0..5).filter_map(|id| waiting.push(outgoing("b.example", id)));
                ids(&Vec::from_iter(refused))
            };
            assert_eq!(refused(), Vec::from_iter(fits..5));
            assert_eq!(refused(), Vec::from_iter(0..5));
            assert!(waiting.push(outgoing("c.example", 1)).is_none());
            // What is put back counts, and what is gone does not.
            let (pair, mut some) = waiting.pop(now).unwrap();
            waiting.put_back(now, pair, some.split_off(1));
            let refused = (0..2).filter_map(|id| waiting.push(outgoing("b.example", id)));
            assert_eq!(ids(&Vec::from_iter(refused)), [1]);
        }
    }
}
