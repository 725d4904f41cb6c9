use std::net::IpAddr;
use std::time::Duration;

use super::RecordName;
use crate::candidate::Dnssec;

/// What DNS says about one question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// The CNAME targets between the question and the end.
    pub(crate) aliases: Vec<RecordName>,
    pub(crate) ending: Ending,
    /// How long the answer may be kept; `None` if not at all.
    ///
    /// The shortest time on the way, since the answer is kept as a whole.
    pub(crate) ttl: Option<Duration>,
    /// Whether the server says that it has validated all of it (RFC 4035 §3.2.3).
    pub(crate) dnssec: Dnssec,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Services(Vec<SrvData>),
    Pointers(Vec<NaptrData>),
    Addresses(Vec<IpAddr>),
    /// The message ends at the last alias: ask for that one.
    Alias,
    /// The name has no records of this type.
    NoData,
    /// The name does not exist.
    NoName,
    /// The aliases lead back to one of themselves.
    AliasLoop,
    /// There are more aliases than the limit.
    TooManyAliases,
}

/// The data of an SRV record as it came (RFC 2782).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "RFC 2782 fixes the fields")]
pub struct SrvData {
    /// Lower is tried first.
    pub priority: u16,
    /// The share of this record among those of the same priority.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host that offers the service; `.` says that nobody does.
    pub target: RecordName,
}

/// The data of a NAPTR record as it came (RFC 3403 §4.1).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct NaptrData {
    /// Lower comes first.
    pub order: u16,
    /// Lower comes first among those of the same order.
    pub preference: u16,
    /// What follows: `s` for SRV records.
    pub flags: Box<[u8]>,
    /// What it is about, such as `SIPS+D2T`.
    pub service: Box<[u8]>,
    /// Whether there is a regular expression, which is not used for SIP.
    pub has_regexp: bool,
    /// Where to go on.
    pub replacement: RecordName,
}
