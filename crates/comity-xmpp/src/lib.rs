//! XMPP between servers: addresses, streams and routing, without I/O.
mod condition;
mod dialback;
mod jid;
pub mod ns;
pub mod xml;
pub use condition::{StanzaCondition, StreamCondition};
pub use dialback::DialbackSecret;
pub use jid::{Jid, JidError};
