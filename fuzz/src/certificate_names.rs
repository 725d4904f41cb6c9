mod anchors;
mod constraints;
mod model;
mod question;
mod seeds;
mod world;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use comity_identity::Host;
use comity_testkit::mint::{self, Leaf, Name};
use comity_trust::{
    Aspect, Basis, CertificateDer, CommonName, Forms, Identifier, Inventory, Limits, Policy,
    Reason, RevocationLists, Servers, Service, Status, TrustStore, UnixTime, Verdict, evaluate,
    presented_names, public_key,
};

use crate::program::Program;
use crate::wire::trace;
use model::Names;
use question::Question;
pub use seeds::seed_chains;
pub(crate) use world::world;

/// Judges certificates that a peer may present, where one CA is believed.
///
/// The first byte chooses what the rest is, and the second what is asked. Only what the CA signed is
/// trusted, and what a certificate proves is what a plain reading of its names finds in it. A CA
/// that is constrained to a domain proves nothing outside it, in whatever form. Who says that it is
/// no CA is no anchor.
pub fn certificate_names(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let question = Question::new(mode, program.byte());
    match mode & 7 {
        0 => certificate(program.rest(), &question),
        1 => issuer(program.rest(), &question),
        2 => any_names(program.rest(), &question),
        3 => pinned_names(&mut program, &question),
        4 => constrained_names(&mut program, &question),
        5 => signed_names(program.rest(), &question),
        6 => constraints::constraints(&mut program, &question),
        _ if mode & 8 != 0 => anchors::anchors(&mut program),
        _ => {
            let pem = program.rest();
            if let Err(error) = TrustStore::new().add_anchors_from_pem(pem) {
                check_text(&error.to_string());
            }
        }
    }
}

/// The bytes are the peer's own certificate, or one that an operator has.
fn certificate(bytes: &[u8], question: &Question) {
    let world = world();
    let proved = judge(&[bytes], question, world.policy(), Basis::Path);
    let known = world.leaves.iter().any(|leaf| leaf == bytes);
    assert!(known || proved.is_empty(), "the certificate was changed");

    let certificate = CertificateDer::from(bytes);
    let mut store = TrustStore::new();
    if let Err(error) = store.add_anchor(&certificate) {
        check_text(&error.to_string());
    }
    let _key = public_key(&certificate);
    let limits = Limits::default();
    let _coverage = Inventory::default().coverage(Servers::All, &certificate, &limits);
    let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
    match policy.store.import(&certificate, &limits) {
        Ok(import) => {
            for warning in &import.warnings {
                check_text(&warning.to_string());
            }
            let named = import.peers.iter().map(|peer| &peer.host);
            assert!(named.clone().all(|host| is_spelled(host, bytes)));
            let proved = judge(&[bytes], question, policy, Basis::Pin);
            check_spelled(&proved, question, bytes);
        }
        Err(error) => check_text(&error.to_string()),
    }
}

/// The bytes are the certificate of the peer's issuer.
fn issuer(bytes: &[u8], question: &Question) {
    let world = world();
    let proved = judge(
        &[&world.below, bytes],
        question,
        world.policy(),
        Basis::Path,
    );
    let known = bytes == world.issuer;
    assert!(known || proved.is_empty(), "the issuer was changed");
}

/// The bytes are the names of a certificate that an operator has imported.
fn any_names(bytes: &[u8], question: &Question) {
    let certificate = world().unsigned_with(Some(&bytes.to_vec()), None);
    let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
    let _nobody = policy.store.import(&certificate, &Limits::default());
    let subjects = question.wanted.subjects.iter().map(|(host, _)| host);
    policy.store.add_pin(&certificate, subjects.cloned());
    let proved = judge(&[&certificate], question, policy, Basis::Pin);
    check_spelled(&proved, question, bytes);
}

/// The bytes are the names of a certificate that the CA issues.
fn signed_names(bytes: &[u8], question: &Question) {
    let names = Name::Raw(bytes.to_vec());
    let leaf = world().root.issue(&Leaf::new([9; 32]).name(names));
    let proved = judge(&[leaf.leaf()], question, world().policy(), Basis::Path);
    check_spelled(&proved, question, bytes);
}

