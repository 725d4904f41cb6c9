//! What is asked about a certificate.

use comity_identity::{DomainName, Host};
use comity_trust::{
    CommonName, Forms, PeerSubject, Policy, Provenance, Reference, Role, Service, TargetPolicy,
};

use super::model::Wanted;

/// A reference and the rules that go with it, chosen by two bytes.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) reference: Reference,
    pub(crate) wanted: Wanted,
    pub(crate) role: Role,
    pub(crate) has_common_name: bool,
    targets: TargetPolicy,
    common_name: CommonName,
}

impl Question {
    /// The first byte is the mode, of which the highest bits are for this.
    pub(crate) fn new(mode: u8, byte: u8) -> Self {
        let common_name = match byte >> 5 & 3 {
            0 => CommonName::Off,
            1 => CommonName::Rfc5922,
            2 => CommonName::Rfc6125,
            _ => CommonName::Always,
        };
        let targets = match mode >> 6 {
            0 => TargetPolicy::Never,
            1 => TargetPolicy::Secure,
            _ => TargetPolicy::SecureOrInDomain,
        };
        let (reference, rules) = reference(byte & 0xF);
        let subjects = reference.subjects().cloned().zip(rules);
        let subjects = subjects.map(|(host, rule)| (host, rule.unwrap_or(common_name)));
        let subjects = subjects.collect();
        let target = TARGETS.into_iter().find(|(kind, ..)| *kind == byte & 0xF);
        let (reference, target) = match target {
            Some((_, host, provenance)) => {
                let is_secure = provenance == Provenance::Secure;
                let counts = match targets {
                    TargetPolicy::Never => false,
                    TargetPolicy::Secure => is_secure,
                    _ => is_secure || format!(".{host}").ends_with(".b.example"),
                };
                let reference = reference.or_target(domain(host), provenance);
                (reference, counts.then(|| domain(host)))
            }
            None => (reference, None),
        };
        Self {
            wanted: Wanted {
                subjects,
                forms: reference.forms(),
                target,
                common_name,
            },
            reference,
            role: if byte & 0x10 == 0 {
                Role::Server
            } else {
                Role::Client
            },
            has_common_name: byte & 0x80 != 0,
            targets,
            common_name,
        }
    }

    /// Gives a policy the rules.
    pub(crate) fn govern(&self, policy: &mut Policy) {
        policy.common_name = self.common_name;
        policy.targets = self.targets;
    }
}

/// One of the references, with the rules for common names of its subjects.
fn reference(kind: u8) -> (Reference, Vec<Option<CommonName>>) {
    let (server, client) = (Service::XmppServer, Service::XmppClient);
    let one = |reference| (reference, vec![None]);
    match kind {
        0 | 8 => one(Reference::service(domain("b.example"), server)),
        1 => one(Reference::dns(domain("b.example"))),
        2 | 7 => one(Reference::sip(domain("b.example"))),
        3 => one(Reference::service(domain("b.example"), client)),
        4 => one(Reference::host(host("192.0.2.1"))),
        5 => peers(&[
            ("b.example", None),
            ("192.0.2.1", None),
            ("x.partner.example", None),
        ]),
        6 => peers(&[
            ("b.example", Some(CommonName::Always)),
            ("2001:db8::1", Some(CommonName::Rfc6125)),
            ("x.partner.example", Some(CommonName::Off)),
        ]),
        9 => one(Reference::service(domain("b\u{fc}cher.example"), server)),
        10 => one(Reference::dns(domain("a.b.example"))),
        11 => one(Reference::sip(domain("x.partner.example"))),
        12 => (Reference::anyone(Forms::Host), Vec::new()),
        13 => (Reference::anyone(Forms::PeerSubject), Vec::new()),
        14 => (Reference::anyone(Forms::Sip), Vec::new()),
        _ => (Reference::anyone(Forms::Xmpp(server)), Vec::new()),
    }
}

fn peers(peers: &[(&str, Option<CommonName>)]) -> (Reference, Vec<Option<CommonName>>) {
    let reference = Reference::peers(peers.iter().map(|(name, rule)| match rule {
        Some(rule) => PeerSubject::with_common_name(host(name), *rule),
        None => PeerSubject::new(host(name)),
    }));
    (reference, peers.iter().map(|(_, rule)| *rule).collect())
}

fn host(text: &str) -> Host {
    text.parse().expect("a host")
}

fn domain(text: &str) -> DomainName {
    text.parse().expect("a domain name")
}

/// Hosts that DNS named for `b.example`, for some of the references.
const TARGETS: [(u8, &str, Provenance); 3] = [
    (3, "xb.example", Provenance::Insecure),
    (7, "edge.b.example", Provenance::Insecure),
    (8, "x.partner.example", Provenance::Secure),
];
