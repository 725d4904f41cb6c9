//! What a peer's certificate proves.

use std::collections::BTreeSet;
use std::time::Instant;

use comity_identity::{DomainName, Host};
use comity_trust::{
    CertificateDer, Forms, PeerSubject, Policy, Reference, RevocationLists, Role, Trusted,
    UnixTime, Verdict, evaluate,
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

/// By what certificates are judged.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) policy: Policy,
    pub(super) crls: RevocationLists,
    /// The names of one certificate that are remembered.
    pub(super) max_names: usize,
}

/// Whom a peer has to be.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// Anybody who proves a name.
    Anyone,
    /// One of these, of whom an operator has entered some.
    OneOf {
        names: Vec<DomainName>,
        entered: Vec<PeerSubject>,
    },
    /// One of those whom an operator has entered.
    Subject(Vec<PeerSubject>),
}

impl Wanted {
    /// The one to ask for.
    pub(super) fn first(&self) -> Option<&DomainName> {
        match self {
            Self::Anyone | Self::Subject(_) => None,
            Self::OneOf { names, .. } => names.first(),
        }
    }

    fn entered(&self) -> &[PeerSubject] {
        match self {
            Self::Anyone => &[],
            Self::OneOf { entered, .. } => entered,
            Self::Subject(subjects) => subjects,
        }
    }

    /// Whether this name is asked for.
    fn is_met(&self, name: &DomainName) -> bool {
        match self {
            Self::Anyone => false,
            Self::OneOf { names, .. } => names.contains(name),
            Self::Subject(subjects) => {
                let mut subjects = subjects.iter();
                subjects.any(|subject| subject.host == Host::Domain(name.clone()))
            }
        }
    }
}

impl Judge {
    /// Judges what a peer presented, which has to name whom we want.
    ///
    /// The names are those of a certificate of a SIP domain (RFC 5922 §7.1), and those that an operator
    /// has entered for peers in the forms of these.
    pub(super) fn prove(
        &self,
        chain: &[CertificateDer<'_>],
        role: Role,
        wanted: &Wanted,
    ) -> Result<Proof, Box<str>> {
        let now = UnixTime::now();
        let ask = |reference: &Reference| self.ask(chain, now, role, reference);
        let entered = wanted.entered();
        let entered = (!entered.is_empty()).then(|| ask(&Reference::peers(entered.to_vec())));
        let anyone = ask(&Reference::anyone(Forms::Sip));
        let verdicts = [entered.as_ref(), Some(&anyone)].into_iter().flatten();
        let trusted: Vec<&Trusted> = verdicts.filter_map(Verdict::trusted).collect();
        let proved = trusted.iter().flat_map(|trusted| trusted.domains());
        // Those that are wanted stand in front, so that no limit cuts them off.
        let (mut names, others): (Vec<_>, Vec<_>) = proved.partition(|name| wanted.is_met(name));
        let is_met = match wanted {
            Wanted::Anyone => !others.is_empty(),
            Wanted::OneOf { .. } => !names.is_empty(),
            Wanted::Subject(_) => {
                let is_let_in = entered.as_ref().and_then(Verdict::trusted).is_some();
                is_let_in && !(names.is_empty() && others.is_empty())
            }
        };
        if let (true, Some(first)) = (is_met, trusted.first()) {
            names.extend(others);
            let mut seen = BTreeSet::new();
            names.retain(|name| seen.insert(*name));
            return Ok(Proof {
                names: names
                    .into_iter()
                    .take(self.max_names.max(1))
                    .cloned()
                    .collect(),
                valid_until: first.valid_until(),
            });
        }
        let refused = match wanted {
            Wanted::Anyone => anyone,
            Wanted::OneOf { names, .. } => match names.first() {
                Some(name) => ask(&Reference::sip(name.clone())),
                None => anyone,
            },
            Wanted::Subject(subjects) => {
                entered.unwrap_or_else(|| ask(&Reference::peers(subjects.clone())))
            }
        };
        Err(refused.to_string().into())
    }

    fn ask(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        role: Role,
        reference: &Reference,
    ) -> Verdict {
        evaluate(chain, now, role, reference, &self.policy, &self.crls)
    }
}

#[cfg(test)]
mod tests {
    use comity_rustls::{default_provider, signature_algorithms};
    use comity_testkit::mint::{Ca, Leaf};

    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn names(texts: &[&str]) -> Vec<DomainName> {
        texts.iter().copied().map(name).collect()
    }

