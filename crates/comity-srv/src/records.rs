use std::net::IpAddr;

use crate::candidate::Dnssec;
use crate::limits::Limits;
use crate::message::{Ending, NaptrData, RecordName, Reply, Rules, SrvData, Unusable, services};
use crate::plan::judge_record;
use crate::select::ServiceRecord;

/// Reads what a DNS response says about the SRV records of `owner`, for who has a resolver of his own
/// and wants the right order. That the response came from the server that was asked, and answers the
/// query, was checked elsewhere.
///
/// CNAME records from `owner` are followed; records off that path, and those whose target or port names
/// no host, are left out.
///
/// ```
/// use comity_srv::{Published, RecordName, service_records, weighted_order};
/// # use comity_testkit::dns::{FakeDns, RecordType, Transport, query};
/// # let mut dns = FakeDns::new().srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "x.b.example");
/// # let query = query(7, "_xmpp-server._tcp.b.example", RecordType::SRV);
/// # let response = dns.answer(Transport::Udp, &query).remove(0);
/// # let seed = [7; 32];
///
/// let owner = RecordName::below(&["_xmpp-server", "_tcp"], &"b.example".parse()?);
/// match service_records(&response, &owner.ok_or("too long")?)? {
///     Published::Records(records) => {
///         let order = weighted_order(records, &seed);
///         assert_eq!(order[0].target.as_str(), "x.b.example");
///     }
///     Published::Refused => println!("the service is not offered: give up"),
///     Published::Absent => println!("the addresses of the domain may be tried"),
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Why the response does not say which records there are. None of these is an absence.
pub fn service_records(response: &[u8], owner: &RecordName) -> Result<Published, MessageError> {
    let limits = Limits::default();
    let rules = Rules {
        max_message_bytes: limits.max_tcp_message_bytes.into(),
        max_answers: limits.max_answers_per_message,
        max_records: limits.max_records_per_message,
        max_aliases: limits.max_aliases,
        believes_validation: false,
        min_ttl: limits.min_ttl,
        max_ttl: limits.max_ttl,
        max_negative_ttl: limits.max_negative_ttl,
    };
    let answer = match services(response, owner, &rules) {
        Ok(Reply::Answer(answer)) => answer,
        Ok(Reply::Truncated) => return Err(MessageError::Truncated),
        Ok(Reply::Error { code }) => return Err(MessageError::Server { code }),
        Err(Unusable::TooLarge) => return Err(MessageError::TooLarge),
        Ok(Reply::Referral)
        | Err(
            Unusable::Foreign
            | Unusable::CaseChanged
            | Unusable::Headless { .. }
            | Unusable::Malformed,
        ) => return Err(MessageError::Malformed),
    };
    match answer.ending {
        Ending::Services(found) => published(&found),
        Ending::NoData | Ending::NoName => Ok(Published::Absent),
        Ending::Alias
        | Ending::AliasLoop
        | Ending::TooManyAliases
        | Ending::Pointers(_)
        | Ending::Addresses(_) => Err(MessageError::NotHere),
    }
}

fn published(found: &[SrvData]) -> Result<Published, MessageError> {
    if found.iter().all(|data| data.target.is_root()) {
        return Ok(Published::Refused);
    }
    let mut records = Vec::with_capacity(found.len());
    records.extend(found.iter().filter_map(|data| judge_record(data).ok()));
    if records.is_empty() {
        return Err(MessageError::NoUsableRecord);
    }
    Ok(Published::Records(records))
}

/// What is published about a service.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "each leads to another way, and callers have to take it"
)]
pub enum Published {
    /// These records; at least one.
    Records(Vec<ServiceRecord>),
    /// The service is not offered: the target is `.` (RFC 2782).
    Refused,
    /// There is no record.
    Absent,
}

/// Why a response does not say which records there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is no DNS response, or answers something else.
    #[error("the response is malformed")]
    Malformed,
    /// There are more bytes or records than the default [`Limits`] allow.
    #[error("the response is too large")]
    TooLarge,
    /// It was cut: ask over TCP.
    #[error("the response is cut")]
    Truncated,
    /// The server did not answer.
    #[error("the name server answered with code {code}")]
    Server {
        /// The response code.
        code: u16,
    },
    /// Aliases lead out of the response, or in a circle.
    #[error("the aliases do not lead to records")]
    NotHere,
    /// There are records, and no target and port that can be used.
    #[error("no SRV record is usable")]
    NoUsableRecord,
}

/// The records that one question has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LookedUp {
    /// The CNAME targets between the question and the records.
    pub aliases: Vec<RecordName>,
    /// The records; as many as the message had.
    pub records: Records,
    /// Whether DNS has proved them, or that there are none.
    pub dnssec: Dnssec,
}

/// Records of one type.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Records {
    /// There are none.
    #[default]
    None,
    /// SRV records.
    Services(Vec<SrvData>),
    /// NAPTR records.
    Pointers(Vec<NaptrData>),
    /// A or AAAA records.
    Addresses(Vec<IpAddr>),
}

impl From<&Ending> for Records {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Services(found) => Self::Services(found.clone()),
            Ending::Pointers(found) => Self::Pointers(found.clone()),
            Ending::Addresses(found) => Self::Addresses(found.clone()),
            Ending::Alias
            | Ending::NoData
            | Ending::NoName
            | Ending::AliasLoop
            | Ending::TooManyAliases => Self::None,
        }
    }
}
