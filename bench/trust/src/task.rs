//! What is done with the certificates.

use std::hint::black_box;
use std::time::Duration;

use comity_identity::DomainName;
use comity_trust::{
    CertificateDer, CoverageError, Dane, Evidence, Forms, Inventory, Limits, PeerSubject, Policy,
    Provenance, Reference, RevocationLists, Role, Servers, Service, Tlsa, UnixTime, Verdict,
    evaluate, public_key,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::chain::{self, Chain, DOMAIN};

/// Does something with certificates once; gives whether the outcome is the right one.
pub(crate) type Task = Box<dyn Fn() -> bool>;

/// Makes a task ready.
pub(crate) type Setup = fn() -> Task;

/// Makes ready what the task of that name is about.
pub(crate) fn named(name: &str) -> Option<Task> {
    let (_, task) = TASKS.into_iter().find(|(known, _)| *known == name)?;
    Some(task())
}

/// All tasks. Those with `webpki` are done by it, and the others by us.
pub(crate) const TASKS: [(&str, Setup); 18] = [
    ("parse", parse),
    ("names", || names_of(&chain::seven_names())),
    ("parse-by-webpki", parse_by_webpki),
    ("published", published),
    ("pinned", || pinned(1)),
    ("pinned-100-peers", || pinned(100)),
    ("last-of-512", || last_of(512)),
    ("last-of-1024", || last_of(1024)),
    ("none-of-512", || none_of(512)),
    ("none-of-1024", || none_of(1024)),
    ("all-of-512", || all_of(512)),
    ("all-of-1024", || all_of(1024)),
    ("constrained", || {
        path(chain::constrained(64, 240), everybody())
    }),
    ("constrained-by-webpki", || {
        path_by_webpki(chain::constrained(64, 240))
    }),
    ("ecdsa", || path(chain::ecdsa(), reference())),
    ("ecdsa-by-webpki", || path_by_webpki(chain::ecdsa())),
    ("rsa", || path(chain::rsa(), reference())),
    ("rsa-by-webpki", || path_by_webpki(chain::rsa())),
];

/// Reads the fields of a certificate with seven names, but not the names.
fn parse() -> Task {
    let certificate = chain::seven_names();
    Box::new(move || public_key(black_box(&certificate)).is_ok())
}

/// Reads the fields and the names of the certificate, and nothing else: its extended key usages,
/// which come behind, are no list.
fn names_of(certificate: &[u8]) -> Task {
    let certificate = chain::with_broken_purposes(certificate);
    let (inventory, limits) = (Inventory::default(), Limits::default());
    Box::new(move || {
        let coverage = inventory.coverage(Servers::All, black_box(&certificate), &limits);
        coverage == Err(CoverageError::Malformed)
    })
}

fn parse_by_webpki() -> Task {
    let certificate = chain::seven_names();
    Box::new(move || EndEntityCert::try_from(black_box(&certificate)).is_ok())
}

/// Judges the certificate where TLSA records name it, so that neither names nor issuers matter.
fn published() -> Task {
    let certificate = chain::seven_names();
    let whole = [&[3, 0, 0], &*certificate].concat();
    let records = Tlsa::from_rdata(&whole).into_iter().collect();
    let mut evidence = Evidence::default();
    evidence.dane = Some(Dane::new(Provenance::Secure, records, now()));
    let case = Case {
        presented: vec![certificate],
        policy: policy(),
        reference: reference().with_evidence(evidence),
    };
    Box::new(move || case.judge().trusted().is_some())
}

/// Judges the certificate where it is pinned and so many peers are wanted, of whom it names one.
fn pinned(peers: usize) -> Task {
    let others = (1..peers).map(|number| domain(&format!("peer-{number:04}.other.example")));
    let wanted = [domain(DOMAIN)].into_iter().chain(others);
    let case = Case::pinned(
        chain::seven_names(),
        Reference::peers(wanted.map(PeerSubject::new)),
        [domain(DOMAIN)],
    );
    Box::new(move || case.judge().trusted().is_some())
}

/// Judges a pinned certificate with so many names, the last of which is the one that is wanted.
fn last_of(count: usize) -> Task {
    let case = Case::pinned(
        chain::self_signed_with(count),
        reference(),
        [domain(DOMAIN)],
    );
    Box::new(move || case.judge().trusted().is_some())
}

/// Judges such a certificate, of which no name is wanted.
fn none_of(count: usize) -> Task {
    let case = Case::pinned(
        chain::self_signed_with(count),
        Reference::service(domain("other.example"), Service::XmppServer),
        [domain(DOMAIN)],
    );
    Box::new(move || case.judge().code() == "name-mismatch")
}

/// Judges such a certificate, of which every name is wanted.
fn all_of(count: usize) -> Task {
    let certificate = chain::self_signed_with(count);
    let names: Vec<_> = chain::hosted(count).map(|name| domain(&name)).collect();
    let reference = everybody();
    let case = Case::pinned(certificate, reference, names);
    let is_right = move |verdict: &Verdict| verdict.trusted()?.subjects().get(count - 1).cloned();
    Box::new(move || is_right(&case.judge()).is_some())
}

/// Judges a chain: what a federated server does for each connection.
fn path(chain: Chain, reference: Reference) -> Task {
    let mut policy = policy();
    policy.store.add_anchor(&chain.root).expect("a root");
    let case = Case {
        presented: chain.presented,
        policy,
        reference,
    };
    Box::new(move || case.judge().trusted().is_some())
}

/// Finds the path of the chain and compares the name, as a verifier of TLS does.
fn path_by_webpki(chain: Chain) -> Task {
    let anchor = anchor_from_trusted_cert(&chain.root).expect("a root");
    let anchors = [anchor.to_owned()];
    let name = DOMAIN.try_into().expect("a domain");
    Box::new(move || {
        let (leaf, others) = black_box(&chain.presented).split_first().expect("a leaf");
        let leaf = EndEntityCert::try_from(leaf).expect("a certificate");
        let path = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            others,
            now(),
            KeyUsage::server_auth(),
            None,
            None,
        );
        path.is_ok() && leaf.verify_is_valid_for_subject_name(&name).is_ok()
    })
}

