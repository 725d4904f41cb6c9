//! A name server for tests: the bytes of a query in, the bytes of its answers out.
//!
//! It answers like a recursive resolver that knows a few names: CNAMEs are followed inside the
//! answer, 16 of them at most, an unknown name is NXDOMAIN and a known one without the type NODATA, both with the
//! SOA of the zone, and a UDP answer above the size that the query allows comes back truncated.
//! [`Fault`]s replace that answer where a [`When`] says so.
//!
//! ```
//! use comity_testkit::dns::{Fault, FakeDns, RecordType, Transport, When, query};
//!
//! let mut dns = FakeDns::new()
//!     .srv("_xmpp-server._tcp.b.example", 10, 0, 5269, "xmpp.b.example")
//!     .a("xmpp.b.example", [192, 0, 2, 1])
//!     .fault(When::asked("xmpp.b.example", RecordType::AAAA), Fault::Drop);
//!
//! let answers = dns.answer(Transport::Udp, &query(7, "xmpp.b.example", RecordType::A));
//! assert_eq!(answers.len(), 1);
//! let answers = dns.answer(Transport::Udp, &query(8, "xmpp.b.example", RecordType::AAAA));
//! assert!(answers.is_empty());
//! assert_eq!(dns.questions()[0].to_string(), "xmpp.b.example A over UDP");
//! ```
//!
//! RFC 1035 (messages), RFC 2308 (negative answers), RFC 2782 (SRV), RFC 6891 (EDNS).

mod fault;
mod forge;
mod request;
mod server;
mod wire;
mod zone;

pub use fault::{Fault, When};
pub use hickory_proto::op::ResponseCode;
pub use hickory_proto::rr::rdata::NAPTR;
pub use hickory_proto::rr::{Name, RData, Record, RecordType};
#[expect(
    clippy::module_name_repetitions,
    reason = "`dns::Server` would not say that it is a fake"
)]
pub use server::FakeDns;
pub use server::{Question, Transport};
pub use wire::{frame, name, query, unframe};
