//! The second act: Capulet speaks XMPP and Bohemia SIP, as Microsoft's servers do. A gateway stands
//! between them, and neither user knows that the other one's server differs.

mod cast;
mod edge;
mod scenes;

pub(super) use scenes::play;
