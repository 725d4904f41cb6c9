use comity_identity::Host;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;

use crate::certificate::{Certificate, Period};
use crate::key;
use crate::leaf::{check_constrains_nothing, check_may_sign_handshakes, leaf_reason};
use crate::matching::{self, Match};
use crate::names::Names;
use crate::path::{Above, Search};
use crate::policy::Policy;
use crate::purpose::{Purposes, Role};
use crate::reason::{Position, Reason};
use crate::reference::Reference;
use crate::revocation::RevocationLists;
use crate::store::Pinned;
use crate::tlv::Fault;
use crate::verdict::{Aspect, Basis, Checks, Trusted, Verdict};

/// Decides whether the certificates that a peer presented prove the reference.
///
/// `chain` is what the peer sent: its own certificate first, then those that may help to find a
/// path, in any order. `now` is the time for which the verdict holds, and `role` what the peer
/// acted as in the handshake. `crls` are the revocation lists at hand; they are fetched by the
/// caller. The answer depends on the arguments alone.
///
/// It holds for this reference only: evaluate again for another domain, for a resumed session, when
/// the policy or the lists change, and when it is no longer valid.
pub fn evaluate(
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    role: Role,
    reference: &Reference,
    policy: &Policy,
    crls: &RevocationLists,
) -> Verdict {
    let question = Question {
        now,
        role,
        reference,
        policy,
        crls,
    };
    let mut checks = Checks::default();
    let outcome = question.judge(chain, &mut checks);
    Verdict { outcome, checks }
}

#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    pub(crate) now: UnixTime,
    pub(crate) role: Role,
    pub(crate) reference: &'q Reference,
    pub(crate) policy: &'q Policy,
    pub(crate) crls: &'q RevocationLists,
}

