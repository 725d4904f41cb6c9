use std::collections::VecDeque;
use std::time::{Duration, Instant};

use comity_machine::Random;

use super::End;
use crate::cut;

/// A connection that delivers bytes in order, like TCP.
#[derive(Debug)]
pub struct Stream {
    plan: StreamPlan,
    random: Random,
    to_a: Way,
    to_b: Way,
    broken: bool,
}

/// How a [`Stream`] behaves.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests write it as a literal")]
pub struct StreamPlan {
    /// How long every piece takes; 20 ms by default.
    pub latency: Duration,
    /// What a piece may take longer, drawn for each; none by default.
    pub jitter: Duration,
    /// The longest piece that arrives at once, in bytes; 64 by default. None delivers what was sent
    /// at once as one piece.
    pub max_piece_bytes: Option<usize>,
    /// Breaks the connection when both ends together have sent this many bytes, the last of which
    /// still arrive; never by default.
    pub break_after_bytes: Option<usize>,
}

/// What an end receives.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Arrival {
    /// The next bytes of the other end.
    Bytes(Vec<u8>),
    /// The other end sends no more.
    Eof,
    /// The connection is lost, both ways.
    Reset,
}

/// What is under way to one end, in order.
#[derive(Debug, Default)]
struct Way {
    queue: VecDeque<(Instant, Arrival)>,
    finished: bool,
    paused: bool,
}

impl Stream {
    /// A connection without anything under way.
    #[must_use]
    pub fn new(plan: StreamPlan, seed: [u8; 32]) -> Self {
        Self {
            plan,
            random: Random::from_seed(seed),
            to_a: Way::default(),
            to_b: Way::default(),
            broken: false,
        }
    }

    /// Sends `bytes` from one end, in pieces. What is sent after [`finish`](Self::finish) or
    /// on a lost connection is lost.
    pub fn send(&mut self, now: Instant, from: End, bytes: &[u8]) {
        if self.broken || self.way(from.other()).finished {
            return;
        }
        let room = self.plan.break_after_bytes.unwrap_or(usize::MAX);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let pieces = match self.plan.max_piece_bytes {
            Some(longest) => cut::at_random(bytes, &mut self.random, longest),
            None if bytes.is_empty() => Vec::new(),
            None => vec![bytes],
        };
        for piece in pieces {
            self.push(now, from.other(), Arrival::Bytes(piece.to_vec()));
        }
        if let Some(left) = &mut self.plan.break_after_bytes {
            *left -= bytes.len();
            if *left == 0 {
                self.push(now, End::A, Arrival::Reset);
                self.push(now, End::B, Arrival::Reset);
                self.broken = true;
            }
        }
    }

    /// Ends what one end sends; the other sees [`Arrival::Eof`] after all bytes.
    pub fn finish(&mut self, now: Instant, from: End) {
        if !self.broken && !self.way(from.other()).finished {
            self.push(now, from.other(), Arrival::Eof);
            self.way(from.other()).finished = true;
        }
    }

    /// Loses the connection with all that is under way; both ends see [`Arrival::Reset`] at `now`.
    /// A connection is lost once only.
    pub fn cut_off(&mut self, now: Instant) {
        if self.broken {
            return;
        }
        self.broken = true;
        for end in [End::A, End::B] {
            let way = self.way(end);
            way.queue.clear();
            way.queue.push_back((now, Arrival::Reset));
        }
    }

    /// Holds back what is under way to an end that does not read.
    pub fn pause(&mut self, end: End) {
        self.way(end).paused = true;
    }

    /// Delivers to a paused end again.
    pub fn resume(&mut self, end: End) {
        self.way(end).paused = false;
    }

    /// When the next arrival is due, in the past if it was held back.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Instant> {
        [&self.to_a, &self.to_b]
            .into_iter()
            .filter_map(Way::due)
            .min()
    }

    /// Takes the earliest arrival that is due at `now`, and says whose it is.
    pub fn deliver(&mut self, now: Instant) -> Option<(End, Arrival)> {
        let due = self.next_delivery().filter(|&due| due <= now)?;
        let to = if self.to_a.due() == Some(due) {
            End::A
        } else {
            End::B
        };
        let (_, arrival) = self.way(to).queue.pop_front()?;
        Some((to, arrival))
    }

    /// Queues an arrival behind all earlier ones.
    fn push(&mut self, now: Instant, to: End, arrival: Arrival) {
        let due = now + self.plan.latency + drawn(&mut self.random, self.plan.jitter);
        let way = self.way(to);
        let due = way.queue.back().map_or(due, |&(last, _)| last.max(due));
        way.queue.push_back((due, arrival));
    }

    fn way(&mut self, to: End) -> &mut Way {
        match to {
            End::A => &mut self.to_a,
            End::B => &mut self.to_b,
        }
    }
}