/// What is judged, and how.
struct Case {
    presented: Vec<CertificateDer<'static>>,
    policy: Policy,
    reference: Reference,
}

impl Case {
    fn pinned(
        certificate: CertificateDer<'static>,
        reference: Reference,
        subjects: impl IntoIterator<Item = DomainName>,
    ) -> Self {
        let mut policy = policy();
        policy.store.add_pin(&certificate, subjects);
        Self {
            presented: vec![certificate],
            policy,
            reference,
        }
    }

    fn judge(&self) -> Verdict {
        let Self {
            presented,
            policy,
            reference,
        } = black_box(self);
        let none = RevocationLists::new();
        evaluate(presented, now(), Role::Server, reference, policy, &none)
    }
}

fn policy() -> Policy {
    Policy::new(webpki::ALL_VERIFICATION_ALGS)
}

fn reference() -> Reference {
    Reference::service(domain(DOMAIN), Service::XmppServer)
}

fn everybody() -> Reference {
    Reference::anyone(Forms::PeerSubject)
}

fn domain(text: &str) -> DomainName {
    text.parse().expect("a domain")
}

/// 2027-01-15T08:00:00Z
fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_the_right_outcome() {
        for (name, task) in TASKS {
            assert!(task()(), "{name}");
        }
    }

    #[test]
    fn names_are_read_before_broken_purposes() {
        let certificate = chain::with_broken_purposes(&chain::seven_names());
        let mut limits = Limits::default();
        limits.max_names = 6;
        assert_eq!(
            Inventory::default().coverage(Servers::All, &certificate, &limits),
            Err(CoverageError::TooManyNames { limit: 6 })
        );
    }
}
