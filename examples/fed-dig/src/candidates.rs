//! What is tried, for people.

use comity_srv::{Candidate, Dnssec, Identity, Outcome, Provenance, Transport};

/// Candidates among which nothing but weights decides.
pub(crate) struct Group<'a> {
    /// How the first of them was found.
    pub(crate) provenance: Option<Provenance>,
    /// `None` without SRV records.
    pub(crate) priority: Option<u16>,
    /// There is at least one.
    pub(crate) candidates: &'a [Candidate],
}

/// The candidates of an outcome.
pub(crate) fn of(outcome: &Outcome) -> &[Candidate] {
    if let Outcome::Candidates(candidates) = outcome {
        candidates
    } else {
        &[]
    }
}

/// Candidates in the order of attempts.
pub(crate) fn groups(candidates: &[Candidate]) -> impl Iterator<Item = Group<'_>> {
    candidates.chunk_by(are_together).map(|candidates| {
        let first = candidates.first();
        let recorded = first.filter(|one| one.provenance == Provenance::ServiceRecord);
        Group {
            provenance: first.map(|one| one.provenance),
            priority: recorded.map(|one| one.priority),
            candidates,
        }
    })
}

/// Whether two that follow each other come from records of one priority. The sets of XMPP are one
/// (XEP-0368 §3), those of the transports of SIP follow each other (RFC 3263 §4.1).
fn are_together(one: &Candidate, next: &Candidate) -> bool {
    let is_xmpp = |candidate: &Candidate| {
        candidate.transport == Transport::StartTls || candidate.alpn.is_some()
    };
    let are_one_set = one.transport == next.transport || (is_xmpp(one) && is_xmpp(next));
    one.priority == next.priority && are_one_set
}

/// The lines for all candidates, numbered from `first` on, each group under its priority.
pub(crate) fn lines(candidates: &[Candidate], first: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut number = first;
    for group in groups(candidates) {
        lines.push(heading(&group));
        for candidate in group.candidates {
            lines.extend(entry(number, candidate));
            number += 1;
        }
        lines.push(String::new());
    }
    lines
}

fn heading(group: &Group<'_>) -> String {
    match (group.priority, group.provenance) {
        (Some(priority), _) => format!("Priority {priority}"),
        (None, Some(Provenance::Given)) => "As given".to_owned(),
        (None, _) => "Without SRV records".to_owned(),
    }
}

fn entry(number: usize, candidate: &Candidate) -> [String; 3] {
    let Candidate {
        address,
        transport,
        target,
        weight,
        ..
    } = candidate;
    [
        format!("  {number}. {address} by {transport}, host {target}, weight {weight}"),
        format!("     {}", handshake(candidate)),
        format!("     DNSSEC: {}", dnssec(candidate.dnssec)),
    ]
}

fn handshake(candidate: &Candidate) -> String {
    if !candidate.transport.has_certificate() {
        return "no certificate: nothing proves who answers".to_owned();
    }
    let name = match &candidate.server_name {
        Some(name) => format!("SNI {name}"),
        None => "no SNI".to_owned(),
    };
    let alpn = candidate.alpn.map(|alpn| format!(", ALPN {alpn}"));
    let identities = candidate.identities.iter().map(Identity::to_string);
    let identities: Vec<_> = identities.collect();
    let (alpn, identities) = (alpn.unwrap_or_default(), identities.join(" or "));
    format!("{name}{alpn}, certificate for {identities}")
}

fn dnssec(state: Dnssec) -> &'static str {
    match state {
        Dnssec::Unchecked => "not checked",
        Dnssec::Insecure => "not signed",
        Dnssec::Secure => "validated",
    }
}