/// The certificate of a peer, pinned for all whom it may prove, proves whom it names.
fn pinned_names(program: &mut Program<'_>, question: &Question) {
    let names = Names::read(program, question.has_common_name);
    let certificate = world().unsigned(&names);
    let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
    let subjects = question.wanted.subjects.iter().map(|(host, _)| host);
    policy.store.add_pin(&certificate, subjects.cloned());
    let imported = import(&mut policy.store, &certificate, &names);
    let mut expected = names.proved(&question.wanted);
    if question.wanted.subjects.is_empty() {
        expected.retain(|host| imported.contains(host));
    }
    let proved = judge(&[&certificate], question, policy, Basis::Pin);
    assert_eq!(proved, expected, "{names:?} {:?}", question.wanted);
    check_presented(&certificate, &names);
}

/// The names that are shown stand in the certificate, in its order, or there are too many.
fn check_presented(certificate: &CertificateDer<'_>, names: &Names) {
    let presented = presented_names(certificate, usize::MAX);
    assert_eq!(presented.is_ok(), names.are_legal(), "{presented:?}");
    let limit = 2;
    let of_few = presented_names(certificate, limit);
    match names.alternatives.len() > limit {
        true if names.are_legal() => assert_eq!(of_few, Err(Reason::TooManyNames { limit })),
        true => assert!(of_few.is_err(), "{of_few:?}"),
        false => assert_eq!(of_few, presented),
    }
    let written = names.alternatives.iter().map(|(_, name)| name);
    let mut written = written.chain(&names.common_name);
    for identifier in presented.into_iter().flatten() {
        check_text(&identifier.to_string());
        let is_it = |name: &&Vec<u8>| match &identifier {
            Identifier::Ip(IpAddr::V4(address)) => address.octets() == name[..],
            Identifier::Ip(IpAddr::V6(address)) => address.octets() == name[..],
            // These are cut, or written in one way.
            Identifier::Uri(_) | Identifier::Xmpp(_) => true,
            other => other.text().as_bytes() == &name[..],
        };
        assert!(written.any(|name| is_it(&name)), "{identifier}: {names:?}");
    }
}

/// Imports a certificate; gives the peers that it names.
fn import(
    store: &mut TrustStore,
    certificate: &CertificateDer<'_>,
    names: &Names,
) -> BTreeSet<Host> {
    let all = |rule| {
        let forms = [
            Forms::PeerSubject,
            Forms::Xmpp(Service::XmppServer),
            Forms::Xmpp(Service::XmppClient),
        ];
        let all = forms.map(|forms| names.everybody(forms, rule));
        all.into_iter().flatten().collect()
    };
    let mut expected: BTreeSet<_> = all(CommonName::Off);
    if expected.is_empty() {
        expected = all(CommonName::Rfc6125);
    }
    if !names.are_legal() {
        expected.clear();
    }
    let imported = store.import(certificate, &Limits::default());
    let peers = imported.map(|import| import.peers).unwrap_or_default();
    let peers: BTreeSet<_> = peers.into_iter().map(|peer| peer.host).collect();
    assert_eq!(peers, expected, "{names:?}");
    peers
}

/// A CA that may vouch for one domain proves nothing else.
fn constrained_names(program: &mut Program<'_>, question: &Question) {
    let names = Names::read(program, question.has_common_name);
    let common_name = names.common_name.as_deref().map(String::from_utf8_lossy);
    let mut leaf = Leaf::new([10; 32]);
    if !names.alternatives.is_empty() {
        leaf = leaf.name(Name::Raw(names.der()));
    }
    if let Some(name) = &common_name {
        leaf = leaf.common_name(name);
    }
    let world = world();
    let peer = world.constrained.issue(&leaf);
    let chain: Vec<_> = peer.chain.iter().map(Vec::as_slice).collect();
    let proved = judge(&chain, question, world.policy(), Basis::Path);
    let by_target = question.wanted.target.as_ref();
    let by_target = by_target.is_some_and(|target| is_of_partner(&target.clone().into()));
    let first = question.wanted.subjects.first().map(|(host, _)| host);
    for host in &proved {
        let may_vouch = is_of_partner(host) || (by_target && Some(host) == first);
        assert!(may_vouch, "{host} is none of the CA's business: {names:?}");
    }
    let names = Names {
        common_name: common_name.map(|name| name.as_bytes().to_vec()),
        ..names
    };
    // About a dNSName outside its domain the path builder has its own rules.
    if names
        .alternatives
        .iter()
        .all(|(form, _)| *form != model::Form::Dns)
    {
        let mut expected = names.proved(&question.wanted);
        expected.retain(is_of_partner);
        assert_eq!(proved, expected, "{names:?} {:?}", question.wanted);
    }
}

