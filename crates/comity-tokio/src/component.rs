//! A domain that joins an XMPP server from outside, as a component of it (XEP-0114).
//!
//! A [`Link`] keeps a connection to the server: it drives one [`comity_xmpp::Component`] after the
//! other, and waits between them when the server is not there.
//!
//! ```
//! use comity_tokio::component::{Config, Event, Link};
//! use comity_xmpp::stream::component::{self, Secret};
//! use comity_xmpp::{Stanza, StanzaKind};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let rules = component::Config::new("sip.capulet.example".parse()?, Secret::new("secret"));
//! // Nobody listens there; a server would at 5347.
//! let config = Config::new("127.0.0.1".parse()?, 9, rules);
//! let (link, mut events) = Link::start(config, [7; 32]);
//! let (romeo, juliet) = ("romeo@sip.capulet.example".parse()?, "juliet@capulet.example".parse()?);
//! link.send(Stanza::new(StanzaKind::Message, romeo, juliet)).await?;
//! while let Some(event) = events.recv().await {
//!     println!("{event}");
//!     if let Event::Undelivered { .. } = event {
//!         break;
//!     }
//! }
//! link.shutdown().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a stanza
//!
//! What was taken is written to the connection, or comes back in [`Event::Undelivered`]. A component's
//! server acknowledges nothing: of what was written and not read by the server when the connection
//! ended, nothing is known. While there is no stream, stanzas wait for the end of the next attempt to
//! make one, and come back if that fails.
//!
//! The connection is in clear text, and nothing on it proves the server: it should not leave the
//! machine, or a network that both trust.

mod config;
mod driver;
mod event;
mod link;
mod queue;

pub use config::{Config, Limits};
pub use event::{Event, Failure};
pub use link::{Link, Rejected, SendError};
