use std::cell::RefCell;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{Cert, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use crate::certificate::Certificate;
use crate::constraints::Constraints;
use crate::evaluate::{Question, fault};
use crate::key;
use crate::matching::Match;
use crate::policy::Revocation;
use crate::reason::{Position, Reason};
use crate::revocation::Listing;

/// The search for a path to an anchor that also keeps our own rules.
pub(crate) struct Search<'q> {
    question: Question<'q>,
    leaf: &'q Certificate<'q>,
    matched: &'q [Match],
    /// A path that webpki accepts and we do not came closest to trust, so our reason for the
    /// refusal goes before webpki's for the paths that it gave up.
    refused: RefCell<Option<Reason>>,
    /// What the accepted path comes to.
    accepted: RefCell<Option<Above>>,
}

/// What stands above a certificate that somebody vouches for.
pub(crate) struct Above {
    /// The last second at which all of it is valid.
    pub(crate) valid_until: UnixTime,
    /// The names that all of it may vouch for.
    pub(crate) proved: Vec<Match>,
    /// Whether there is a revocation list about each certificate below the anchor.
    pub(crate) is_listed: bool,
}

impl<'q> Search<'q> {
    /// Searches a path whose constraints leave at least one of the matched names, if there are any.
    pub(crate) fn new(
        question: Question<'q>,
        leaf: &'q Certificate<'q>,
        matched: &'q [Match],
    ) -> Self {
        Self {
            question,
            leaf,
            matched,
            refused: RefCell::new(None),
            accepted: RefCell::new(None),
        }
    }