fn is_of_partner(host: &Host) -> bool {
    match host {
        Host::Domain(domain) => format!(".{domain}").ends_with(".partner.example"),
        Host::Ip(_) => false,
    }
}

/// Who is proved by the chain.
fn judge(chain: &[&[u8]], question: &Question, mut policy: Policy, basis: Basis) -> BTreeSet<Host> {
    question.govern(&mut policy);
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let (now, none) = (time(NOW), RevocationLists::new());
    let (role, reference) = (question.role, &question.reference);
    let verdict = evaluate(&chain, now, role, reference, &policy, &none);
    check(&verdict);
    let Some(trusted) = verdict.trusted() else {
        return BTreeSet::new();
    };
    assert_eq!(trusted.basis(), basis);
    assert!(trusted.valid_until() >= now);
    let last = time(mint::NOT_AFTER);
    assert!(basis == Basis::Pin || trusted.valid_until() <= last);
    let subjects: BTreeSet<_> = trusted.subjects().iter().cloned().collect();
    assert_eq!(subjects.len(), trusted.subjects().len(), "{verdict}");
    let wanted = &question.wanted.subjects;
    let is_wanted = |host| wanted.is_empty() || wanted.iter().any(|(wanted, _)| wanted == host);
    assert!(subjects.iter().all(is_wanted), "{verdict}");
    subjects
}

/// What holds of every verdict: it does not contradict itself, and its texts can be shown.
pub(crate) fn check(verdict: &Verdict) {
    trace(|| verdict.to_string());
    check_text(&verdict.to_string());
    let mut reasons = Vec::new();
    for (_, status) in verdict.checks().iter() {
        if let Status::Failed(reason) = status {
            check_text(&reason.to_string());
            reasons.push(reason);
        }
    }
    match verdict.outcome() {
        Ok(trusted) => {
            assert_eq!(reasons, [] as [&Reason; 0], "{verdict}");
            for aspect in [Aspect::Chain, Aspect::Identity] {
                assert_eq!(verdict.checks().of(aspect), &Status::Passed);
            }
            assert!(!trusted.subjects().is_empty());
        }
        Err(reason) => assert!(reasons.contains(&reason), "{verdict}: {reasons:?}"),
    }
}

/// What an operator is shown is one short line.
pub(crate) fn check_text(text: &str) {
    assert!(text.len() <= Reason::MAX_TEXT_BYTES, "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Whoever is proved stands in the bytes, or a host that counts for him does.
fn check_spelled(proved: &BTreeSet<Host>, question: &Question, bytes: &[u8]) {
    let target = question.wanted.target.clone().map(Host::Domain);
    let by_target = target.is_some_and(|host| is_spelled(&host, bytes));
    for host in proved {
        assert!(
            by_target || is_spelled(host, bytes),
            "a name that is not there: {host}"
        );
    }
}

/// Whether the host stands in the bytes: in any case, by a wildcard, or as the octets of an address.
/// A domain with an A-label may stand there with a U-label.
fn is_spelled(host: &Host, bytes: &[u8]) -> bool {
    let bytes = bytes.to_ascii_lowercase();
    let holds = |text: &[u8]| {
        bytes
            .windows(text.len().max(1))
            .any(|window| window == text)
    };
    match host {
        Host::Domain(domain) => {
            let parent = domain.parent();
            let wildcard = parent.map(|parent| format!("*.{parent}"));
            holds(domain.as_str().as_bytes())
                || wildcard.is_some_and(|name| holds(name.as_bytes()))
                || (domain.labels().any(|label| label.starts_with("xn--")) && !bytes.is_ascii())
        }
        Host::Ip(IpAddr::V4(address)) => {
            holds(&address.octets().to_ascii_lowercase()) || holds(address.to_string().as_bytes())
        }
        // An address in a common name may be written in many ways.
        Host::Ip(IpAddr::V6(address)) => {
            holds(&address.octets().to_ascii_lowercase()) || bytes.contains(&b':')
        }
    }
}

pub(crate) fn time(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// 2027-01-15T08:00:00Z
pub(crate) const NOW: u64 = 1_800_000_000;
