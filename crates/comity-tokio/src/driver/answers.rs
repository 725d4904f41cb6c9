//! What policy and discovery say, in the words of the router.

use std::time::Duration;

use comity_identity::{DomainName, Host};
use comity_policy::{Decision, Requirement, SecurityMode, TlsMode, Verdict};
use comity_srv::{self as srv, Candidate, Outcome, Service};
use comity_trust::{self as trust, UnixTime};
use comity_xmpp::router::{OtherHost, Target, Unresolved};
use comity_xmpp::{CertificateRule, Profile, Security, Terms, Transport, stream};

use crate::discovery::Resolution;

pub(super) fn decision(
    decision: &Decision,
    mode: SecurityMode,
    profile: Profile,
) -> stream::Decision {
    match decision.verdict {
        Verdict::Allow => stream::Decision::Allow(Terms {
            security: security(mode),
            profile,
        }),
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

/// What discovery is asked to find the server of `domain`, or the host that it has named in its
/// place: which name, and what of it.
pub(super) fn inquiry(
    domain: &DomainName,
    at: Option<&OtherHost>,
    direct_tls: bool,
) -> (DomainName, Service) {
    let service = if direct_tls {
        Service::XmppServerWithDirectTls
    } else {
        Service::XmppServer
    };
    let Some(OtherHost { host, port, .. }) = at else {
        return (domain.clone(), service);
    };
    match (host, port) {
        // As every domain (RFC 6120 §4.9.3.19).
        (Host::Domain(name), None) => (name.clone(), service),
        (host, port) => {
            let host = Service::Host {
                host: host.clone(),
                port: port.unwrap_or(XMPP_SERVER_PORT),
                security: srv::Security::StartTls,
            };
            (domain.clone(), host)
        }
    }
}

/// What a certificate proves, and for how long from `now`.
pub(super) fn verdict(verdict: &trust::Verdict, now: UnixTime) -> stream::Verdict {
    match verdict {
        trust::Verdict::Trusted(trusted) => stream::Verdict::Trusted {
            matched_by: trusted.matched_by().to_string().into(),
            expires_in: Some(until(trusted.valid_until(), now)),
        },
        trust::Verdict::Refused(reason) => stream::Verdict::Untrusted {
            reason: reason.to_string().into(),
        },
    }
}

/// Never longer than it takes: of the second that has begun nothing is left.
fn until(end: UnixTime, now: UnixTime) -> Duration {
    Duration::from_secs(end.as_secs().saturating_sub(now.as_secs()))
}

impl Resolution {
    /// The addresses to try in this order, or why there are none.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn targets(&self) -> Result<Vec<Target>, Unresolved> {
        match &self.outcome {
            Outcome::Candidates(candidates) => Ok(candidates.iter().map(target).collect()),
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

fn target(candidate: &Candidate) -> Target {
    let transport = match candidate.security {
        srv::Security::DirectTls => Transport::DirectTls,
        // How the stream becomes secure, if it does, is not for DNS to say.
        _ => Transport::Tcp,
    };
    Target::new(candidate.address, candidate.target.clone()).with_transport(transport)
}

/// One address and the reason against it stand for all.
fn blocked_text(blocked: &[srv::BlockedAddress]) -> String {
    let Some(first) = blocked.first() else {
        return "no address may be dialled".to_owned();
    };
    let (address, reason) = (first.address, first.reason);
    format!("no address may be dialled: {address} is {reason}")
}

/// Where servers connect to a host without SRV records (RFC 6120 §14.7).
const XMPP_SERVER_PORT: u16 = 5269;

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