    pub(crate) fn run(
        self,
        end_entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<Above, Reason> {
        let Question { now, policy, .. } = self.question;
        let path = end_entity.verify_for_usage(
            policy.algorithms,
            policy.store.anchors(),
            others,
            now,
            OwnRules,
            None,
            Some(&|path| self.accept(path)),
        );
        let result = path
            .map(drop)
            .map_err(|error| path_reason(&error, &self.question));
        let Self {
            refused, accepted, ..
        } = self;
        result
            .and_then(|()| accepted.take().ok_or(Reason::UnknownIssuer))
            .map_err(|reason| refused.take().unwrap_or(reason))
    }

    fn accept(&self, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
        match self.check(path) {
            Ok(above) => {
                self.accepted.replace(Some(above));
                Ok(())
            }
            Err(reason) => {
                let mut refused = self.refused.borrow_mut();
                *refused = Some(match refused.take() {
                    Some(earlier) => earlier.or_more_telling(reason),
                    None => reason,
                });
                Err(webpki::Error::UnknownIssuer)
            }
        }
    }

    /// Applies the rules that webpki leaves to its caller.
    fn check(&self, path: &VerifiedPath<'_>) -> Result<Above, Reason> {
        let anchor = path.anchor();
        let (store, position) = (&self.question.policy.store, Position::Anchor);
        let facts = store.facts(anchor).ok_or(Reason::UnknownIssuer)?;
        self.question.check_period(facts.period, position)?;
        self.question.check_rsa_bits(facts.rsa_bits, position)?;
        self.question.allow(facts.purposes, position)?;
        let mut above = Above {
            valid_until: facts.period.not_after,
            proved: self.matched.to_vec(),
            is_listed: self.question.policy.revocation != Revocation::Off,
        };
        let ders: Vec<_> = path.intermediate_certificates().map(Cert::der).collect();
        let issuers = ders.iter().map(|der| Certificate::parse(der));
        let issuers: Vec<_> = issuers
            .collect::<Result<_, _>>()
            .map_err(fault(Position::Issuer))?;
        let below = issuers.iter().filter(|issuer| !issuer.is_self_issued());
        if facts
            .path_length
            .is_some_and(|length| below.count() > length)
        {
            return Err(Reason::PathLength);
        }
        self.heed_lists(&mut above, &issuers, &anchor.subject_public_key_info)?;
        if let Some(constraints) = &anchor.name_constraints {
            self.constrain(&mut above, constraints, position)?;
        }
        for issuer in &issuers {
            self.check_issuer(&mut above, issuer)?;
        }
        Ok(above)
    }

    fn check_issuer(&self, above: &mut Above, issuer: &Certificate<'_>) -> Result<(), Reason> {
        let position = Position::Issuer;
        if !issuer.may_sign_certificates().map_err(fault(position))? {
            return Err(Reason::IssuerKeyUsage);
        }
        self.question.check_purposes(issuer, position)?;
        self.question.check_key(issuer.public_key, position)?;
        if let Some(constraints) = issuer.name_constraints().map_err(fault(position))? {
            self.constrain(above, constraints, position)?;
        }
        above.valid_until = above.valid_until.min(issuer.not_after);
        Ok(())
    }

    /// Leaves the names that a CA may vouch for.
    fn constrain(
        &self,
        above: &mut Above,
        constraints: &[u8],
        position: Position,
    ) -> Result<(), Reason> {
        let constraints = Constraints::parse(constraints).map_err(fault(position))?;
        above
            .proved
            .retain(|found| constraints.permit(&found.named));
        match (above.proved.first(), self.matched.first()) {
            (None, Some(found)) => Err(Reason::NameConstraint {
                host: found.named.clone(),
            }),
            (Some(_), _) | (None, None) => Ok(()),
        }
    }

    /// Looks up each certificate below the anchor in the lists of its issuer.
    ///
    /// Where lists must be current, nothing is valid longer than they are.
    fn heed_lists(
        &self,
        above: &mut Above,
        issuers: &[Certificate<'_>],
        anchor_key: &[u8],
    ) -> Result<(), Reason> {
        let Question {
            now, policy, crls, ..
        } = self.question;
        let is_required = match policy.revocation {
            Revocation::Off => return Ok(()),
            Revocation::IfListed => false,
            Revocation::Required => true,
        };
        let leaf = [(self.leaf, Position::Leaf)].into_iter();
        let below = leaf.chain(issuers.iter().map(|issuer| (issuer, Position::Issuer)));
        let keys = issuers
            .iter()
            .map(|issuer| key::contents(issuer.public_key));
        for ((certificate, position), key) in below.zip(keys.chain([anchor_key])) {
            let listing = crls.about(certificate, position, key);
            match listing.map_err(fault(position))? {
                Listing::Revoked => return Err(Reason::Revoked { position }),
                Listing::Covered { next_update } if is_required => {
                    if now >= next_update {
                        return Err(Reason::RevocationListExpired { next_update });
                    }
                    let last = Duration::from_secs(next_update.as_secs().saturating_sub(1));
                    above.valid_until = above.valid_until.min(UnixTime::since_unix_epoch(last));
                }
                Listing::Covered { .. } => {}
                Listing::Uncovered if is_required => return Err(Reason::RevocationUnknown),
                Listing::Uncovered => above.is_listed = false,
            }
        }
        Ok(())
    }
}

/// Leaves all extended key usages to our own rules.
struct OwnRules;

impl ExtendedKeyUsageValidator for OwnRules {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// What webpki's error says once the leaf has been parsed and its own period has been checked.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other errors all say that some part of a certificate is malformed"
)]
fn path_reason(error: &webpki::Error, question: &Question<'_>) -> Reason {
    use webpki::Error;
    let position = Position::Issuer;
    match *error {
        Error::UnknownIssuer => Reason::UnknownIssuer,
        Error::CertExpired { not_after, .. } => Reason::Expired {
            not_after,
            position,
        },
        Error::CertNotValidYet { not_before, .. } => Reason::NotYetValid {
            not_before,
            position,
        },
        Error::InvalidSignatureForPublicKey => Reason::BadSignature,
        Error::CertDistrusted => Reason::Distrusted,
        Error::EmptyEkuExtension => question.no_purpose(position),
        Error::NameConstraintViolation => Reason::NameConstraintElsewhere,
        Error::CaUsedAsEndEntity => Reason::CaUsedAsEndEntity,
        Error::EndEntityUsedAsCa => Reason::IssuerNotCa,
        Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => Reason::PathLength,
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => Reason::TooComplex,
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Reason::UnsupportedAlgorithm
        }
        Error::UnsupportedCriticalExtension => Reason::UnsupportedExtension,
        Error::UnsupportedCertVersion => Reason::UnsupportedVersion { position },
        _ => Reason::Malformed { position },
    }
}
