//! What policy and discovery say, in the words of the router.

use comity_policy::{Decision, Requirement, SecurityMode, TlsMode, Verdict};
use comity_srv::Outcome;
use comity_trust as trust;
use comity_xmpp::router::{Target, Unresolved};
use comity_xmpp::{CertificateRule, Security, stream};

use crate::discovery::Resolution;

pub(super) fn decision(decision: &Decision, mode: SecurityMode) -> stream::Decision {
    match decision.verdict {
        Verdict::Allow => stream::Decision::Allow(security(mode)),
        Verdict::Deny => stream::Decision::Deny,
    }
}

pub(crate) fn security(mode: SecurityMode) -> Security {
    Security {
        tls: match mode.tls {
            TlsMode::Disabled => comity_xmpp::TlsMode::Disabled,
            TlsMode::Optional => comity_xmpp::TlsMode::Optional,
            TlsMode::Required => comity_xmpp::TlsMode::Required,
        },
        certificate: match mode.certificate {
            Requirement::Optional => CertificateRule::Optional,
            Requirement::Required => CertificateRule::Required,
        },
    }
}

pub(super) fn verdict(verdict: &trust::Verdict) -> stream::Verdict {
    match verdict {
        trust::Verdict::Trusted(trusted) => stream::Verdict::Trusted {
            matched_by: trusted.matched_by().to_string().into(),
        },
        trust::Verdict::Refused(reason) => stream::Verdict::Untrusted {
            reason: reason.to_string().into(),
        },
    }
}

impl Resolution {
    /// The addresses to try in this order, or why there are none.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn targets(&self) -> Result<Vec<Target>, Unresolved> {
        match &self.outcome {
            Outcome::Candidates(candidates) => Ok(candidates
                .iter()
                .map(|candidate| Target::new(candidate.address, candidate.target.clone()))
                .collect()),
            Outcome::Absent => Err(Unresolved::NotOffered(
                "DNS has neither SRV nor address records".into(),
            )),
            Outcome::Refused => Err(Unresolved::NotOffered(
                "its SRV record says that the service is not offered".into(),
            )),
            Outcome::Failed(failure) => Err(Unresolved::Failed(failure.to_string().into())),
            Outcome::Blocked(blocked) => Err(Unresolved::Failed(blocked_text(blocked).into())),
            _ => Err(Unresolved::Failed("an outcome that is not known".into())),
        }
    }
}

/// One address and the reason against it stand for all.
fn blocked_text(blocked: &[comity_srv::BlockedAddress]) -> String {
    let Some(first) = blocked.first() else {
        return "no address may be dialled".to_owned();
    };
    let (address, reason) = (first.address, first.reason);
    format!("no address may be dialled: {address} is {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_policy_are_those_of_the_streams() {
        for (tls, expected) in [
            (TlsMode::Disabled, comity_xmpp::TlsMode::Disabled),
            (TlsMode::Optional, comity_xmpp::TlsMode::Optional),
            (TlsMode::Required, comity_xmpp::TlsMode::Required),
        ] {
            let mode = SecurityMode::new(tls, Requirement::Optional);
            assert_eq!(
                security(mode),
                Security {
                    tls: expected,
                    certificate: CertificateRule::Optional
                }
            );
        }
        assert_eq!(security(SecurityMode::default()), Security::CERTIFIED);
    }

    #[test]
    fn absence_and_refusal_are_told_from_failure() {
        let targets = |outcome| {
            let trace = comity_srv::Trace::default();
            Resolution { outcome, trace }.targets()
        };
        assert_eq!(
            targets(Outcome::Absent),
            Err(Unresolved::NotOffered(
                "DNS has neither SRV nor address records".into()
            ))
        );
        assert_eq!(
            targets(Outcome::Refused),
            Err(Unresolved::NotOffered(
                "its SRV record says that the service is not offered".into()
            ))
        );
        assert_eq!(
            targets(Outcome::Failed(comity_srv::Failure::Timeout)),
            Err(Unresolved::Failed("no answer in time".into()))
        );
    }
}
