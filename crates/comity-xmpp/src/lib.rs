//! XMPP between servers: addresses, streams and routing, without I/O.
//!
//! * [`Router`] carries stanzas between our domains and all others; most programs need only it.
//! * [`Stream`] is one connection, in either role.
//! * [`Stanza`], [`Message`], [`Presence`], [`Iq`], [`Jid`] and [`xml`] are what they carry.
//! * [`decision`] is the table of which proof a stream takes, as one pure function.
//! * [`report`] tells an operator why something failed, and what to do about it; [`diagnose`] what a
//!   peer's streams show, and gives each failure an id for programs.
//! * [`Component`] joins an XMPP server from outside, as the server of a domain of its own.
//! * [`stream::session`] takes streams of clients into TLS, and no further.
//!
//! Nothing here opens a socket, resolves a name, judges a certificate or knows a policy: the
//! machines ask, and their composer answers. There are no clients, no rosters and no storage.
//! Acknowledged streams (XEP-0198) are not resumed: what was not acknowledged comes back, or is sent
//! once more.
//!
//! # A peer that is refused
//!
//! ```
//! use std::time::Instant;
//! use comity_xmpp::Stream;
//! use comity_xmpp::stream::{CloseReason, Config, Event};
//!
//! let mut stream = Stream::receive(Instant::now(), Config::default(), [7; 32]);
//! stream.handle_input(Instant::now(), b"GET / HTTP/1.1\r\n");
//! loop {
//!     let mut outgoing = Vec::new();
//!     while stream.poll_transmit(&mut outgoing).is_some() {}
//!     // Here a driver writes `outgoing` to its socket.
//!     match stream.poll_event() {
//!         Some(Event::Closed(CloseReason::Rejected(reason))) => {
//!             assert_eq!(reason.condition().name(), "bad-format");
//!             break;
//!         }
//!         Some(event) => println!("{event:?}"),
//!         None => panic!("nothing happened"),
//!     }
//! }
//! ```
//!
//! # Limits
//!
//! [`stream::Limits`] and [`router::Limits`] bound what a peer can make a machine hold or wait for. A
//! stream whose peer has proved nothing holds at most 64 KiB, an idle one that is authenticated at
//! most 8 KiB.
//!
//! # Standards
//!
//! RFC 6120 (core), RFC 7590 (TLS), RFC 7622 (addresses), XEP-0114 (components), XEP-0178 (SASL
//! EXTERNAL), XEP-0185 and XEP-0220 (dialback), XEP-0198 (acknowledgements), XEP-0288 (both ways),
//! XEP-0344 (dialback without a call where a certificate proves the domain), XEP-0368 (direct TLS),
//! XEP-0478 (limits).

mod condition;
pub mod decision;
pub mod diagnose;
mod dialback;
mod jid;
pub mod ns;
mod profile;
pub mod report;
pub mod router;
mod security;
mod stanza;
pub mod stream;
pub mod xml;

pub use condition::{StanzaCondition, StreamCondition};
pub use dialback::DialbackSecret;
pub use jid::{Jid, JidError};
pub use profile::{Authzid, Profile, Terms};
pub use router::Router;
pub use security::{CertificateRule, Security, TlsMode, Transport};
pub use stanza::{
    AddressError, ErrorType, Iq, IqType, Message, MessageType, Presence, PresenceType, SchemaError,
    Show, Stanza, StanzaError, StanzaKind, Text,
};
pub use stream::Stream;
pub use stream::component::Component;
