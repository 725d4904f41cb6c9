//! Decides from a certificate chain who is on the other end, with reasons.
//!
//! One pure function, [`evaluate`], takes what a peer presented, the time, the peer's [`Role`] in
//! the handshake, the [`Reference`] that the certificate must name and a [`Policy`], and gives a
//! [`Verdict`]: the proof that the peer's certificate speaks for the domain and until when, or one
//! [`Reason`] that an operator can act on.
//!
//! It opens no socket, reads no clock, knows no TLS library and holds no cryptography: the
//! signature algorithms are an argument. That the peer holds the key of its certificate is for the
//! handshake to prove. Revocation is not checked, and names other than DNS-ID and SRV-ID never
//! match: no XmppAddr, no URI, no IP address and no common name.
//!
//! ```
//! use std::time::Duration;
//!
//! use comity_testkit::mint::{self, Ca, Leaf};
//! use comity_trust::{CertificateDer, Policy, Reference, Role, Service, UnixTime, evaluate};
//!
//! let root = Ca::new("Example CA", [1; 32]).self_signed();
//! let peer = root.issue(&Leaf::new([2; 32]).dns("x.example").srv("_xmpp-server.y.example"));
//! let chain: Vec<_> = peer.chain.into_iter().map(CertificateDer::from).collect();
//!
//! // An embedder takes the algorithms from its TLS library.
//! let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
//! policy.store.add_anchor(&root.certificate().into())?;
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
//! let ask = |domain: &str| {
//!     let reference = Reference::service(domain.parse()?, Service::XmppServer);
//!     Ok::<_, comity_identity::ParseError>(evaluate(&chain, now, Role::Server, &reference, &policy))
//! };
//!
//! let verdict = ask("y.example")?;
//! let trusted = verdict.trusted().expect("a verdict of trust");
//! assert_eq!(trusted.matched_by().as_str(), "_xmpp-server.y.example");
//! assert_eq!(trusted.valid_until().as_secs(), mint::NOT_AFTER);
//!
//! let verdict = ask("z.example")?;
//! assert_eq!(
//!     verdict.reason().expect("a refusal").to_string(),
//!     "the certificate names x.example and _xmpp-server.y.example, not z.example"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Beyond the path
//!
//! Paths are built and their signatures checked by webpki. On top of that:
//!
//! - dNSName constraints of every CA and anchor of the path bind the domain, in whatever form the
//!   certificate names it.
//! - A CA certificate with a key usage must have keyCertSign in it.
//! - An anchor must be a CA and counts only within its own validity period. A peer's own
//!   certificate is pinned instead ([`TrustStore::add_pin`]) and can vouch for no other.
//! - A malformed entry among the subject alternative names condemns the certificate; a legal one
//!   of an unknown form is passed over.
//! - Extended key usages are judged by an [`EkuPolicy`].
//!
//! Two rules of RFC 6120 §13.7.1.1 are not enforced: a certificate may have an empty subject, as
//! public CAs have begun to issue them, and a CA's key usage need not have digitalSignature, as
//! hardly any does.
//!
//! # Limits
//!
//! [`Limits`] bounds certificates per chain and names per certificate; webpki bounds the
//! signatures, the constraint comparisons and the steps of the search. A [`Reason`] is one line of
//! at most [`Reason::MAX_TEXT_BYTES`] bytes.
//!
//! RFC 5280 (certificates), RFC 9525 (identifiers), RFC 4985 (SRVName), RFC 6120 §13.7 (XMPP).

mod certificate;
mod constraints;
mod coverage;
mod evaluate;
mod evidence;
mod identifier;
mod import;
mod key;
mod matching;
mod names;
mod path;
mod policy;
mod purpose;
mod reason;
mod reference;
mod revocation;
mod store;
mod subject;
mod verdict;

pub use coverage::{
    BothRoles, Coverage, CoverageError, Inventory, Need, NeedKind, Protocol, Protocols, Servers,
};
pub use evaluate::evaluate;
pub use evidence::{Dane, Evidence, Fingerprint, Posh, Provenance, Tlsa};
pub use identifier::{Identifier, NameList};
pub use import::{Import, ImportError, ImportKind, ImportWarning};
pub use policy::{CommonName, Limits, Policy, Revocation, TargetPolicy};
pub use purpose::{EkuPolicy, Lacking, Role};
pub use reason::{Mismatch, NearMiss, Position, Reason};
pub use reference::{Forms, PeerSubject, Reference, Service, TargetBasis};
pub use revocation::{Added, RevocationListError, RevocationLists};
pub use store::{AnchorError, AnchorFileError, TrustStore, public_key};
pub use verdict::{Aspect, Basis, Checks, Status, Trusted, Verdict};

pub use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
