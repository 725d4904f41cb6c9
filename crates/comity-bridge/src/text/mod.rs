//! Bodies of SIP as texts of XMPP, and back (RFC 7572, RFC 7573, RFC 3428, RFC 3862, RFC 3994,
//! XEP-0085, XEP-0184).
//!
//! [`read_request`] makes clean text of whatever a peer sends: plain text in several charsets, HTML,
//! RTF, the best part of several, or what is inside a CPIM envelope. What is no text is told apart:
//! signs of typing and receipts have a counterpart in XMPP, and the rest has a status that refuses it.
//!
//! Text that comes out has line feeds as line ends and holds only what XML allows. Every other control
//! character has become U+FFFD, so that nobody takes the text for one without.
//!
//! All of it costs time and memory linear in the size of the body, which [`Limits`] bounds.

mod chat;
mod cpim;
mod error;
mod html;
mod limits;
mod plain;
mod read;
mod rtf;
mod transfer;
mod typing;
mod write;

pub use chat::{
    CHAT_STATES, ChatState, RECEIPTS, chat_state, receipt, receipt_request, received, state,
    wants_receipt,
};
pub use cpim::Cpim;
pub use error::Unreadable;
pub use limits::Limits;
pub use read::{Body, Content, Reading, read, read_invite, read_request, subject};
pub use write::{MSGR, msgr, write, write_typing};