    fn one_of(wanted: &[&str], entered: &[&str]) -> Wanted {
        Wanted::OneOf {
            names: names(wanted),
            entered: peers(entered),
        }
    }

    fn peers(texts: &[&str]) -> Vec<PeerSubject> {
        names(texts).into_iter().map(PeerSubject::new).collect()
    }

    #[test]
    fn the_names_of_a_certificate_have_a_number() {
        let root = Ca::new("Example CA", [1; 32]).self_signed();
        let mut policy = Policy::new(signature_algorithms(&default_provider()));
        let anchor = policy.store.add_anchor(&root.certificate().into());
        anchor.unwrap();
        let three = ["a.example", "b.example", "c.example"];
        let leaf = three
            .iter()
            .fold(Leaf::new([2; 32]), |leaf, name| leaf.dns(name));
        let chain = [CertificateDer::from(root.issue(&leaf).leaf().to_vec())];
        for (max_names, counted) in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 3)] {
            let judge = Judge {
                policy: policy.clone(),
                crls: RevocationLists::new(),
                max_names,
            };
            let proved = judge.prove(&chain, Role::Client, &Wanted::Anyone);
            assert_eq!(proved.unwrap().names.len(), counted, "{max_names}");
        }
    }

    #[test]
    fn what_an_operator_has_entered_counts_beside_the_uris_of_a_certificate() {
        let root = Ca::new("Example CA", [1; 32]).self_signed();
        let mut policy = Policy::new(signature_algorithms(&default_provider()));
        let anchor = policy.store.add_anchor(&root.certificate().into());
        anchor.unwrap();
        let judge = Judge {
            policy,
            crls: RevocationLists::new(),
            max_names: 2,
        };
        let leaf = Leaf::new([2; 32])
            .uri("sip:hosted.example")
            .uri("sip:other.example")
            .uri("sip:third.example")
            .dns("edge.example");
        let chain = [CertificateDer::from(root.issue(&leaf).leaf().to_vec())];
        let subject = |texts| Wanted::Subject(peers(texts));
        for (wanted, expected) in [
            (Wanted::Anyone, Ok(&["hosted.example", "other.example"][..])),
            // Where there are URIs, a DNS-ID says nothing about SIP (RFC 5922 §7.1).
            (one_of(&["edge.example"], &[]), Err("edge.example")),
            (
                one_of(&["b.example", "edge.example"], &["edge.example"]),
                Ok(&["edge.example", "hosted.example"]),
            ),
            // No limit cuts off the one that is asked for.
            (
                one_of(&["third.example"], &[]),
                Ok(&["third.example", "hosted.example"]),
            ),
            // That it may be entered does not make it wanted.
            (one_of(&["b.example"], &["edge.example"]), Err("b.example")),
            (
                subject(&["edge.example", "x.example"]),
                Ok(&["edge.example", "hosted.example"]),
            ),
            (subject(&["x.example"]), Err("x.example")),
            (subject(&[]), Err("nobody")),
        ] {
            let proved = judge.prove(&chain, Role::Server, &wanted);
            match expected {
                Ok(expected) => assert_eq!(proved.unwrap().names, names(expected)),
                Err(missing) => {
                    let reason = proved.unwrap_err();
                    assert!(reason.contains(missing), "{reason}");
                }
            }
        }
    }
}
