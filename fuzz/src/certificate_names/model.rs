//! Whom the names of a certificate prove, read plainly.

use std::collections::BTreeSet;
use std::net::IpAddr;

use comity_identity::{DomainName, Host};
use comity_testkit::mint::tlv;
use comity_trust::{CommonName, Forms, Service};

use crate::program::Program;

/// What a certificate names, as it was written.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) alternatives: Vec<(Form, Vec<u8>)>,
    pub(crate) common_name: Option<Vec<u8>>,
}

/// The form of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Dns,
    Ip,
    Srv,
    Uri,
    Xmpp,
    /// One that is legal and of no use.
    Other,
    /// An SRVName in a string type that it does not have.
    SrvInUtf8,
}

/// Who is to be proved.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Nobody in particular if there is nobody; each with its own rule for common names.
    pub(crate) subjects: Vec<(Host, CommonName)>,
    pub(crate) forms: Forms,
    /// A host that counts for the first of them.
    pub(crate) target: Option<DomainName>,
    /// The rule for common names where nobody in particular is wanted.
    pub(crate) common_name: CommonName,
}

impl Names {
    pub(crate) fn read(program: &mut Program<'_>, has_common_name: bool) -> Self {
        let common_name = has_common_name.then(|| program.bytes().to_vec());
        let mut alternatives = Vec::new();
        while !program.is_over() && alternatives.len() < MAX_NAMES {
            let form = match program.byte() % 8 {
                0 | 1 => Form::Dns,
                2 => Form::Srv,
                3 => Form::Xmpp,
                4 => Form::Uri,
                5 => Form::Ip,
                6 => Form::Other,
                _ => Form::SrvInUtf8,
            };
            alternatives.push((form, program.bytes().to_vec()));
        }
        Self {
            alternatives,
            common_name,
        }
    }

    /// The DER of the GeneralNames, without their SEQUENCE.
    pub(crate) fn der(&self) -> Vec<u8> {
        let other_name = |last: u8, tag: u8, text: &[u8]| {
            let id = tlv(6, &[0x2B, 6, 1, 5, 5, 7, 8, last]);
            tlv(0xA0, &[id, tlv(0xA0, &tlv(tag, text))].concat())
        };
        let names = self.alternatives.iter().map(|(form, bytes)| match form {
            Form::Dns => tlv(0x82, bytes),
            Form::Ip => tlv(0x87, bytes),
            Form::Srv => other_name(7, IA5_STRING, bytes),
            Form::Uri => tlv(0x86, bytes),
            Form::Xmpp => other_name(5, UTF8_STRING, bytes),
            Form::Other => tlv(0x81, bytes),
            Form::SrvInUtf8 => other_name(7, UTF8_STRING, bytes),
        });
        names.flatten().collect()
    }

    /// Whether every name has a legal form.
    pub(crate) fn are_legal(&self) -> bool {
        let mut addresses = self.of(Form::Ip);
        addresses.all(|octets| matches!(octets.len(), 4 | 16))
    }

    /// Who is proved of those who are wanted.
    pub(crate) fn proved(&self, wanted: &Wanted) -> BTreeSet<Host> {
        let Wanted {
            subjects,
            forms,
            target,
            common_name,
        } = wanted;
        if !self.are_legal() {
            return BTreeSet::new();
        }
        if subjects.is_empty() {
            return self.everybody(*forms, *common_name);
        }
        let mut proved = BTreeSet::new();
        for (host, common_name) in subjects {
            if self.prove(host, *forms, *common_name) {
                proved.insert(host.clone());
            }
        }
        let by_target = target.as_ref().is_some_and(|target| {
            let names = self.of(Form::Dns);
            let mut names = names.map(|name| (lower(name), may_be_wildcard(*forms)));
            self.dns_counts(*forms) && names.any(|(name, wild)| is_dns_id(&name, wild, target))
        });
        proved.extend(by_target.then(|| subjects[0].0.clone()));
        proved
    }

    /// Whether the names stand for one host.
    fn prove(&self, host: &Host, forms: Forms, common_name: CommonName) -> bool {
        let by_common_name = self.common_name.as_deref().is_some_and(|name| {
            self.common_name_counts(forms, common_name)
                && is_printed(name)
                && is_text_of(name, host)
        });
        by_common_name
            || match host {
                Host::Ip(address) => self.addresses(forms).any(|own| own == *address),
                Host::Domain(domain) => self.names_domain(domain, forms),
            }
    }

    fn names_domain(&self, domain: &DomainName, forms: Forms) -> bool {
        let wild = may_be_wildcard(forms);
        let mut dns = self.of(Form::Dns).map(lower);
        let by_dns = self.dns_counts(forms) && dns.any(|name| is_dns_id(&name, wild, domain));
        let by_uri = self.uris(forms).any(|host| host == domain.as_str());
        let by_service = match forms {
            Forms::Xmpp(service) => {
                let srv = format!("{}.{domain}", label(service));
                self.of(Form::Srv).map(lower).any(|name| name == srv)
                    || self.addresses_of_xmpp().any(|own| own == *domain)
            }
            _ => false,
        };
        by_dns || by_uri || by_service
    }

