use std::net::{IpAddr, SocketAddr};

use comity_identity::DomainName;

/// Reads a domain name.
///
/// # Errors
///
/// What is wrong with it.
pub fn domain(text: &str) -> Result<DomainName, String> {
    DomainName::parse(text).map_err(|error| error.to_string())
}

/// Reads where a name server is: an IP address, with or without port.
///
/// # Errors
///
/// What to give in place of something else.
pub fn name_server(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    with_port
        .or_else(|_no_port| text.parse::<IpAddr>().map(|ip| (ip, DNS_PORT).into()))
        .map_err(|_std| "give an IP address, as in 192.0.2.53 or 192.0.2.53:53".to_owned())
}

/// The port of name servers (RFC 1035 §4.2).
pub const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_may_have_a_port() {
        for (text, shown) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            let read = name_server(text).map(|address| address.to_string());
            assert_eq!(read, Ok(shown.to_owned()));
        }
        for text in ["", "ns.example", "[2001:db8::53]", "192.0.2.53:"] {
            let error = "give an IP address, as in 192.0.2.53 or 192.0.2.53:53";
            assert_eq!(name_server(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_domain_is_read_by_the_rules_for_names() {
        let read = |text| domain(text).map(|domain| domain.to_string());
        assert_eq!(read("B.Example"), Ok("b.example".to_owned()));
        let error = "the domain name has an empty label";
        assert_eq!(read("a..b"), Err(error.to_owned()));
    }
}
