//! Certificates for tests, reproducible to the byte.
//!
//! An [`Authority`] issues what a [`Leaf`] or another [`Ca`] describes; a leaf can sign itself too.
//! Keys are P-256 and come from a seed, signatures are deterministic (RFC 6979), and the caller
//! chooses the times, so that the same description always gives the same bytes. Take another seed
//! for each certificate: it decides the key and the serial number.
//!
//! ```
//! use comity_testkit::mint::{Ca, Leaf};
//!
//! let root = Ca::new("Test Root", [1; 32]).self_signed();
//! let identity = root.issue(
//!     &Leaf::new([2; 32])
//!         .dns("b.example")
//!         .srv("_xmpp-server.b.example")
//!         .xmpp("b.example"),
//! );
//! assert_eq!(identity.chain.len(), 1);
//! assert!(identity.key_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
//! ```
//!
//! Everything is valid from [`NOT_BEFORE`] to [`NOT_AFTER`] unless the caller says otherwise. A
//! leaf is for TLS servers and clients both, as federation needs it.
//!
//! Nothing here checks that a description makes sense: bad certificates are wanted as well.
//! [`Name::Raw`] and [`tlv`] write names that no good issuer would.
//!
//! RFC 5280 (certificates), RFC 4985 (SRVName), RFC 6120 §13.7.1.4 (XmppAddr), RFC 5922 (SIP URI).

#![expect(
    clippy::expect_used,
    reason = "a test whose certificates cannot be written should stop at once"
)]

mod authority;
mod certificate;
mod identity;
mod leaf;
mod name;

pub use authority::{Authority, Ca};
pub use certificate::{NOT_AFTER, NOT_BEFORE, Purpose, Usage};
pub use identity::Identity;
pub use leaf::{Basic, Leaf};
pub use name::{Name, tlv};

#[cfg(test)]
mod tests;
