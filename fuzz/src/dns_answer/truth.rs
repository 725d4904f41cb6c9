//! What the server knows, and what every resolution comes to while nobody lies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use comity_identity::Host;
use comity_srv::{AddressPolicy, Failure, Outcome, Service, Transport};
use comity_testkit::dns::FakeDns;

/// The domains with something to find, and one without.
pub(super) const DOMAINS: [&str; 8] = [
    "b.example",
    "c.example",
    "d.example",
    "e.example",
    "f.example",
    "g.example",
    "h.example",
    "i.example",
];

/// A server that knows some of what a domain can have.
pub(super) fn server() -> FakeDns {
    let dns = FakeDns::new()
        .cname("y.b.example", "z.b.example")
        .cname("z.b.example", "x.b.example");
    let dns = RECORDS.iter().fold(dns, |dns, record| {
        let (domain, transport, [priority, weight, port], target) = *record;
        let label = match transport {
            Transport::Tls => "_xmpps-server",
            _ => "_xmpp-server",
        };
        let owner = format!("{label}._tcp.{domain}");
        dns.srv(&owner, priority, weight, port, target)
    });
    ADDRESSES
        .iter()
        .fold(dns, |dns, (host, address)| match parse(address) {
            IpAddr::V4(v4) => dns.a(host, v4),
            IpAddr::V6(v6) => dns.aaaa(host, v6),
        })
}

/// Whether `outcome` is what the server's records come to, whatever the order inside a priority.
pub(super) fn is_true(
    outcome: &Outcome,
    domain: &str,
    service: &Service,
    policy: &AddressPolicy,
) -> bool {
    let end = |found: BTreeSet<Found>, nothing: Outcome| {
        if found.is_empty() {
            return *outcome == nothing;
        }
        let allowed = |one: &Found| policy.check(one.1.ip()).is_ok();
        let mut allowed = found.into_iter().filter(allowed).peekable();
        match outcome {
            Outcome::Blocked(_) => allowed.peek().is_none(),
            Outcome::Candidates(list) => {
                let list = list.iter();
                list.map(|one| (one.priority, one.address, one.transport))
                    .collect::<BTreeSet<_>>()
                    == allowed.collect()
            }
            _ => false,
        }
    };
    let no_address = Outcome::Failed(Failure::NoAddress);
    if let Service::Host {
        host,
        port,
        transport,
    } = service
    {
        let addresses = match host {
            Host::Ip(address) => vec![*address],
            Host::Domain(name) => addresses(name.as_str()),
        };
        let found = addresses.into_iter();
        let found = found.map(|ip| (0, SocketAddr::new(ip, *port), *transport));
        return end(found.collect(), no_address);
    }
    let wanted: Vec<_> = RECORDS
        .iter()
        .filter(|record| record.0 == domain)
        .filter(|record| {
            *service == Service::XmppServerWithDirectTls || record.1 == Transport::StartTls
        })
        .collect();
    if wanted.is_empty() {
        let found = addresses(domain).into_iter();
        let found = found.map(|ip| (0, SocketAddr::new(ip, 5269), Transport::StartTls));
        return end(found.collect(), Outcome::Absent);
    }
    if wanted.iter().all(|record| record.3 == ".") {
        return *outcome == Outcome::Refused;
    }
    // Where an address and port come twice in one set, the better priority counts.
    let mut best = BTreeMap::new();
    for (_, transport, [priority, _, port], target) in wanted {
        for ip in addresses(target) {
            let place = (SocketAddr::new(ip, *port), *transport);
            let known = best.entry(place).or_insert(*priority);
            *known = (*known).min(*priority);
        }
    }
    let found = best.into_iter();
    let found = found.map(|((address, transport), priority)| (priority, address, transport));
    end(found.collect(), no_address)
}

/// The priority, the address and port, and the transport of a candidate.
type Found = (u16, SocketAddr, Transport);

fn addresses(host: &str) -> Vec<IpAddr> {
    let host = match host {
        "y.b.example" | "z.b.example" => "x.b.example",
        other => other,
    };
    ADDRESSES
        .iter()
        .filter(|(owner, _)| *owner == host)
        .map(|(_, address)| parse(address))
        .collect()
}

fn parse(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

/// Domain, set, priority, weight, port and target.
type Record = (&'static str, Transport, [u16; 3], &'static str);

const RECORDS: &[Record] = &[
    ("b.example", PLAIN, [10, 5, 5269], "x.b.example"),
    ("b.example", PLAIN, [10, 0, 5270], "y.b.example"),
    ("b.example", PLAIN, [20, 9, 5269], "x.b.example"),
    ("b.example", DIRECT, [10, 5, 5269], "x.b.example"),
    ("b.example", DIRECT, [5, 0, 443], "y.b.example"),
    ("c.example", PLAIN, [0, 0, 0], "."),
    ("c.example", DIRECT, [0, 0, 0], "."),
    ("f.example", PLAIN, [0, 0, 0], "."),
    ("f.example", DIRECT, [1, 1, 443], "x.b.example"),
    ("g.example", PLAIN, [1, 1, 5269], "d.example"),
    ("g.example", DIRECT, [0, 0, 0], "."),
    ("h.example", DIRECT, [0, 0, 0], "."),
    ("i.example", DIRECT, [1, 1, 443], "gone.example"),
];

const PLAIN: Transport = Transport::StartTls;
const DIRECT: Transport = Transport::Tls;

const ADDRESSES: &[(&str, &str)] = &[
    ("x.b.example", "192.0.2.1"),
    ("x.b.example", "127.0.0.1"),
    ("x.b.example", "2001:db8::1"),
    ("d.example", "10.0.0.1"),
    ("d.example", "192.0.2.2"),
    ("h.example", "127.0.0.1"),
    ("i.example", "192.0.2.3"),
];
