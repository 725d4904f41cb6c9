//! Static routes: where an operator sends the requests for a domain, before DNS is asked.
//!
//! The table is that of Cisco's IM and Presence Service: patterns in reversed notation, priority,
//! weight, block, service off and backup routes. One table is for one protocol.
//!
//! ```
//! use comity_srv::routes::{Route, Routes, Verdict};
//! use comity_srv::{Messaging, Transport};
//!
//! let edge = Route::new(".com.abc.*".parse()?, "sip.abc.com".parse()?, 5061, Transport::Tls);
//! let mut backup = edge.clone();
//! backup.next_hop = "sip2.abc.com".parse()?;
//! backup.priority = 2;
//! let routes = Routes::new(Messaging::Sip, vec![backup, edge])?;
//!
//! let decision = routes.decide(&"abc.com".parse()?, &[7; 32]);
//! let hosts = decision.hops().map(|hop| hop.route.next_hop.to_string());
//! assert_eq!(hosts.collect::<Vec<_>>(), ["sip.abc.com", "sip2.abc.com"]);
//! assert_eq!(decision.verdict(), Verdict::NextHops);
//! assert_eq!(
//!     routes.decide(&"evilabc.com".parse()?, &[7; 32]).verdict(),
//!     Verdict::NoRoute
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a route is chosen
//!
//! 1. Routes that are out of service do not exist.
//! 2. The pattern with the longest literal part decides; an exact pattern is longer than one with
//!    the same letters and a star.
//! 3. If one of its routes is blocked, the answer is [`Verdict::Blocked`], whatever the others say.
//! 4. Its routes are tried by priority, and inside one priority in proportion to their weights, in
//!    the order of [`weighted_order`](crate::weighted_order).
//! 5. When all of them fail, the next shorter pattern follows if every route that was tried allows a
//!    less specific one.
//! 6. A pattern that matches everything is the default route. It is not part of
//!    [`Routes::decide`]: what was learned and DNS come before it, see
//!    [`Routes::decide_default`].

mod decision;
mod lint;
mod pattern;
mod table;

pub use decision::{Decision, Hop, Step, Verdict};
pub use lint::Lint;
pub use pattern::{Pattern, PatternError};
pub use table::{Route, RouteError, RouteId, Routes};

#[cfg(test)]
mod tests;
