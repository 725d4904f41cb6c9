use std::net::IpAddr;

use comity_identity::{Assurance, Direction, DomainName};
use comity_policy::{
    Change, Denial, Obligations, Protocol, Requirement, Rule, SecurityMode, Subscription, Switch,
    TlsMode, Topic,
};
use serde::Serialize;

use super::{Answer, Half, Other, Report, Swap};
use crate::json::{OTHER, print, texts};

pub(super) fn document(report: &Report<'_>) -> String {
    print(&Document {
        task: "explain",
        question: Asked::of(report),
        answer: Said::of(&report.answer),
        compare: report.other.as_ref().map(|other| Compared {
            answer: Said::of(&other.answer),
            differs: !report.is_good(),
            difference: difference(other),
        }),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    task: &'static str,
    question: Asked<'a>,
    #[serde(flatten)]
    answer: Said,
    compare: Option<Compared>,
}

#[derive(Serialize)]
struct Asked<'a> {
    from: String,
    to: String,
    direction: &'static str,
    stage: String,
    protocol: &'static str,
    topic: &'static str,
    assurance: &'static str,
    peer: Option<IpAddr>,
    peer_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Said {
    file: String,
    verdict: String,
    sentence: String,
    rules: Vec<Step>,
    obligations: Duties,
    inward: Option<String>,
    outward: Option<String>,
    acl_lacks: Option<&'static str>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Duties {
    security: Option<Mode>,
    denial: Option<&'static str>,
    subscription: Option<&'static str>,
    ask_again_with_name: bool,
}

#[derive(Serialize)]
struct Mode {
    tls: &'static str,
    certificate: &'static str,
    sasl_inbound: bool,
    sasl_outbound: bool,
    dialback: bool,
}

#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    answer: Said,
    differs: bool,
    difference: Vec<Changed>,
}

#[derive(Serialize)]
struct Changed {
    section: String,
    key: String,
    before: Option<String>,
    after: Option<String>,
}

impl<'a> Asked<'a> {
    fn of(report: &Report<'a>) -> Self {
        let case = &report.case;
        let question = case.question;
        let peer = question.peer.as_ref();
        Self {
            from: question.from.to_string(),
            to: question.to.to_string(),
            direction: direction(case.direction),
            stage: question.stage.to_string(),
            protocol: protocol(case.protocol),
            topic: match question.topic {
                Topic::Message => "message",
                Topic::Presence => "presence",
            },
            assurance: assurance(question.assurance),
            peer: peer.map(|(address, _)| *address),
            peer_name: peer.and_then(|(_, name)| name.as_ref().map(DomainName::as_str)),
        }
    }
}

impl Said {
    fn of(answer: &Answer<'_>) -> Self {
        let decision = &answer.decision;
        let (inward, outward) = match &answer.swap {
            Some(Swap::Inward(own)) => (Some(own.to_string()), None),
            Some(Swap::Outward(email)) => (None, Some(email.to_string())),
            None => (None, None),
        };
        Self {
            file: answer.rules.name().to_string(),
            verdict: decision.verdict.to_string(),
            sentence: decision.to_string(),
            rules: decision.explanation.rules().map(Step::of).collect(),
            obligations: Duties::of(&decision.obligations),
            inward,
            outward,
            acl_lacks: answer.half.map(|half| match half {
                Half::Address => "address",
                Half::Name => "name",
            }),
            warnings: texts(answer.rules.policy.warnings()),
        }
    }
}

impl Step {
    fn of(rule: &Rule) -> Self {
        Self {
            kind: kind(rule),
            text: rule.to_string(),
        }
    }
}

impl Duties {
    fn of(obligations: &Obligations) -> Self {
        Self {
            security: obligations.security.map(Mode::of),
            denial: obligations.denial.map(|denial| match denial {
                Denial::Drop => "drop",
                Denial::OwnBlock => "own-block",
                Denial::Polite => "polite",
                Denial::Refuse => "refuse",
            }),
            subscription: obligations
                .subscription
                .map(|subscription| match subscription {
                    Subscription::Active => "active",
                    Subscription::Pending => "pending",
                }),
            ask_again_with_name: obligations.ask_again_with_name,
        }
    }
}

impl Mode {
    fn of(mode: SecurityMode) -> Self {
        Self {
            tls: match mode.tls {
                TlsMode::Disabled => "disabled",
                TlsMode::Optional => "optional",
                TlsMode::Required => "required",
            },
            certificate: match mode.certificate {
                Requirement::Optional => "optional",
                Requirement::Required => "required",
            },
            sasl_inbound: mode.sasl_inbound == Switch::On,
            sasl_outbound: mode.sasl_outbound == Switch::On,
            dialback: mode.dialback == Switch::On,
        }
    }
}

fn difference(other: &Other<'_>) -> Vec<Changed> {
    let changed = |change: &Change| Changed {
        section: change.section.to_string(),
        key: change.key.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
    };
    other.changes.iter().map(changed).collect()
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sip => "sip",
        Protocol::Xmpp => "xmpp",
    }
}

fn assurance(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::None => "none",
        Assurance::Encrypted => "encrypted",
        Assurance::DialedBack => "dialed-back",
        Assurance::Certified => "certified",
        _ => OTHER,
    }
}

fn kind(rule: &Rule) -> &'static str {
    match rule {
        Rule::ProtocolOff(_) => "protocol-off",
        Rule::Missing(_) => "missing",
        Rule::AclEntry(_) => "acl-entry",
        Rule::NotInAcl => "not-in-acl",
        Rule::NameNotKnown => "name-not-known",
        Rule::NotLocal(_) => "not-local",
        Rule::RemoteIsLocal(_) => "remote-is-local",
        Rule::OtherProtocol(..) => "other-protocol",
        Rule::SipBlocked(_) => "sip-blocked",
        Rule::SipDomain(_) => "sip-domain",
        Rule::Exception(_) => "exception",
        Rule::NothingAsked(_) => "nothing-asked",
        Rule::OtherDomain(..) => "other-domain",
        Rule::OtherDirection(..) => "other-direction",
        Rule::Default(_) => "default",
        Rule::Proved(_) => "proved",
        Rule::NotProved { .. } => "not-proved",
        Rule::User(_) => "user",
        Rule::Undecided(_) => "undecided",
        Rule::Hidden(_) => "hidden",
        _ => OTHER,
    }
}
