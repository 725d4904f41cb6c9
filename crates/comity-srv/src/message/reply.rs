use std::net::IpAddr;
use std::time::Duration;

use super::wire::{Cursor, Malformed, Record};
use super::{CLASS_IN, OPT, Question, RecordKind, RecordName, Sent};
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

/// A row of records that were seen to be whole.
#[derive(Clone, Copy)]
struct Section<'a> {
    start: Cursor<'a>,
    count: u16,
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

impl<'a> Section<'a> {
    /// Checks that `count` records stand at `cursor`, and goes behind them.
    fn pass(cursor: &mut Cursor<'a>, count: u16) -> Result<Self, Malformed> {
        let start = *cursor;
        for _ in 0..count {
            cursor.record()?;
        }
        Ok(Self { start, count })
    }

    fn has_others_than(self, name: &RecordName) -> Result<bool, Malformed> {
        for record in self.records() {
            if !record.owner.is_at(name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn records(self) -> impl Iterator<Item = Record<'a>> {
        let mut cursor = self.start;
        (0..self.count).map_while(move |_| cursor.record().ok())
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

fn is_in(record: &Record<'_>) -> bool {
    record.class == CLASS_IN
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
    fn follow(answers: Section<'_>, question: &Question, rules: &Rules) -> Result<Self, Malformed> {
        let mut path = Self {
            name: question.name.clone(),
            aliases: Vec::new(),
            ttl: None,
            ending: None,
        };
        while path.ending.is_none() {
            let here = Here::read(answers, &path.name, question.kind)?;
            if here.ttl.is_some() {
                path.shorten(here.ttl);
                path.ending = Some(here.into_ending(question.kind));
            } else if let Some((target, ttl)) = here.alias {
                path.shorten(Some(ttl));
                path.step(target, question, rules);
            } else {
                break;
            }
        }
        Ok(path)
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
}

/// What a section says about one name.
#[derive(Default)]
struct Here {
    /// The data of the type that was asked for, in the one of these that holds its type.
    services: Vec<SrvData>,
    pointers: Vec<NaptrData>,
    addresses: Vec<IpAddr>,
    /// The shortest time to live among them; `None` if there are none.
    ttl: Option<Duration>,
    alias: Option<(RecordName, Duration)>,
}

impl Here {
    fn read(answers: Section<'_>, name: &RecordName, kind: RecordKind) -> Result<Self, Malformed> {
        let mut here = Self::default();
        if kind == RecordKind::Srv {
            // The limit on records is that on the count.
            here.services.reserve(answers.count.into());
        }
        // Most records of one owner point to the same place, which is read once.
        let mut known = None;
        for record in answers.records() {
            let is_wanted = record.kind == kind.code();
            let is_alias = record.kind == CNAME && here.alias.is_none();
            if !is_in(&record) || !(is_wanted || is_alias) {
                continue;
            }
            let pointer = record.owner.pointer();
            if pointer.is_none() || pointer != known {
                if !record.owner.is_at(name)? {
                    continue;
                }
                known = pointer;
            }
            let ttl = seconds(record.ttl);
            if is_wanted {
                here.add(kind, &record)?;
                here.ttl = here.ttl.into_iter().chain([ttl]).min();
            } else {
                here.alias = Some((record.read(Cursor::name)?, ttl));
            }
        }
        Ok(here)
    }

    fn add(&mut self, kind: RecordKind, record: &Record<'_>) -> Result<(), Malformed> {
        match kind {
            RecordKind::Srv => self.services.push(record.read(srv)?),
            RecordKind::Naptr => self.pointers.push(record.read(naptr)?),
            RecordKind::Aaaa => self
                .addresses
                .push(record.read(Cursor::array::<16>)?.into()),
            RecordKind::A => self.addresses.push(record.read(Cursor::array::<4>)?.into()),
        }
        Ok(())
    }

    fn into_ending(self, kind: RecordKind) -> Ending {
        match kind {
            RecordKind::Srv => Ending::Services(self.services),
            RecordKind::Naptr => Ending::Pointers(self.pointers),
            RecordKind::Aaaa | RecordKind::A => Ending::Addresses(self.addresses),
        }
    }
}

fn srv(data: &mut Cursor<'_>) -> Result<SrvData, Malformed> {
    Ok(SrvData {
        priority: data.u16()?,
        weight: data.u16()?,
        port: data.u16()?,
        target: data.name()?,
    })
}

fn naptr(data: &mut Cursor<'_>) -> Result<NaptrData, Malformed> {
    Ok(NaptrData {
        order: data.u16()?,
        preference: data.u16()?,
        flags: data.text()?.into(),
        service: data.text()?.into(),
        has_regexp: !data.text()?.is_empty(),
        replacement: data.name()?,
    })
}

/// A time to live; one with the top bit set counts as zero (RFC 2181 §8).
fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(i32::try_from(ttl).map_or(0, i32::unsigned_abs)))
}

const HEADER_BYTES: usize = 12;

const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;

const NO_ERROR: u16 = 0;
const NX_DOMAIN: u16 = 3;
