use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use comity_identity::DomainName;
use foldhash::fast::RandomState;

use crate::DomainPattern;
use crate::table::Table;

/// Whose connections are let in: `Allow from all`, `Allow from company.com`,
/// `Allow from 10.10.10.1` or `Allow from 10.0.0.0/8`.
///
/// Letting a connection in proves nothing about it: the certificate of the peer is judged all the
/// same.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the forms that operators know"
)]
pub enum AclPattern {
    /// One address.
    Address(IpAddr),
    /// Everybody.
    All,
    /// A domain or host, and every host below it.
    Name(DomainName),
    /// The addresses of a network.
    Network(Network),
}

impl AclPattern {
    /// Whether the pattern is about addresses, about names or about both.
    fn covers_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Address(own) => *own == address,
            Self::All => true,
            Self::Name(_) => false,
            Self::Network(network) => network.contains(address),
        }
    }

    /// Whether it covers a peer with this address and, as far as it is known, this name.
    #[must_use]
    pub fn covers(&self, address: IpAddr, name: Option<&DomainName>) -> bool {
        let by_name = match (self, name) {
            (Self::Name(own), Some(name)) => name == own || name.is_below(own),
            (Self::Name(_), None) | (Self::Address(_) | Self::All | Self::Network(_), _) => false,
        };
        by_name || self.covers_address(canonical(address))
    }
}

impl FromStr for AclPattern {
    type Err = AclError;

    /// Takes the pattern with or without `Allow from`, in any case.
    fn from_str(text: &str) -> Result<Self, AclError> {
        let text = text.trim();
        let words = text
            .get(..PREFIX.len())
            .filter(|start| start.eq_ignore_ascii_case(PREFIX))
            .and_then(|_| text.get(PREFIX.len()..))
            .filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        let what = words.map_or(text, str::trim_start);
        if what.eq_ignore_ascii_case(ALL) {
            return Ok(Self::All);
        }
        if let Some((address, prefix)) = what.split_once('/') {
            return Network::parse(address, prefix).map(Self::Network);
        }
        match what.parse::<IpAddr>() {
            Ok(address) => Ok(Self::Address(canonical(address))),
            Err(_no_address) => DomainName::parse(what)
                .map(Self::Name)
                .map_err(AclError::Name),
        }
    }
}

impl fmt::Display for AclPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allow from ")?;
        match self {
            Self::Address(address) => address.fmt(f),
            Self::All => f.write_str(ALL),
            // The name `all` is not the word.
            Self::Name(name) if name.as_str() == ALL => write!(f, "{name}."),
            Self::Name(name) => name.fmt(f),
            Self::Network(network) => network.fmt(f),
        }
    }
}

/// A network of addresses, `192.0.2.0/24` (RFC 4632 §3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of the first `prefix` bits of `address`.
    ///
    /// # Errors
    ///
    /// An address of the kind has fewer bits, or bits behind the prefix are set.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, AclError> {
        // The IPv4 addresses within IPv6 are those of IPv4.
        let (address, prefix) = match (canonical(address), prefix.checked_sub(96)) {
            (short @ IpAddr::V4(_), Some(prefix)) if address.is_ipv6() => (short, prefix),
            _as_it_is => (address, prefix),
        };
        if prefix > bits(address) {
            return Err(AclError::PrefixTooLong);
        }
        if mask(address, prefix) != address {
            return Err(AclError::HostBits);
        }
        Ok(Self { address, prefix })
    }

    fn parse(address: &str, prefix: &str) -> Result<Self, AclError> {
        let address = address.parse().map_err(|_parse| AclError::NoNetwork)?;
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| plain);
        Self::new(address, prefix.ok_or(AclError::NoNetwork)?)
    }

    /// Whether the address lies in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && mask(address, self.prefix) == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is not an [`AclPattern`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AclError {
    /// Bits behind the prefix of a network are set: the network is another one, or one host is
    /// meant.
    #[error("the network has bits behind its prefix")]
    HostBits,
    /// It is neither `all` nor an address nor a domain name.
    #[error(transparent)]
    Name(comity_identity::ParseError),
    /// A slash stands in it, but not between an address and the length of a prefix.
    #[error("a network is written as address/bits, as in 192.0.2.0/24")]
    NoNetwork,
    /// The prefix has more bits than an address.
    #[error("the prefix has more bits than an address")]
    PrefixTooLong,
}

/// An entry of the incoming access list, and whose it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct AclEntry {
    /// Whom it lets in.
    pub pattern: AclPattern,
    /// Who made it.
    pub origin: AclOrigin,
}

