//! Presence of SIP as presence of XMPP, and back (RFC 8048, RFC 3863, RFC 4479, RFC 4480, XEP-0319).
//!
//! [`read`] takes a document of any of the formats that peers send: PIDF with RPID, PIDF as Microsoft
//! OCS writes it, and the formats of Microsoft's own. [`to_xmpp`] makes one [`Device`] of each tuple, and
//! [`write()`] makes PIDF of devices. How rich states cross is data: a [`PresenceProfile`].
//!
//! A document is untrusted: entities are never resolved, and its size, depth and number of tuples are
//! bounded by [`Limits`]. All of it takes linear time.
//!
//! ```
//! use comity_bridge::presence::{self, Limits, PresenceProfile};
//! use comity_xmpp::Show;
//!
//! let body = br#"<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@x.example"><tuple id="t1">
//!     <status><basic>open</basic></status><note>in a review</note></tuple><person
//!     xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><activities
//!     xmlns="urn:ietf:params:xml:ns:pidf:rpid"><meeting/></activities></person></presence>"#;
//! let document = presence::read(None, &body.as_slice().into(), &Limits::default())?;
//! let devices = presence::to_xmpp(&document, &PresenceProfile::Faithful, &Limits::default());
//! assert_eq!(devices[0].show, Some(Show::Dnd));
//! assert_eq!(&*devices[0].statuses[0].text, "in a review");
//! # Ok::<_, presence::ReadError>(())
//! ```

mod activity;
mod device;
mod document;
mod microsoft;
mod pidf;
mod profile;
mod read;
mod write;
pub(crate) mod xml;

pub use activity::Activity;
pub use device::Device;
pub use document::{Document, Limits, Tuple, to_xmpp};
#[expect(
    clippy::module_name_repetitions,
    reason = "callers name it beside the profiles of streams"
)]
pub use profile::PresenceProfile;
pub use profile::{Seen, SipState, Tables, XmppState};
pub use read::{ReadError, read};
pub use write::{CONTENT_TYPE, write};

/// The types that [`read`] takes and that are worth asking for, the best first.
pub const ACCEPTED: &[&str] = &["application/pidf+xml"];