impl<'q> Question<'q> {
    fn judge(&self, chain: &[CertificateDer<'_>], checks: &mut Checks) -> Result<Trusted, Reason> {
        let found = self
            .leaf(chain)
            .and_then(|leaf| self.judge_leaf(&leaf, checks));
        match found {
            Ok(Some(trusted)) => Ok(trusted),
            Ok(None) => Err(checks.worst().unwrap_or(Reason::UnknownIssuer)),
            Err(reason) => {
                checks.fail(reason.clone());
                Err(reason)
            }
        }
    }

    fn judge_leaf(&self, leaf: &Leaf<'_>, checks: &mut Checks) -> Result<Option<Trusted>, Reason> {
        match self.by_evidence(leaf) {
            Ok(Some(basis)) => Ok(self.published(leaf, basis, checks)),
            Ok(None) => Ok(self.presented(leaf, checks)),
            // What is published for the first subject says nothing against the others.
            Err(reason) => match self.reference.without_first() {
                Some(reference) => {
                    let others = Question {
                        reference: &reference,
                        ..*self
                    };
                    Ok(others.presented(leaf, checks))
                }
                None => Err(reason),
            },
        }
    }

    fn leaf<'c>(&self, chain: &'c [CertificateDer<'c>]) -> Result<Leaf<'c>, Reason> {
        let limit = self.policy.limits.max_certificates;
        if chain.len() > limit {
            return Err(Reason::TooManyCertificates { limit });
        }
        let (der, others) = chain.split_first().ok_or(Reason::NoCertificate)?;
        Ok(Leaf {
            der,
            end_entity: EndEntityCert::try_from(der).map_err(leaf_reason)?,
            fields: Certificate::parse(der).map_err(fault(Position::Leaf))?,
            others,
        })
    }

    /// On the word of which publication the certificate is to be believed, if of any.
    fn by_evidence(&self, leaf: &Leaf<'_>) -> Result<Option<Basis>, Reason> {
        let evidence = &self.reference.evidence;
        if self.reference.peers_named().is_empty() {
            return Ok(None);
        }
        let dane = evidence.dane.as_ref();
        match dane.and_then(|dane| dane.names(leaf.der, leaf.fields.public_key, self.now)) {
            Some(true) => return Ok(Some(Basis::Dane)),
            Some(false) => {
                return Err(Reason::DaneMismatch {
                    reference: self.reference.to_string().into(),
                });
            }
            None => {}
        }
        let posh = evidence.posh.as_ref();
        let is_named = posh.is_some_and(|posh| posh.names(leaf.der, self.now));
        Ok(is_named.then_some(Basis::Posh))
    }

    /// Judges a certificate that the domain published, whatever it names and whoever issued it.
    fn published(&self, leaf: &Leaf<'_>, basis: Basis, checks: &mut Checks) -> Option<Trusted> {
        let evidence = &self.reference.evidence;
        let dane = evidence.dane.as_ref().map(|dane| dane.expires);
        let posh = evidence.posh.as_ref().map(|posh| posh.expires);
        checks.pass(Aspect::Identity);
        let valid_until = if basis == Basis::Dane {
            // RFC 7671 §5.1: nothing in the certificate but its key counts.
            checks.pass(Aspect::Chain);
            dane
        } else {
            self.check_leaf(leaf, checks);
            checks.pass(Aspect::Chain);
            posh.map(|expires| expires.min(leaf.fields.not_after))
        };
        let subject = self.reference.subjects().next().cloned();
        Some(Trusted {
            basis,
            subjects: vec![subject?],
            matched_by: None,
            valid_until: valid_until?,
        })
        .filter(|_| checks.worst().is_none())
    }

    /// Judges a certificate by what it names and who vouches for it.
    fn presented(&self, leaf: &Leaf<'_>, checks: &mut Checks) -> Option<Trusted> {
        let matched = self.matched(&leaf.fields).unwrap_or_else(|reason| {
            checks.fail(reason);
            Vec::new()
        });
        let is_sound = self.check_leaf(leaf, checks);
        let store = &self.policy.store;
        let pinned = store.pinned(leaf.der, leaf.fields.public_key);
        let is_pinned = |found: &Match| pinned.for_subject(&found.subject);
        let (own, others): (Vec<_>, Vec<_>) = matched.iter().cloned().partition(is_pinned);
        let standing = if own.is_empty() {
            is_sound.then(|| self.by_path(leaf, &matched, &pinned, checks))
        } else {
            checks.pass(Aspect::Chain);
            Some(Some(self.by_pin(leaf, own, &others, is_sound)))
        };
        let (basis, valid_until, proved) = standing.flatten()?;
        let matched_by = proved.first().map(|found| found.identifier.clone())?;
        checks.pass(Aspect::Identity);
        if checks.worst().is_some() {
            return None;
        }
        Some(Trusted {
            basis,
            subjects: subjects(proved),
            matched_by: Some(matched_by),
            valid_until,
        })
    }

    /// The names of the certificate that match, whoever vouches for it.
    fn matched(&self, leaf: &Certificate<'_>) -> Result<Vec<Match>, Reason> {
        let limit = self.policy.limits.max_names;
        let names = Names::of(leaf, limit).map_err(|error| error.reason(limit))?;
        let matched = matching::matches(&names, self.reference, self.policy);
        if matched.is_empty() {
            let mismatch = matching::mismatch(&names, self.reference);
            return Err(Reason::NameMismatch(Box::new(mismatch)));
        }
        Ok(matched)
    }

    /// Applies the rules about the peer's own certificate alone. Whether it is worth looking for
    /// somebody who vouches for it.
    fn check_leaf(&self, leaf: &Leaf<'_>, checks: &mut Checks) -> bool {
        let fields = &leaf.fields;
        let chain = self
            .check_period(fields.period(), Position::Leaf)
            .and_then(|()| check_constrains_nothing(fields))
            .and_then(|()| self.check_key(fields.public_key, Position::Leaf));
        let is_sound = chain.is_ok();
        let purposes = self.check_purposes(fields, Position::Leaf);
        let usage = check_may_sign_handshakes(fields);
        for (aspect, result) in [
            (Aspect::Chain, chain),
            (Aspect::ExtendedKeyUsage, purposes),
            (Aspect::KeyUsage, usage),
        ] {
            match result {
                // What the chain comes to, and the keys above, is not known yet.
                Ok(()) if aspect == Aspect::Chain => {}
                Ok(()) => checks.pass(aspect),
                Err(reason) => checks.fail(reason),
            }
        }
        is_sound
    }

    /// Adds to those for whom the certificate is pinned the others for whom a CA vouches.
    fn by_pin(
        &self,
        leaf: &Leaf<'_>,
        mut own: Vec<Match>,
        others: &[Match],
        is_sound: bool,
    ) -> (Basis, UnixTime, Vec<Match>) {
        let mut valid_until = leaf.fields.not_after;
        if is_sound && !others.is_empty() {
            let search = Search::new(*self, &leaf.fields, others);
            if let Ok(above) = search.run(&leaf.end_entity, leaf.others) {
                valid_until = valid_until.min(above.valid_until);
                own.extend(above.proved);
            }
        }
        (Basis::Pin, valid_until, own)
    }

    /// Looks for a path to an anchor.
    fn by_path(
        &self,
        leaf: &Leaf<'_>,
        matched: &[Match],
        pinned: &Pinned<'_>,
        checks: &mut Checks,
    ) -> Option<(Basis, UnixTime, Vec<Match>)> {
        let search = Search::new(*self, &leaf.fields, matched);
        match search.run(&leaf.end_entity, leaf.others) {
            Ok(Above {
                valid_until,
                proved,
                is_listed,
            }) => {
                checks.pass(Aspect::Chain);
                if is_listed {
                    checks.pass(Aspect::Revocation);
                }
                let valid_until = valid_until.min(leaf.fields.not_after);
                Some((Basis::Path, valid_until, proved))
            }
            Err(reason) => {
                checks.fail(self.refined(reason, leaf, pinned));
                None
            }
        }
    }

    /// Says more of the peer's own certificate where nobody vouches for it.
    fn refined(&self, reason: Reason, leaf: &Leaf<'_>, pinned: &Pinned<'_>) -> Reason {
        let is_unknown = reason == Reason::UnknownIssuer;
        if (is_unknown || reason == Reason::CaUsedAsEndEntity) && pinned.anywhere() {
            return Reason::PinnedElsewhere {
                reference: self.reference.to_string().into(),
            };
        }
        if is_unknown && leaf.fields.is_self_issued() {
            return Reason::SelfSigned;
        }
        reason
    }

    pub(crate) fn check_period(&self, period: Period, position: Position) -> Result<(), Reason> {
        let Period {
            not_before,
            not_after,
        } = period;
        if self.now > not_after {
            Err(Reason::Expired {
                not_after,
                position,
            })
        } else if self.now < not_before {
            Err(Reason::NotYetValid {
                not_before,
                position,
            })
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_purposes(
        &self,
        certificate: &Certificate<'_>,
        position: Position,
    ) -> Result<(), Reason> {
        let purposes = certificate
            .extended_key_usage()
            .and_then(Purposes::parse)
            .map_err(fault(position))?;
        self.allow(purposes, position)
    }

    pub(crate) fn allow(&self, purposes: Purposes, position: Position) -> Result<(), Reason> {
        let (policy, role) = (self.policy.eku, self.role);
        policy
            .check(role, purposes)
            .map_err(|lacking| Reason::ExtendedKeyUsage {
                lacking,
                policy,
                position,
                role,
            })
    }

    /// The reason to refuse a certificate whose list of extended key usages is empty.
    pub(crate) fn no_purpose(&self, position: Position) -> Reason {
        match self.allow(Purposes::NONE, position) {
            Err(reason) => reason,
            Ok(()) => Reason::Malformed { position },
        }
    }

    pub(crate) fn check_key(&self, public_key: &[u8], position: Position) -> Result<(), Reason> {
        let bits = key::rsa_bits(public_key).map_err(fault(position))?;
        self.check_rsa_bits(bits, position)
    }

    pub(crate) fn check_rsa_bits(
        &self,
        bits: Option<usize>,
        position: Position,
    ) -> Result<(), Reason> {
        let minimum = self.policy.min_rsa_bits;
        match bits {
            Some(bits) if bits < minimum => Err(Reason::WeakKey {
                bits,
                minimum,
                position,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// The peer's own certificate, and what it sent along.
struct Leaf<'c> {
    der: &'c CertificateDer<'c>,
    end_entity: EndEntityCert<'c>,
    fields: Certificate<'c>,
    others: &'c [CertificateDer<'c>],
}

/// Those who are proved, each once: by its own name, of which there is one match, or by a target.
fn subjects(proved: Vec<Match>) -> Vec<Host> {
    let (own, by_target): (Vec<_>, Vec<_>) = proved
        .into_iter()
        .partition(|found| found.named == found.subject);
    let mut subjects: Vec<_> = own.into_iter().map(|found| found.subject).collect();
    for found in by_target {
        if !subjects.contains(&found.subject) {
            subjects.push(found.subject);
        }
    }
    subjects
}

pub(crate) fn fault(position: Position) -> impl Fn(Fault) -> Reason {
    move |fault| fault.reason(position)
}
