//! What every comity machine keeps beside its state: timers, seeded randomness, open questions, and the
//! crowds of strangers.
//!
//! # How a machine is driven
//!
//! A machine does no I/O, reads no clock, starts no task and writes no log. It has inputs, whose
//! names start with `handle_`, commands of the application, and outputs, whose names start with
//! `poll_`:
//!
//! | method | meaning |
//! |---|---|
//! | `handle_input(now, ..)` | these bytes came from the peer |
//! | `handle_eof(now)` | the peer sends no more bytes |
//! | `handle_timeout(now)` | the time of the last `poll_timeout` has come |
//! | `handle_<answer>(now, query, ..)` | the answer to the question that an event asked |
//! | `poll_transmit(&mut buf)` | append the next bytes for the peer to `buf` |
//! | `poll_event()` | what the application must know or answer |
//! | `poll_timeout()` | when to call `handle_timeout` |
//! | `wants_input()` | false: stop reading from the peer |
//! | `is_closed()` | nothing will ever come out again |
//!
//! Inputs cannot fail. After any input, command or answer, drain the outputs: transmit until
//! `None`, then events until `None`, and last note the timeout. To answer an event is such a call:
//! transmit again before the next event is taken, because the answer may have made bytes that
//! belong before it. A question is an event with a [`QueryId`]; its answer may come at any later
//! time or never, because the machine's own timer ends the wait.
//!
//! # Promises
//!
//! 1. After `handle_timeout(now)` the next timeout lies after `now`.
//! 2. After `Event::Closed` nothing comes out, and every `handle_*` does nothing.
//! 3. Bytes that were queued before an event leave before that event. After `Event::StartTls`
//!    nothing is queued until `handle_tls_established`.
//! 4. However the peer's bytes are cut, the events are the same.
//! 5. The memory held for one peer is bounded by `Limits`.
//!
//! `comity_testkit::contract` tests them for every machine.
//!
//! # Chance
//!
//! ```
//! use comity_machine::Random;
//!
//! let mut random = Random::from_seed([7; 32]);
//! let first = random.below(6);
//! assert!(first < 6);
//! assert_eq!(Random::from_seed([7; 32]).below(6), first);
//! ```

mod crowds;
mod query;
mod random;
mod timers;

pub use crowds::{Crowds, source_of};
pub use query::{QueryId, QueryIds};
pub use random::Random;
pub use timers::Timers;
