//! One question, asked of one rule set or of two.

mod json;
mod text;

use std::path::Path;

use comity_identity::{Direction, DomainName};
use comity_policy::{
    AclEntry, AclOrigin, AclPattern, Address, Change, Decision, Fact, Facts, Inward, Peer, Policy,
    Protocol, Rule, Stage, Subject, Verdict,
};

use crate::options::{Format, Question};
use crate::rules::{self, RuleSet};
use crate::{Page, RunError};

pub(crate) fn run(
    path: &Path,
    question: &Question,
    compare: Option<&Path>,
    format: Format,
) -> Result<Page, RunError> {
    let other = compare.map(rules::read).transpose();
    let (rules, other) = rules::both(rules::read(path), other)?;
    let case = Case::new(question, &rules)?;
    let report = Report {
        answer: case.ask(&rules)?,
        other: match &other {
            Some(other) => Some(Other {
                answer: case.ask(other)?,
                changes: rules.config.difference(&other.config),
            }),
            None => None,
        },
        case,
    };
    Ok(Page {
        text: match format {
            Format::People => text::page(&report),
            Format::Json => json::document(&report),
        },
        is_good: report.is_good(),
    })
}

/// A question that cannot be asked of these rules.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    #[error("{from} and {to} are both local by {rules}: nothing is federated between them")]
    BothLocal {
        from: DomainName,
        to: DomainName,
        rules: String,
    },
    #[error("neither {from} nor {to} is local by {rules}")]
    NoneLocal {
        from: DomainName,
        to: DomainName,
        rules: String,
    },
    #[error("--peer is missing: the access list of SIP asks for it; see --help")]
    NoPeer,
}

/// A question, and what the rules make of it.
struct Case<'q> {
    question: &'q Question,
    direction: Direction,
    protocol: Protocol,
}

impl<'q> Case<'q> {
    /// Finds out which side is ours, and over which protocol the other one is federated.
    fn new(question: &'q Question, rules: &RuleSet) -> Result<Self, CaseError> {
        let (from, to) = (question.from.domain(), question.to.domain());
        let policy = &rules.policy;
        let direction = match (policy.is_local(from), policy.is_local(to)) {
            (false, true) => Direction::Inbound,
            (true, false) => Direction::Outbound,
            (true, true) => {
                return Err(CaseError::BothLocal {
                    from: from.clone(),
                    to: to.clone(),
                    rules: rules.name().to_string(),
                });
            }
            (false, false) => {
                return Err(CaseError::NoneLocal {
                    from: from.clone(),
                    to: to.clone(),
                    rules: rules.name().to_string(),
                });
            }
        };
        let remote = match direction {
            Direction::Inbound => from,
            Direction::Outbound => to,
        };
        let listed = match policy.sip_domain(remote) {
            Some(_) => Protocol::Sip,
            None => Protocol::Xmpp,
        };
        Ok(Self {
            question,
            direction,
            protocol: question.protocol.unwrap_or(listed),
        })
    }

