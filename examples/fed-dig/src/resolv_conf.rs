//! The name servers of the system, as `resolv.conf` has them.

use std::net::{IpAddr, SocketAddr};

use crate::options::DNS_PORT;

/// The addresses of the `nameserver` lines that can be used, as many as the C library takes.
///
/// What it cannot read it leaves out, as the C library does; so is an IPv6 address with a zone.
pub(crate) fn name_servers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let is_server = words.next() == Some("nameserver");
        let address = words.next().filter(|_| is_server)?;
        address.parse::<IpAddr>().ok()
    };
    let addresses = text.lines().filter_map(address).take(MAX_SERVERS);
    addresses.map(|ip| (ip, DNS_PORT).into()).collect()
}

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
        let found: Vec<_> = name_servers(text)
            .iter()
            .map(SocketAddr::to_string)
            .collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.4:53"]);
        assert_eq!(name_servers(""), []);
    }
}
