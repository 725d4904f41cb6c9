//! What rustls cannot speak, asked for by hand: whether a server takes old versions or suites.

mod hello;
mod reader;

pub use hello::Legacy;
pub use reader::{AnswerError, AnswerReader, LegacyAnswer};
