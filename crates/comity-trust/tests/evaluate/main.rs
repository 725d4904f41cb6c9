//! The verdict on whole chains, made for each rule.
#![cfg(test)]

mod agreement;
mod constraints;
mod coverage;
mod diagnose;
mod evidence;
mod import;
mod keys;
mod limits;
mod names;
mod path;
mod pins;
mod purposes;
mod references;
mod revocation;
mod store;

use std::time::Duration;

use comity_identity::DomainName;
use comity_testkit::mint::{Authority, Ca, Identity, Leaf};
use comity_trust::{
    CertificateDer, Policy, Reason, Reference, RevocationLists, Role, Service, UnixTime, Verdict,
    evaluate,
};

/// 2027-01-15T08:00:00Z
const NOW: u64 = 1_800_000_000;

fn root() -> Authority {
    Ca::new("Root", [1; 32]).self_signed()
}

fn leaf() -> Leaf {
    Leaf::new([9; 32])
}

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn trusting(anchors: &[&Authority]) -> Policy {
    let mut policy = Policy::new(webpki::ALL_VERIFICATION_ALGS);
    for anchor in anchors {
        policy
            .store
            .add_anchor(&anchor.certificate().into())
            .unwrap();
    }
    policy
}

fn chain(identity: &Identity) -> Vec<CertificateDer<'_>> {
    identity
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect()
}

/// The verdict on an XMPP server at `NOW`.
fn judge(identity: &Identity, policy: &Policy, name: &str) -> Verdict {
    judge_chain(&chain(identity), policy, name)
}

fn judge_chain(chain: &[CertificateDer<'_>], policy: &Policy, name: &str) -> Verdict {
    let reference = Reference::service(domain(name), Service::XmppServer);
    ask(chain, Role::Server, &reference, policy)
}

/// The verdict at `NOW` without revocation lists.
fn ask(
    chain: &[CertificateDer<'_>],
    role: Role,
    reference: &Reference,
    policy: &Policy,
) -> Verdict {
    let none = RevocationLists::new();
    evaluate(chain, at(NOW), role, reference, policy, &none)
}

/// What a verdict comes down to: the name that matched, or the reason.
fn outcome(verdict: Verdict) -> Result<String, Reason> {
    let trusted = verdict.into_outcome()?;
    let matched_by = trusted.matched_by().unwrap();
    Ok(matched_by.text().into_owned())
}
