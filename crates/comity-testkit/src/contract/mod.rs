//! The promises that every machine of comity makes, as tests.
//!
//! The crate page of `comity-machine` lists them. A machine's own tests implement [`Subject`] for
//! an adapter around it, write down what a peer sends as a [`Transcript`], and call
//! [`keeps_promises`]. The fifth promise, bounded memory, is tested with
//! [`heap`](crate::heap).
//!
//! Each function panics with the promise that was broken and where. It also panics if the transcript
//! cannot show a breach: one that arms no timer says nothing about timers. The closure `make` is
//! told the time and must make the same machine each time, with the same seed. The tests run the
//! transcript many times for each of its bytes, so that a few thousand bytes are enough.
//!
//! ```
//! use std::time::Instant;
//! use comity_testkit::contract::{self, Subject, Transcript};
//!
//! /// Repeats each byte and closes at the end of input.
//! #[derive(Default)]
//! struct Echo {
//!     out: Vec<u8>,
//!     closing: bool,
//!     closed: bool,
//! }
//!
//! impl Subject for Echo {
//!     type Event = &'static str;
//!
//!     fn handle_input(&mut self, _: Instant, input: &[u8]) {
//!         if !self.closed {
//!             self.out.extend(input);
//!         }
//!     }
//!     fn handle_eof(&mut self, _: Instant) {
//!         self.closing = !self.closed;
//!     }
//!     fn handle_timeout(&mut self, _: Instant) {}
//!     fn answer(&mut self, _: Instant, _: &Self::Event) {}
//!     fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
//!         let any = !self.out.is_empty();
//!         buf.append(&mut self.out);
//!         any
//!     }
//!     fn poll_event(&mut self) -> Option<Self::Event> {
//!         self.closed |= self.closing;
//!         std::mem::take(&mut self.closing).then_some("closed")
//!     }
//!     fn poll_timeout(&self) -> Option<Instant> {
//!         None
//!     }
//!     fn wants_input(&self) -> bool {
//!         true
//!     }
//!     fn is_closed(&self) -> bool {
//!         self.closed
//!     }
//!     fn is_closed_event(event: &Self::Event) -> bool {
//!         *event == "closed"
//!     }
//! }
//!
//! let transcript = Transcript::new().input(b"hello").eof();
//! contract::same_events_for_every_split(|_| Echo::default(), &transcript);
//! contract::nothing_after_closed(|_| Echo::default(), &transcript);
//! ```

mod breach;
mod check;
mod run;
mod transcript;

use std::fmt::Debug;
use std::time::Instant;

pub use transcript::Transcript;

/// A machine as the contract sees it.
///
/// An adapter implements it with the machine's methods of the same names.
pub trait Subject {
    /// The machine's events, or what the adapter makes of them. Two runs of one transcript must
    /// give equal events.
    type Event: Debug + PartialEq;

    /// Passes on bytes of the peer.
    fn handle_input(&mut self, now: Instant, input: &[u8]);

    /// Passes on that the peer sends no more.
    fn handle_eof(&mut self, now: Instant);

    /// Passes on that the time of the last `poll_timeout` has come.
    fn handle_timeout(&mut self, now: Instant);

    /// Does what the application does on `event`: answers a question, establishes TLS, or nothing.
    fn answer(&mut self, now: Instant, event: &Self::Event);

    /// Appends the next bytes for the peer to `buf`; false if the machine had none.
    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool;

    /// The next event.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When the machine wants `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether the machine takes bytes.
    fn wants_input(&self) -> bool;

    /// Whether nothing will ever come out again.
    fn is_closed(&self) -> bool;

    /// Whether `event` is the machine's `Event::Closed`.
    fn is_closed_event(event: &Self::Event) -> bool;

    /// Whether `event` is the machine's `Event::StartTls`, which [`answer`](Self::answer) completes.
    fn is_start_tls(event: &Self::Event) -> bool {
        let _ = event;
        false
    }
}

/// Tests promises 1 to 4: all other functions of this module in turn.
///
/// # Panics
///
/// If the machine breaks one, or the transcript cannot show it.
#[track_caller]
pub fn keeps_promises<S: Subject>(make: impl Fn(Instant) -> S, transcript: &Transcript) {
    timeouts_advance(&make, transcript);
    nothing_after_closed(&make, transcript);
    bytes_leave_before_events(&make, transcript);
    same_events_for_every_split(&make, transcript);
}

/// Tests that after `handle_timeout(now)` the next timeout lies after `now`.
///
/// Stops the transcript at each byte, then lets time jump from timer to timer, on time and an hour
/// late, and calls `handle_timeout` twice for each `now`.
///
/// # Panics
///
/// If a timeout does not lie after `now`, or none was ever armed.
#[track_caller]
pub fn timeouts_advance<S: Subject>(make: impl Fn(Instant) -> S, transcript: &Transcript) {
    expect(check::timeouts_advance(&make, transcript));
}

/// Tests that after `Event::Closed` nothing comes out and every input does nothing.
///
/// Stops the transcript at each byte, ends the input there or leaves the peer silent, and once the
/// machine has closed gives it bytes, the end of input, time and late answers.
///
/// # Panics
///
/// If anything comes out of a closed machine, or it never closed.
#[track_caller]
pub fn nothing_after_closed<S: Subject>(make: impl Fn(Instant) -> S, transcript: &Transcript) {
    expect(check::nothing_after_closed(&make, transcript));
}

/// Tests that bytes leave before the events that follow them, and that none leave between
/// `Event::StartTls` and the handshake.
///
/// Stops at each `StartTls` without an answer, and goes on with a silent peer, the end of input or
/// more clear text.
///
/// # Panics
///
/// If bytes come late, or no event came at all.
#[track_caller]
pub fn bytes_leave_before_events<S: Subject>(make: impl Fn(Instant) -> S, transcript: &Transcript) {
    expect(check::bytes_leave_before_events(&make, transcript));
}

/// Tests that events and transmitted bytes are the same however the input is cut.
///
/// Each flight of the transcript is cut at every single point, then all flights byte by byte and
/// in random pieces. Pieces are held back while the machine does not want input; if a timer must
/// come first, time jumps to it. A piece that it never comes to want is lost.
///
/// # Panics
///
/// If a cut changes the events, the bytes or where in them TLS starts.
#[track_caller]
pub fn same_events_for_every_split<S: Subject>(
    make: impl Fn(Instant) -> S,
    transcript: &Transcript,
) {
    expect(check::same_events_for_every_split(&make, transcript));
}

#[track_caller]
#[expect(clippy::panic, reason = "this is what fails the test")]
fn expect(outcome: Result<(), breach::Breach>) {
    if let Err(breach) = outcome {
        panic!("{breach}");
    }
}

#[cfg(test)]
mod tests;
