//! SIP and XMPP joined, without I/O: two users who do not know that their servers differ.
//!
//! * [`Bridge`] is the machine: it is the user of a [`comity_sip::Endpoint`], takes stanzas and gives
//!   stanzas out. Messages go one by one or in sessions as Microsoft's servers have them, presence by
//!   subscriptions.
//! * [`address`] writes addresses of one side as those of the other (RFC 7247 §6, XEP-0106).
//! * [`failure`] does that with errors (RFC 7247 §7), [`text`] with bodies (RFC 7572, RFC 7573) and
//!   [`presence`] with documents (RFC 8048).
//!
//! Nothing here opens a socket, asks DNS or judges a certificate. Who may do what is asked of a
//! [`comity_policy::Policy`]; whether a peer may speak for a domain that it has not proved itself, and
//! which protocol an unknown domain speaks, is asked of the composer.
//!
//! # A text from SIP to XMPP
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use comity_bridge::{Bridge, Config, Event, endpoint_config};
//! use comity_policy::{FederatedDomain, PeerKind, Policy, Switch};
//! use comity_sip::endpoint::{self, Listener};
//! use comity_sip::{Endpoint, Transport};
//!
//! let mut rules = comity_policy::Config::default();
//! rules.local_domains.insert("a.example".parse()?);
//! rules.sip.enabled = Switch::On;
//! rules.sip.domains.push(FederatedDomain::new("b.example".parse()?, PeerKind::Microsoft));
//! let mut bridge = Bridge::new(Config::new("gw"), Policy::new(rules)?, [1; 32]);
//!
//! let now = comity_testkit::origin();
//! let address = |host: u8| SocketAddr::from(([192, 0, 2, host], 5061));
//! let listener = Listener::new(Transport::Tls, address(1));
//! let mut endpoint = Endpoint::new(now, endpoint_config(vec![listener]), [2; 32]);
//!
//! // A peer connects, proves its domain, and sends a text.
//! let proved = vec!["b.example".parse()?];
//! let peer = endpoint.accept_connection(now, Transport::Tls, address(2), proved).unwrap();
//! let message = b"MESSAGE sip:juliet@a.example SIP/2.0\r\n\
//!     Via: SIP/2.0/TLS edge.b.example;branch=z9hG4bK776\r\n\
//!     From: <sip:romeo@b.example>;tag=49583\r\n\
//!     To: <sip:juliet@a.example>\r\n\
//!     Call-ID: asd88asd77a\r\n\
//!     CSeq: 1 MESSAGE\r\n\
//!     Max-Forwards: 70\r\n\
//!     Content-Type: text/plain\r\n\
//!     Content-Length: 10\r\n\r\nWherefore?";
//! endpoint.handle_input(now, peer, message);
//! while let Some(event) = endpoint.poll_event() {
//!     bridge.handle_sip(now, &mut endpoint, event);
//! }
//!
//! // Its stanza is sent, and then the peer gets 200.
//! let Some(Event::Stanza { stanza, id: Some(id) }) = bridge.poll_event() else { panic!() };
//! assert_eq!(stanza.to_string(), "message from romeo@b.example to juliet@a.example");
//! bridge.handle_sent(now, &mut endpoint, id);
//! let mut answer = Vec::new();
//! while endpoint.poll_transmit(&mut answer).is_some() {}
//! assert!(answer.starts_with(b"SIP/2.0 200 OK\r\n"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a text
//!
//! It arrives, or its sender is told why not, or a rule drops it, which is counted ([`Dropped`]). A
//! stanza is over with [`Event::Settled`]: after the 200 of the other side, or with an error. A SIP
//! request gets its 200 when its stanza has left; one that takes long gets 202, and if it then comes to
//! nothing its sender is told by a text. After 481 a text goes once more, in a new session, because the
//! other side has said that it did not take it. Nothing else is sent twice.
//!
//! # Whom a bridge believes
//!
//! From is believed if the peer has proved its domain, or the composer vouches for the peer. No other
//! header names a sender here. In a session or a subscription the users are those that it began with,
//! and the endpoint lets nobody in who has not proved a name of the peer with which it began.
//!
//! # Limits
//!
//! [`Limits`] bounds what the bridge keeps; what users send beyond is refused to them. Conversations
//! are forgotten when nobody has written for [`Timing::idle`].
//!
//! # Standards
//!
//! RFC 7247 (addresses, errors), RFC 7572 and RFC 7573 (messages, but for MSRP), RFC 8048 (presence),
//! RFC 3856 and RFC 3863, RFC 4480 (activities), RFC 3994 (typing), RFC 6665 by way of the endpoint,
//! RFC 7332 (loops); XEP-0085 (chat states), XEP-0106, XEP-0184 (receipts), XEP-0199 (ping); Microsoft's
//! sessions of texts ([MS-SDP] 3.1.5.3, [MS-SIPRE] 2.2.15) and presence documents.
//!
//! Where they are departed from: a subscriber does not send NOTIFY (RFC 8048 §5.2.3), as RFC 6665 has
//! it; a SUBSCRIBE gets 200 and never 202. Rooms (RFC 7702) are refused in words.

pub mod address;
mod config;
mod event;
mod fact;
pub mod failure;
mod machine;
pub mod presence;
mod rules;
mod sdp;
pub mod text;

pub use config::{Config, Limits, Timing, endpoint_config};
pub use event::{Dropped, Event, StanzaId, Ticket, Way};
pub use fact::{Fact, Route, UnreadableFact};
pub use machine::{Bridge, Counts};
