//! Queries as they come, and messages as nobody sends them.

/// A query without the length that it has over TCP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    bytes: &'a [u8],
    /// Where the name of the question ends.
    name_end: usize,
}

impl<'a> Query<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut name_end = HEADER_BYTES;
        while bytes[name_end] > 0 {
            name_end += 1 + usize::from(bytes[name_end]);
        }
        name_end += 1;
        Self { bytes, name_end }
    }

    /// The type that is asked for.
    pub(crate) fn kind(&self) -> u16 {
        u16::from_be_bytes([self.bytes[self.name_end], self.bytes[self.name_end + 1]])
    }

    /// The id, which no other query has.
    pub(crate) fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }
}

/// A reply that is being written.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    /// Of the answer, authority and additional sections.
    pub(crate) counts: [u16; 3],
}

impl Message {
    /// A pointer to the name that was asked for.
    pub(crate) const ASKED: u16 = POINTER | 12;

    /// A reply that claims to be validated.
    pub(crate) fn reply(query: &Query<'_>) -> Self {
        let mut bytes = query.bytes[..query.name_end + 4].to_vec();
        bytes[2..12].copy_from_slice(&[0x81, 0xa0, 0, 1, 0, 0, 0, 0, 0, 0]);
        Self {
            bytes,
            counts: [0; 3],
        }
    }

    /// Adds a record to the answer section; `data` writes behind all that is there.
    pub(crate) fn answer(&mut self, owner: u16, kind: u16, data: impl FnOnce(&mut Vec<u8>)) {
        self.record(0, owner, kind, data);
    }

    /// Adds a record to the section of that number.
    pub(crate) fn record(
        &mut self,
        section: usize,
        owner: u16,
        kind: u16,
        data: impl FnOnce(&mut Vec<u8>),
    ) {
        self.counts[section] += 1;
        // What addresses a host has is remembered for long, all else for as short as can be.
        let ttl = if matches!(kind, A | AAAA) { 3600 } else { 0 };
        for field in [owner, kind, IN, 0, ttl, 0] {
            self.bytes.extend(field.to_be_bytes());
        }
        let start = self.bytes.len();
        data(&mut self.bytes);
        let length = u16::try_from(self.bytes.len() - start).unwrap();
        self.bytes[start - 2..start].copy_from_slice(&length.to_be_bytes());
    }

    /// Adds a record whose data is a name of 126 labels, each behind a pointer to the next one, and
    /// gives a pointer to it.
    pub(crate) fn ladder(&mut self) -> u16 {
        let mut top = 0;
        self.answer(Self::ASKED, TXT, |bytes| {
            bytes.push(0);
            top = pointer(bytes.len() - 1);
            for _ in 0..126 {
                let step = pointer(bytes.len());
                bytes.extend(b"\x01a");
                bytes.extend(top.to_be_bytes());
                top = step;
            }
        });
        top
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> u16 {
        self.counts.iter().sum()
    }

    /// The message, filled up to the longest that is read.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = self.cut();
        assert!(bytes.len() <= MAX_BYTES, "{} bytes", bytes.len());
        bytes.resize(MAX_BYTES, 0);
        bytes
    }

    /// The message as it is.
    pub(crate) fn cut(mut self) -> Vec<u8> {
        let counts = self.counts.map(u16::to_be_bytes);
        self.bytes[6..12].copy_from_slice(counts.as_flattened());
        self.bytes
    }
}

/// A pointer to that place.
pub(crate) fn pointer(at: usize) -> u16 {
    POINTER | u16::try_from(at).unwrap()
}

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const SRV: u16 = 33;
pub(crate) const NAPTR: u16 = 35;

const IN: u16 = 1;
const POINTER: u16 = 0xC000;
const HEADER_BYTES: usize = 12;
/// The default of `Limits::max_tcp_message_bytes`.
const MAX_BYTES: usize = 12 * 1024;
