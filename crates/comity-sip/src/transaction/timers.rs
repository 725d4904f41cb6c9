//! Timers of which setting and stopping one costs the same with ten and a million.

use std::time::{Duration, Instant};

/// One timer for each number below some bound, in lists of equal waits.
///
/// Transactions know few waits: powers of two of T1, T2, T4, 64*T1 and four others. All timers of one
/// wait end in the order in which they were set, so that a list for each wait is sorted by itself:
/// setting appends, stopping unlinks, and the next deadline is the least of the few heads.
#[derive(Clone, Debug)]
pub(crate) struct TimerLists {
    lists: Vec<List>,
    nodes: Vec<Node>,
    /// The latest time that was seen: a clock that goes back would break the order of a list.
    latest: Instant,
}

#[derive(Clone, Debug)]
struct List {
    wait: Duration,
    first: Option<u32>,
    last: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    armed: Option<Armed>,
    previous: Option<u32>,
    next: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    deadline: Instant,
    list: u8,
}

impl TimerLists {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            lists: Vec::new(),
            nodes: Vec::new(),
            latest: now,
        }
    }

    /// Arms a timer for the end of a wait, whatever it had before. A wait beyond the end of time
    /// disarms it.
    ///
    /// There are at most 255 different waits; a further one is rounded up to the next that is known,
    /// or to the longest.
    pub(crate) fn set_after(&mut self, timer: u32, now: Instant, wait: Duration) {
        self.stop(timer);
        self.latest = self.latest.max(now);
        let (list, wait) = self.list_of(wait);
        let Some(deadline) = self.latest.checked_add(wait) else {
            return;
        };
        let index = timer as usize;
        if index >= self.nodes.len() {
            self.nodes.resize(index + 1, Node::default());
        }
        let Some(entry) = self.lists.get_mut(usize::from(list)) else {
            return;
        };
        let previous = entry.last.replace(timer);
        match previous {
            Some(previous) => {
                if let Some(node) = self.nodes.get_mut(previous as usize) {
                    node.next = Some(timer);
                }
            }
            None => entry.first = Some(timer),
        }
        if let Some(node) = self.nodes.get_mut(index) {
            *node = Node {
                armed: Some(Armed { deadline, list }),
                previous,
                next: None,
            };
        }
    }

    /// Disarms a timer if it was armed.
    pub(crate) fn stop(&mut self, timer: u32) {
        let Some(node) = self.nodes.get_mut(timer as usize) else {
            return;
        };
        let Node {
            armed: Some(armed),
            previous,
            next,
        } = std::mem::take(node)
        else {
            return;
        };
        if let Some(node) = previous.and_then(|previous| self.nodes.get_mut(previous as usize)) {
            node.next = next;
        }
        if let Some(node) = next.and_then(|next| self.nodes.get_mut(next as usize)) {
            node.previous = previous;
        }
        if let Some(list) = self.lists.get_mut(usize::from(armed.list)) {
            if previous.is_none() {
                list.first = next;
            }
            if next.is_none() {
                list.last = previous;
            }
        }
    }

    /// Disarms and returns the earliest timer that is due at `now`.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<u32> {
        self.latest = self.latest.max(now);
        let (deadline, timer) = self.earliest()?;
        if deadline > now {
            return None;
        }
        self.stop(timer);
        Some(timer)
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(deadline, _)| deadline)
    }

    /// Gives memory back when no timer can be armed.
    pub(crate) fn clear(&mut self) {
        self.nodes = Vec::new();
        for list in &mut self.lists {
            (list.first, list.last) = (None, None);
        }
    }

    fn earliest(&self) -> Option<(Instant, u32)> {
        let heads = self.lists.iter().filter_map(|list| list.first);
        heads
            .filter_map(|timer| Some((self.deadline(timer)?, timer)))
            .min()
    }

    fn deadline(&self, timer: u32) -> Option<Instant> {
        let node = self.nodes.get(timer as usize)?;
        node.armed.map(|armed| armed.deadline)
    }

    /// The list of a wait, and its wait.
    fn list_of(&mut self, wait: Duration) -> (u8, Duration) {
        if let Some(found) = self.lists.iter().position(|list| list.wait == wait) {
            return (u8::try_from(found).unwrap_or(u8::MAX), wait);
        }
        match u8::try_from(self.lists.len()) {
            Ok(index) if index < u8::MAX => {
                self.lists.push(List {
                    wait,
                    first: None,
                    last: None,
                });
                (index, wait)
            }
            Ok(_) | Err(_) => self.nearest(wait),
        }
    }

    fn nearest(&self, wait: Duration) -> (u8, Duration) {
        let lists = (0..=u8::MAX).zip(self.lists.iter().map(|list| list.wait));
        let longer = lists.clone().filter(|&(_, known)| known >= wait);
        let longest = lists.max_by_key(|&(_, known)| known);
        longer
            .min_by_key(|&(_, known)| known)
            .or(longest)
            .unwrap_or((0, wait))
    }
}

