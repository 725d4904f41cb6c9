//! Addresses of SIP as addresses of XMPP, and back (RFC 7247 §6, XEP-0106).
//!
//! [`to_jid`] and [`to_uri`] undo each other: what maps one way comes back as the same address. An
//! address for which that could not be is refused, so that two people never share one name on the
//! other side. What of a URI is no part of who it names (port, transport and other parameters,
//! headers) does not cross.
//!
//! One difference remains: SIP tells `Alice` from `alice` and XMPP does not. Users whose names differ
//! so are one user on the XMPP side, which [`Collisions`] reports.
//!
//! ```
//! use comity_bridge::address::{to_jid, to_uri};
//! use comity_sip::Uri;
//!
//! let jid = to_jid(Uri::parse("sip:o'malley@sip.example:5061;gr=desk;transport=tls")?)?;
//! assert_eq!(jid.to_string(), "o\\27malley@sip.example/desk");
//! assert_eq!(to_uri(&jid)?.to_string(), "sip:o'malley@sip.example;gr=desk");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod collisions;
mod error;
mod escape;
mod sip;
mod xmpp;

pub use collisions::{Collision, Collisions};
#[expect(
    clippy::module_name_repetitions,
    reason = "callers name it beside the errors of other modules"
)]
pub use error::AddressError;
pub use error::Telephone;
pub use escape::{escape, unescape};
pub use sip::{to_bare_uri, to_im, to_pres, to_uri};
pub(crate) use xmpp::percent_decode;
pub use xmpp::{entity, from_header, to_jid};
