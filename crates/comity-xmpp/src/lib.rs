//! XMPP between servers: addresses, streams and routing, without I/O.
