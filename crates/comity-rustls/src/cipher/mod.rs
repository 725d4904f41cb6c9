//! The names of cipher suites: what each means, and why most cannot be had.

mod list;
mod name;
mod objection;

pub use list::{CipherAnswer, CipherEntry, CipherList, CipherWarning};
pub(crate) use name::Suite;
pub use objection::Objection;
