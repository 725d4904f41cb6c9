//! What the command lines of the programs have in common.
//!
//! Options are read with lexopt. A program brings its own options, the text of its `--help`, and an
//! enum of what can be wrong with them together; this crate has the errors that every command line
//! can have, in the words that all programs use, and writes to standard output and standard error. It
//! also knows the name servers of the system, and shows moments as RFC 3339 does.
//!
//! ```
//! use comity_command_line::{alone, domain, name_server, once_read, value};
//! use comity_identity::DomainName;
//! use lexopt::{Arg, Parser};
//!
//! #[derive(Debug, PartialEq)]
//! enum Command {
//!     Help,
//!     Serve(DomainName),
//! }
//!
//! #[derive(Debug, thiserror::Error)]
//! enum Misuse {
//!     #[error("give a name server by --dns")]
//!     NobodyToAsk,
//! }
//!
//! type OptionsError = comity_command_line::OptionsError<Misuse>;
//!
//! fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
//!     let mut served = None;
//!     let mut dns = Vec::new();
//!     while let Some(arg) = parser.next()? {
//!         match arg {
//!             Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
//!             Arg::Long("domain") => once_read(&mut served, &mut parser, "domain", domain)?,
//!             Arg::Long("dns") => dns.push(value(&mut parser, "dns", name_server)?),
//!             Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected().into()),
//!         }
//!     }
//!     if dns.is_empty() {
//!         return Err(OptionsError::Program(Misuse::NobodyToAsk));
//!     }
//!     Ok(Command::Serve(served.ok_or(OptionsError::Missing("domain"))?))
//! }
//!
//! let read = |args: &[&str]| {
//!     let parser = Parser::from_iter(["program"].iter().chain(args));
//!     parse(parser).map_err(|error| error.to_string())
//! };
//! let served = DomainName::parse("a.example")?;
//! assert_eq!(read(&["--domain=A.Example", "--dns=192.0.2.53"]), Ok(Command::Serve(served)));
//! assert_eq!(read(&["--domain=a.example"]), Err("give a name server by --dns".to_owned()));
//! # Ok::<_, comity_identity::ParseError>(())
//! ```

mod error;
mod node_file;
mod option;
mod output;
mod reading;
mod resolv_conf;
mod time;

pub use error::OptionsError;
pub use node_file::{NodeFile, NodeFilesError, node_files};
pub use option::{alone, once, once_read, value};
pub use output::{complain, note, say};
pub use reading::{DNS_PORT, domain, name_server};
pub use resolv_conf::{
    NoNameServer, RESOLV_CONF, ask_system_for_name_servers, system_name_servers,
};
pub use time::{date, rfc3339};
