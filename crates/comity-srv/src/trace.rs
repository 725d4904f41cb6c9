use std::fmt;
use std::net::{IpAddr, SocketAddr};

use comity_identity::{DomainName, ParseError};

use crate::address::Forbidden;
use crate::candidate::{Candidate, Dnssec};
use crate::message::{Question, RecordName};
use crate::plan::Failure;
use crate::resolver::Protocol;
use crate::service::Transport;

/// Why a resolution ended as it did: what was asked, answered, left out and chosen, in this order.
///
/// Its `Display` is one line for each entry, for an operator to read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    entries: Vec<TraceEntry>,
    /// How many entries are about records and addresses that were left out.
    details: usize,
    /// How many of these were left out without an entry.
    left_out: usize,
}

impl Trace {
    /// The most entries that are kept. What comes after them is lost.
    pub const MAX_ENTRIES: usize = 128;
    /// The most entries about records and addresses that were left out; what comes after them is
    /// counted, so that a zone full of them does not hide what was chosen.
    pub const MAX_LEFT_OUT: usize = 32;

    /// The entries, the earliest first.
    #[must_use]
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// Adds the entries of a resolution that went on with what this one left.
    pub fn append(&mut self, next: Self) {
        self.left_out = self.left_out.saturating_add(next.left_out);
        next.entries.into_iter().for_each(|entry| self.push(entry));
    }

    pub(crate) fn push(&mut self, entry: TraceEntry) {
        if !entry.is_left_out() {
            self.keep(entry);
        } else if self.details < Self::MAX_LEFT_OUT {
            self.details = self.details.saturating_add(1);
            self.keep(entry);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Counts addresses that are not even looked at.
    pub(crate) fn leave_out(&mut self, count: usize) {
        self.left_out = self.left_out.saturating_add(count);
    }

    fn keep(&mut self, entry: TraceEntry) {
        if self.entries.len() < Self::MAX_ENTRIES {
            self.entries.push(entry);
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))?;
        match self.left_out {
            0 => Ok(()),
            more => writeln!(f, "{more} more were left out"),
        }
    }
}

impl TraceEntry {
    /// Whether it is about one record or address of many that are not used.
    fn is_left_out(&self) -> bool {
        matches!(
            self,
            Self::RecordDropped { .. } | Self::AddressDropped { .. } | Self::PointerDropped { .. }
        )
    }
}

/// One step of a resolution.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TraceEntry {
    /// A query went to a server.
    Asked {
        /// What it asks.
        question: Question,
        /// The server.
        server: SocketAddr,
        /// How it went.
        protocol: Protocol,
    },
    /// That the question could not be answered is known from a moment ago.
    FailedBefore {
        /// The question.
        question: Question,
    },
    /// The answer to the question was already known.
    Remembered {
        /// The question.
        question: Question,
    },
    /// Another resolution already waited for the answer to the same question.
    Shared {
        /// The question.
        question: Question,
    },
    /// A query did not bring an answer. Another one follows if attempts are left.
    SetBack {
        /// What was asked.
        question: Question,
        /// The server that was asked.
        server: SocketAddr,
        /// What happened.
        reason: Setback,
    },
    /// The question has records.
    Answered {
        /// The question.
        question: Question,
        /// How many records.
        records: usize,
        /// Whether the server has validated them.
        dnssec: Dnssec,
    },
    /// DNS says that there is no such record.
    Missing {
        /// The question.
        question: Question,
    },
    /// The question could not be answered.
    Failed {
        /// The question.
        question: Question,
        /// Why.
        failure: Failure,
    },
    /// A CNAME record led on.
    Aliased {
        /// The alias.
        from: RecordName,
        /// What it stands for.
        to: RecordName,
    },
    /// There is no SRV record, so the domain itself is tried.
    FellBack {
        /// The domain.
        domain: DomainName,
        /// The port.
        port: u16,
    },
    /// A NAPTR record names where the SRV records of a transport are.
    Pointed {
        /// The transport.
        transport: Transport,
        /// The owner of the SRV records.
        to: RecordName,
    },
    /// A NAPTR record about SIP was left out.
    PointerDropped {
        /// Its service field.
        service: String,
        /// Its replacement field.
        to: RecordName,
        /// Why.
        reason: PointerDropReason,
    },
    /// An SRV record was left out.
    RecordDropped {
        /// Its target.
        target: RecordName,
        /// Its port.
        port: u16,
        /// Its priority.
        priority: u16,
        /// What its set means for a connection.
        transport: Transport,
        /// Why.
        reason: DropReason,
    },
    /// The last records of the order were left out, since there are more than
    /// `Limits::max_service_records`.
    RecordsLeftOut {
        /// How many.
        left_out: usize,
    },
    /// Targets have addresses, and the rest of the answers is not waited for any longer.
    Settled,
    /// An address was left out.
    AddressDropped {
        /// The host whose address it is.
        target: DomainName,
        /// The address.
        address: IpAddr,
        /// Why.
        reason: AddressDropReason,
    },
    /// A target has no address that can be used.
    Unreachable {
        /// The host.
        target: DomainName,
    },
    /// This is tried next.
    Chosen(Box<Candidate>),
}

