use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record};

use super::{Question, RecordKind, RecordName, Sent};

/// What a reply may cost, and how long it may be kept.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) max_message_bytes: usize,
    pub(crate) max_records: usize,
    pub(crate) max_aliases: usize,
    pub(crate) min_ttl: Duration,
    pub(crate) max_ttl: Duration,
    pub(crate) max_negative_ttl: Duration,
}

impl Rules {
    fn clamp(&self, ttl: Duration, max: Duration) -> Duration {
        ttl.max(self.min_ttl).min(max)
    }
}

/// A reply to our query.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    /// The server cut it; ask over TCP.
    Truncated,
    /// The server did not answer the question; the code is other than NOERROR and NXDOMAIN.
    Error {
        code: u16,
    },
    /// The server names other servers instead of an answer.
    Referral,
    Answer(Answer),
}

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
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    Services(Vec<SrvData>),
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

/// The data of an SRV record as it came.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SrvData {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) port: u16,
    pub(crate) target: RecordName,
}

/// Why bytes are no reply to our query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// They answer another query, or nothing.
    Foreign,
    /// The question is ours except for the case of its letters.
    CaseChanged,
    /// The question is ours, but there are more bytes or records than the limits allow.
    TooLarge,
    /// The question is ours, the rest is no DNS message.
    Malformed,
}

/// Reads a reply to `sent`, which asked `question`.
pub(crate) fn read(
    input: &[u8],
    sent: &Sent,
    question: &Question,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let header = check_header(input, sent)?;
    check_question(input, sent)?;
    if header.is_truncated {
        // Some servers cut in the middle of a record, so the rest may be no message.
        return Ok(Reply::Truncated);
    }
    if input.len() > rules.max_message_bytes || header.records > rules.max_records {
        return Err(Unusable::TooLarge);
    }
    let message = Message::from_vec(input).map_err(|_rule| Unusable::Malformed)?;
    let code = message.metadata.response_code;
    let negative = if code == ResponseCode::NoError {
        Ending::NoData
    } else if code == ResponseCode::NXDomain {
        Ending::NoName
    } else {
        return Ok(Reply::Error { code: code.into() });
    };
    interpret(&message, question, negative, rules)
}

struct Header {
    is_truncated: bool,
    /// In all sections.
    records: usize,
}

fn check_header(input: &[u8], sent: &Sent) -> Result<Header, Unusable> {
    let Some((header, _)) = input.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Unusable::Foreign);
    };
    let [a, b, flags, _, c, d, counts @ ..] = *header;
    // QR 1 and opcode 0.
    let is_reply = flags & 0b1111_1000 == 0b1000_0000;
    if u16::from_be_bytes([a, b]) != sent.id || !is_reply || u16::from_be_bytes([c, d]) != 1 {
        return Err(Unusable::Foreign);
    }
    let [answers @ .., e, f, g, h] = counts;
    let records = [answers, [e, f], [g, h]]
        .into_iter()
        .map(|count| usize::from(u16::from_be_bytes(count)))
        .sum();
    Ok(Header {
        is_truncated: flags & 0b0000_0010 != 0,
        records,
    })
}

fn check_question(input: &[u8], sent: &Sent) -> Result<(), Unusable> {
    let (_, rest) = input.split_at_checked(HEADER_BYTES).unwrap_or_default();
    let Some(echo) = rest.get(..sent.question.len()) else {
        return Err(Unusable::Foreign);
    };
    if echo == sent.question {
        return Ok(());
    }
    let split = |bytes: &[u8]| {
        bytes
            .split_last_chunk::<4>()
            .map(|(name, end)| (name.to_ascii_lowercase(), *end))
    };
    match (split(echo) == split(&sent.question), sent.mixed_case) {
        (true, true) => Err(Unusable::CaseChanged),
        (true, false) => Ok(()),
        (false, _) => Err(Unusable::Foreign),
    }
}