#[cfg(test)]
mod tests {
    use comity_machine::{Random, Timers};
    use comity_testkit::origin;

    use super::*;

    #[test]
    fn timers_end_in_order_and_once() {
        let start = origin();
        let mut timers = TimerLists::new(start);
        timers.set_after(1, start, seconds(2));
        timers.set_after(0, start, seconds(1));
        timers.set_after(7, start, seconds(9));
        timers.set_after(7, start, seconds(3));
        timers.stop(1);
        assert_eq!(timers.next_deadline(), Some(start + seconds(1)));
        assert_eq!(timers.pop_expired(start), None);
        let later = start + seconds(5);
        assert_eq!(timers.pop_expired(later), Some(0));
        assert_eq!(timers.pop_expired(later), Some(7));
        assert_eq!(timers.pop_expired(later), None);
        assert_eq!(timers.next_deadline(), None);
    }

    #[test]
    fn a_wait_without_end_never_ends() {
        let start = origin();
        let mut timers = TimerLists::new(start);
        timers.set_after(0, start, seconds(1));
        timers.set_after(0, start, Duration::MAX);
        assert_eq!(timers.next_deadline(), None);
    }

    #[test]
    fn a_clock_that_goes_back_breaks_no_order() {
        let start = origin();
        let mut timers = TimerLists::new(start);
        timers.set_after(0, start + seconds(10), seconds(1));
        timers.set_after(1, start, seconds(1));
        let due = start + seconds(11);
        assert_eq!(timers.next_deadline(), Some(due));
        assert_eq!(timers.pop_expired(due), Some(0));
        assert_eq!(timers.pop_expired(due), Some(1));
    }

    #[test]
    fn more_waits_than_lists_are_rounded_up() {
        let start = origin();
        let mut timers = TimerLists::new(start);
        for wait in 1..=300 {
            timers.set_after(u32::try_from(wait).unwrap(), start, seconds(2 * wait));
        }
        timers.set_after(1000, start, seconds(41));
        timers.set_after(1001, start, seconds(5000));
        let mut ended = Vec::new();
        let mut now = start;
        while let Some(next) = timers.next_deadline() {
            now = next;
            while let Some(timer) = timers.pop_expired(now) {
                ended.push((timer, now - start));
            }
        }
        assert_eq!(ended.len(), 302);
        assert!(ended.contains(&(1000, seconds(42))));
        assert!(ended.contains(&(1001, seconds(510))));
        assert_eq!(now, start + seconds(510));
    }

    /// Any sequence does what a sorted set does.
    #[test]
    fn timers_agree_with_a_sorted_set() {
        let mut random = Random::from_seed([3; 32]);
        let start = origin();
        let (mut lists, mut sorted) = (TimerLists::new(start), Timers::default());
        let mut now = start;
        for _ in 0..20_000 {
            let timer = u32::try_from(random.below(40)).unwrap();
            match random.below(8) {
                0..4 => {
                    let wait = seconds(1 << random.below(6));
                    lists.set_after(timer, now, wait);
                    sorted.set_after(timer, now, wait);
                }
                4..6 => {
                    lists.stop(timer);
                    sorted.stop(timer);
                }
                _ => {
                    now += Duration::from_millis(random.below(3000));
                    let (mut left, mut right) = (Vec::new(), Vec::new());
                    while let (due, Some(timer)) = (lists.next_deadline(), lists.pop_expired(now)) {
                        left.push((due, timer));
                    }
                    while let (due, Some(timer)) = (sorted.next_deadline(), sorted.pop_expired(now))
                    {
                        right.push((due, timer));
                    }
                    assert!(left.is_sorted_by_key(|&(due, _)| due));
                    left.sort_unstable();
                    assert_eq!(left, right);
                }
            }
            assert_eq!(lists.next_deadline(), sorted.next_deadline());
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }
}