/// Who made an entry of the access list.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum AclOrigin {
    /// An operator, who may delete it.
    Admin,
    /// The federated domain of that name: the entry goes when the domain does, and not before.
    Auto(DomainName),
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)?;
        match &self.origin {
            AclOrigin::Admin => Ok(()),
            AclOrigin::Auto(domain) => write!(f, " (of the federated domain {domain})"),
        }
    }
}

/// The compiled list: an answer costs the same with ten entries and a million.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acl {
    all: Option<AclEntry>,
    addresses: HashMap<IpAddr, AclOrigin, RandomState>,
    names: Table<AclOrigin>,
    /// The networks by the length of their prefix, longest first.
    networks: BTreeMap<std::cmp::Reverse<u8>, HashSet<Network>>,
}

/// What the list says of a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AclAnswer {
    /// The entry that lets it in.
    Listed(AclEntry),
    /// No entry lets it in, and none could.
    NotListed,
    /// An entry may let it in once its name is known.
    NotYetKnown,
}

impl Acl {
    /// Adds an entry; `false` if its pattern is there already, and then the entry of the operator
    /// stays.
    pub(crate) fn insert(&mut self, entry: AclEntry) -> bool {
        let AclEntry { pattern, origin } = entry;
        match pattern {
            AclPattern::All => {
                let is_new = self.all.is_none();
                let pattern = AclPattern::All;
                self.all.get_or_insert(AclEntry { pattern, origin });
                is_new
            }
            AclPattern::Address(address) => match self.addresses.entry(canonical(address)) {
                std::collections::hash_map::Entry::Occupied(_) => false,
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(origin);
                    true
                }
            },
            AclPattern::Name(name) => self.names.insert(DomainPattern::Tree(name), origin),
            AclPattern::Network(network) => {
                let length = std::cmp::Reverse(network.prefix);
                self.networks.entry(length).or_default().insert(network)
            }
        }
    }

    pub(crate) fn answer(&self, address: IpAddr, name: Option<&DomainName>) -> AclAnswer {
        if let Some(entry) = self
            .by_name(name)
            .or_else(|| self.by_address(canonical(address)))
        {
            return AclAnswer::Listed(entry);
        }
        if name.is_none() && !self.names.is_empty() {
            AclAnswer::NotYetKnown
        } else {
            AclAnswer::NotListed
        }
    }

    pub(crate) fn lets_in_everybody(&self) -> bool {
        self.all.is_some()
    }

    /// A pattern that lets in all whom `pattern` lets in, and more.
    pub(crate) fn wider(&self, pattern: &AclPattern) -> Option<AclPattern> {
        let all = || self.all.as_ref().map(|_| AclPattern::All);
        match pattern {
            AclPattern::All => None,
            AclPattern::Address(address) => {
                let network = self.network(*address, bits(*address));
                network.map(AclPattern::Network).or_else(all)
            }
            AclPattern::Network(network) => {
                let shorter = network.prefix.checked_sub(1);
                let wider = shorter.and_then(|most| self.network(network.address, most));
                wider.map(AclPattern::Network).or_else(all)
            }
            AclPattern::Name(name) => {
                let wider = self.names.wider(&DomainPattern::Tree(name.clone()));
                let wider = wider.map(|(wider, _)| AclPattern::Name(wider.domain().clone()));
                wider.or_else(all)
            }
        }
    }

    /// The smallest network of the address with a prefix of `most` bits at most.
    fn network(&self, address: IpAddr, most: u8) -> Option<Network> {
        self.networks.iter().find_map(|(length, networks)| {
            let prefix = length.0;
            if prefix > most.min(bits(address)) {
                return None;
            }
            let address = mask(address, prefix);
            networks.get(&Network { address, prefix }).copied()
        })
    }

    pub(crate) fn by_name(&self, name: Option<&DomainName>) -> Option<AclEntry> {
        let (pattern, origin) = self.names.most_specific(name?)?;
        Some(AclEntry {
            pattern: AclPattern::Name(pattern.domain().clone()),
            origin: origin.clone(),
        })
    }

    pub(crate) fn by_address(&self, address: IpAddr) -> Option<AclEntry> {
        if let Some(origin) = self.addresses.get(&address) {
            return Some(AclEntry {
                pattern: AclPattern::Address(address),
                origin: origin.clone(),
            });
        }
        match self.network(address, bits(address)) {
            Some(network) => Some(AclEntry {
                pattern: AclPattern::Network(network),
                origin: AclOrigin::Admin,
            }),
            None => self.all.clone(),
        }
    }
}

