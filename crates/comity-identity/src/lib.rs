//! Domain names, how firmly a peer has proved that one is its own, and what may be wrong with it.
//!
//! The words that every crate of comity shares: [`DomainName`], [`Host`], [`Assurance`],
//! [`Direction`] and [`Finding`]. It resolves nothing and proves nothing.
//!
//! ```
//! use comity_identity::DomainName;
//!
//! let name: DomainName = "Bücher.Example.".parse()?;
//! assert_eq!(name.as_str(), "xn--bcher-kva.example");
//! assert!(name.is_below(&"example".parse()?));
//! # Ok::<_, comity_identity::ParseError>(())
//! ```
//!
//! Limits: a name is at most [`DomainName::MAX_BYTES`] bytes of labels of at most
//! [`DomainName::MAX_LABEL_BYTES`] bytes, on input and after conversion to A-labels.
//!
//! RFC 1034 §3.5 and RFC 1123 §2.1 (syntax), RFC 5890 (A-labels), RFC 7622 §3.2 (domainparts).

mod domain;
mod finding;
mod peer;

pub use domain::{DomainName, Host, ParseError};
pub use finding::{Diagnosis, Finding, Severity, one_line};
pub use peer::{Assurance, Direction};
