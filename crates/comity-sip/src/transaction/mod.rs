//! Transactions: RFC 3261 §17 with RFC 6026 and RFC 4320.

mod client;
mod hash;
mod key;
#[cfg(test)]
mod matrix;
mod message;
mod server;
mod sources;
mod step;
mod table;
mod tag;
mod timers;
mod timing;
mod traffic;

pub(crate) use hash::Seeded;
pub(crate) use key::{Realm, RequestKey};
pub(crate) use message::{cancel, request_of};
pub(crate) use sources::Share;
pub(crate) use step::Tell;
pub(crate) use table::{Limits, Table};
pub(crate) use tag::Tag;
pub use timing::Timing;
pub use traffic::TransactionId;
pub(crate) use traffic::{
    Arrival, Branch, Closed, Departing, Departure, Full, Kind, Receipt, Side, Taken, Told,
};