impl Default for StreamPlan {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::ZERO,
            max_piece_bytes: Some(64),
            break_after_bytes: None,
        }
    }
}

impl Way {
    fn due(&self) -> Option<Instant> {
        let &(due, _) = self.queue.front()?;
        (!self.paused).then_some(due)
    }
}

/// A random part of `most`, in whole microseconds.
pub(super) fn drawn(random: &mut Random, most: Duration) -> Duration {
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX - 1);
    Duration::from_micros(random.below(micros.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin;

    /// Everything that still arrives, with the time since `start` in milliseconds.
    fn rest(link: &mut Stream, start: Instant) -> Vec<(u128, End, Arrival)> {
        let mut arrivals = Vec::new();
        while let Some(now) = link.next_delivery() {
            let (end, arrival) = link.deliver(now).unwrap();
            arrivals.push(((now - start).as_millis(), end, arrival));
        }
        arrivals
    }

    fn bytes(text: &str) -> Arrival {
        Arrival::Bytes(text.as_bytes().to_vec())
    }

    const WHOLE: StreamPlan = StreamPlan {
        latency: Duration::from_millis(20),
        jitter: Duration::ZERO,
        max_piece_bytes: None,
        break_after_bytes: None,
    };

    #[test]
    fn bytes_arrive_in_order_whatever_the_pieces_and_the_jitter() {
        let start = origin();
        let plan = StreamPlan {
            jitter: Duration::from_millis(50),
            max_piece_bytes: Some(3),
            ..WHOLE
        };
        let mut link = Stream::new(plan, [1; 32]);
        let sent: Vec<u8> = (0..200).collect();
        link.send(start, End::B, &sent[..120]);
        link.send(start, End::B, &sent[120..]);
        link.finish(start, End::B);
        link.send(start, End::B, b"lost");
        let mut arrivals = rest(&mut link, start);
        assert_eq!(arrivals.pop().unwrap().2, Arrival::Eof);
        assert!(arrivals.len() > 66 && arrivals[0].0 >= 20);
        let heard = arrivals.into_iter().flat_map(|(_, end, arrival)| {
            assert_eq!(end, End::A);
            let Arrival::Bytes(bytes) = arrival else {
                panic!("{arrival:?}");
            };
            assert!((1..=3).contains(&bytes.len()));
            bytes
        });
        assert_eq!(heard.collect::<Vec<_>>(), sent);
    }

    #[test]
    fn nothing_is_delivered_before_it_is_due() {
        let start = origin();
        let mut link = Stream::new(WHOLE, [1; 32]);
        assert_eq!(link.next_delivery(), None);
        link.send(start, End::A, b"x");
        let due = start + Duration::from_millis(20);
        assert_eq!(link.next_delivery(), Some(due));
        assert_eq!(link.deliver(due - Duration::from_nanos(1)), None);
        assert_eq!(link.deliver(due), Some((End::B, bytes("x"))));
        assert_eq!(link.deliver(due), None);
    }

    #[test]
    fn a_pause_holds_back_one_end_only() {
        let start = origin();
        let mut link = Stream::new(WHOLE, [1; 32]);
        link.send(start, End::A, b"to b");
        link.send(start, End::B, b"to a");
        link.pause(End::B);
        assert_eq!(rest(&mut link, start), [(20, End::A, bytes("to a"))]);
        link.resume(End::B);
        assert_eq!(rest(&mut link, start), [(20, End::B, bytes("to b"))]);
    }

    #[test]
    fn a_connection_that_is_cut_off_loses_what_is_under_way() {
        let start = origin();
        let mut link = Stream::new(WHOLE, [1; 32]);
        link.send(start, End::A, b"lost");
        link.cut_off(start);
        link.cut_off(start);
        link.send(start, End::A, b"lost too");
        link.finish(start, End::B);
        assert_eq!(
            rest(&mut link, start),
            [(0, End::A, Arrival::Reset), (0, End::B, Arrival::Reset)]
        );
    }

    #[test]
    fn a_planned_break_comes_after_its_last_byte() {
        let start = origin();
        let plan = StreamPlan {
            break_after_bytes: Some(5),
            ..WHOLE
        };
        let mut link = Stream::new(plan, [1; 32]);
        link.send(start, End::A, b"abc");
        link.send(start, End::B, b"defg");
        link.send(start, End::A, b"lost");
        assert_eq!(
            rest(&mut link, start),
            [
                (20, End::A, bytes("de")),
                (20, End::A, Arrival::Reset),
                (20, End::B, bytes("abc")),
                (20, End::B, Arrival::Reset),
            ]
        );
    }
}
