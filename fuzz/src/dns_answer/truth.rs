//! What the server knows, and what every resolution comes to while nobody lies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use comity_identity::Host;
use comity_srv::{AddressPolicy, Failure, Outcome, Service, Transport};
use comity_testkit::dns::{self, FakeDns, NAPTR, RData};

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
        let (domain, set, [priority, weight, port], target) = *record;
        let owner = format!("{}.{domain}", set.labels());
        dns.srv(&owner, priority, weight, port, target)
    });
    let dns = POINTERS.iter().fold(dns, |dns, (domain, order, set)| {
        let replacement = dns::name(&format!("{}.{domain}", set.labels()));
        let naptr = NAPTR::new(
            *order,
            0,
            b"s"[..].into(),
            set.service().as_bytes().into(),
            b""[..].into(),
            replacement,
        );
        dns.data(domain, RData::NAPTR(naptr))
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
    let sets = sets(domain, service);
    if sets.is_empty() {
        return *outcome == Outcome::Failed(Failure::NoUsableRecord);
    }
    let wanted: Vec<_> = RECORDS
        .iter()
        .filter(|record| record.0 == domain && sets.contains(&record.1))
        .collect();
    if wanted.is_empty() {
        let Some((port, transport)) = fallback(service) else {
            return *outcome == Outcome::Absent;
        };
        let found = addresses(domain).into_iter();
        let found = found.map(|ip| (0, SocketAddr::new(ip, port), transport));
        return end(found.collect(), Outcome::Absent);
    }
    if wanted.iter().all(|record| record.3 == ".") {
        return *outcome == Outcome::Refused;
    }
    // Where an address and port come twice in one set, the better priority counts.
    let mut best = BTreeMap::new();
    for (_, set, [priority, _, port], target) in wanted {
        for ip in addresses(target) {
            let place = (SocketAddr::new(ip, *port), set.transport());
            let known = best.entry(place).or_insert(*priority);
            *known = (*known).min(*priority);
        }
    }
    let found = best.into_iter();
    let found = found.map(|((address, transport), priority)| (priority, address, transport));
    end(found.collect(), no_address)
}

/// The priorities, ports and targets of the records of XMPP that a domain has.
pub(super) fn published(domain: &str) -> BTreeSet<(u16, u16, &'static str)> {
    let own = RECORDS
        .iter()
        .filter(|record| record.0 == domain && record.1 == PLAIN);
    own.map(|(_, _, [priority, _, port], target)| (*priority, *port, *target))
        .collect()
}

/// The sets of records that count for a service; none if the domain names others only.
fn sets(domain: &str, service: &Service) -> Vec<Set> {
    let (all, is_secure) = match service {
        Service::XmppServer => return vec![PLAIN],
        Service::XmppServerWithDirectTls => return vec![PLAIN, DIRECT],
        Service::SipFederation => return vec![Set::Edge],
        Service::Sip(sip) => ([Set::Sips, Set::SipTcp, Set::SipUdp], sip.secure),
        _ => return Vec::new(),
    };
    let named: Vec<_> = POINTERS
        .iter()
        .filter(|(owner, ..)| *owner == domain)
        .map(|(.., set)| *set)
        .collect();
    let counts = |set: &Set| {
        let is_named = named.is_empty() || named.contains(set);
        is_named && (!is_secure || *set == Set::Sips)
    };
    all.into_iter().filter(counts).collect()
}

/// Where a domain without records is tried.
fn fallback(service: &Service) -> Option<(u16, Transport)> {
    match service {
        Service::XmppServer | Service::XmppServerWithDirectTls => Some((5269, Transport::StartTls)),
        Service::Sip(sip) if sip.secure => Some((5061, Transport::Tls)),
        Service::Sip(_) => Some((5060, Transport::Udp)),
        _ => None,
    }
}

/// The records of one service and transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Set {
    Xmpp,
    Xmpps,
    Sips,
    SipTcp,
    SipUdp,
    Edge,
}

impl Set {
    fn labels(self) -> &'static str {
        match self {
            Self::Xmpp => "_xmpp-server._tcp",
            Self::Xmpps => "_xmpps-server._tcp",
            Self::Sips => "_sips._tcp",
            Self::SipTcp => "_sip._tcp",
            Self::SipUdp => "_sip._udp",
            Self::Edge => "_sipfederationtls._tcp",
        }
    }

    fn transport(self) -> Transport {
        match self {
            Self::Xmpp => Transport::StartTls,
            Self::Xmpps | Self::Sips | Self::Edge => Transport::Tls,
            Self::SipTcp => Transport::Tcp,
            Self::SipUdp => Transport::Udp,
        }
    }

    /// What NAPTR records call it.
    fn service(self) -> &'static str {
        match self {
            Self::Sips => "SIPS+D2T",
            Self::SipTcp => "SIP+D2T",
            Self::SipUdp => "SIP+D2U",
            Self::Xmpp | Self::Xmpps | Self::Edge => "",
        }
    }
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
type Record = (&'static str, Set, [u16; 3], &'static str);

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
    ("b.example", Set::Sips, [20, 1, 5061], "x.b.example"),
    ("b.example", Set::Sips, [10, 1, 5061], "d.example"),
    ("b.example", Set::SipTcp, [5, 1, 5060], "y.b.example"),
    ("b.example", Set::SipUdp, [5, 1, 5060], "x.b.example"),
    ("b.example", Set::Edge, [1, 1, 5061], "x.b.example"),
    ("c.example", Set::Sips, [0, 0, 0], "."),
    ("c.example", Set::SipUdp, [1, 1, 5060], "i.example"),
    ("c.example", Set::Edge, [0, 0, 0], "."),
    ("f.example", Set::SipTcp, [1, 1, 5060], "x.b.example"),
    ("f.example", Set::SipUdp, [1, 1, 5062], "i.example"),
    ("g.example", Set::Sips, [1, 1, 5061], "x.b.example"),
    ("g.example", Set::SipTcp, [1, 1, 5060], "x.b.example"),
];

/// Domain, order and set. All that a domain has records of may be used, or what is named here.
const POINTERS: &[(&str, u16, Set)] = &[
    ("f.example", 1, Set::SipUdp),
    ("g.example", 2, Set::SipTcp),
    ("g.example", 1, Set::Sips),
];

const PLAIN: Set = Set::Xmpp;
const DIRECT: Set = Set::Xmpps;

const ADDRESSES: &[(&str, &str)] = &[
    ("x.b.example", "192.0.2.1"),
    ("x.b.example", "127.0.0.1"),
    ("x.b.example", "2001:db8::1"),
    ("d.example", "10.0.0.1"),
    ("d.example", "192.0.2.2"),
    ("h.example", "127.0.0.1"),
    ("i.example", "192.0.2.3"),
];
