//! Which names of a certificate stand for whom.

use std::collections::BTreeSet;

use comity_identity::{DomainName, Host};

use crate::identifier::{Identifier, Name, NameList, ip, sip_domain, xmpp_domain};
use crate::names::Names;
use crate::policy::{CommonName, Policy};
use crate::reason::{Mismatch, NearMiss};
use crate::reference::{Forms, PeerSubject, Reference, Service, Subjects};

/// A name of the certificate that stands for a subject of the reference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Match {
    /// Who is proved.
    pub(crate) subject: Host,
    /// Whom the name names: the subject, or a target of it. Name constraints bind this one.
    pub(crate) named: Host,
    pub(crate) identifier: Identifier,
}

/// The names that match, in the order of the certificate, at most one for each named host of a
/// subject.
pub(crate) fn matches(names: &Names<'_>, reference: &Reference, policy: &Policy) -> Vec<Match> {
    let view = View::new(names, reference.forms);
    match &reference.subjects {
        Subjects::Anyone => view.everyone(policy.common_name),
        Subjects::These(peers) => view.among(peers, reference, policy),
    }
}

/// Whomever the names spell out in some forms, each once.
pub(crate) fn everyone(names: &Names<'_>, forms: Forms, common_name: CommonName) -> Vec<Match> {
    View::new(names, forms).everyone(common_name)
}

/// Whether the names stand for a domain in some forms; the common name does not.
pub(crate) fn names(names: &Names<'_>, forms: Forms, domain: &DomainName) -> bool {
    let view = View::new(names, forms);
    names.list.iter().any(|name| {
        !matches!(name, Name::Subject(_))
            && view
                .meaning(*name)
                .is_some_and(|meaning| meaning.is_domain(domain))
    })
}

/// Why nothing matches: what the certificate names, what was wanted, and what came near.
pub(crate) fn mismatch(names: &Names<'_>, reference: &Reference) -> Mismatch {
    let alternatives: Vec<_> = names
        .list
        .iter()
        .copied()
        .filter(|name| !matches!(name, Name::Subject(_)))
        .collect();
    let view = View::new(names, reference.forms);
    Mismatch {
        reference: match reference.subjects {
            Subjects::Anyone => None,
            Subjects::These(_) => Some(reference.to_string().into()),
        },
        presented: NameList::presented(&alternatives),
        expected: NameList::of(
            reference
                .subjects()
                .flat_map(|host| reference.forms.expected(host)),
        ),
        near: view.near_miss(reference),
    }
}

/// The names of a certificate as some forms see them.
struct View<'n, 'a> {
    names: &'n Names<'a>,
    forms: Forms,
    /// Whether a name is the identity of a SIP domain by its URI, before which DNS-IDs do not
    /// count (RFC 5922 §7.1).
    has_sip_uri: bool,
}

impl<'n, 'a> View<'n, 'a> {
    fn new(names: &'n Names<'a>, forms: Forms) -> Self {
        let has_sip_uri = match forms {
            Forms::Sip => names.list.iter().any(|name| sip_domain(*name).is_some()),
            Forms::Host | Forms::PeerSubject | Forms::Xmpp(_) => false,
        };
        Self {
            names,
            forms,
            has_sip_uri,
        }
    }

