//! What the servers of a test are told about each other.

use std::net::SocketAddr;

use comity_sip::Transport;

/// How others are told an address: over TLS by the name that a certificate can prove.
pub(crate) fn advertised(transport: Transport, address: SocketAddr, name: &str) -> String {
    match transport {
        Transport::Udp | Transport::Tcp => address.to_string(),
        Transport::Tls => format!("{name}:{}", address.port()),
    }
}
