//! Transactions: RFC 3261 §17 with RFC 6026 and RFC 4320.

mod client;
mod hash;
mod key;
mod message;
mod server;
mod sources;
mod step;
mod table;
mod tag;
mod timers;
mod timing;

pub(crate) use key::RequestKey;
pub(crate) use message::{cancel, request_of};
pub(crate) use step::Tell;
pub use table::TransactionId;
pub(crate) use table::{
    Arrival, Branch, Closed, Departing, Departure, Full, Kind, Limits, Novelty, Receipt, Side,
    Table, Taken, Told,
};
pub(crate) use tag::Tag;
pub use timing::Timing;
