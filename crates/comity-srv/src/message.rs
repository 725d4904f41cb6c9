//! DNS messages: hickory-proto behind checks that cost nothing.
//!
//! hickory-proto allocates by the counts of the header and parses all sections or none, so a reply
//! has to look like ours before it is parsed: length, id, flags, counts, and the bytes of the
//! question (RFC 5452 §9.1).

mod name;
mod query;
mod reply;

pub use name::{Question, RecordKind, RecordName};
pub(crate) use query::{Edns, Sent};
pub(crate) use reply::{Answer, Ending, Reply, Rules, SrvData, Unusable, read};

#[cfg(test)]
mod tests;
