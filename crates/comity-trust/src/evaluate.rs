use std::cell::RefCell;

use comity_identity::DomainName;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, VerifiedPath};

use crate::certificate::{Certificate, Fault};
use crate::constraints;
use crate::identifier::{Identifier, PresentedNames};
use crate::names::{self, NamesError};
use crate::policy::Policy;
use crate::purpose::{Purposes, Role, Validator};
use crate::reason::{Position, Reason};
use crate::reference::Reference;
use crate::store::{Period, Pinned};
use crate::verdict::{Basis, Trusted, Verdict};

/// Decides whether the certificates that a peer presented prove the reference.
///
/// `chain` is what the peer sent: its own certificate first, then those that may help to find a
/// path, in any order. `now` is the time for which the verdict holds, and `role` what the peer
/// acted as in the handshake. The answer depends on the arguments alone.
///
/// It holds for this reference only: evaluate again for another domain, for a resumed session, and
/// when the policy changes.
pub fn evaluate(
    chain: &[CertificateDer<'_>],
    now: UnixTime,
    role: Role,
    reference: &Reference,
    policy: &Policy,
) -> Verdict {
    let question = Question {
        now,
        role,
        reference,
        policy,
    };
    match question.judge(chain) {
        Ok(trusted) => Verdict::Trusted(trusted),
        Err(reason) => Verdict::Refused(reason),
    }
}

struct Question<'q> {
    now: UnixTime,
    role: Role,
    reference: &'q Reference,
    policy: &'q Policy,
}

