//! What a peer's certificate proves.

use std::time::Instant;

use comity_identity::DomainName;
use comity_trust::{
    CertificateDer, Identifier, Policy, Reason, Reference, Role, UnixTime, Verdict, evaluate,
};

/// What a certificate proves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Proof {
    /// The names of its owner, at least one.
    pub(super) names: Vec<DomainName>,
    /// The last second at which it and all that it depends on is valid.
    valid_until: UnixTime,
}

impl Proof {
    /// When the proof is over, seen from `now`; `None` if that is beyond the end of time.
    pub(super) fn ends(&self, now: Instant) -> Option<Instant> {
        let left = self.valid_until.as_secs();
        let left = left.saturating_sub(UnixTime::now().as_secs());
        now.checked_add(std::time::Duration::from_secs(left))
    }
}

/// Judges what a peer presented, which has to name `expected` if there is one.
///
/// A wildcard proves nothing in SIP (RFC 5922 §7.2). Names are DNS-IDs; a certificate without them,
/// with `sip` URIs alone, proves nothing here.
pub(super) fn prove(
    chain: &[CertificateDer<'_>],
    role: Role,
    expected: Option<&DomainName>,
    policy: &Policy,
    max_names: usize,
) -> Result<Proof, Box<str>> {
    let now = UnixTime::now();
    let mut names: Vec<DomainName> = Vec::new();
    let mut valid_until = UnixTime::since_unix_epoch(std::time::Duration::MAX);
    let mut refusal = None;
    let others = presented(chain, now, role, policy);
    for name in expected.into_iter().chain(others.iter().flatten()) {
        if names.len() >= max_names.max(1) {
            break;
        }
        if names.contains(name) {
            continue;
        }
        match evaluate(chain, now, role, &Reference::dns(name.clone()), policy) {
            Verdict::Trusted(trusted) if is_named(trusted.matched_by().as_str(), name) => {
                valid_until = valid_until.min(trusted.valid_until());
                names.push(name.clone());
            }
            Verdict::Trusted(trusted) => {
                let by = trusted.matched_by();
                let text = format!("the certificate names {name} by {by} only");
                refusal.get_or_insert(text);
            }
            Verdict::Refused(reason) => {
                refusal.get_or_insert_with(|| reason.to_string());
            }
        }
    }
    let is_enough = match expected {
        Some(expected) => names.contains(expected),
        None => !names.is_empty(),
    };
    if is_enough {
        return Ok(Proof { names, valid_until });
    }
    let text = refusal.unwrap_or_else(|| match others {
        Err(reason) => reason.to_string(),
        Ok(_) => "the certificate names no domain".to_owned(),
    });
    Err(text.into())
}

/// The DNS-IDs of a certificate that are no wildcards, whoever vouches for them: those of the first
/// few names that a refusal lists.
fn presented(
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    role: Role,
    policy: &Policy,
) -> Result<Vec<DomainName>, Reason> {
    let Ok(nobody) = DomainName::parse(NOBODY) else {
        return Ok(Vec::new());
    };
    match evaluate(chain, now, role, &Reference::dns(nobody), policy) {
        Verdict::Refused(Reason::NameMismatch { presented, .. }) => {
            let names = presented.listed.iter();
            Ok(names.filter_map(dns_name).collect())
        }
        Verdict::Refused(reason) => Err(reason),
        Verdict::Trusted(_) => Ok(Vec::new()),
    }
}

fn dns_name(identifier: &Identifier) -> Option<DomainName> {
    match identifier {
        Identifier::Dns(text) => DomainName::parse(text).ok(),
        Identifier::Srv(_) | _ => None,
    }
}

/// Whether a presented name is the whole name and no wildcard.
fn is_named(presented: &str, name: &DomainName) -> bool {
    presented.eq_ignore_ascii_case(name.as_str())
}

/// What no certificate names (RFC 6761 §6.4).
const NOBODY: &str = "nobody.invalid";
