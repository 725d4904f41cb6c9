use std::net::IpAddr;

use comity_identity::{DomainName, Host};
use der::{Reader, SliceReader, Tag, TagNumber};

use crate::certificate::{Fault, constructed, expect, optional};
use crate::identifier::is_dotted_labels;

/// Whether name constraints (RFC 5280 §4.2.1.10), given without their SEQUENCE, let a CA vouch for
/// `host`.
///
/// Question: a CA is constrained to the dNSName `partner.example` and issues a certificate with
/// the SRVName `_xmpp-server.victim.example`. May it?
/// Answer: by the letter of RFC 5280 it may, because constraints bind only names of their own
/// form, and path builders let it pass. Whoever constrained that CA meant the domain, in whatever
/// form it is written. So the dNSName constraints are applied to the domain that a certificate is
/// about to be trusted for, whichever name of it matched, and the iPAddress constraints to an
/// address. A CA that may vouch for some domains only may not vouch for addresses.
///
/// Constraints on other name forms are left to the path builder.
pub(crate) fn permit(constraints: &[u8], host: &Host) -> Result<bool, Fault> {
    let mut reader = SliceReader::new(constraints)?;
    let permitted = optional(&mut reader, constructed(0))?.unwrap_or_default();
    let excluded = optional(&mut reader, constructed(1))?.unwrap_or_default();
    reader.finish()?;
    let permitted = Subtrees::parse(permitted, host)?;
    let excluded = Subtrees::parse(excluded, host)?;
    Ok((permitted.holding > 0 || permitted.binding == 0) && excluded.holding == 0)
}

/// How many subtrees bind a host of its kind, and how many of them hold it.
#[derive(Default)]
struct Subtrees {
    binding: usize,
    holding: usize,
}

impl Subtrees {
    fn parse(list: &[u8], host: &Host) -> Result<Self, Fault> {
        let mut subtrees = Self::default();
        let mut list = SliceReader::new(list)?;
        while !list.is_finished() {
            // Minimum and maximum are not used by RFC 5280, so the base stands alone.
            let mut subtree = SliceReader::new(expect(&mut list, Tag::Sequence)?)?;
            if let Some(base) = optional(&mut subtree, DNS_NAME)? {
                subtrees.binding += 1;
                if let Host::Domain(domain) = host {
                    subtrees.holding += usize::from(holds(base, domain)?);
                }
            } else if let Some(base) = optional(&mut subtree, IP_ADDRESS)? {
                if let Host::Ip(address) = host {
                    subtrees.binding += 1;
                    subtrees.holding += usize::from(contains(base, *address)?);
                }
            } else {
                subtree.tlv_bytes()?;
            }
            subtree.finish()?;
        }
        Ok(subtrees)
    }
}

/// Whether an address lies in the network that `base`, an address and a mask, spells.
fn contains(base: &[u8], address: IpAddr) -> Result<bool, Fault> {
    let (network, mask) = base.split_at(base.len() / 2);
    if !matches!(base.len(), 8 | 32) {
        return Err(Fault::Malformed);
    }
    let octets = match address {
        IpAddr::V4(address) => &address.octets()[..],
        IpAddr::V6(address) => &address.octets()[..],
    };
    let bits = network.iter().zip(mask).zip(octets);
    Ok(octets.len() == network.len()
        && bits
            .map(|((network, mask), octet)| (network ^ octet) & mask)
            .all(|difference| difference == 0))
}

/// Whether `domain` is `base` with zero or more labels in front; with at least one if `base`
/// starts with a dot, a common extension of RFC 5280 that webpki reads the same way.
fn holds(base: &[u8], domain: &DomainName) -> Result<bool, Fault> {
    if base.is_empty() {
        return Ok(true);
    }
    let (labels, needs_label) = match base.strip_prefix(b".") {
        Some(labels) => (labels, true),
        None => (base, false),
    };
    if !is_dotted_labels(labels) {
        return Err(Fault::Malformed);
    }
    let domain = domain.as_str().as_bytes();
    let Some(front) = domain.len().checked_sub(labels.len()) else {
        return Ok(false);
    };
    let Some((front, back)) = domain.split_at_checked(front) else {
        return Ok(false);
    };
    let at_label = front.ends_with(b".") || (front.is_empty() && !needs_label);
    Ok(at_label && back.eq_ignore_ascii_case(labels))
}

const DNS_NAME: Tag = Tag::ContextSpecific {
    constructed: false,
    number: TagNumber(2),
};

