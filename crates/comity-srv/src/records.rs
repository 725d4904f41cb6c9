use std::net::IpAddr;

use crate::candidate::Dnssec;
use crate::limits::Limits;
use crate::message::{Ending, NaptrData, RecordName, Rules, SrvData, Unusable, services};
use crate::plan::judge_record;
use crate::select::ServiceRecord;

/// Reads the SRV records of `owner` from a DNS response that was received and checked elsewhere, for
/// who has a resolver of his own and wants the right order.
///
/// CNAME records from `owner` are followed; records off that path, and those whose target or port names
/// no host, are left out. Header, question and the other sections count for nothing.
///
/// ```
/// use comity_srv::{RecordName, service_records, weighted_order};
/// # use comity_testkit::dns::{FakeDns, RecordType, Transport, query};
/// # let mut dns = FakeDns::new().srv("_xmpp-server._tcp.b.example", 1, 1, 5269, "x.b.example");
/// # let query = query(7, "_xmpp-server._tcp.b.example", RecordType::SRV);
/// # let response = dns.answer(Transport::Udp, &query).remove(0);
/// # let seed = [7; 32];
///
/// let owner = RecordName::below(&["_xmpp-server", "_tcp"], &"b.example".parse()?);
/// let records = service_records(&response, &owner.ok_or("too long")?)?;
/// let order = weighted_order(records, &seed);
/// assert_eq!(order[0].target.as_str(), "x.b.example");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Why the bytes are no response that is read here.
pub fn service_records(
    response: &[u8],
    owner: &RecordName,
) -> Result<Vec<ServiceRecord>, MessageError> {
    let limits = Limits::default();
    let rules = Rules {
        max_message_bytes: limits.max_tcp_message_bytes.into(),
        max_records: limits.max_records_per_message,
        max_aliases: limits.max_aliases,
        believes_validation: false,
        min_ttl: limits.min_ttl,
        max_ttl: limits.max_ttl,
        max_negative_ttl: limits.max_negative_ttl,
    };
    let found = services(response, owner, &rules).map_err(|unusable| match unusable {
        Unusable::TooLarge => MessageError::TooLarge,
        Unusable::Foreign | Unusable::CaseChanged | Unusable::Malformed => MessageError::Malformed,
    })?;
    Ok(found
        .iter()
        .filter_map(|data| judge_record(data).ok())
        .collect())
}

/// Why bytes are no response that is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// They are no DNS message.
    #[error("the response is malformed")]
    Malformed,
    /// There are more bytes or records than the default [`Limits`] allow.
    #[error("the response is too large")]
    TooLarge,
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
