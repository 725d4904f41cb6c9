use std::net::{IpAddr, SocketAddr};
use std::{fs, io};

use crate::DNS_PORT;

/// Reads the name servers of the system from the text of [`RESOLV_CONF`]: the addresses of the
/// `nameserver` lines that can be used, as many as the C library takes.
///
/// What it cannot read it leaves out, as the C library does; so is an IPv6 address with a zone.
#[must_use]
pub fn system_name_servers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let is_server = words.next() == Some("nameserver");
        let address = words.next().filter(|_| is_server)?;
        address.parse::<IpAddr>().ok()
    };
    let addresses = text.lines().filter_map(address).take(MAX_SERVERS);
    addresses.map(|ip| (ip, DNS_PORT).into()).collect()
}

/// Asks the system for its name servers, of which there is at least one then.
///
/// # Errors
///
/// Why none is known, and what to do about it.
pub fn ask_system_for_name_servers() -> Result<Vec<SocketAddr>, NoNameServer> {
    let text = fs::read_to_string(RESOLV_CONF).map_err(NoNameServer::Unreadable)?;
    let found = system_name_servers(&text);
    match found.is_empty() {
        true => Err(NoNameServer::NotNamed),
        false => Ok(found),
    }
}

/// Why no name server of the system is known, in the words of programs that take another one by
/// `--resolver`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoNameServer {
    /// The file cannot be read.
    #[error("{RESOLV_CONF}: {0}; give a name server by --resolver")]
    Unreadable(io::Error),
    /// The file has none that can be used.
    #[error("{RESOLV_CONF} names no name server; give one by --resolver")]
    NotNamed,
}

/// Where the system says which name servers it has.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// `MAXNS` of the C library.
const MAX_SERVERS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_name_servers_count() {
        let text = "# made by hand\nsearch b.example\nnameserver 192.0.2.1\n\
                    nameserver\t2001:db8::1 # this too\n nameserver fe80::1%eth0\n\
                    ; nameserver 192.0.2.2\nnameservers 192.0.2.3\nnameserver\n\
                    nameserver 192.0.2.4\noptions edns0\nnameserver 192.0.2.5\n";
        let found: Vec<_> = system_name_servers(text)
            .iter()
            .map(SocketAddr::to_string)
            .collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.4:53"]);
        assert_eq!(system_name_servers(""), []);
    }
}
