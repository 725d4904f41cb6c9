use std::fmt;

use comity_srv::{BlockedAddress, Failure, Forbidden, Outcome, TraceEntry};

use super::Report;
use crate::options::Subject;
use crate::session::Session;

/// What the outcome is, and what an operator can do about it: one sentence.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) summary: String,
    pub(crate) advice: String,
}

impl Verdict {
    pub(crate) fn of(session: &Session, report: &Report) -> Self {
        let domain = &report.domain;
        let offer = offer(&report.subject);
        match &report.resolution.outcome {
            Outcome::Candidates(found) => Self {
                summary: format!("{domain} has {} to try", count(found.len(), "address")),
                advice: after_candidates(report),
            },
            Outcome::Absent => absent(report),
            Outcome::Refused => Self {
                summary: format!(
                    "{domain} says that it has no {offer}: the target of its SRV record is \".\""
                ),
                advice: "only its operator can change that".to_owned(),
            },
            Outcome::Failed(failure) => Self {
                summary: format!("the {offer} of {domain} could not be found out: {failure}"),
                advice: after_failure(failure, session.settings.validating),
            },
            Outcome::Bogus => Self {
                summary: format!("the DNS answers about the {offer} of {domain} are bogus"),
                advice:
                    "either they are forged, or the operator of the zone has to sign it anew or \
                         mend its DS record"
                        .to_owned(),
            },
            Outcome::Blocked(blocked) => Self {
                summary: format!("no address of the {offer} of {domain} may be dialled"),
                advice: after_blocked(blocked),
            },
            _ => Self {
                summary: format!("the {offer} of {domain} was not found"),
                advice: "the steps say more".to_owned(),
            },
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcome: {}; {}.", self.summary, self.advice)
    }
}

fn offer(subject: &Subject) -> &'static str {
    match subject {
        Subject::Xmpp => "XMPP server",
        Subject::Sip { .. } => "SIP server",
        Subject::Edge => "federation edge",
    }
}

fn after_candidates(report: &Report) -> String {
    let entries = report.resolution.trace.entries().iter();
    match entries
        .filter(|entry| matches!(entry, TraceEntry::Failed { .. }))
        .count()
    {
        0 => "if none of them serves, look at these hosts and the firewalls before them".to_owned(),
        failed => format!(
            "{} had no answer, and --trace says why",
            count(failed, "question")
        ),
    }
}

fn absent(report: &Report) -> Verdict {
    let domain = &report.domain;
    let (records, publish) = match report.subject {
        Subject::Xmpp => (
            "_xmpp-server or _xmpps-server record and no address",
            "_xmpp-server",
        ),
        Subject::Sip { .. } => ("NAPTR or SRV record for SIP and no address", "_sips"),
        Subject::Edge => ("_sipfederationtls record", "_sipfederationtls"),
    };
    Verdict {
        summary: format!("{domain} has no {records}"),
        advice: format!("check the name, or publish {publish}._tcp.{domain}"),
    }
}

fn after_failure(failure: &Failure, is_validating: bool) -> String {
    let advice = match failure {
        Failure::Timeout => {
            "see whether the name server answers from here over UDP and TCP, or give another by \
             --resolver"
        }
        Failure::Connection => {
            "see whether the name server runs and lets us in, or give another by --resolver"
        }
        Failure::Server { code: SERVFAIL } if is_validating => {
            "the operator of the zone has to see why its servers do not answer"
        }
        Failure::Server { code: SERVFAIL } => {
            "its servers do not answer, or its signatures do not hold: a validating name server and \
             --validating tell which"
        }
        Failure::Server { .. } => "give another name server by --resolver",
        Failure::Referral => "give a recursive name server by --resolver",
        Failure::Malformed | Failure::TooLarge => {
            "give another name server by --resolver, and if that says the same, the operator of the \
             zone has to mend it"
        }
        Failure::AliasLoop | Failure::TooManyAliases { .. } => {
            "the operator of the zone has to mend its CNAME records"
        }
        Failure::TooManyLookups { .. } => "the operator of the zone should name fewer hosts",
        Failure::NoUsableRecord => {
            "the operator of the zone has to mend the records that the steps name"
        }
        Failure::NoAddress => "A or AAAA records are missing for the hosts that the steps name",
        Failure::Bogus => "the operator of the zone has to sign it anew or mend its DS record",
        _ => "the steps say more",
    };
    advice.to_owned()
}

fn after_blocked(blocked: &[BlockedAddress]) -> String {
    let has = |reason| blocked.iter().any(|one| one.reason == reason);
    let advice = match (has(Forbidden::Private), has(Forbidden::Loopback)) {
        (true, _) => "if they lie in a network of yours, --allow-private lets them pass",
        (false, true) => "if this machine is meant, --allow-loopback lets them pass",
        (false, false) => "its operator has to publish addresses that others can reach",
    };
    advice.to_owned()
}

/// A number with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.ends_with('s')) {
        (1, _) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}es"),
        (_, false) => format!("{number} {noun}s"),
    }
}

/// RFC 1035 §4.1.1.
const SERVFAIL: u16 = 2;