const IP_ADDRESS: Tag = Tag::ContextSpecific {
    constructed: false,
    number: TagNumber(7),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn subtrees(tag: u8, bases: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = bases
            .iter()
            .flat_map(|base| [&[0x30, u8::try_from(base.len()).unwrap()], *base].concat())
            .collect();
        [&[tag, u8::try_from(list.len()).unwrap()], &list[..]].concat()
    }

    fn dns(base: &str) -> Vec<u8> {
        [&[0x82, u8::try_from(base.len()).unwrap()], base.as_bytes()].concat()
    }

    fn judge(permitted: &[&str], excluded: &[&str], domain: &str) -> Result<bool, Fault> {
        let list = |tag, bases: &[&str]| {
            let bases: Vec<_> = bases.iter().map(|base| dns(base)).collect();
            let bases: Vec<_> = bases.iter().map(Vec::as_slice).collect();
            if bases.is_empty() {
                vec![]
            } else {
                subtrees(tag, &bases)
            }
        };
        let constraints = [list(0xa0, permitted), list(0xa1, excluded)].concat();
        permit(&constraints, &host(domain))
    }

    #[test]
    fn a_subtree_holds_its_base_and_what_lies_below() {
        for (base, domain, holds) in [
            ("a.example", "a.example", true),
            ("A.Example", "a.example", true),
            ("a.example", "b.a.example", true),
            ("a.example", "c.b.a.example", true),
            ("a.example", "ba.example", false),
            ("a.example", "example", false),
            ("a.example", "b.example", false),
            (".a.example", "a.example", false),
            (".a.example", "b.a.example", true),
            (".a.example", "ba.example", false),
            ("example", "a.example", true),
            ("", "a.example", true),
        ] {
            assert_eq!(
                judge(&[base], &[], domain),
                Ok(holds),
                "permitted {base}, {domain}"
            );
            assert_eq!(
                judge(&[], &[base], domain),
                Ok(!holds),
                "excluded {base}, {domain}"
            );
        }
    }

    #[test]
    fn one_permitting_subtree_suffices_and_one_excluding_decides() {
        assert_eq!(judge(&[], &[], "a.example"), Ok(true));
        assert_eq!(
            judge(&["b.example", "a.example"], &[], "a.example"),
            Ok(true)
        );
        assert_eq!(
            judge(&["example"], &["b.example", "a.example"], "a.example"),
            Ok(false)
        );
        assert_eq!(judge(&["example"], &["b.example"], "a.example"), Ok(true));
    }

    #[test]
    fn a_malformed_base_is_an_error_and_not_a_mismatch() {
        for base in [
            ".",
            "..a",
            "a.",
            "a..b",
            "*.a.example",
            "a\0.example",
            "\u{fc}.example",
            " ",
        ] {
            assert_eq!(
                judge(&[base], &[], "a.example"),
                Err(Fault::Malformed),
                "{base:?}"
            );
            assert_eq!(
                judge(&[], &[base], "a.example"),
                Err(Fault::Malformed),
                "{base:?}"
            );
        }
    }

    #[test]
    fn other_name_forms_say_nothing_about_domains() {
        let domain = host("a.example");
        let ip = subtrees(0xa0, &[b"\x87\x08\x00\x00\x00\x00\x00\x00\x00\x00"]);
        assert_eq!(permit(&ip, &domain), Ok(true));
        let directory = subtrees(0xa1, &[b"\xa4\x02\x30\x00"]);
        assert_eq!(permit(&directory, &domain), Ok(true));
        let both = subtrees(
            0xa0,
            &[
                b"\x87\x08\x00\x00\x00\x00\x00\x00\x00\x00",
                &dns("b.example"),
            ],
        );
        assert_eq!(permit(&both, &domain), Ok(false));
    }

    #[test]
    fn addresses_are_bound_by_networks_and_kept_from_cas_for_domains() {
        let v4: &[u8] = b"\x87\x08\xc0\x00\x02\x00\xff\xff\xff\x00";
        let v6 = [
            &[0x87, 32, 0x20, 1, 0x0d, 0xb8],
            &[0; 12][..],
            &[0xff; 4],
            &[0; 12],
        ]
        .concat();
        for (permitted, excluded, address, expected) in [
            (&[v4][..], &[][..], "192.0.2.7", true),
            (&[v4], &[], "192.0.3.7", false),
            (&[v4], &[], "2001:db8::1", false),
            (&[&v6], &[], "2001:db8::1", true),
            (&[&v6], &[], "2001:db9::1", false),
            (&[v4, &v6], &[], "2001:db8::1", true),
            (&[], &[v4], "192.0.2.7", false),
            (&[], &[v4], "192.0.3.7", true),
            (&[], &[], "192.0.2.7", true),
            (&[&dns("a.example")], &[], "192.0.2.7", false),
            (&[&dns("a.example"), v4], &[], "192.0.2.7", true),
            (&[], &[&dns("a.example")], "192.0.2.7", true),
        ] {
            let constraints = [(0xa0, permitted), (0xa1, excluded)]
                .into_iter()
                .filter(|(_, bases)| !bases.is_empty())
                .flat_map(|(tag, bases)| subtrees(tag, bases));
            let constraints: Vec<_> = constraints.collect();
            assert_eq!(
                permit(&constraints, &host(address)),
                Ok(expected),
                "{address}"
            );
        }
        for base in [
            &b"\x87\x04\xc0\x00\x02\x00"[..],
            b"\x87\x00",
            b"\x87\x09\0\0\0\0\0\0\0\0\0",
        ] {
            let constraints = subtrees(0xa0, &[base]);
            assert_eq!(permit(&constraints, &host("::1")), Err(Fault::Malformed));
        }
    }

    #[test]
    fn what_is_not_a_list_of_subtrees_is_an_error() {
        let domain = host("a.example");
        for constraints in [
            &b"\xa0"[..],
            b"\xa0\x05\x30",
            b"\xa0\x02\x82\x00",
            b"\xa0\x02\x30\x00",
            b"\xa0\x07\x30\x05\x82\x00\x80\x01\x00",
            b"\xa1\x02\x30\x00",
            b"\xa2\x00",
            b"\xa1\x00\xa0\x00",
            b"\x30\x00",
        ] {
            assert_eq!(
                permit(constraints, &domain),
                Err(Fault::Malformed),
                "{}",
                constraints.escape_ascii()
            );
        }
        assert_eq!(permit(b"", &domain), Ok(true));
    }
}
