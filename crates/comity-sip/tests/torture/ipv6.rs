//! RFC 5118: IPv6 in SIP.

use std::net::IpAddr;

use comity_sip::header::{Contact, Via};
use comity_sip::{Fault, Message, Place, Role};

use super::{acceptance, judge, message, read, read_headers};
use comity_sip::Standing;

const TAKEN: [&str; 11] = [
    "ipv6-good",
    "port-ambiguous",
    "port-unambiguous",
    "via-received-param-with-delim",
    "via-received-param-no-delim",
    "ipv6-in-sdp",
    "mult-ip-in-header",
    "mult-ip-in-sdp",
    "ipv4-mapped-ipv6",
    "ipv6-bug-abnf-3-colons",
    "ipv6-correct-abnf-2-colons",
];

#[test]
fn every_valid_message_is_taken() {
    for name in TAKEN {
        let message = message(&format!("rfc5118/{name}.dat"));
        assert_eq!(read_headers(&message), Ok(()), "{name}");
        assert_eq!(judge(&message, Role::Proxy), Ok(()), "{name}");
    }
}

/// §4.2
#[test]
fn an_address_without_brackets_is_no_host() {
    let rejected = read("rfc5118/ipv6-bad.dat").unwrap_err();
    let error = rejected.error();
    assert_eq!(
        (error.place(), error.fault()),
        (Place::StartLine, Fault::Host)
    );
    assert_eq!(rejected.status().unwrap().code(), 400);
}

/// §4.1, §4.3, §4.4, §4.9, §4.10
#[test]
fn hosts_and_ports_are_told_apart_by_brackets() {
    for (name, host, port) in [
        ("ipv6-good", "2001:db8::10", None),
        ("port-ambiguous", "2001:db8::10:5070", None),
        ("port-unambiguous", "2001:db8::10", Some(5070)),
    ] {
        let Message::Request(request) = message(&format!("rfc5118/{name}.dat")) else {
            panic!("a response");
        };
        let expected: IpAddr = host.parse().unwrap();
        assert_eq!(
            request.uri().host().unwrap().address(),
            Some(expected),
            "{name}"
        );
        assert_eq!(request.uri().port(), port, "{name}");
        let standing = Standing::default();
        assert_eq!(acceptance(Role::Proxy).check(&request, standing), Ok(()));
    }
}

#[test]
fn the_address_from_which_a_request_came_is_read_with_and_without_brackets() {
    for name in [
        "via-received-param-with-delim",
        "via-received-param-no-delim",
    ] {
        let message = message(&format!("rfc5118/{name}.dat"));
        let via = message.headers().first::<Via<'_>>().unwrap().unwrap();
        assert_eq!(
            via.received(),
            Some("2001:db8::9:255".parse().unwrap()),
            "{name}"
        );
    }
}

#[test]
fn addresses_of_both_families_and_both_spellings_are_read() {
    let hosts = |name: &str| -> Vec<IpAddr> {
        message(&format!("rfc5118/{name}.dat"))
            .headers()
            .all::<Via<'_>>()
            .map(|via| via.unwrap().host().address().unwrap())
            .collect()
    };
    assert_eq!(
        hosts("mult-ip-in-header"),
        ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"].map(|ip| ip.parse::<IpAddr>().unwrap())
    );
    let message = message("rfc5118/ipv4-mapped-ipv6.dat");
    let contact = message.headers().first::<Contact<'_>>().unwrap().unwrap();
    let host = contact.uri().unwrap().host().unwrap();
    assert_eq!(host.address(), Some("::ffff:192.0.2.2".parse().unwrap()));
    for name in ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"] {
        let Message::Request(request) = super::message(&format!("rfc5118/{name}.dat")) else {
            panic!("a response");
        };
        let host = request.uri().host().unwrap();
        assert_eq!(
            host.address(),
            Some("2001:db8::192.0.2.1".parse().unwrap()),
            "{name}"
        );
    }
}
