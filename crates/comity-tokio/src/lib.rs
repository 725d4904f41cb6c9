//! Sockets, TLS handshakes, DNS queries and the clock for comity's machines, on tokio.
