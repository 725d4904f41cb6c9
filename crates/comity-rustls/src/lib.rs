//! rustls configurations and verifiers that decide by comity-trust.
//!
//! A [`TlsContext`] describes how a protocol uses TLS and makes the two configurations of it.
//! Between federated servers both run in observe mode: the handshake proves that the peer holds
//! the key of whatever certificate it presents, and [`peer_verdict`] judges that certificate when
//! the stream header has told whom it must name; [`Standing`] keeps what it takes to judge again
//! while the stream lasts. In enforce mode ([`Enforce`]) the handshake itself judges servers, or
//! clients, or both.
//!
//! Around that stands what an operator meets: [`Sniffed`] and [`PortMode`] let one port take
//! plaintext and TLS, or TLS alone; a [`CipherList`] answers each name of a list of cipher suites;
//! [`HelloReader`] and [`TlsContext::problem`] say why a client cannot be served, [`diagnose`] why a
//! server cannot be used, and [`Legacy`] asks it whether it is too old.
//!
//! The crate opens no socket and reads no clock: enforce mode is given one.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use comity_rustls::{Identity, TlsContext, default_provider, peer_verdict, signature_algorithms};
//! use comity_testkit::mint::{Ca, Leaf};
//! use comity_trust::{Policy, Reference, RevocationLists, Role, Service, UnixTime};
//! use rustls::{ClientConnection, ServerConnection};
//!
//! let root = Ca::new("Example CA", [1; 32]).self_signed();
//! let provider = default_provider();
//! let context = |seed: u8, domain: &str| {
//!     let own = root.issue(&Leaf::new([seed; 32]).dns(domain));
//!     let mut context = TlsContext::observing(Arc::clone(&provider));
//!     let (chain, key) = (own.chain_pem(), own.key_pem());
//!     context.identity = Some(Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider)?);
//!     Ok::<_, comity_rustls::IdentityError>(context)
//! };
//! let config = Arc::new(context(2, "a.example")?.client_config()?);
//! let mut ours = ClientConnection::new(config, "b.example".try_into()?)?;
//! let config = Arc::new(context(3, "b.example")?.server_config()?);
//! let mut theirs = ServerConnection::new(config)?;
//! while ours.is_handshaking() || theirs.is_handshaking() {
//!     let (mut there, mut back) = (Vec::new(), Vec::new());
//!     ours.write_tls(&mut there)?;
//!     theirs.read_tls(&mut there.as_slice())?;
//!     theirs.process_new_packets()?;
//!     theirs.write_tls(&mut back)?;
//!     ours.read_tls(&mut back.as_slice())?;
//!     ours.process_new_packets()?;
//! }
//!
//! let mut policy = Policy::new(signature_algorithms(&provider));
//! policy.store.add_anchor(&root.certificate().into())?;
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
//! // Each side has read the other's stream header by now.
//! let b = Reference::service("b.example".parse()?, Service::XmppServer);
//! let crls = RevocationLists::default();
//! assert!(peer_verdict(&ours, Role::Server, now, &b, &policy, &crls).trusted().is_some());
//! let c = Reference::service("c.example".parse()?, Service::XmppServer);
//! let verdict = peer_verdict(&theirs, Role::Client, now, &c, &policy, &crls);
//! assert_eq!(
//!     verdict.reason().expect("a refusal").to_string(),
//!     "the certificate names a.example, not c.example"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the configurations do
//!
//! - TLS 1.2 and 1.3, or one of them. Older versions, RSA key exchange, CBC and triple DES cannot be
//!   spoken at all, whatever a peer or a list of suites asks for.
//! - No resumption in either direction, because a resumed session skips the verifier.
//! - A server presents what belongs to the domain that the client means, asks for a certificate,
//!   hints at no CA and goes on without one; [`ClientAuth`] and [`TlsContext::peer_subjects`] make
//!   it stricter. A client presents its certificate whenever it is asked, unless
//!   [`PresentCertificate`] forbids it.
//!
//! # Limits
//!
//! rustls bounds what it keeps of an unfinished handshake. What a peer presented is judged within
//! [`comity_trust::Limits`]. A [`HelloReader`] keeps [`HelloReader::MAX_BYTES`] at most, and
//! [`Sniffed`] looks at [`Sniffed::MAX_BYTES`].
//!
//! # Features
//!
//! `ring` (default) and `aws-lc-rs` choose the provider of `default_provider`. With neither, an
//! embedder brings its own. `issue` adds `RequestKey`: a key of rustls signs the requests and
//! certificates of `comity_trust::issue`.
//!
//! RFC 6120 §5 and §13.7 (TLS in XMPP), RFC 7590 (its use), RFC 8446 and RFC 5246 (TLS), RFC 9325
//! (what of it to use).

mod auth;
mod cipher;
mod context;
pub mod diagnose;
mod enforce;
mod hello;
mod identities;
mod identity;
mod legacy;
mod peer;
#[cfg(feature = "issue")]
mod signing;
mod sniff;
mod standing;
mod verifier;
mod version;

pub use auth::{ClientAuth, ServerAuth};
pub use cipher::{CipherAnswer, CipherEntry, CipherList, CipherWarning, Objection};
pub use context::{ConfigError, PresentCertificate, TlsContext};
pub use enforce::{Enforce, Witness};
pub use hello::{Hello, HelloError, HelloField, HelloReader, KeyKind, Listed, Problem};
pub use identities::Identities;
pub use identity::{Identity, IdentityError};
pub use legacy::{AnswerError, AnswerReader, Legacy, LegacyAnswer};
pub use peer::{peer_verdict, signature_algorithms};
#[cfg(feature = "issue")]
pub use signing::RequestKey;
pub use sniff::{Admitted, Plaintext, PortMode, Refusal, Sniffed};
pub use standing::{Change, Standing};
pub use version::TlsVersion;

/// The crypto provider of the crate's features: aws-lc-rs if that is enabled, otherwise ring.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#[must_use]
pub fn default_provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    std::sync::Arc::new(provider)
}