    /// Everybody whom the names spell out.
    pub(crate) fn everybody(&self, forms: Forms, common_name: CommonName) -> BTreeSet<Host> {
        let mut domains = Vec::new();
        if self.dns_counts(forms) {
            domains.extend(self.of(Form::Dns).filter_map(spelled));
        }
        domains.extend(self.uris(forms).filter_map(|host| spelled(host.as_bytes())));
        if let Forms::Xmpp(service) = forms {
            let prefix = format!("{}.", label(service));
            let names = self.of(Form::Srv).map(lower);
            domains
                .extend(names.filter_map(|name| spelled(name.strip_prefix(&prefix)?.as_bytes())));
            domains.extend(self.addresses_of_xmpp());
        }
        let addresses = self.addresses(forms).map(Host::Ip);
        let named = self.common_name.as_deref().and_then(|name| {
            let text = str::from_utf8(name).ok()?;
            let address = text.parse().map(Host::Ip).ok();
            let host = address.or_else(|| spelled(name).map(Host::Domain));
            host.filter(|_| self.common_name_counts(forms, common_name))
        });
        let domains = domains.into_iter().map(Host::Domain);
        domains.chain(addresses).chain(named).collect()
    }

    fn of(&self, form: Form) -> impl Iterator<Item = &[u8]> {
        let names = self.alternatives.iter();
        let names = names.filter(move |(own, _)| *own == form);
        names.map(|(_, bytes)| bytes.as_slice())
    }

    /// A `sip` URI makes DNS-IDs count for nothing in SIP.
    fn dns_counts(&self, forms: Forms) -> bool {
        forms != Forms::Sip || self.of(Form::Uri).all(|uri| sip_host(uri).is_none())
    }

    /// The hosts of URIs that count.
    fn uris(&self, forms: Forms) -> impl Iterator<Item = String> {
        let count = matches!(forms, Forms::Sip | Forms::PeerSubject);
        let uris = self.of(Form::Uri).filter(move |_| count);
        uris.filter_map(sip_host)
    }

    fn addresses(&self, forms: Forms) -> impl Iterator<Item = IpAddr> {
        let count = matches!(forms, Forms::Host | Forms::PeerSubject);
        let octets = self.of(Form::Ip).filter(move |_| count);
        octets.filter_map(|octets| match octets.len() {
            4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        })
    }

    /// An XmppAddr is a domain, in A-labels or in U-labels as they are, without a dot at the end.
    fn addresses_of_xmpp(&self) -> impl Iterator<Item = DomainName> {
        self.of(Form::Xmpp).filter_map(|name| {
            if name.is_ascii() {
                return spelled(name);
            }
            let text = str::from_utf8(name).ok()?;
            let domain = DomainName::parse(text).ok()?;
            (domain.to_unicode() == text.to_lowercase()).then_some(domain)
        })
    }

    fn common_name_counts(&self, forms: Forms, rule: CommonName) -> bool {
        match rule {
            CommonName::Always => true,
            CommonName::Rfc5922 => self.alternatives.is_empty(),
            CommonName::Rfc6125 if forms == Forms::Sip => self.alternatives.is_empty(),
            CommonName::Rfc6125 => {
                let mut forms = self.alternatives.iter().map(|(form, _)| *form);
                forms.all(|form| matches!(form, Form::Ip | Form::Other | Form::SrvInUtf8))
            }
            _ => false,
        }
    }
}

fn may_be_wildcard(forms: Forms) -> bool {
    matches!(forms, Forms::Host | Forms::Xmpp(_))
}

fn label(service: Service) -> &'static str {
    match service {
        Service::XmppClient => "_xmpp-client",
        _ => "_xmpp-server",
    }
}

/// Whether a dNSName is the domain, or where that is allowed a wildcard for its first label.
fn is_dns_id(name: &str, may_be_wildcard: bool, domain: &DomainName) -> bool {
    let labels: Vec<_> = name.split('.').collect();
    let wanted: Vec<_> = domain.as_str().split('.').collect();
    let is_wildcard = may_be_wildcard && labels.len() > 2 && labels[0] == "*";
    labels == wanted || (is_wildcard && wanted.len() > 2 && labels[1..] == wanted[1..])
}

/// The host of a `sip` URI without a user.
fn sip_host(uri: &[u8]) -> Option<String> {
    let text = lower(uri);
    let rest = text.strip_prefix("sip:")?;
    let host = rest.split([':', ';', '?']).next()?;
    let is_uri = uri.iter().all(u8::is_ascii_graphic);
    (is_uri && !rest.contains('@') && !host.is_empty()).then(|| host.to_owned())
}

fn is_text_of(name: &[u8], host: &Host) -> bool {
    match host {
        Host::Domain(domain) => lower(name) == domain.as_str(),
        Host::Ip(address) => str::from_utf8(name).is_ok_and(|name| name.parse() == Ok(*address)),
    }
}

fn is_printed(text: &[u8]) -> bool {
    text.len() <= MAX_SHOWN && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The domain that the bytes spell in A-labels.
fn spelled(bytes: &[u8]) -> Option<DomainName> {
    let text = str::from_utf8(bytes).ok().filter(|text| text.is_ascii())?;
    let domain = DomainName::parse(text).ok()?;
    (lower(bytes) == domain.as_str()).then_some(domain)
}

/// The bytes as characters, one each, in lower case.
fn lower(bytes: &[u8]) -> String {
    let bytes = bytes.iter().map(u8::to_ascii_lowercase);
    bytes.map(char::from).collect()
}

const MAX_NAMES: usize = 12;
/// A name that is longer is not shown, and what is not shown proves nobody.
const MAX_SHOWN: usize = 253 + 64;

const UTF8_STRING: u8 = 0x0C;
const IA5_STRING: u8 = 0x16;
