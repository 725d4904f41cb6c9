//! Sockets, TLS handshakes, DNS queries and the clock for comity's machines, on tokio.
//!
//! * [`Federation`] connects our XMPP domains to all others: it drives a [`comity_xmpp::Router`]
//!   and answers its questions by [`comity_policy`], [`comity_srv`] and [`comity_trust`].
//! * [`sip::Server`] drives a [`comity_sip::endpoint::Endpoint`]; [`sip`] has its own page.
//! * [`bridge::Gateway`] joins the two by a [`comity_bridge::Bridge`].
//! * [`component::Link`] joins an XMPP server from outside, by a [`comity_xmpp::Component`].
//! * [`Discovery`] drives a [`comity_srv::Resolver`] alone, and a [`Locator`] shares with it what is
//!   known of domains: static routes, learned domains, and which protocol a domain speaks.
//! * [`probe`] asks the network what keeps a domain from federating with us.
//!
//! Nothing here decides about a protocol.
//!
//! ```
//! use comity_rustls::{Identity, default_provider};
//! use comity_testkit::mint::{Ca, Leaf};
//! use comity_tokio::{Config, Event, Federation};
//! use comity_xmpp::{Stanza, StanzaKind};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! // A program reads these from files.
//! let root = Ca::new("Example CA", [1; 32]).self_signed();
//! let own = root.issue(&Leaf::new([2; 32]).dns("capulet.example"));
//! let (chain, key) = (own.chain_pem(), own.key_pem());
//!
//! let provider = default_provider();
//! let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider)?;
//! let mut config = Config::new(identity, &provider);
//! config.listen = vec!["127.0.0.1:0".parse()?];
//! config.trust.store.add_anchors_from_pem(root.certificate_pem().as_bytes())?;
//! config.policy.local_domains.insert("capulet.example".parse()?);
//! config.policy.xmpp.enabled = comity_policy::Switch::On;
//! config.policy.xmpp.default_verdict = comity_policy::Verdict::Allow;
//! // One that would ask a name server has its address in `config.discovery.servers`.
//!
//! let (federation, mut events) = Federation::start(config).await?;
//! let (juliet, romeo) = ("juliet@capulet.example".parse()?, "romeo@montague.example".parse()?);
//! federation.send(Stanza::new(StanzaKind::Message, juliet, romeo)).await?;
//! while let Some(event) = events.recv().await {
//!     println!("{event}");
//!     if let Event::Undelivered { failure, .. } = event {
//!         assert_eq!(
//!             failure.to_string(),
//!             "the domain's server could not be found (no name server is configured)"
//!         );
//!         break;
//!     }
//! }
//! federation.shutdown().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! - Bytes that a machine queued before an event are sent before the event is acted on: the
//!   `<proceed/>` before the handshake, the last words before the end.
//! - While the machine wants no input nothing is read, so that no byte of TLS is taken for text.
//! - A connection ends with `close_notify` and the end of our direction. The peer's is then read and
//!   thrown away for a moment, because a reset would cost the peer our last words.
//! - A slow peer holds back the router, and an application that does not read its events holds back
//!   the peers.
//!
//! # Connections
//!
//! - A peer that connects to an address of `listen` begins in clear text and may go on by STARTTLS;
//!   at one of `listen_tls` it begins with TLS (XEP-0368), and at one of `listen_shared` as it likes:
//!   its first bytes tell.
//! - Domains are looked up for both, in one set with mixed priorities, unless the policy or the
//!   profile of the domain rules direct TLS out. Addresses to which no connection came about a moment
//!   ago ([`Health`](comity_srv::attempts::Health)) are tried behind all others.
//! - A client of ours names the domain by SNI, presents the certificate of the domain of ours for which
//!   it connects, if that has one of its own ([`outbound`](comity_rustls::TlsContext::outbound)), and
//!   with direct TLS offers the protocol `xmpp-server` by ALPN. A server of ours presents the certificate of the domain that it is asked for by SNI, if
//!   that has one of its own ([`inbound`](comity_rustls::TlsContext::inbound)), and serves clients
//!   of direct TLS whether or not they offer that protocol. Certificates are replaced by
//!   [`Federation::replace_tls`].
//! - The host that a domain's server names in its place (`see-other-host`) is dialled under the same
//!   address policy: a name without port is looked up as a domain is, all else is connected to as it
//!   stands, port 5269 if there is none, and begins in clear text. The certificate must name the
//!   domain all the same.
//! - Stanzas may go both ways on one connection (XEP-0288): [`Event::Established`] may be about one
//!   that the peer opened. [`Channel`] tells.
//! - A stream ends when the peer's certificate, or what it depends on, expires.
//!
//! # Limits
//!
//! [`Limits`] bounds what sockets and channels hold; every channel is bounded. Connections that
//! peers opened are bounded by `max_inbound` of the router while they are served, and by twice that
//! with those that are ending; more wait in the queue of the system. Domains that peers claim get at most
//! half of the `max_resolutions` of discovery, so that ours are not kept waiting.
//!
//! RFC 6120 §3 (TCP), §4.4 (close), §4.9.3.19 (other hosts), §5 (STARTTLS) and §13.7.2.3 (expiry),
//! XEP-0368 (direct TLS), RFC 7301 (ALPN), RFC 5452 §9 (ports of DNS queries), RFC 8446 §6.1
//! (`close_notify`).

pub mod bridge;
mod clock;
pub mod component;
mod config;
mod connection;
mod discovery;
mod driver;
mod event;
mod federation;
mod handover;
mod headed;
mod linger;
mod listener;
mod locator;
mod outlet;
pub mod probe;
pub mod sip;
mod tap;

pub use config::{Config, Limits, StartError};
pub use discovery::{Discovery, DiscoveryError, Resolution};
pub use event::{Channel, Event, TlsSession};
pub use federation::{Federation, Rejected, ReplaceError, SendError};
pub use locator::{Discovered, Identified, Locator, Source, Unreached};
pub use tap::{Line, Tap, Traffic};

/// The programs of the page about embedding, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/EMBEDDING.md")]
struct Embedding;
