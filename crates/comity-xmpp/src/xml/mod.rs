//! The XML of a stream: tokenizer, elements and limits.
//!
//! [`Tokenizer`] is the only parser in this crate. It reads the wire, and it reads what is inside a
//! stanza when that is asked for, so that no second parser can see another document than the one
//! that was validated.

mod attributes;
mod chars;
mod content;
mod declaration;
mod element;
mod error;
mod limits;
mod names;
mod namespace;
mod runs;
mod scope;
mod source;
mod span;
mod state;
mod tags;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod tokenizer;

pub use attributes::Attributes;
pub(crate) use element::Builder;
pub use element::{Element, Node};
pub use error::{Limit, ParseError};
pub use limits::Limits;
pub(crate) use scope::Scope;
pub use tokenizer::{Token, Tokenizer};
