use std::time::Duration;

use super::path::Path;
use super::section::{Section, is_in, seconds};
use super::wire::{Cursor, Malformed};
use super::{Answer, Ending, OPT, Question, RecordKind, RecordName, Sent};
use crate::candidate::Dnssec;

/// What a reply may cost, and how long it may be kept.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) max_message_bytes: usize,
    /// In the answer section.
    pub(crate) max_answers: usize,
    /// In all sections.
    pub(crate) max_records: usize,
    pub(crate) max_aliases: usize,
    /// What the server says about validation is believed.
    pub(crate) believes_validation: bool,
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

/// Why bytes are no reply to our query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// They answer another query, or nothing.
    Foreign,
    /// A header with our id and an error, and no question: servers older than EDNS say so that they
    /// do not understand the query. Whether they are the server is not known.
    Headless { code: u16 },
    /// The question is ours except for the case of its letters.
    CaseChanged,
    /// The question is ours, but there are more bytes or records than the limits allow.
    TooLarge,
    /// The question is ours, the rest is no DNS message.
    Malformed,
}

impl From<Malformed> for Unusable {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads a reply to `sent`, which asked `question`.
pub(crate) fn read(
    input: &[u8],
    sent: &Sent,
    question: &Question,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let header = check_header(input, sent)?;
    if header.questions == 0 && header.code != NO_ERROR {
        return Err(Unusable::Headless { code: header.code });
    }
    if header.questions != 1 {
        return Err(Unusable::Foreign);
    }
    check_question(input, sent)?;
    if header.is_truncated {
        // Some servers cut in the middle of a record, so the rest may be no message.
        return Ok(Reply::Truncated);
    }
    if input.len() > rules.max_message_bytes || !header.fits(rules) {
        return Err(Unusable::TooLarge);
    }
    let records = Cursor::new(input, HEADER_BYTES.saturating_add(sent.question.len()));
    read_records(records, &header, question, rules)
}

fn read_records(
    records: Cursor<'_>,
    header: &Header,
    question: &Question,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let sections = Sections::split(records, header)?;
    let negative = match sections.extended_code | header.code {
        NO_ERROR => Ending::NoData,
        NX_DOMAIN => Ending::NoName,
        code => return Ok(Reply::Error { code }),
    };
    interpret(&sections, question, negative, header, rules)
}

/// What a response says about the SRV records of `owner`. Its id and question count for nothing.
pub(crate) fn services(
    response: &[u8],
    owner: &RecordName,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let header = read_header(response)?;
    if header.is_truncated {
        return Ok(Reply::Truncated);
    }
    if response.len() > rules.max_message_bytes || !header.fits(rules) {
        return Err(Unusable::TooLarge);
    }
    let mut cursor = Cursor::new(response, HEADER_BYTES);
    match header.questions {
        0 => {}
        1 => cursor.question()?,
        _ => return Err(Unusable::Malformed),
    }
    let question = Question {
        name: owner.clone(),
        kind: RecordKind::Srv,
    };
    read_records(cursor, &header, &question, rules)
}

struct Header {
    questions: u16,
    is_truncated: bool,
    is_authentic: bool,
    code: u16,
    /// Of the answer, authority and additional sections.
    counts: [u16; 3],
}

impl Header {
    fn fits(&self, rules: &Rules) -> bool {
        let [answers, ..] = self.counts;
        let all: usize = self.counts.into_iter().map(usize::from).sum();
        usize::from(answers) <= rules.max_answers && all <= rules.max_records
    }
}

fn check_header(input: &[u8], sent: &Sent) -> Result<Header, Unusable> {
    let is_ours = input.starts_with(&sent.id.to_be_bytes());
    let header = read_header(input)?;
    if is_ours {
        Ok(header)
    } else {
        Err(Unusable::Foreign)
    }
}

/// The header of a reply; anything else is foreign.
fn read_header(input: &[u8]) -> Result<Header, Unusable> {
    let Some((header, _)) = input.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Unusable::Foreign);
    };
    let [_, _, flags, code, a, b, c, d, e, f, g, h] = *header;
    // QR 1 and opcode 0.
    if flags & 0b1111_1000 != 0b1000_0000 {
        return Err(Unusable::Foreign);
    }
    Ok(Header {
        questions: u16::from_be_bytes([a, b]),
        is_truncated: flags & 0b0000_0010 != 0,
        is_authentic: code & 0b0010_0000 != 0,
        code: u16::from(code & 0b0000_1111),
        counts: [[c, d], [e, f], [g, h]].map(u16::from_be_bytes),
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

/// The sections of a reply.
struct Sections<'a> {
    answers: Section<'a>,
    authorities: Section<'a>,
    /// The upper bits of the response code, which are in the OPT record (RFC 6891 §6.1.3).
    extended_code: u16,
}

impl<'a> Sections<'a> {
    fn split(mut cursor: Cursor<'a>, header: &Header) -> Result<Self, Malformed> {
        let [answers, authorities, additionals] = header.counts;
        Ok(Self {
            answers: Section::pass(&mut cursor, answers)?,
            authorities: Section::pass(&mut cursor, authorities)?,
            extended_code: extended_code(cursor, additionals),
        })
    }
}

/// Nothing else in the additional section counts, so that what is malformed there ends the search.
fn extended_code(mut cursor: Cursor<'_>, additionals: u16) -> u16 {
    let mut records = (0..additionals).map_while(|_| cursor.record().ok());
    let opt = records.find(|record| record.kind == OPT);
    opt.map_or(0, |opt| {
        let [code, ..] = opt.ttl.to_be_bytes();
        u16::from(code) << 4
    })
}

fn interpret(
    sections: &Sections<'_>,
    question: &Question,
    negative: Ending,
    header: &Header,
    rules: &Rules,
) -> Result<Reply, Unusable> {
    let mut path = Path::follow(sections.answers, question, rules)?;
    let dnssec = match (rules.believes_validation, header.is_authentic) {
        (false, _) => Dnssec::Unchecked,
        (true, false) => Dnssec::Insecure,
        (true, true) => Dnssec::Secure,
    };
    let answer = |path: Path, ending, ttl| {
        Ok(Reply::Answer(Answer {
            aliases: path.aliases,
            ending,
            ttl,
            dnssec,
        }))
    };
    let kept = |path: &Path| path.ttl.map(|ttl| rules.clamp(ttl, rules.max_ttl));
    if let Some(ending) = path.ending.take() {
        // A name that has records exists.
        if negative == Ending::NoName {
            return Err(Unusable::Malformed);
        }
        let ttl = kept(&path);
        return answer(path, ending, ttl);
    }
    let soa_ttl = negative_ttl(sections.authorities, &path.name)?;
    if soa_ttl.is_some() || negative == Ending::NoName {
        let shortest = soa_ttl.map(|ttl| path.ttl.map_or(ttl, |alias| alias.min(ttl)));
        let ttl = shortest.map(|ttl| rules.clamp(ttl, rules.max_negative_ttl));
        answer(path, negative, ttl)
    } else if !path.aliases.is_empty() {
        let ttl = kept(&path);
        answer(path, Ending::Alias, ttl)
    } else if sections
        .authorities
        .records()
        .any(|record| record.kind == NS)
    {
        Ok(Reply::Referral)
    } else if sections.answers.has_others_than(&path.name)? {
        // Records that answer something else do not say that ours are missing.
        Err(Unusable::Malformed)
    } else {
        answer(path, negative, None)
    }
}

/// How long a negative answer about `name` may be kept: as its zone says (RFC 2308 §5).
fn negative_ttl(
    authorities: Section<'_>,
    name: &RecordName,
) -> Result<Option<Duration>, Malformed> {
    for mut record in authorities.records().filter(|one| one.kind == SOA) {
        if is_in(&record) && name.lies_in(&record.owner.name()?) {
            let minimum = record.read(soa_minimum)?;
            return Ok(Some(seconds(record.ttl).min(seconds(minimum))));
        }
    }
    Ok(None)
}

fn soa_minimum(data: &mut Cursor<'_>) -> Result<u32, Malformed> {
    data.name()?;
    data.name()?;
    // Serial, refresh, retry and expire, and then the minimum.
    let [.., a, b, c, d] = data.array::<20>()?;
    Ok(u32::from_be_bytes([a, b, c, d]))
}

const HEADER_BYTES: usize = 12;

const NS: u16 = 2;
const SOA: u16 = 6;

const NO_ERROR: u16 = 0;
const NX_DOMAIN: u16 = 3;
