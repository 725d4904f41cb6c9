//! Four domains on loopback addresses, each with its own federation, and a transcript of what they do.
//!
//! Every line below a scene's title is made from an event of the federation under whose name it
//! stands. A scene says beforehand which events it wants; any other ends the demonstration.

mod cast;
mod dns;
mod scenes;
mod step;
mod transcript;

use std::error::Error;

/// Plays every scene.
///
/// # Errors
///
/// What did not happen that should have, or happened that should not have.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(scenes::play())
}
