//! Service discovery for federation: DNS messages, resolution and exact SRV selection, without I/O.

mod address;
mod select;

pub use address::{AddressPolicy, Forbidden};
pub use select::{ServiceRecord, weighted_order};