    fn among(&self, peers: &[PeerSubject], reference: &Reference, policy: &Policy) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        for name in &self.names.list {
            let meaning = self.meaning(*name);
            let own = meaning.iter().flat_map(|meaning| {
                peers.iter().filter_map(move |peer| {
                    let common_name = peer.common_name.unwrap_or(policy.common_name);
                    let counts = meaning.is(&peer.host) && self.counts(*name, common_name);
                    counts.then_some((&peer.host, None))
                })
            });
            let first = peers.first().map(|peer| &peer.host);
            let meaning = self.meaning_for_target(*name);
            let targets = meaning.iter().flat_map(|meaning| {
                reference.targets.iter().filter_map(move |target| {
                    let subject = first.filter(|_| meaning.is_domain(&target.host))?;
                    let allowed = policy.targets.allow(subject, target);
                    allowed.then_some((subject, Some(&target.host)))
                })
            });
            for (subject, target) in own.chain(targets) {
                let named = target.map_or_else(|| subject.clone(), |host| host.clone().into());
                let known = found
                    .iter()
                    .any(|other| other.subject == *subject && other.named == named);
                if let Some(identifier) = name.identifier().filter(|_| !known) {
                    found.push(Match {
                        subject: subject.clone(),
                        named,
                        identifier,
                    });
                }
            }
        }
        found
    }

    fn everyone(&self, common_name: CommonName) -> Vec<Match> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for name in &self.names.list {
            let host = self
                .meaning(*name)
                .filter(|_| self.counts(*name, common_name))
                .and_then(|meaning| meaning.host());
            if let Some((host, identifier)) = host.zip(name.identifier())
                && seen.insert(host.clone())
            {
                found.push(Match {
                    subject: host.clone(),
                    named: host,
                    identifier,
                });
            }
        }
        found
    }

    /// Whom a name stands for in these forms; a common name only where it counts.
    fn meaning(&self, name: Name<'a>) -> Option<Meaning<'a>> {
        match (self.forms, name) {
            (Forms::Host | Forms::Xmpp(_), Name::Dns(bytes)) => Some(dns_id(bytes)),
            (Forms::PeerSubject, Name::Dns(bytes)) => Some(Meaning::Domain(bytes)),
            (Forms::Sip, Name::Dns(bytes)) => (!self.has_sip_uri).then_some(Meaning::Domain(bytes)),
            (Forms::Host | Forms::PeerSubject, Name::Ip(octets)) => Some(Meaning::Address(octets)),
            (Forms::Xmpp(service), Name::Srv(bytes)) => {
                srv_domain(bytes, service).map(Meaning::Domain)
            }
            (Forms::Xmpp(_), Name::Xmpp(bytes)) => xmpp_meaning(bytes),
            (Forms::Sip | Forms::PeerSubject, Name::Uri(_)) => {
                sip_domain(name).map(Meaning::Domain)
            }
            (_, Name::Subject(bytes)) => Some(Meaning::CommonName(bytes)),
            (Forms::Host | Forms::PeerSubject | Forms::Sip, Name::Srv(_) | Name::Xmpp(_))
            | (Forms::Sip | Forms::Xmpp(_), Name::Ip(_))
            | (Forms::Host | Forms::Xmpp(_), Name::Uri(_)) => None,
        }
    }

    /// Whom a name stands for where a target is meant: DNS-IDs alone.
    fn meaning_for_target(&self, name: Name<'a>) -> Option<Meaning<'a>> {
        match (self.forms, name) {
            (Forms::Sip, Name::Dns(bytes)) => (!self.has_sip_uri).then_some(Meaning::Domain(bytes)),
            (Forms::PeerSubject, Name::Dns(bytes)) => Some(Meaning::Domain(bytes)),
            (Forms::Host | Forms::Xmpp(_), Name::Dns(bytes)) => Some(dns_id(bytes)),
            (_, Name::Subject(_) | Name::Ip(_) | Name::Srv(_) | Name::Uri(_) | Name::Xmpp(_)) => {
                None
            }
        }
    }

    /// Whether a name counts under a policy about common names.
    fn counts(&self, name: Name<'_>, policy: CommonName) -> bool {
        if !matches!(name, Name::Subject(_)) {
            return true;
        }
        match (policy, self.forms) {
            (CommonName::Off, _) => false,
            // RFC 5922 §7.1 knows no other rule for SIP domains.
            (CommonName::Rfc5922, _) | (CommonName::Rfc6125, Forms::Sip) => {
                !self.names.has_alternatives
            }
            (CommonName::Rfc6125, Forms::Host | Forms::PeerSubject | Forms::Xmpp(_)) => !self
                .names
                .list
                .iter()
                .any(|name| !matches!(name, Name::Subject(_) | Name::Ip(_))),
            (CommonName::Always, _) => true,
        }
    }

    /// The first name that stands for one of the first subjects elsewhere, or by a rule that does
    /// not hold.
    ///
    /// Each name is read once, as that of an XmppAddr is much work.
    fn near_miss(&self, reference: &Reference) -> Option<NearMiss> {
        let meanings: Vec<_> = self
            .names
            .list
            .iter()
            .filter_map(|name| Some((*name, self.meaning_elsewhere(*name)?)))
            .collect();
        reference
            .subjects()
            .take(MAX_EXPLAINED_SUBJECTS)
            .find_map(|host| {
                meanings
                    .iter()
                    .find_map(|(name, meaning)| self.missed_by(*name, meaning, host))
            })
    }

    /// Whom a name would stand for in the forms that suit it best.
    fn meaning_elsewhere(&self, name: Name<'a>) -> Option<Meaning<'a>> {
        match (name, self.forms) {
            (Name::Subject(bytes), _) => Some(Meaning::CommonName(bytes)),
            (Name::Dns(bytes), _) => Some(dns_id(bytes)),
            (Name::Srv(bytes), _) => {
                split_srv(bytes).map(|(_service, domain)| Meaning::Domain(domain))
            }
            (Name::Uri(_), _) => sip_domain(name).map(Meaning::Domain),
            // Had it stood for anybody it would have matched.
            (Name::Xmpp(_), Forms::Xmpp(_)) => None,
            (Name::Xmpp(bytes), Forms::Host | Forms::PeerSubject | Forms::Sip) => {
                xmpp_meaning(bytes)
            }
            (Name::Ip(octets), _) => Some(Meaning::Address(octets)),
        }
    }

    fn missed_by(&self, name: Name<'_>, meaning: &Meaning<'_>, host: &Host) -> Option<NearMiss> {
        if let (Name::Dns(bytes), Host::Ip(address)) = (name, host) {
            let is_text = bytes == address.to_string().as_bytes();
            return is_text.then_some(NearMiss::AddressAsText);
        }
        if !meaning.is(host) {
            return None;
        }
        match (name, meaning, self.forms) {
            (Name::Subject(_), _, _) => Some(NearMiss::CommonName),
            (Name::Dns(_), Meaning::Wildcard(_), _) => Some(NearMiss::Wildcard),
            (Name::Dns(_), _, _) => self.has_sip_uri.then_some(NearMiss::SipUriFirst),
            (Name::Srv(_), _, Forms::Xmpp(_)) => Some(NearMiss::OtherService),
            (Name::Ip(_) | Name::Srv(_) | Name::Uri(_) | Name::Xmpp(_), _, _) => {
                Some(NearMiss::OtherForm)
            }
        }
    }
}

/// Whom a name stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Meaning<'a> {
    /// The address with these octets.
    Address(&'a [u8]),
    /// The domain or address with this text.
    CommonName(&'a [u8]),
    /// The domain that this is, in any case.
    Domain(&'a [u8]),
    /// The domain that text with U-labels is.
    International(DomainName),
    /// Whatever has one label more than this.
    Wildcard(&'a [u8]),
}

impl Meaning<'_> {
    fn is(&self, host: &Host) -> bool {
        match (self, host) {
            (_, Host::Domain(domain)) => self.is_domain(domain),
            (Self::Address(octets), Host::Ip(address)) => ip(octets) == Some(*address),
            (Self::CommonName(text), Host::Ip(address)) => {
                let text = str::from_utf8(text).ok();
                text.and_then(|text| text.parse().ok()) == Some(*address)
            }
            (Self::Domain(_) | Self::International(_) | Self::Wildcard(_), Host::Ip(_)) => false,
        }
    }

    /// Compares by RFC 9525 §6.3: case does not matter, and a wildcard is the complete left-most
    /// label of the presented name and stands for one label.
    ///
    /// A wildcard right below the root, as in `*.com`, matches nothing, as in webpki. A presented
    /// name that is no domain name, by a NUL byte for instance, equals no [`DomainName`].
    fn is_domain(&self, domain: &DomainName) -> bool {
        let text = domain.as_str();
        match self {
            Self::Address(_) => false,
            Self::CommonName(bytes) | Self::Domain(bytes) => {
                bytes.eq_ignore_ascii_case(text.as_bytes())
            }
            Self::International(own) => own == domain,
            Self::Wildcard(above) => {
                above.contains(&b'.')
                    && text
                        .split_once('.')
                        .is_some_and(|(_, parent)| above.eq_ignore_ascii_case(parent.as_bytes()))
            }
        }
    }

    /// The host, if it is one and no more.
    fn host(&self) -> Option<Host> {
        match self {
            Self::Address(octets) => ip(octets).map(Host::Ip),
            Self::CommonName(bytes) => match ascii(bytes)?.parse() {
                Ok(address) => Some(Host::Ip(address)),
                Err(_no_address) => domain(bytes).map(Host::Domain),
            },
            Self::Domain(bytes) => domain(bytes).map(Host::Domain),
            Self::International(domain) => Some(domain.clone().into()),
            Self::Wildcard(_) => None,
        }
    }
}

fn dns_id(bytes: &[u8]) -> Meaning<'_> {
    match bytes.strip_prefix(b"*.") {
        Some(above) => Meaning::Wildcard(above),
        None => Meaning::Domain(bytes),
    }
}

/// The domain of an SRVName for `service` (RFC 4985 §2 and §3): `_Service.Name`, each part as a
/// whole, case does not matter, no wildcard.
fn srv_domain(bytes: &[u8], service: Service) -> Option<&[u8]> {
    let (label, domain) = split_srv(bytes)?;
    label
        .eq_ignore_ascii_case(service.label().as_bytes())
        .then_some(domain)
}

/// Splits an SRVName at the first dot.
fn split_srv(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().position(|&byte| byte == b'.')?;
    let (label, rest) = bytes.split_at_checked(dot)?;
    rest.strip_prefix(b".").map(|domain| (label, domain))
}

/// What an XmppAddr stands for. In ASCII it need not be parsed: it equals a domain or does not.
fn xmpp_meaning(bytes: &[u8]) -> Option<Meaning<'_>> {
    if bytes.is_ascii() {
        return Some(Meaning::Domain(bytes));
    }
    xmpp_domain(bytes).map(Meaning::International)
}

/// The domain that the bytes spell in A-labels, without a trailing dot.
fn domain(bytes: &[u8]) -> Option<DomainName> {
    let domain = DomainName::parse(ascii(bytes)?).ok()?;
    let whole = bytes.eq_ignore_ascii_case(domain.as_str().as_bytes());
    whole.then_some(domain)
}

/// To how many subjects a refusal looks for a name that came near.
const MAX_EXPLAINED_SUBJECTS: usize = 16;

fn ascii(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

#[cfg(test)]
mod tests;
