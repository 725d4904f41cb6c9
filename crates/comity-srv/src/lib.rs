//! Service discovery for federation: DNS, exact SRV selection, static routes and failover, without I/O.
//!
//! * A [`Resolver`] finds out where a [`Service`] of a domain can be reached: XMPP (RFC 6120 §3.2,
//!   XEP-0368), SIP (RFC 3263), the edge of a Microsoft domain, or a next hop that an operator named.
//!   It ends with a typed [`Outcome`] and the [`Trace`] that explains it.
//! * [`weighted_order`] is the order of SRV records that RFC 2782 asks for.
//! * [`attempts`] works through the candidates: races, failover, and health beside the cache.
//! * [`routes`] holds static routes, [`federation`] what is known and learned of domains and which
//!   protocol they speak.
//! * [`publish`] says what has to be in DNS for our own domains, and what is wrong with what is there.
//! * [`diagnose`] says what keeps us from finding a domain, and others from finding ours, with remedies.
//!
//! Nothing here opens a socket or reads a clock, and nothing validates DNSSEC: name servers do, see
//! [`Config::servers_validate`].
//!
//! # Driving a resolver
//!
//! The verbs are those of `comity_machine`. Each [`Transmit`] names a socket of its own; the driver
//! opens it, gives what arrives there to [`Resolver::handle_input`], and closes it at
//! [`Event::Release`]. A resolver never closes and always takes input.
//!
//! ```
//! use comity_srv::{Config, Event, Outcome, Protocol, Resolver, Service, Transport};
//! use comity_testkit::dns::{self, FakeDns};
//!
//! let mut server = FakeDns::new()
//!     .srv("_xmpp-server._tcp.b.example", 10, 5, 5269, "xmpp.b.example")
//!     .srv("_xmpps-server._tcp.b.example", 5, 0, 5270, "xmpp.b.example")
//!     .a("xmpp.b.example", [192, 0, 2, 1]);
//!
//! let mut now = comity_testkit::origin();
//! let config = Config::new(vec!["192.0.2.53:53".parse()?]);
//! let mut resolver = Resolver::new(now, config, [7; 32]);
//! let service = Service::XmppServerWithDirectTls;
//! let query = resolver.resolve(now, &"b.example".parse()?, service)?;
//!
//! let (outcome, trace) = 'resolved: loop {
//!     let mut buf = Vec::new();
//!     while let Some(transmit) = resolver.poll_transmit(&mut buf) {
//!         // A driver binds a socket to a random port, connects it to `transmit.server`, and sends.
//!         assert_eq!(transmit.protocol, Protocol::Udp);
//!         for answer in server.answer(dns::Transport::Udp, &buf) {
//!             resolver.handle_input(now, transmit.socket, &answer);
//!         }
//!         buf.clear();
//!     }
//!     while let Some(event) = resolver.poll_event() {
//!         match event {
//!             Event::Resolved { query: ended, outcome, trace, .. } => {
//!                 assert_eq!(ended, query);
//!                 break 'resolved (outcome, trace);
//!             }
//!             Event::Release { socket } => println!("close {socket}"),
//!             other => println!("{other:?}"),
//!         }
//!     }
//!     // A driver waits for input until then.
//!     if let Some(due) = resolver.poll_timeout() {
//!         now = due;
//!         resolver.handle_timeout(now);
//!     }
//! };
//!
//! let Outcome::Candidates(candidates) = outcome else {
//!     return Err(trace.to_string().into());
//! };
//! assert_eq!(candidates[0].address, "192.0.2.1:5270".parse()?);
//! assert_eq!(candidates[0].transport, Transport::Tls);
//! assert!(trace.to_string().ends_with(
//!     "chose xmpp.b.example at 192.0.2.1:5270, priority 5, weight 0, direct TLS\n"
//! ));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Outcomes
//!
//! Absence, refusal, failure and forgery are different things. Only answers that there are no SRV
//! records lead to the domain's own addresses: not a timeout, not SERVFAIL, not records whose targets
//! are of no use, not a target of `.`. RFC 6120 §3.2.1 (step 9) would fall back when no answer comes
//! too; that lets whoever can suppress an answer choose where we connect, so here it is a [`Failure`]
//! to be tried again. A `.` beside other records is left out.
//!
//! Targets are looked up one priority at a time. When a priority has addresses, the resolution ends
//! with them and with the [`Remainder`], a value by which [`Resolver::resolve_rest`] goes on if all of
//! them fail. Without, the next priority follows at once. An answer that is late is not waited for
//! longer than [`Limits::resolution_delay`] and [`Limits::target_patience`] when others are known; its
//! target stands first in the remainder.
//!
//! # XMPP
//!
//! [`Service::XmppServerWithDirectTls`] asks for both sets of records at the same time, and goes on
//! when both answers are known or will not come. All records are one set then: priorities and weights
//! are mixed, and each [`Candidate`] says by its [`Transport`] which way it wants to be spoken to. A
//! host, port and address in both sets is two candidates.
//!
//! A set whose target is `.` is not offered, and the other one counts. If that has no record, the
//! service is refused: whoever says anything by SRV records has no fallback (XEP-0368 §5).
//!
//! If one set cannot be found out and the other has records that can be used, these are used, and the
//! trace names the failure. Whoever can suppress the answer about direct TLS so leads us to STARTTLS,
//! on hosts that the domain has published for it, and gains no more by that than by closing the port
//! of direct TLS. Whether a stream needs TLS, and whose certificate it needs, is for the policy to say
//! and for the stream to enforce, the same for both ways; nothing in DNS changes it. What is lost with
//! direct TLS is that nobody can strip STARTTLS from the stream, which matters only under a policy
//! that does without TLS if need be. If the set that is known has no record that can be used, the
//! whole resolution is a [`Failure`]: the other may have records, or forbid the fallback.
//!
//! # SIP
//!
//! [`Service::Sip`] takes what the URI says. With a port only addresses are asked for; with a
//! transport its SRV records; with neither the NAPTR records, or without these the SRV records of
//! every transport that we speak (RFC 3263 §4.1 and §4.2). The sets of different transports are not
//! mixed: they follow each other as NAPTR says, or as [`SipService::supported`] prefers. If the answer
//! about one of them does not come, only those before it are used, and if there is none the resolution
//! is a [`Failure`], so that nobody leads us from TLS to TCP by suppressing an answer. Without any
//! record the domain itself is tried, over UDP, or for `sips` over TLS.
//!
//! [`Service::SipFederation`] is `_sipfederationtls._tcp` over TLS and nothing else.
//!
//! # Certificates
//!
//! [`Candidate::identities`] are the names of which the certificate has to show one. It is the domain
//! always, and the target of SRV records only where DNSSEC has proved these (RFC 7673 §4.1), since
//! otherwise whoever forges an answer could choose whom we trust. A Microsoft edge shows its own name:
//! that is enough where it lies inside of the domain, so that a forged answer leads to a host of
//! the domain at worst. A next hop may show the name that the operator gave.
//!
//! # DNSSEC
//!
//! With [`Config::servers_validate`] a candidate says whether every answer on the way to it was
//! validated, and SERVFAIL is asked again with the CD bit, and a third time without it: a server that
//! answers the second and not the third has found the signatures to be wrong, and the outcome is
//! [`Outcome::Bogus`]. No other set and no fallback counts beside it; a target with bogus addresses is
//! skipped (RFC 7672 §2.2). Without, [`Dnssec::Unchecked`] is all that is known.
//!
//! # Hosts without SRV records
//!
//! [`Service::Host`] finds the addresses of one host for a port that is known: from a configuration, or
//! from a redirect, the stream error `see-other-host` (RFC 6120 §4.9.3.19). A redirect comes from the
//! peer, so the [`AddressPolicy`] holds for its addresses as for those in DNS. It changes where we
//! connect and nothing else: `domain` remains the one that the certificate must name. Where the
//! redirect is to a name without a port, the RFC asks for the SRV records of that name; that is a
//! resolution of the name as a domain.
//!
//! # Order
//!
//! [`weighted_order`] draws without replacement in proportion to the weights, by a hash of the
//! endpoint under a seed. The running sum of RFC 2782 with its inclusive random number gives weights 1
//! and 3 the shares 40 and 60 percent, or 30 and 70 if the records are shuffled before, where its text
//! says one and three quarters; [`Selection::Rfc2782`] is there for who needs it to the letter. With
//! [`Resolver::resolve_in_order`] the caller gives the seed, and every machine gets the same order.
//!
//! # Forged answers
//!
//! An answer counts if it comes to the socket of the query, which is connected, with its id, its
//! question in the same mixed case, and records on the path of CNAME records from the question. Each
//! query has a new socket and a new id, and one question is in flight once. The additional section is
//! not believed. Datagrams that do not match never end the wait; too many of them, or an answer that
//! cannot be read, move the question to TCP. (RFC 5452 §9)
//!
//! # Limits
//!
//! [`Limits`] bounds messages, records, aliases, lookups, addresses, time and the cache. At most
//! `max_resolutions * max_parallel_lookups` sockets are open. Messages are walked in place and not
//! built: the work for one is its records times a constant. [`AddressPolicy`] decides which addresses
//! may be dialled: public ones, unless told otherwise; it is asked at every resolution. One policy is
//! for what remote domains name, one for the addresses and one for the names that operators write.
//!
//! RFC 1035 (messages), RFC 2181 §8 (TTL), RFC 2308 (negative answers), RFC 2782 (SRV), RFC 3263
//! (SIP), RFC 3403 (NAPTR), RFC 4035 (AD and CD), RFC 5452 (forged answers), RFC 6120 §3.2 (XMPP),
//! RFC 6891 (EDNS), RFC 7247 §5 (which protocol), RFC 7984 and RFC 8305 (two families), RFC 9520
//! (failures), XEP-0368 (direct TLS), XEP-0495 (races).

mod address;
pub mod attempts;
mod cache;
mod candidate;
pub mod diagnose;
pub mod federation;
mod limits;
mod message;
mod plan;
pub mod publish;
mod records;
mod resolver;
pub mod routes;
mod select;
mod service;
mod trace;

pub use address::{AddressPolicy, Forbidden};
pub use candidate::{Basis, BlockedAddress, Candidate, Dnssec, Identity, Provenance};
pub use limits::Limits;
pub use message::{NaptrData, Question, RecordKind, RecordName, SrvData};
pub use plan::{Failure, Outcome, Remainder};
pub use records::{LookedUp, MessageError, Published, Records, service_records};
pub use resolver::{Config, Event, Protocol, ResolveError, Resolver, SocketId, Transmit};
pub use select::{Selection, ServiceRecord, literal_order, weighted_order};
pub use service::{Messaging, NextHop, Service, SipService, SipTransport, Transport};
pub use trace::{AddressDropReason, DropReason, PointerDropReason, Setback, Trace, TraceEntry};
