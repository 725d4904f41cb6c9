//! What has to be in DNS so that others reach us, and what is wrong with what is there.
//!
//! An [`Inventory`] says which domains we serve and where our nodes are. It knows the records that
//! this needs ([`Inventory::records`]), as an operator has to publish them. A [`Survey`] looks at what
//! is published: it asks for records, takes the answers, and ends with [`Finding`]s.
//!
//! ```
//! use comity_srv::publish::{Edge, Inventory, Node, Survey};
//! use comity_srv::LookedUp;
//!
//! let mut inventory = Inventory::default();
//! inventory.local_domains.push("a.example".parse()?);
//! inventory.nodes.push(Node::new("xmpp1.a.example".parse()?, ["192.0.2.1".parse()?]));
//! inventory.edge = Some(Edge::new("sip.a.example".parse()?));
//! assert_eq!(
//!     inventory.records().iter().map(ToString::to_string).collect::<Vec<_>>(),
//!     [
//!         "_xmpp-server._tcp.a.example. SRV 0 0 5269 xmpp1.a.example.",
//!         "_sipfederationtls._tcp.a.example. SRV 0 0 5061 sip.a.example.",
//!         "xmpp1.a.example. A 192.0.2.1",
//!     ]
//! );
//!
//! let mut survey = Survey::new(inventory);
//! while let Some(ask) = survey.next_ask() {
//!     // Here by Resolver::look_up.
//!     survey.handle_answer(&ask, Ok(LookedUp::default()));
//! }
//! let findings = survey.findings();
//! assert_eq!(
//!     findings[0].to_string(),
//!     "_xmpp-server._tcp.a.example has no SRV record: others cannot find a.example by XMPP"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod finding;
mod inventory;
mod survey;

pub use finding::{Finding, Severity};
pub use inventory::{Edge, Inventory, Node, WantedRecord};
pub use survey::{Ask, Survey};

#[cfg(test)]
mod tests;