fn interpret(
    message: &Message,
    question: &Question,
    negative: Ending,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let mut path = Path::follow(&message.answers, question, rules);
    if let Some(ending) = path.ending.take() {
        // A name that has records exists.
        if negative == Ending::NoName {
            return Err(Unusable::Malformed);
        }
        let ttl = path.ttl.map(|ttl| rules.clamp(ttl, rules.max_ttl));
        return Ok(Reply::Answer(path.end(ending, ttl)));
    }
    let soa_ttl = negative_ttl(&message.authorities, &path.name);
    let refers = || {
        message
            .authorities
            .iter()
            .any(|record| matches!(record.data, RData::NS(_)))
    };
    if soa_ttl.is_some() || negative == Ending::NoName {
        let shortest = soa_ttl.map(|ttl| path.ttl.map_or(ttl, |alias| alias.min(ttl)));
        let ttl = shortest.map(|ttl| rules.clamp(ttl, rules.max_negative_ttl));
        Ok(Reply::Answer(path.end(negative, ttl)))
    } else if !path.aliases.is_empty() {
        let ttl = path.ttl.map(|ttl| rules.clamp(ttl, rules.max_ttl));
        Ok(Reply::Answer(path.end(Ending::Alias, ttl)))
    } else if refers() {
        Ok(Reply::Referral)
    } else if message
        .answers
        .iter()
        .any(|record| !path.name.is(&record.name))
    {
        // Records that answer something else do not say that ours are missing.
        Err(Unusable::Malformed)
    } else {
        Ok(Reply::Answer(path.end(negative, None)))
    }
}

/// How long a negative answer about `name` may be kept: as its zone says (RFC 2308 §5).
fn negative_ttl(authorities: &[Record], name: &RecordName) -> Option<Duration> {
    authorities.iter().find_map(|record| {
        let RData::SOA(soa) = &record.data else {
            return None;
        };
        let is_its_zone = is_in(record) && RecordName::new(&record.name).is_zone_of(name);
        is_its_zone.then(|| seconds(record.ttl).min(seconds(soa.minimum)))
    })
}

fn is_in(record: &Record) -> bool {
    record.dns_class == DNSClass::IN
}

/// The way from the question over CNAME records to its answer. Records off the path count for
/// nothing.
struct Path {
    name: RecordName,
    aliases: Vec<RecordName>,
    ttl: Option<Duration>,
    ending: Option<Ending>,
}

impl Path {
    fn follow(answers: &[Record], question: &Question, rules: &Rules) -> Self {
        let mut path = Self {
            name: question.name.clone(),
            aliases: Vec::new(),
            ttl: None,
            ending: None,
        };
        while path.ending.is_none() {
            let here: Vec<_> = answers
                .iter()
                .filter(|record| is_in(record) && path.name.is(&record.name))
                .collect();
            let (found, ttl) = collect(&here, question.kind);
            if found.is_some() {
                path.shorten(ttl);
                path.ending = found;
            } else if let Some((target, ttl)) = here.iter().find_map(|record| alias_of(record)) {
                path.shorten(Some(ttl));
                path.step(RecordName::new(target), question, rules);
            } else {
                break;
            }
        }
        path
    }

    fn step(&mut self, target: RecordName, question: &Question, rules: &Rules) {
        if target == question.name || self.aliases.contains(&target) {
            self.ending = Some(Ending::AliasLoop);
            self.ttl = None;
        } else if self.aliases.len() >= rules.max_aliases {
            self.ending = Some(Ending::TooManyAliases);
            self.ttl = None;
        } else {
            self.aliases.push(target.clone());
            self.name = target;
        }
    }

    fn shorten(&mut self, ttl: Option<Duration>) {
        self.ttl = self.ttl.into_iter().chain(ttl).min();
    }

    fn end(self, ending: Ending, ttl: Option<Duration>) -> Answer {
        Answer {
            aliases: self.aliases,
            ending,
            ttl,
        }
    }
}

/// The data of type `kind`, and the shortest time to live among them.
fn collect(records: &[&Record], kind: RecordKind) -> (Option<Ending>, Option<Duration>) {
    let (mut services, mut addresses) = (Vec::new(), Vec::new());
    let mut shortest: Option<Duration> = None;
    for record in records {
        match (&record.data, kind) {
            (RData::SRV(srv), RecordKind::Srv) => services.push(SrvData {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: RecordName::new(&srv.target),
            }),
            (RData::A(a), RecordKind::A) => addresses.push(IpAddr::V4(a.0)),
            (RData::AAAA(aaaa), RecordKind::Aaaa) => addresses.push(IpAddr::V6(aaaa.0)),
            _ => continue,
        }
        shortest = shortest.into_iter().chain([seconds(record.ttl)]).min();
    }
    let ending = match kind {
        _ if shortest.is_none() => None,
        RecordKind::Srv => Some(Ending::Services(services)),
        RecordKind::Aaaa | RecordKind::A => Some(Ending::Addresses(addresses)),
    };
    (ending, shortest)
}

fn alias_of(record: &Record) -> Option<(&Name, Duration)> {
    let RData::CNAME(target) = &record.data else {
        return None;
    };
    Some((&target.0, seconds(record.ttl)))
}

/// A time to live; one with the top bit set counts as zero (RFC 2181 §8).
fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(i32::try_from(ttl).map_or(0, i32::unsigned_abs)))
}

const HEADER_BYTES: usize = 12;
