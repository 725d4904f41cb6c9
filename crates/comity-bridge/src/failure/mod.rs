//! Errors of SIP as errors of XMPP, and back (RFC 7247 §7).
//!
//! [`condition`] and [`status`] are the two tables of the RFC. [`stanza_error`] and [`refusal`] make a
//! whole answer of one: the words of the other side are kept, as one line of bounded length, so that
//! an operator sees what the peer had to say.
//!
//! ```
//! use comity_bridge::failure::stanza_error;
//! use comity_sip::{Limits, Message};
//!
//! let bytes = b"SIP/2.0 403 Forbidden\r\n\
//!     ms-diagnostics: 1003;reason=\"User does not exist\";source=\"sip.example.com\"\r\n\
//!     \r\n";
//! let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
//! let Message::Response(response) = message else { panic!("a request") };
//! let error = stanza_error(&response);
//! assert_eq!(
//!     error.to_string(),
//!     "forbidden (403 Forbidden; ms-diagnostics 1003 User does not exist)"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod diagnostics;
mod line;
mod tables;
mod to_sip;
mod to_xmpp;

pub use diagnostics::MsDiagnostics;
pub use line::line;
pub use tables::{Recipient, condition, status};
pub use to_sip::{new_address, refusal};
pub use to_xmpp::{stanza_error, unanswered};
