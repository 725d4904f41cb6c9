use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use comity_identity::DomainName;

use super::hosts::Bearing;
use crate::candidate::{BlockedAddress, Candidate};
use crate::select::Offer;
use crate::service::Transport;

/// Where a domain can be reached, or why nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Try these in this order. There is at least one, and no address and port comes twice with the
    /// same transport.
    Candidates(Vec<Candidate>),
    /// DNS says that the domain has neither SRV nor address records for the service.
    Absent,
    /// The domain says that it does not offer the service: the target of its SRV record is `.`
    /// (RFC 2782). Where several sets were asked for, one says so, and the others say it too or
    /// have no record.
    Refused,
    /// It could not be found out, or what was found is of no use. It says nothing about whether the
    /// domain exists.
    Failed(Failure),
    /// The name servers say that an answer is forged or badly signed (RFC 4033 §5): one about
    /// records, beside which nothing else counts, or those about every target that is left.
    Bogus,
    /// Every address that was found must not be dialled. There is at least one.
    Blocked(Vec<BlockedAddress>),
}

impl Outcome {
    /// A failure as an outcome.
    pub(crate) fn failed(failure: Failure) -> Self {
        if failure == Failure::Bogus {
            Self::Bogus
        } else {
            Self::Failed(failure)
        }
    }
}

/// Targets of a resolution that were not looked up, because those before them have addresses.
///
/// [`Resolver::resolve_rest`](crate::Resolver::resolve_rest) goes on with it when every candidate
/// has failed. The order is that of the first resolution.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remainder {
    pub(crate) domain: DomainName,
    pub(crate) bearing: Bearing,
    pub(crate) groups: VecDeque<Vec<Offer>>,
    /// The first group holds the targets whose answers were late.
    pub(crate) begins_late: bool,
    /// What decides the order of addresses.
    pub(crate) order: [u8; 32],
    /// What was given out already.
    pub(crate) seen: BTreeSet<(SocketAddr, Transport)>,
}

impl Remainder {
    /// The domain that is resolved.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// What remains without the targets whose answers were late, for who wants no more than what comes
    /// soon: a name server that is silent about them costs seconds.
    #[must_use]
    pub fn without_late(mut self) -> Option<Self> {
        if self.begins_late {
            self.begins_late = false;
            self.groups.pop_front();
        }
        (!self.groups.is_empty()).then_some(self)
    }
}

/// Why a question or a resolution has no usable answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No server answered in time.
    #[error("no answer in time")]
    Timeout,
    /// The server answered with an error: 2 is SERVFAIL, 5 is REFUSED (RFC 1035 §4.1.1).
    #[error("the name server answered with {}", ResponseCode(*.code))]
    Server {
        /// The response code.
        code: u16,
    },
    /// The server gives the answer only to who does not want it validated.
    #[error("the answer is bogus: its signatures do not hold")]
    Bogus,
    /// The server named other servers, so it is not a recursive one.
    #[error("the name server does not resolve for us")]
    Referral,
    /// The answer is not a DNS message, or answers something else over a connection of ours.
    #[error("the answer is malformed")]
    Malformed,
    /// The answer has more bytes or records than `Limits` allows.
    #[error("the answer is too large")]
    TooLarge,
    /// The socket or connection to the server failed.
    #[error("the connection to the name server failed")]
    Connection,
    /// CNAME records lead back to one of themselves.
    #[error("the aliases form a loop")]
    AliasLoop,
    /// The answer lies behind too many CNAME records.
    #[error("more than {limit} aliases")]
    TooManyAliases {
        /// `Limits::max_aliases`.
        limit: usize,
    },
    /// The resolution needs more questions than it may ask.
    #[error("more than {limit} lookups")]
    TooManyLookups {
        /// `Limits::max_lookups`.
        limit: usize,
    },
    /// There are records that name servers, and none of them can be used; the trace has the
    /// reasons.
    #[error("no SRV record is usable")]
    NoUsableRecord,
    /// The targets of the SRV records, or the host that the caller named, have no addresses.
    #[error("no target has an address")]
    NoAddress,
}

impl Failure {
    /// The one of these that says most: that an answer is bogus, then anything but silence.
    pub(crate) fn worst<'a>(failures: impl Iterator<Item = &'a Self>) -> Option<&'a Self> {
        // The first of the highest rank.
        failures.reduce(|worst, next| {
            if next.rank() > worst.rank() {
                next
            } else {
                worst
            }
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Timeout => 0,
            Self::Server { .. }
            | Self::Referral
            | Self::Malformed
            | Self::TooLarge
            | Self::Connection
            | Self::AliasLoop
            | Self::TooManyAliases { .. }
            | Self::TooManyLookups { .. }
            | Self::NoUsableRecord
            | Self::NoAddress => 1,
            Self::Bogus => 2,
        }
    }
}

struct ResponseCode(u16);

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            code => write!(f, "code {code}"),
        }
    }
}
