//! What policy and discovery say, in the words of the router.

use std::time::Duration;

use comity_identity::{DomainName, Host};
use comity_policy::{Decision, Requirement, SecurityMode, Switch, TlsMode, Verdict};
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
            profile: match mode.sasl_outbound {
                Switch::On => profile,
                Switch::Off => Profile {
                    external: stream::Switch::Off,
                    ..profile
                },
            },
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
        certificate: match (mode.certificate, mode.dialback) {
            (Requirement::Optional, Switch::On) => CertificateRule::Optional,
            // Nothing else is left to prove the domain.
            (Requirement::Required, _) | (Requirement::Optional, Switch::Off) => {
                CertificateRule::Required
            }
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
                transport: srv::Transport::StartTls,
            };
            (domain.clone(), host)
        }
    }
}

/// What a certificate proves, and for how long from `now`.
pub(super) fn verdict(verdict: &trust::Verdict, now: UnixTime) -> stream::Verdict {
    match verdict.outcome() {
        Ok(trusted) => stream::Verdict::Trusted {
            matched_by: match trusted.matched_by() {
                Some(name) => name.to_string().into(),
                None => trusted.basis().to_string().into(),
            },
            expires_in: Some(until(trusted.valid_until(), now)),
        },
        Err(reason) => stream::Verdict::Untrusted {
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
            Outcome::Bogus => Err(Unresolved::Failed(
                "the answer of DNS is bogus: its signatures do not hold".into(),
            )),
            Outcome::Blocked(blocked) => Err(Unresolved::Failed(blocked_text(blocked).into())),
            _ => Err(Unresolved::Failed("an outcome that is not known".into())),
        }
    }
}

fn target(candidate: &Candidate) -> Target {
    let transport = match candidate.transport {
        srv::Transport::Tls => Transport::DirectTls,
        // How the stream becomes secure, if it does, is not for DNS to say; nobody offers UDP.
        srv::Transport::StartTls | srv::Transport::Tcp | srv::Transport::Udp => Transport::Tcp,
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
    use comity_identity::Direction;
    use comity_policy::{Facts, Protocol};
    use comity_testkit::mint::Leaf;
    use comity_trust::{CertificateDer, Policy, Reference, RevocationLists, Role, evaluate};

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
    fn a_pair_is_allowed_on_the_terms_of_policy_and_profile() {
        let profile = Profile::named("openfire").unwrap();
        let mode = SecurityMode::new(TlsMode::Optional, Requirement::Required);
        let mut config = comity_policy::Config::default();
        config.local_domains.insert(domain("a.example"));
        config.xmpp.enabled = Switch::On;
        for (verdict, expected) in [
            (Verdict::Deny, stream::Decision::Deny),
            (
                Verdict::Allow,
                stream::Decision::Allow(Terms {
                    security: security(mode),
                    profile,
                }),
            ),
        ] {
            config.xmpp.default_verdict = verdict;
            let policy = comity_policy::Policy::new(config.clone()).unwrap();
            let (local, remote) = (domain("a.example"), domain("b.example"));
            let facts = Facts::between(Protocol::Xmpp, &local, &remote, Direction::Outbound);
            let decided = policy.decide(&facts);
            assert_eq!(decision(&decided, mode, profile), expected);
        }
    }

    #[test]
    fn a_verdict_holds_until_the_certificate_expires() {
        let leaf = Leaf::new([1; 32]).dns("b.example").valid(1000, 5000);
        let own = CertificateDer::from(leaf.self_signed().leaf().to_vec());
        let mut policy = Policy::new(&[]);
        policy.store.add_pin(&own, [domain("b.example")]);
        let reference = Reference::dns(domain("b.example"));
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let none = RevocationLists::new();
        let judged = evaluate(&[own], at(2000), Role::Server, &reference, &policy, &none);
        for (now, seconds) in [(2000, 3000), (4999, 1), (5000, 0), (6000, 0)] {
            assert_eq!(
                verdict(&judged, at(now)),
                stream::Verdict::Trusted {
                    matched_by: "b.example".into(),
                    expires_in: Some(Duration::from_secs(seconds)),
                }
            );
        }
    }

    #[test]
    fn a_server_is_sought_where_it_says() {
        let at = |text| OtherHost::parse(text).unwrap();
        let host = |host: &str, port| Service::Host {
            host: host.parse().unwrap(),
            port,
            transport: srv::Transport::StartTls,
        };
        for (other, direct_tls, name, service) in [
            (None, true, "b.example", Service::XmppServerWithDirectTls),
            (None, false, "b.example", Service::XmppServer),
            (
                Some(at("c.example")),
                true,
                "c.example",
                Service::XmppServerWithDirectTls,
            ),
            (
                Some(at("c.example")),
                false,
                "c.example",
                Service::XmppServer,
            ),
            (
                Some(at("c.example:9222")),
                true,
                "b.example",
                host("c.example", 9222),
            ),
            (
                Some(at("192.0.2.1")),
                true,
                "b.example",
                host("192.0.2.1", 5269),
            ),
            (
                Some(at("[2001:db8::1]:9222")),
                false,
                "b.example",
                host("2001:db8::1", 9222),
            ),
        ] {
            let sought = inquiry(&domain("b.example"), other.as_ref(), direct_tls);
            assert_eq!(sought, (domain(name), service));
        }
    }

    fn domain(name: &str) -> DomainName {
        name.parse().unwrap()
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
