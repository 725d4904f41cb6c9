//! What a client offers in its hello, and why it cannot be served.

mod listed;
mod message;
mod problem;
mod reader;

pub use listed::Listed;
pub use message::{Hello, HelloField};
pub use problem::{KeyKind, Problem};
pub(crate) use problem::{Offer, suite_name, version_name};
pub use reader::{HelloError, HelloReader};
