//! The transaction user's view of SIP: requests that come, requests that go, and what they travel on.
//!
//! An [`Endpoint`] is driven as every machine of comity: bytes and answers go in,
//! then transmits, events and the next timeout are taken out. Datagrams come with both their addresses,
//! connections with a number that the endpoint gives.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Instant;
//!
//! use comity_sip::endpoint::{Config, Event, Listener, Target};
//! use comity_sip::{Endpoint, Flow, Method, StatusCode, Transport, Uri};
//!
//! let now = Instant::now();
//! let address = |host: u8| SocketAddr::from(([192, 0, 2, host], 5060));
//! let endpoint = |host| {
//!     let config = Config::new(vec![Listener::new(Transport::Udp, address(host))]);
//!     Endpoint::new(now, config, [host; 32])
//! };
//! let (mut alice, mut bob) = (endpoint(1), endpoint(2));
//!
//! // Alice sends a message to where Bob is.
//! let (to, from) = (Uri::parse("sip:bob@192.0.2.2")?, Uri::parse("sip:alice@192.0.2.1")?);
//! let mut message = alice.compose(Method::Message, to, from)?;
//! message.body("text/plain", "hello".into())?;
//! let sent = alice.send(now, &message, vec![Target::new(Transport::Udp, address(2))])?;
//!
//! // What she transmits reaches him, and he answers.
//! let mut datagram = Vec::new();
//! while let Some(transmit) = alice.poll_transmit(&mut datagram) {
//!     let Flow::Datagrams { local, remote } = transmit.flow else { panic!("a connection") };
//!     bob.handle_datagram(now, remote, local, std::mem::take(&mut datagram).into());
//! }
//! while let Some(event) = bob.poll_event() {
//!     let Event::Request(incoming) = event else { panic!("{event:?}") };
//!     assert_eq!(incoming.request().body(), "hello");
//!     bob.answer(now, &incoming, incoming.response(StatusCode::OK))?;
//! }
//! while bob.poll_transmit(&mut datagram).is_some() {
//!     alice.handle_datagram(now, address(1), address(2), std::mem::take(&mut datagram).into());
//! }
//! let Some(Event::Response { request, response }) = alice.poll_event() else { panic!("no answer") };
//! assert_eq!((request, response.status()), (sent, StatusCode::OK));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is there
//!
//! A connection over TLS comes with the names that its peer proved, which the driver learns from the
//! certificate. A request to a target with names leaves only where one of them was proved, and a response is
//! taken from the connection on which the request went. A dialog that began on such a connection is
//! closed to everybody who did not prove one of its names, and so are the transactions on it. Over
//! datagrams and TCP nobody proves anything: whoever accepts subscriptions or sessions there lets the
//! endpoint write to the address that the request names.
//!
//! # What becomes of a message
//!
//! A request that comes is given to the user once, or answered by the endpoint, or dropped and counted
//! ([`Counters`]). A request that goes ends with one final [`Event::Response`] or one
//! [`Event::Failed`], a session, a subscription and a publication with an event that says why. What is
//! refused because it is malformed, not supported, or for lack of room, leaves nothing behind.

mod acks;
mod answer;
mod config;
mod connections;
mod core;
mod draft;
mod event;
mod forward;
mod guard;
mod hops;
mod incoming;
mod machine;
pub(crate) mod options;
mod outcome;
mod outgoing;
mod receive;
mod reply;
mod shares;
mod tap;
mod target;

pub use answer::AnswerError;
pub use config::{Config, Limits, Listener};
pub(crate) use core::{Core, Outcome, Question, Timer};
pub use draft::SendError;
pub(crate) use draft::{Draft, contact};
pub use event::{Counters, Event, Failure, Hop, RequestId, Transmit};
pub use forward::{ForwardError, Stay};
pub(crate) use guard::Peer;
pub use incoming::Incoming;
pub use machine::Endpoint;
pub(crate) use outgoing::Purpose;
pub(crate) use shares::Shares;
pub use tap::Received;
pub(crate) use tap::Tap;
pub use target::Target;
