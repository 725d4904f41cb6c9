//! SIP servers: sockets, TLS handshakes, DNS queries and the clock for an endpoint.
//!
//! A [`Server`] drives one [`comity_sip::endpoint::Endpoint`] and gives its events to an
//! [`Application`]. Nothing here decides about the protocol.
//!
//! ```
//! use std::time::Instant;
//!
//! use comity_rustls::default_provider;
//! use comity_sip::endpoint::{Endpoint, Event, Target};
//! use comity_sip::{Method, StatusCode, Transport, Uri};
//! use comity_tokio::sip::{Application, Config, Listen, Server};
//! use tokio::sync::mpsc;
//!
//! /// Answers every request with 200, and passes on what our own were answered with.
//! struct Agreeable(mpsc::UnboundedSender<StatusCode>);
//!
//! impl Application for Agreeable {
//!     fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
//!         match event {
//!             Event::Request(incoming) => {
//!                 let response = incoming.response(StatusCode::OK);
//!                 // A request that was cancelled takes no answer.
//!                 let _ = endpoint.answer(now, &incoming, response);
//!             }
//!             Event::Response { response, .. } => {
//!                 let _ = self.0.send(response.status());
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let mut config = Config::new(&default_provider());
//! config.listen = vec![Listen::new(Transport::Tcp, "127.0.0.1:0".parse()?)];
//! let (answers, mut answered) = mpsc::unbounded_channel();
//! let ours = Server::start(config.clone(), Agreeable(answers.clone())).await?;
//! let theirs = Server::start(config, Agreeable(answers)).await?;
//!
//! let (_, address) = theirs.addresses()[0];
//! ours.call(move |now, endpoint, _application| {
//!     let (to, from) = ("sip:romeo@montague.example", "sip:juliet@capulet.example");
//!     let (to, from) = (Uri::parse(to).unwrap(), Uri::parse(from).unwrap());
//!     let mut message = endpoint.compose(Method::Message, to, from).unwrap();
//!     message.body("text/plain", "Wherefore?".into()).unwrap();
//!     let target = Target::new(Transport::Tcp, address);
//!     endpoint.send(now, &message, vec![target]).unwrap();
//! })
//! .await?;
//! assert_eq!(answered.recv().await, Some(StatusCode::OK));
//! ours.shutdown().await;
//! theirs.shutdown().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # One task
//!
//! Everything but handshakes and lookups happens on one task, which reads and writes all sockets
//! itself and calls the application. A message so costs no channel and no other task, and an
//! application that takes long holds back everything: what is to take long belongs to a task of its
//! own, whose result comes back by [`Server::call`]. What an application waits for is a time of its
//! own ([`Application::poll_timeout`]) on the same task.
//!
//! Each socket gets its turn after a bounded number of datagrams, reads or peers.
//!
//! # TLS
//!
//! Both sides present a certificate (mutual TLS), and what it proves is judged after the handshake
//! by [`comity_trust`]. A connection of ours goes on only if the certificate of the peer names one of
//! those that were asked for; a peer that connects must prove some name, and at a listener for
//! certain peers ([`peer_subjects`](comity_rustls::TlsContext::peer_subjects)) one of theirs. The
//! names are those of a SIP domain's certificate (RFC 5922 §7): `sip` URIs, or DNS-IDs where there are
//! none; a wildcard proves nothing. A name that an operator has entered, for a peer or as a next hop,
//! may be a DNS-ID beside URIs too, or a common name if the policy lets it count.
//! A connection ends when the peer's certificate, or what it depends on, expires. Certificates of
//! ours are replaced by [`Server::replace_tls`].
//!
//! A listener for TLS can also take what begins in clear text ([`Listen::shared`]): its first bytes
//! decide.
//!
//! # Hosts that messages name
//!
//! With a [`Locator`](crate::Locator) the host of a URI without port is looked up as a domain: by its
//! static routes, or else by its records (RFC 3263 §4, and `_sipfederationtls._tcp`), or else by the
//! default route. Only the transports of the URI and of the server count. What DNS cannot say, and
//! what is blocked, is not reached. Of what is found over TLS the peer must prove the domain, or what
//! may stand for it ([`Candidate::identities`](comity_srv::Candidate)), or a name that an operator
//! has entered for the domain.
//!
//! A host with a port, one without any such record, and every host if there is no locator, is looked
//! up by its address records, with the port of the URI or that of the transport. The transport is that
//! of the URI, or else the first of UDP, TCP and TLS that the server has.
//!
//! Of what is found, servers to which no TLS connection came about a moment ago are tried behind all
//! others.
//!
//! What is found, and an address in a URI too, is dialled only if the address policy of
//! [`Config::discovery`] or of the locator's discovery allows it: public addresses, unless told
//! otherwise. The targets that an application gives itself are its own affair.
//!
//! # Limits
//!
//! [`Limits`] bounds what sockets and tasks hold, and the limits of the endpoint what it holds,
//! connections among it. A peer that does not read what it is sent is read no further, and then
//! closed. Datagrams that the network does not take wait, and are dropped beyond a bound.
//!
//! A UDP socket for both families would show IPv4 addresses as those of IPv6: give each family a
//! socket of its own.
//!
//! RFC 3261 §18 (transports) and §26 (TLS), RFC 5922 (certificates), RFC 3263 (lookups), RFC 8446 §6.1 (`close_notify`).

mod application;
mod config;
mod connections;
mod datagrams;
mod driver;
mod ending;
mod errands;
mod notice;
mod places;
mod proof;
mod secure;
mod server;
mod stream;
mod traffic;

pub use application::Application;
pub use config::{Config, Limits, Listen, StartError};
pub use notice::{CloseReason, Notice, TurnAway};
pub use server::{Ended, ReplaceError, Server};
pub use traffic::Traffic;
