//! Name constraints of any kind.

use std::net::IpAddr;

use comity_identity::{DomainName, Host};
use comity_testkit::mint::{Ca, Leaf, Name, tlv};
use comity_trust::Basis;

use super::question::Question;
use super::{judge, world};
use crate::program::Program;

/// A CA with any constraints proves nobody whom they exclude, and nobody but those whom they permit.
pub(crate) fn constraints(program: &mut Program<'_>, question: &Question) {
    let mut permitted = Vec::new();
    let mut excluded = Vec::new();
    while !program.is_over() && permitted.len() + excluded.len() < MAX_BASES {
        let byte = program.byte();
        let tag = match byte & 6 {
            0 | 2 => DNS_NAME,
            4 => IP_ADDRESS,
            _ => program.byte(),
        };
        let base = (tag, program.bytes().to_vec());
        if byte & 1 == 0 {
            permitted.push(base);
        } else {
            excluded.push(base);
        }
    }
    let mut ca = Ca::new("Any", [11; 32]);
    for (tag, base) in &permitted {
        ca = ca.permit(Name::Raw(tlv(*tag, base)));
    }
    for (tag, base) in &excluded {
        ca = ca.exclude(Name::Raw(tlv(*tag, base)));
    }
    // No dNSName, so that the path builder leaves the domains to us.
    let leaf = Leaf::new([12; 32])
        .common_name("a.b.example")
        .srv("_xmpp-server.b.example")
        .uri("sip:b.example")
        .uri("sip:x.partner.example")
        .xmpp("xn--bcher-kva.example")
        .ip([192, 0, 2, 1]);
    let peer = world().root.delegate(&ca).issue(&leaf);
    let chain: Vec<_> = peer.chain.iter().map(Vec::as_slice).collect();
    for host in judge(&chain, question, world().policy(), Basis::Path) {
        let holds = |base: &(u8, Vec<u8>)| holds(base, &host);
        assert!(!excluded.iter().any(holds), "{host} is excluded");
        let is_bound = permitted.iter().any(|(tag, _)| binds(*tag, &host));
        let is_permitted = permitted.iter().any(holds);
        assert!(is_permitted || !is_bound, "{host} is not permitted");
    }
}

/// Whether constraints of this form bind the host. Those on domains keep a CA from addresses too.
fn binds(tag: u8, host: &Host) -> bool {
    match host {
        Host::Domain(_) => tag == DNS_NAME,
        Host::Ip(_) => matches!(tag, DNS_NAME | IP_ADDRESS),
    }
}

fn holds((tag, base): &(u8, Vec<u8>), host: &Host) -> bool {
    match host {
        Host::Domain(domain) => *tag == DNS_NAME && holds_domain(base, domain),
        Host::Ip(address) => *tag == IP_ADDRESS && holds_address(base, *address),
    }
}

/// Whether the last labels of the domain are those of the base.
fn holds_domain(base: &[u8], domain: &DomainName) -> bool {
    let Ok(base) = str::from_utf8(base) else {
        return false;
    };
    let base = base.to_ascii_lowercase();
    let labels: Vec<_> = domain.labels().collect();
    let of_base: Vec<_> = base.split('.').collect();
    match of_base.as_slice() {
        [""] => true,
        ["", rest @ ..] => labels.len() > rest.len() && labels.ends_with(rest),
        all => labels.ends_with(all),
    }
}

/// Whether the address has the bits of the base that the mask behind it asks for.
fn holds_address(base: &[u8], address: IpAddr) -> bool {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let (network, mask) = base.split_at(base.len() / 2);
    base.len() == 2 * octets.len()
        && (0..octets.len())
            .all(|index| octets[index] & mask[index] == network[index] & mask[index])
}

const MAX_BASES: usize = 12;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