/// Why a query did not bring an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Setback {
    /// The answer does not fit into a datagram.
    Truncated,
    /// The server changed the case of the letters in the question.
    CaseChanged,
    /// The answer is too large or malformed.
    Unreadable,
    /// Too many datagrams came that do not answer the question.
    Forged,
    /// The server does not understand EDNS.
    EdnsRefused,
    /// The server failed; whether it does so because the answer is bogus is asked next.
    Unvalidated,
    /// There is an answer without validation; whether the server only had recovered is asked next.
    AnsweredUnvalidated,
    /// It failed.
    Failed(Failure),
}

/// Why an SRV record was left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DropReason {
    /// The target is `.`: alone it says that the set is not offered, beside others it says nothing.
    NotOffered,
    /// The port is 0.
    PortZero,
    /// The target is not the name of a host.
    Target(ParseError),
    /// The same target and port come again with the same priority and weight.
    Duplicate,
}

/// Why a NAPTR record was left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PointerDropReason {
    /// It is about a transport that we do not speak, or that the URI does not allow.
    Service,
    /// Its flag is not `s`, or it has a regular expression or no replacement (RFC 3263 §4.1).
    Form,
    /// The same transport and replacement come earlier.
    Duplicate,
    /// There are too many.
    Limit,
}

/// Why an address was left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressDropReason {
    /// The address policy forbids it.
    Forbidden(Forbidden),
    /// The same address and port come earlier with the same security.
    Duplicate,
    /// There are more than `Limits` allows for this target or in all.
    Limit,
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked {
                question,
                server,
                protocol,
            } => {
                write!(f, "asked {server} over {protocol}: {question}")
            }
            Self::FailedBefore { question } => write!(f, "failed a moment ago: {question}"),
            Self::Remembered { question } => write!(f, "remembered: {question}"),
            Self::Shared { question } => write!(f, "already asked: {question}"),
            Self::SetBack {
                question,
                server,
                reason,
            } => {
                write!(f, "{server} on {question}: {reason}")
            }
            Self::Answered {
                question,
                records,
                dnssec,
            } => {
                write!(f, "{question}: {records} records")?;
                match dnssec {
                    Dnssec::Unchecked => Ok(()),
                    Dnssec::Insecure => f.write_str(", not signed"),
                    Dnssec::Secure => f.write_str(", secured by DNSSEC"),
                }
            }
            Self::Missing { question } => write!(f, "{question}: no such record"),
            Self::Failed { question, failure } => write!(f, "{question}: {failure}"),
            Self::Aliased { from, to } => write!(f, "{from} is an alias of {to}"),
            Self::FellBack { domain, port } => {
                write!(f, "no SRV record: trying {domain} on port {port}")
            }
            Self::RecordDropped {
                target,
                port,
                priority,
                transport,
                reason,
            } => {
                write!(
                    f,
                    "left out target {target} port {port} priority {priority} by {transport}: {reason}"
                )
            }
            Self::Pointed { transport, to } => write!(f, "NAPTR names {to} for {transport}"),
            Self::PointerDropped {
                service,
                to,
                reason,
            } => {
                write!(f, "left out NAPTR {service:?} to {to}: {reason}")
            }
            Self::AddressDropped {
                target,
                address,
                reason,
            } => {
                write!(f, "left out {address} of {target}: {reason}")
            }
            Self::RecordsLeftOut { left_out } => {
                write!(f, "left out {left_out} records: too many")
            }
            Self::Settled => f.write_str("went on without the answers that are late"),
            Self::Unreachable { target } => write!(f, "{target} has no usable address"),
            Self::Chosen(candidate) => write!(f, "chose {candidate}"),
        }
    }
}

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the answer was cut, asking over TCP"),
            Self::CaseChanged => f.write_str("the case of the name was changed, asking over TCP"),
            Self::Unreadable => f.write_str("the answer could not be read, asking over TCP"),
            Self::Forged => f.write_str("too many foreign datagrams, asking over TCP"),
            Self::EdnsRefused => f.write_str("EDNS was refused, asking without it"),
            Self::Unvalidated => {
                f.write_str("the name server answered with SERVFAIL, asking without validation")
            }
            Self::AnsweredUnvalidated => {
                f.write_str("it has an answer without validation, asking with it again")
            }
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the service is not offered there"),
            Self::PortZero => f.write_str("port 0"),
            Self::Target(error) => error.fmt(f),
            Self::Duplicate => f.write_str("it comes twice"),
        }
    }
}

impl fmt::Display for PointerDropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "a transport that is not used here",
            Self::Form => "it does not lead to SRV records",
            Self::Duplicate => "it comes twice",
            Self::Limit => "too many records",
        })
    }
}

impl fmt::Display for AddressDropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(reason) => reason.fmt(f),
            Self::Duplicate => f.write_str("it comes twice"),
            Self::Limit => f.write_str("too many addresses"),
        }
    }
}
