use std::net::IpAddr;

use crate::identifier::is_dotted_labels;
use crate::tlv::{Fault, Reader, SEQUENCE, Tag, constructed, primitive};
use comity_identity::{DomainName, Host};

/// The name constraints of a CA (RFC 5280 §4.2.1.10), as far as they say for which hosts it may
/// vouch.
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
#[derive(Debug)]
pub(crate) struct Constraints<'a> {
    permitted: Vec<Base<'a>>,
    excluded: Vec<Base<'a>>,
}

impl<'a> Constraints<'a> {
    /// Reads the extension, given without its SEQUENCE.
    pub(crate) fn parse(extension: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(extension);
        let permitted = reader.optional(constructed(0))?.unwrap_or_default();
        let excluded = reader.optional(constructed(1))?.unwrap_or_default();
        reader.finish()?;
        Ok(Self {
            permitted: subtrees(permitted)?,
            excluded: subtrees(excluded)?,
        })
    }

    /// Whether the CA may vouch for `host`.
    pub(crate) fn permit(&self, host: &Host) -> bool {
        let mut binding = self
            .permitted
            .iter()
            .filter(|base| base.binds(host))
            .peekable();
        let is_permitted = binding.peek().is_none() || binding.any(|base| base.holds(host));
        is_permitted && !self.excluded.iter().any(|base| base.holds(host))
    }
}

fn subtrees(list: &[u8]) -> Result<Vec<Base<'_>>, Fault> {
    let mut list = Reader::new(list);
    let mut bases = Vec::new();
    while !list.is_finished() {
        // Minimum and maximum are not used by RFC 5280, so the base stands alone.
        let mut subtree = list.open(SEQUENCE)?;
        let (tag, base) = subtree.read()?;
        subtree.finish()?;
        bases.extend(Base::parse(tag, base)?);
    }
    Ok(bases)
}

/// What a subtree holds.
#[derive(Debug)]
enum Base<'a> {
    /// The domain with these labels and all below it, or only those below it.
    Domain { labels: &'a [u8], below_only: bool },
    /// The addresses that are those of the network where the mask has its bits.
    Network { network: &'a [u8], mask: &'a [u8] },
    /// Every domain.
    Root,
}

impl<'a> Base<'a> {
    /// Reads a base, if it is of a form that says something about hosts.
    fn parse(tag: Tag, base: &'a [u8]) -> Result<Option<Self>, Fault> {
        match tag {
            DNS_NAME if base.is_empty() => Ok(Some(Self::Root)),
            DNS_NAME => {
                let (labels, below_only) = match base.strip_prefix(b".") {
                    Some(labels) => (labels, true),
                    None => (base, false),
                };
                if !is_dotted_labels(labels) {
                    return Err(Fault::Malformed);
                }
                Ok(Some(Self::Domain { labels, below_only }))
            }
            IP_ADDRESS if matches!(base.len(), 8 | 32) => {
                let (network, mask) = base.split_at(base.len() / 2);
                Ok(Some(Self::Network { network, mask }))
            }
            IP_ADDRESS => Err(Fault::Malformed),
            _other_form => Ok(None),
        }
    }

    /// Whether a CA with such a permitted subtree may vouch for `host` only if one holds it.
    fn binds(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Domain { .. } | Self::Root, Host::Domain(_) | Host::Ip(_))
            | (Self::Network { .. }, Host::Ip(_)) => true,
            (Self::Network { .. }, Host::Domain(_)) => false,
        }
    }

    fn holds(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Root, Host::Domain(_)) => true,
            (Self::Domain { labels, below_only }, Host::Domain(domain)) => {
                lies_in(domain, labels, *below_only)
            }
            (Self::Network { network, mask }, Host::Ip(address)) => {
                contains(network, mask, *address)
            }
            (Self::Root | Self::Domain { .. }, Host::Ip(_))
            | (Self::Network { .. }, Host::Domain(_)) => false,
        }
    }
}

fn contains(network: &[u8], mask: &[u8], address: IpAddr) -> bool {
    let (v4, v6);
    let octets: &[u8] = match address {
        IpAddr::V4(address) => {
            v4 = address.octets();
            &v4
        }
        IpAddr::V6(address) => {
            v6 = address.octets();
            &v6
        }
    };
    let mut bits = network.iter().zip(mask).zip(octets);
    octets.len() == network.len()
        && bits.all(|((network, mask), octet)| (network ^ octet) & mask == 0)
}

/// Whether `domain` is `base` with zero or more labels in front, or with at least one.
///
/// That a base with a dot in front wants one is a common extension of RFC 5280 that webpki reads
/// the same way.
fn lies_in(domain: &DomainName, base: &[u8], below_only: bool) -> bool {
    let domain = domain.as_str().as_bytes();
    let front = domain.len().checked_sub(base.len());
    let Some((front, back)) = front.and_then(|front| domain.split_at_checked(front)) else {
        return false;
    };
    let at_label = front.ends_with(b".") || (front.is_empty() && !below_only);
    at_label && back.eq_ignore_ascii_case(base)
}

const DNS_NAME: Tag = primitive(2);
const IP_ADDRESS: Tag = primitive(7);

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn permit(constraints: &[u8], host: &Host) -> Result<bool, Fault> {
        Constraints::parse(constraints).map(|constraints| constraints.permit(host))
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
            (&[&dns("")], &[], "192.0.2.7", false),
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
