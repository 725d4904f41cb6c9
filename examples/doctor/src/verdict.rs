//! What our own rules decide.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use comity_identity::{Assurance, Direction, DomainName, Finding};
use comity_policy::{
    Decision, Denial, Facts, Peer, Policy, Protocol, Stage, Subject, Topic, Verdict,
};

use crate::findings::{POLICY_DENIES, POLICY_REFUSES_POLITELY};

/// Packets from one side to the other, one of which is ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Case {
    local: Subject,
    remote: Subject,
    pub(crate) direction: Direction,
    pub(crate) protocol: Protocol,
}

/// Why there is nothing to decide.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CaseError {
    #[error("{0} and {1} are both ours: nothing is federated between them")]
    BothLocal(DomainName, DomainName),
    #[error("neither {0} nor {1} is ours")]
    NoneLocal(DomainName, DomainName),
}

impl Case {
    /// Finds out which side is ours, and over which protocol the other one is federated.
    pub(crate) fn new(policy: &Policy, from: &Subject, to: &Subject) -> Result<Self, CaseError> {
        let domains = (from.domain(), to.domain());
        let (local, remote, direction) = match (is_ours(policy, from), is_ours(policy, to)) {
            (true, false) => (from, to, Direction::Outbound),
            (false, true) => (to, from, Direction::Inbound),
            (true, true) => {
                return Err(CaseError::BothLocal(domains.0.clone(), domains.1.clone()));
            }
            (false, false) => {
                return Err(CaseError::NoneLocal(domains.0.clone(), domains.1.clone()));
            }
        };
        Ok(Self {
            local: local.clone(),
            remote: remote.clone(),
            direction,
            protocol: match policy.sip_domain(remote.domain()) {
                Some(_) => Protocol::Sip,
                None => Protocol::Xmpp,
            },
        })
    }

    /// The same over a protocol.
    pub(crate) fn over(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The decisions of all stages up to the first that denies.
    pub(crate) fn decide(&self, policy: &Policy) -> Vec<(Stage, Decision)> {
        let mut decisions = Vec::new();
        for stage in self.stages() {
            let decision = self.decide_at(policy, *stage);
            let is_denied = decision.verdict == Verdict::Deny;
            decisions.push((*stage, decision));
            if is_denied {
                break;
            }
        }
        decisions
    }

    /// Domains have no stanzas that users would have to take or refuse.
    fn stages(&self) -> &'static [Stage] {
        match self.local {
            Subject::Domain(_) => &[Stage::StreamHeader, Stage::Authentication],
            Subject::User(_) => &[
                Stage::StreamHeader,
                Stage::Authentication,
                Stage::Stanza,
                Stage::Subscription,
            ],
        }
    }

    fn decide_at(&self, policy: &Policy, stage: Stage) -> Decision {
        let (local, remote) = (self.local.domain(), self.remote.domain());
        let mut facts = Facts::between(self.protocol, local, remote, self.direction)
            .at(stage, Assurance::Certified)
            .from_peer(Peer {
                address: UNKNOWN,
                name: Some(remote),
            });
        facts.local_user = self.local.user();
        facts.remote_user = self.remote.user();
        facts.topic = Some(match stage {
            Stage::Subscription => Topic::Presence,
            Stage::Connect | Stage::StreamHeader | Stage::Authentication | Stage::Stanza => {
                Topic::Message
            }
        });
        policy.decide(&facts)
    }

    /// What there is to say against these decisions. `rules` is the file where they are written.
    pub(crate) fn findings(&self, decisions: &[(Stage, Decision)], rules: &str) -> Vec<Finding> {
        let denied = decisions.iter();
        let denied = denied.filter(|(_, decision)| decision.verdict == Verdict::Deny);
        let findings = denied.map(|(stage, decision)| {
            let diagnosis = match decision.obligations.denial {
                Some(Denial::Polite) => &POLICY_REFUSES_POLITELY,
                Some(Denial::Drop | Denial::OwnBlock | Denial::Refuse) | None => &POLICY_DENIES,
            };
            let seen = format!("{} {stage} over {}: {decision}", self.direction, self.protocol);
            Finding::new(diagnosis, self.to_string(), seen).with_remedy(format!(
                "change this rule in {rules}, or that of the user, if they are to write to each other"
            ))
        });
        findings.collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Inbound => write!(f, "{} to {}", self.remote, self.local),
            Direction::Outbound => write!(f, "{} to {}", self.local, self.remote),
        }
    }
}

fn is_ours(policy: &Policy, side: &Subject) -> bool {
    policy.is_local(side.domain())
}

/// The access list of SIP is asked by the name that the peer has proved.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

#[cfg(test)]
mod tests;
