//! XMPP between servers: addresses, streams and routing, without I/O.
mod condition;
pub mod decision;
mod dialback;
mod jid;
pub mod ns;
mod security;
mod stanza;
pub mod stream;
pub mod xml;
pub use condition::{StanzaCondition, StreamCondition};
pub use dialback::DialbackSecret;
pub use jid::{Jid, JidError};
pub use security::{CertificateRule, Security, TlsMode};
pub use stanza::{AddressError, Stanza, StanzaKind};
pub use stream::Stream;