impl Question<'_> {
    fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Trusted, Reason> {
        let limit = self.policy.limits.max_certificates;
        if chain.len() > limit {
            return Err(Reason::TooManyCertificates { limit });
        }
        let (der, others) = chain.split_first().ok_or(Reason::NoCertificate)?;
        let end_entity = EndEntityCert::try_from(der).map_err(leaf_reason)?;
        let leaf = Certificate::parse(der).map_err(fault(Position::Leaf))?;
        match (
            self.matched_name(&leaf),
            self.standing(&end_entity, &leaf, others),
        ) {
            (Ok(matched_by), Ok(standing)) => Ok(Trusted {
                basis: standing.basis,
                domain: self.domain().clone(),
                matched_by,
                valid_until: standing.valid_until,
            }),
            (Err(reason), Ok(_)) | (Ok(_), Err(reason)) => Err(reason),
            (Err(name), Err(standing)) => Err(standing.or_more_telling(name)),
        }
    }

    fn domain(&self) -> &DomainName {
        self.reference.domain()
    }

    /// The first name of the certificate that matches, whoever vouches for it.
    fn matched_name(&self, leaf: &Certificate<'_>) -> Result<Identifier, Reason> {
        let limit = self.policy.limits.max_names;
        let extension = leaf
            .subject_alt_name()
            .map_err(|_fault| Reason::MalformedNames)?;
        let names =
            names::read(extension.unwrap_or_default(), limit).map_err(|error| match error {
                NamesError::Malformed => Reason::MalformedNames,
                NamesError::TooMany => Reason::TooManyNames { limit },
            })?;
        names
            .iter()
            .find(|name| self.reference.matches(**name))
            .and_then(|name| name.identifier())
            .ok_or_else(|| Reason::NameMismatch {
                domain: self.domain().clone(),
                presented: PresentedNames::of(&names),
            })
    }

    /// Why the certificate is to be believed, whatever it names.
    fn standing(
        &self,
        end_entity: &EndEntityCert<'_>,
        leaf: &Certificate<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<Standing, Reason> {
        let period = Period {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        };
        self.check_period(period, Position::Leaf)?;
        self.check_purposes(leaf)?;
        let pinned = self.policy.store.pinned(&end_entity.der(), self.domain());
        if pinned == Pinned::Here {
            return Ok(Standing {
                basis: Basis::Pin,
                valid_until: leaf.not_after,
            });
        }
        self.find_path(end_entity, others)
            .map(|above| Standing {
                basis: Basis::Path,
                valid_until: above.min(leaf.not_after),
            })
            .map_err(|reason| match (reason, pinned) {
                (Reason::UnknownIssuer | Reason::CaUsedAsEndEntity, Pinned::Elsewhere) => {
                    Reason::PinnedElsewhere {
                        domain: self.domain().clone(),
                    }
                }
                (Reason::UnknownIssuer, _) if leaf.is_self_issued() => Reason::SelfSigned,
                (reason, _) => reason,
            })
    }

    fn check_period(&self, period: Period, position: Position) -> Result<(), Reason> {
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

    fn check_purposes(&self, leaf: &Certificate<'_>) -> Result<(), Reason> {
        let purposes = leaf
            .extended_key_usage()
            .and_then(Purposes::parse)
            .map_err(fault(Position::Leaf))?;
        if self.policy.eku.allows(self.role, purposes) {
            Ok(())
        } else {
            Err(self.wrong_purpose(Position::Leaf))
        }
    }

    fn wrong_purpose(&self, position: Position) -> Reason {
        Reason::ExtendedKeyUsage {
            policy: self.policy.eku,
            position,
            role: self.role,
        }
    }

    /// Searches a path to an anchor that also keeps our own rules, and returns the last second at
    /// which all above the leaf is valid.
    fn find_path(
        &self,
        end_entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<UnixTime, Reason> {
        // A path that webpki accepts and we do not came closest to trust, so our reason for the
        // refusal goes before webpki's for the paths that it gave up.
        let refused: RefCell<Option<Reason>> = RefCell::new(None);
        let check = |path: &VerifiedPath<'_>| {
            self.check_path(path).map(drop).map_err(|reason| {
                let mut refused = refused.borrow_mut();
                *refused = Some(match refused.take() {
                    Some(earlier) => earlier.or_more_telling(reason),
                    None => reason,
                });
                webpki::Error::UnknownIssuer
            })
        };
        let path = end_entity.verify_for_usage(
            self.policy.algorithms,
            self.policy.store.anchors(),
            others,
            self.now,
            Validator {
                policy: self.policy.eku,
                role: self.role,
            },
            None,
            Some(&check),
        );
        match path {
            Ok(path) => self.check_path(&path),
            Err(error) => Err(refused.take().unwrap_or_else(|| self.path_reason(&error))),
        }
    }

    /// Applies the rules that webpki leaves to its caller.
    fn check_path(&self, path: &VerifiedPath<'_>) -> Result<UnixTime, Reason> {
        let anchor = path.anchor();
        let period = self
            .policy
            .store
            .period(anchor)
            .ok_or(Reason::UnknownIssuer)?;
        self.check_period(period, Position::Anchor)?;
        let mut valid_until = period.not_after;
        if let Some(constraints) = &anchor.name_constraints {
            self.check_constraints(constraints, Position::Anchor)?;
        }
        for issuer in path.intermediate_certificates() {
            let der = issuer.der();
            let issuer = Certificate::parse(&der).map_err(fault(Position::Issuer))?;
            if !issuer
                .may_sign_certificates()
                .map_err(fault(Position::Issuer))?
            {
                return Err(Reason::IssuerKeyUsage);
            }
            if let Some(constraints) = issuer.name_constraints().map_err(fault(Position::Issuer))? {
                self.check_constraints(constraints, Position::Issuer)?;
            }
            valid_until = valid_until.min(issuer.not_after);
        }
        Ok(valid_until)
    }

    fn check_constraints(&self, constraints: &[u8], position: Position) -> Result<(), Reason> {
        if constraints::permit(constraints, self.domain()).map_err(fault(position))? {
            Ok(())
        } else {
            Err(Reason::NameConstraint {
                domain: self.domain().clone(),
            })
        }
    }

    /// What webpki's error says once the leaf has been parsed and its own period and purposes have
    /// been checked.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other errors all say that some part of a certificate is malformed"
    )]
    fn path_reason(&self, error: &webpki::Error) -> Reason {
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
            Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => {
                self.wrong_purpose(position)
            }
            Error::NameConstraintViolation => Reason::NameConstraintElsewhere,
            Error::CaUsedAsEndEntity => Reason::CaUsedAsEndEntity,
            Error::EndEntityUsedAsCa => Reason::IssuerNotCa,
            Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => {
                Reason::PathLength
            }
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
}

/// Why a certificate is to be believed, and how long.
struct Standing {
    basis: Basis,
    valid_until: UnixTime,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "parsing gives these errors and many that say that the certificate is malformed"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn leaf_reason(error: webpki::Error) -> Reason {
    let position = Position::Leaf;
    match error {
        webpki::Error::UnsupportedCertVersion => Reason::UnsupportedVersion { position },
        webpki::Error::UnsupportedCriticalExtension => Reason::UnsupportedExtension,
        _ => Reason::Malformed { position },
    }
}

fn fault(position: Position) -> impl Fn(Fault) -> Reason {
    move |fault| match fault {
        Fault::Malformed => Reason::Malformed { position },
        Fault::Version => Reason::UnsupportedVersion { position },
    }
}
