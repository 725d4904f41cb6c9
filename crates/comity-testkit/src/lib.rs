//! What the tests of comity share.
//!
//! * [`dns`]: a name server that answers from a table, and fails as scripted.
//! * [`mint`]: certificates, good and bad, reproducible from seeds.
//! * [`link`]: the wire between two machines, in simulated time.
//! * [`contract`]: the promises of every machine, as tests.
//! * [`cut`]: ways to cut a transcript into pieces.
//! * [`heap`]: how much memory a piece of code holds.
//!
//! The crate opens no socket, and the one look it takes at the clock is [`origin`]. It is for tests
//! and demonstrations: where the author of a test is the caller, misuse panics.

use std::time::Instant;

pub mod contract;
pub mod cut;
pub mod dns;
pub mod heap;
pub mod link;
pub mod mint;
pub mod site;

/// Where simulated time begins: some instant, of which only the distance to others means anything.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to come by an `Instant`"
)]
pub fn origin() -> Instant {
    Instant::now()
}