    /// Asks rules, by which the sides need not be what they are by those that made the case.
    fn ask<'r>(&self, rules: &'r RuleSet) -> Result<Answer<'r>, CaseError> {
        let (local, remote) = self.sides();
        let ours = local
            .user()
            .map(|address| LocalUser::new(address, &rules.policy));
        let local_user = ours.as_ref().map(|user| match self.direction {
            // Who may be reached under an address is for the rules to say.
            Direction::Inbound => &user.written,
            Direction::Outbound => &user.own,
        });
        let stage = self.question.stage;
        let local = local_user.map_or_else(|| local.domain(), Address::domain);
        let mut facts = Facts::between(self.protocol, local, remote.domain(), self.direction)
            .at(stage, self.question.assurance);
        facts.local_user = local_user;
        facts.remote_user = remote.user();
        facts.topic = Some(self.question.topic);
        facts.peer = self.question.peer.as_ref().map(|(address, name)| Peer {
            address: *address,
            name: name.as_ref(),
        });
        let mut decision = rules.policy.decide(&facts);
        if decision.verdict == Verdict::Deny {
            // What is denied needs no security, and two refusals do not differ by it.
            decision.obligations.security = None;
        }
        let lacks_peer = |rule: &Rule| *rule == Rule::Missing(Fact::Peer);
        if decision.explanation.rules().any(lacks_peer) {
            return Err(CaseError::NoPeer);
        }
        let passes_on = decision.verdict == Verdict::Allow && stage >= Stage::Stanza;
        let swap = match (&ours, self.direction) {
            (Some(ours), Direction::Inbound) if passes_on => ours.inward(),
            (Some(ours), Direction::Outbound) if passes_on => ours.outward(&rules.policy),
            (Some(_) | None, Direction::Inbound | Direction::Outbound) => None,
        };
        Ok(Answer {
            rules,
            decision,
            user: ours.map(|ours| ours.own),
            swap,
            half: self.half(&rules.policy),
        })
    }

    /// Which half of the pair of a server's address and name the operator has left out.
    fn half(&self, policy: &Policy) -> Option<Half> {
        let (Protocol::Sip, Direction::Inbound) = (self.protocol, self.direction) else {
            return None;
        };
        let (address, name) = self.question.peer.as_ref()?;
        let pair = policy.acl_pair(*address, name.as_ref()?);
        // Neither "all" nor the entry of a federated domain is one half of anything.
        let is_half =
            |entry: &AclEntry| entry.origin == AclOrigin::Admin && entry.pattern != AclPattern::All;
        match (&pair.by_address, &pair.by_name) {
            (Some(entry), None) if is_half(entry) => Some(Half::Name),
            (None, Some(entry)) if is_half(entry) => Some(Half::Address),
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    /// Our side and the other one.
    fn sides(&self) -> (&Subject, &Subject) {
        let Question { from, to, .. } = self.question;
        match self.direction {
            Direction::Inbound => (to, from),
            Direction::Outbound => (from, to),
        }
    }
}

/// What rules say to a case.
struct Answer<'r> {
    rules: &'r RuleSet,
    decision: Decision,
    /// The user on our side, by the address of his own.
    user: Option<Address>,
    /// What his address becomes on the way, if it passes and becomes another.
    swap: Option<Swap>,
    /// What the access list lacks of the peer.
    half: Option<Half>,
}

/// What an operator lists of a server beside the other.
#[derive(Clone, Copy)]
enum Half {
    Address,
    Name,
}

/// An address that takes the place of the one that was written.
#[derive(Debug, PartialEq)]
enum Swap {
    /// The user's own, for a packet that comes in.
    Inward(Address),
    /// The email address, for a packet that goes out.
    Outward(Address),
}

/// What other rules say, and how they differ.
struct Other<'r> {
    answer: Answer<'r>,
    changes: Vec<Change>,
}

struct Report<'r> {
    case: Case<'r>,
    answer: Answer<'r>,
    other: Option<Other<'r>>,
}

impl Report<'_> {
    /// Whether it is allowed or, between two rule sets, makes no difference.
    fn is_good(&self) -> bool {
        match &self.other {
            Some(other) => !other.answer.differs_from(&self.answer),
            None => self.answer.decision.verdict == Verdict::Allow,
        }
    }
}

impl Answer<'_> {
    /// Whether something else is done, whatever the reasons.
    fn differs_from(&self, other: &Self) -> bool {
        let done = |answer: &Self| (answer.decision.verdict, answer.decision.obligations);
        done(self) != done(other) || self.swap != other.swap
    }
}

/// A local user, by the address that was written and by that of his own.
struct LocalUser {
    written: Address,
    own: Address,
}

impl LocalUser {
    fn new(written: &Address, policy: &Policy) -> Self {
        let own = match policy.inward(written) {
            Inward::User(own) => own,
            Inward::Hidden { .. } => written,
        };
        Self {
            written: written.clone(),
            own: own.clone(),
        }
    }

    fn inward(&self) -> Option<Swap> {
        (self.own != self.written).then(|| Swap::Inward(self.own.clone()))
    }

    fn outward(&self, policy: &Policy) -> Option<Swap> {
        let outward = policy.outward(&self.own);
        (*outward != self.own).then(|| Swap::Outward(outward.clone()))
    }
}
