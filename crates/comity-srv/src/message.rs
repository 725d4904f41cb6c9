//! DNS messages: checks that cost nothing, and then a walk over the records.
//!
//! A reply has to look like ours before its records are read: length, id, flags, counts, and the
//! bytes of the question (RFC 5452 §9.1).

mod answer;
mod name;
mod path;
mod query;
mod reply;
mod section;
mod wire;

pub(crate) use answer::{Answer, Ending};
pub use answer::{NaptrData, SrvData};
pub use name::{Question, RecordKind, RecordName};
pub(crate) use query::{Edns, Form, Sent, Validation};
pub(crate) use reply::{Reply, Rules, Unusable, read, services};

const CLASS_IN: u16 = 1;
/// The type of the pseudo-record of EDNS (RFC 6891 §6.1.1).
const OPT: u16 = 41;

#[cfg(test)]
mod tests;