/// An IPv4 address that a socket of both families tells in its IPv6 form is an IPv4 address.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all bits behind the first `prefix` cleared.
pub(crate) fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let cleared = 32_u32.saturating_sub(u32::from(prefix));
            let bits = u32::MAX.checked_shl(cleared).unwrap_or(0);
            IpAddr::V4((address.to_bits() & bits).into())
        }
        IpAddr::V6(address) => {
            let cleared = 128_u32.saturating_sub(u32::from(prefix));
            let bits = u128::MAX.checked_shl(cleared).unwrap_or(0);
            IpAddr::V6((address.to_bits() & bits).into())
        }
    }
}

const PREFIX: &str = "Allow from";
const ALL: &str = "all";

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> AclPattern {
        text.parse().unwrap()
    }

    fn entry(text: &str) -> AclEntry {
        AclEntry {
            pattern: pattern(text),
            origin: AclOrigin::Admin,
        }
    }

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    #[test]
    fn every_form_is_printed_as_it_is_read() {
        for (text, printed) in [
            ("Allow from all", "Allow from all"),
            ("ALL", "Allow from all"),
            ("allow from Company.com", "Allow from company.com"),
            ("host.company.com", "Allow from host.company.com"),
            ("Allow from 10.10.10.1", "Allow from 10.10.10.1"),
            ("::ffff:10.10.10.1", "Allow from 10.10.10.1"),
            ("2001:DB8::1", "Allow from 2001:db8::1"),
            ("10.0.0.0/8", "Allow from 10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "Allow from 10.0.0.0/8"),
            ("all.", "Allow from all."),
            ("0.0.0.0/0", "Allow from 0.0.0.0/0"),
            ("2001:db8::/32", "Allow from 2001:db8::/32"),
        ] {
            assert_eq!(pattern(text).to_string(), printed);
            assert_eq!(pattern(printed), pattern(text));
        }
    }

    #[test]
    fn each_violated_rule_is_named() {
        use comity_identity::ParseError;
        for (text, error) in [
            ("", AclError::Name(ParseError::Empty)),
            ("Allow from", AclError::Name(ParseError::Empty)),
            ("10.0.0.1/8", AclError::HostBits),
            ("10.0.0.0/33", AclError::PrefixTooLong),
            ("::/129", AclError::PrefixTooLong),
            ("Allow fromall", AclError::Name(ParseError::Character(' '))),
            ("10.0.0.0/+8", AclError::NoNetwork),
            ("10.0.0.0/", AclError::NoNetwork),
            ("company.com/8", AclError::NoNetwork),
            ("*.company.com", AclError::Name(ParseError::Character('*'))),
        ] {
            assert_eq!(text.parse::<AclPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_compiled_list_says_what_its_entries_say() {
        let entries = [
            "10.10.10.1",
            "10.0.0.0/8",
            "10.9.0.0/16",
            "company.com",
            "sub.company.com",
            "2001:db8::/32",
        ]
        .map(entry);
        let mut acl = Acl::default();
        for entry in &entries {
            assert!(acl.insert(entry.clone()));
            assert!(!acl.insert(entry.clone()));
        }
        let told = |answer: AclAnswer| match answer {
            AclAnswer::Listed(entry) => entry.pattern.to_string(),
            AclAnswer::NotListed => "no".to_owned(),
            AclAnswer::NotYetKnown => "perhaps".to_owned(),
        };
        for (address, peer, expected) in [
            ("10.10.10.1", None, "Allow from 10.10.10.1"),
            ("::ffff:10.10.10.1", None, "Allow from 10.10.10.1"),
            ("10.9.1.1", None, "Allow from 10.9.0.0/16"),
            ("10.8.1.1", None, "Allow from 10.0.0.0/8"),
            ("192.0.2.1", None, "perhaps"),
            ("192.0.2.1", Some("other.com"), "no"),
            ("192.0.2.1", Some("badcompany.com"), "no"),
            ("192.0.2.1", Some("company.com"), "Allow from company.com"),
            (
                "192.0.2.1",
                Some("a.b.company.com"),
                "Allow from company.com",
            ),
            (
                "192.0.2.1",
                Some("a.sub.company.com"),
                "Allow from sub.company.com",
            ),
            ("2001:db8:1::1", None, "Allow from 2001:db8::/32"),
            ("2001:db9::1", Some("x.example"), "no"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let peer = peer.map(name);
            let listed = entries
                .iter()
                .any(|entry| entry.pattern.covers(address, peer.as_ref()));
            let answer = acl.answer(address, peer.as_ref());
            assert_eq!(matches!(answer, AclAnswer::Listed(_)), listed);
            assert_eq!(told(answer), expected, "{address} {peer:?}");
        }
    }

    #[test]
    fn everybody_is_let_in_where_the_list_says_so() {
        let mut acl = Acl::default();
        acl.insert(entry("all"));
        let answer = acl.answer([192, 0, 2, 1].into(), None);
        assert_eq!(answer, AclAnswer::Listed(entry("all")));
    }
}
