//! The wire between two machines, in simulated time.
//!
//! A [`Stream`] carries bytes in order and cuts them at random; [`Datagrams`] delay, lose, reorder
//! and double. Both are told the time, say when the next delivery is due, and are decided by a
//! seed. Chains of machines and links run by jumping to the earliest of all the next times.
//!
//! ```
//! use std::time::Duration;
//! use comity_testkit::link::{Arrival, End, Stream, StreamPlan};
//!
//! let start = comity_testkit::origin();
//! let mut link = Stream::new(StreamPlan::default(), [7; 32]);
//! link.send(start, End::A, b"hello");
//! link.finish(start, End::A);
//!
//! let mut heard = Vec::new();
//! while let Some(now) = link.next_delivery() {
//!     match link.deliver(now) {
//!         Some((End::B, Arrival::Bytes(bytes))) => heard.extend(bytes),
//!         Some((End::B, Arrival::Eof)) => break,
//!         other => panic!("{other:?}"),
//!     }
//! }
//! assert_eq!(heard, b"hello");
//! ```

mod datagram;
mod stream;

pub use datagram::{DatagramPlan, Datagrams};
pub use stream::{Arrival, Stream, StreamPlan};

/// One of the two machines that a link joins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a link has two ends")]
pub enum End {
    /// The first.
    A,
    /// The second.
    B,
}

impl End {
    /// The opposite end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}
