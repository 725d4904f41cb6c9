//! Four domains on loopback addresses, each with its own federation, and a transcript of what they do.
//!
//! Every line under the name of a federation is made from an event of it; a bounce is what a server
//! would make of one. A scene says beforehand which events it wants, in their order. A refusal, a
//! failure or an end that it does not want ends the demonstration, and so does any event that is left
//! when it is over; others are shown and passed over. A second act follows, in which one of two domains
//! speaks SIP.

mod bridge;
mod cast;
mod dns;
mod scenes;
mod step;
mod transcript;

use std::error::Error;

pub(crate) use scenes::has_no_reader;

/// Plays every scene.
///
/// # Errors
///
/// What did not happen that should have, or happened that should not have.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(scenes::play())
}
