//! Service discovery for federation: DNS messages, resolution and exact SRV selection, without I/O.

mod address;
mod cache;
mod limits;
mod message;
mod plan;
mod resolver;
mod select;
mod trace;

pub use address::{AddressPolicy, Forbidden};
pub use limits::Limits;
pub use message::{Question, RecordKind, RecordName};
pub use plan::{BlockedAddress, Candidate, Failure, Outcome, Provenance, Security, Service};
pub use resolver::{Config, Event, Protocol, ResolveError, Resolver, SocketId, Transmit};
pub use select::{ServiceRecord, weighted_order};
pub use trace::{AddressDropReason, DropReason, Setback, Trace, TraceEntry};
