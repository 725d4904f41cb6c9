//! Decides from a certificate chain who is on the other end, with reasons.
//!
//! One pure function, [`evaluate`], takes what a peer presented, the time, the peer's [`Role`] in
//! the handshake, the [`Reference`] that the certificate must name, a [`Policy`] and the
//! [`RevocationLists`] at hand, and gives a [`Verdict`]: the proof that the certificate speaks for
//! its subject and until when, or the [`Reason`] that tells an operator most, and beside it how each
//! aspect was found ([`Checks`]).
//!
//! It opens no socket, reads no clock, knows no TLS library and holds no signature algorithms: they
//! are an argument. That the peer holds the key of its certificate is for the handshake to prove.
//!
//! ```
//! use std::time::Duration;
//!
//! use comity_testkit::mint::{self, Ca, Leaf};
//! use comity_trust::{
//!     CertificateDer, Policy, Reference, RevocationLists, Role, Service, UnixTime, evaluate,
//! };
//!
//! let root = Ca::new("Example CA", [1; 32]).self_signed();
//! let peer = root.issue(&Leaf::new([2; 32]).dns("x.example").srv("_xmpp-server.y.example"));
//! let chain: Vec<_> = peer.chain.into_iter().map(CertificateDer::from).collect();
//!
//! // An embedder takes the algorithms from its TLS library.
//! let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
//! policy.store.add_anchor(&root.certificate().into())?;
//! let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
//! let crls = RevocationLists::new();
//! let ask = |domain: &str| {
//!     let reference = Reference::service(domain.parse()?, Service::XmppServer);
//!     let verdict = evaluate(&chain, now, Role::Server, &reference, &policy, &crls);
//!     Ok::<_, comity_identity::ParseError>(verdict)
//! };
//!
//! let verdict = ask("y.example")?;
//! assert_eq!(
//!     verdict.to_string(),
//!     "y.example proved by _xmpp-server.y.example, vouched for by a CA"
//! );
//! let trusted = verdict.trusted().expect("a verdict of trust");
//! assert_eq!(trusted.valid_until().as_secs(), mint::NOT_AFTER);
//!
//! let verdict = ask("z.example")?;
//! assert_eq!(verdict.code(), "name-mismatch");
//! assert_eq!(
//!     verdict.to_string(),
//!     "the certificate names x.example and _xmpp-server.y.example, not z.example"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who is named
//!
//! A [`Reference`] says whom the certificate must name, and in which [`Forms`]:
//!
//! | | DNS-ID | wildcard | SRV-ID | XmppAddr | `sip` URI | IP-ID | common name |
//! |---|---|---|---|---|---|---|---|
//! | [`Reference::host`], [`Reference::dns`] | yes | yes | | | | yes | by policy |
//! | [`Reference::service`] (XMPP) | yes | yes | yes | yes | | | by policy |
//! | [`Reference::sip`] | if no URI | | | | yes | | by policy |
//! | [`Reference::peers`] | yes | | | | yes | yes | by policy, or by peer |
//!
//! - A wildcard is the complete first label, stands for one label and never for a top-level domain.
//! - A name matches as a whole or not at all. What holds a NUL, a control character, a U-label where
//!   A-labels belong, a trailing dot or an address as text is no name, and what has another string
//!   type or OID than its form asks for is passed over.
//! - An entry that no form of GeneralName allows condemns the certificate, wherever it stands; a
//!   legal one of an unread form is passed over.
//! - The common name counts by a named legacy policy alone ([`CommonName`]), and then only if there
//!   is one of them.
//! - A host that DNS named counts by [`TargetPolicy`] alone.
//!
//! # Who vouches
//!
//! Paths are built and their signatures checked by webpki. On top of that:
//!
//! - dNSName constraints of every CA and anchor of the path bind the host of the name that matched,
//!   in whatever form the certificate names it, and iPAddress constraints bind an address. Name
//!   constraints on SRVNames are never satisfied: webpki refuses what they might bind.
//! - A CA certificate with a key usage must have keyCertSign in it, a peer's certificate
//!   digitalSignature.
//! - RSA keys have at least [`Policy::min_rsa_bits`] bits, that of the anchor too.
//! - An anchor must be a CA and counts only within its own validity period, path length and
//!   extended key usage. A peer's own certificate
//!   or key is pinned instead ([`TrustStore::add_pin`], [`TrustStore::add_key_pin`]) to those whom
//!   it may prove, and can vouch for no other certificate.
//! - A certificate is revoked if any of the [`RevocationLists`] of the name and key that issued it
//!   says so: of each distribution point the newest list counts, whatever the order in which they
//!   come. Lists whose signature is wrong are not taken.
//! - Extended key usages are judged by an [`EkuPolicy`].
//! - What the domain publishes about its certificate counts if it came by a secure path
//!   ([`Evidence`]: DANE-EE records, POSH fingerprints).
//!
//! Two rules of RFC 6120 §13.7.1.1 are not enforced: a certificate may have an empty subject, as
//! public CAs have begun to issue them, and a CA's key usage need not have digitalSignature, as
//! hardly any does.
//!
//! # Our own certificate
//!
//! An [`Inventory`] of what a site serves tells which names its certificate needs and what one
//! lacks. The feature `issue` writes requests, self-signed certificates and a test CA.
//!
//! # What is wrong
//!
//! [`diagnose`] tells all that is wrong with a certificate at once, and what to do about it.
//!
//! # Limits
//!
//! [`Limits`] bounds certificates per chain and names per certificate,
//! [`RevocationLists::MAX_LISTS`] the lists; webpki bounds the
//! signatures, the constraint comparisons and the steps of the search. A [`Reason`] is one line of
//! at most [`Reason::MAX_TEXT_BYTES`] bytes.
//!
//! RFC 5280 (certificates), RFC 9525 and RFC 6125 (identifiers), RFC 4985 (SRVName), RFC 5922 and
//! RFC 5924 (SIP), RFC 6120 §13.7 (XMPP), RFC 7673 and RFC 7711 (published certificates).

mod certificate;
mod constraints;
mod coverage;
pub mod diagnose;
mod evaluate;
mod evidence;
mod identifier;
mod import;
#[cfg(feature = "issue")]
pub mod issue;
mod key;
mod leaf;
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
mod tlv;
mod verdict;

pub use coverage::{
    BothRoles, Coverage, CoverageError, Inventory, Need, NeedKind, Protocol, Protocols, Servers,
};
pub use evaluate::evaluate;
pub use evidence::{Dane, Evidence, Fingerprint, Posh, Provenance, Tlsa};
pub use identifier::{Identifier, NameList};
pub use import::{Import, ImportError, ImportKind, ImportWarning};
pub use key::is_signed_by;
pub use names::presented_names;
pub use policy::{CommonName, Limits, Policy, Revocation, TargetPolicy};
pub use purpose::{EkuPolicy, Lacking, Role};
pub use reason::{Mismatch, NearMiss, Position, Reason};
pub use reference::{Forms, PeerSubject, Reference, Service};
pub use revocation::{Added, RevocationListError, RevocationLists};
pub use store::{AnchorError, AnchorFileError, MalformedCertificate, TrustStore, public_key};
pub use verdict::{Aspect, Basis, Checks, Status, Trusted, Verdict};

pub use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
