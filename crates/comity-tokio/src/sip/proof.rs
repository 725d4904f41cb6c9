//! What a peer's certificate proves.

use std::time::Instant;

use comity_identity::DomainName;
use comity_trust::{
    CertificateDer, Forms, Policy, Reference, RevocationLists, Role, UnixTime, Verdict, evaluate,
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

impl Judge {
    /// Judges what a peer presented, which has to name `expected` if there is one.
    ///
    /// The names are those of a certificate of a SIP domain (RFC 5922 §7.1).
    pub(super) fn prove(
        &self,
        chain: &[CertificateDer<'_>],
        role: Role,
        expected: Option<&DomainName>,
    ) -> Result<Proof, Box<str>> {
        let now = UnixTime::now();
        let verdict = self.ask(chain, now, role, &Reference::anyone(Forms::Sip));
        let found = verdict.trusted().and_then(|trusted| {
            let is_expected =
                |name: &&DomainName| expected.is_none_or(|expected| expected == *name);
            let first = trusted.domains().find(is_expected)?;
            // The one that was asked for stands in front, so that no limit cuts it off.
            let others = trusted.domains().filter(|name| *name != first);
            let names = [first].into_iter().chain(others);
            Some(Proof {
                names: names.take(self.max_names.max(1)).cloned().collect(),
                valid_until: trusted.valid_until(),
            })
        });
        found.ok_or_else(|| match expected {
            Some(name) => {
                let reference = Reference::sip(name.clone());
                let verdict = self.ask(chain, now, role, &reference);
                verdict.to_string().into()
            }
            None => verdict.to_string().into(),
        })
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
