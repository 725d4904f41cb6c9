//! A cursor over DER (X.690), which the walks over certificates and lists are made of.
//!
//! The reader of the crate `der` takes about 190 instructions for a value, this one about 30, and
//! a certificate has some 60 values.

use crate::reason::{Position, Reason};

/// Why a walk stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The bytes are not the DER that the place calls for.
    Malformed,
    /// The certificate is not X.509 version 3.
    Version,
}

impl Fault {
    /// The reason to refuse the certificate at this place of a chain.
    pub(crate) fn reason(self, position: Position) -> Reason {
        match self {
            Self::Malformed => Reason::Malformed { position },
            Self::Version => Reason::UnsupportedVersion { position },
        }
    }
}

/// The identifier octet of a value. Tags above 30, of several octets, have no use in X.509.
pub(crate) type Tag = u8;

pub(crate) const BOOLEAN: Tag = 0x01;
pub(crate) const INTEGER: Tag = 0x02;
pub(crate) const BIT_STRING: Tag = 0x03;
pub(crate) const OCTET_STRING: Tag = 0x04;
pub(crate) const OBJECT_IDENTIFIER: Tag = 0x06;
pub(crate) const UTF8_STRING: Tag = 0x0c;
pub(crate) const PRINTABLE_STRING: Tag = 0x13;
pub(crate) const IA5_STRING: Tag = 0x16;
pub(crate) const UTC_TIME: Tag = 0x17;
pub(crate) const GENERALIZED_TIME: Tag = 0x18;
pub(crate) const SEQUENCE: Tag = 0x30;
pub(crate) const SET: Tag = 0x31;

/// The tag of a context-specific value of simple contents.
pub(crate) const fn primitive(number: u8) -> Tag {
    0x80 | number
}

/// The tag of a context-specific value that is made of values.
pub(crate) const fn constructed(number: u8) -> Tag {
    0xa0 | number
}

/// The values that are left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(values: &'a [u8]) -> Self {
        Self { rest: values }
    }

    /// Opens the one value in `der`, which must have `tag` and nothing behind it.
    pub(crate) fn whole(der: &'a [u8], tag: Tag) -> Result<Self, Fault> {
        let mut outer = Self::new(der);
        let contents = outer.expect(tag)?;
        outer.finish()?;
        Ok(Self::new(contents))
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.is_finished() {
            Ok(())
        } else {
            Err(Fault::Malformed)
        }
    }

    /// The tag of the next value, if there is one.
    pub(crate) fn peek(&self) -> Option<Tag> {
        self.rest.first().copied()
    }

    /// Reads the next value: its tag and its contents.
    pub(crate) fn read(&mut self) -> Result<(Tag, &'a [u8]), Fault> {
        let (tag, value) = self.read_whole()?;
        Ok((tag, value.contents))
    }

    /// Reads the next value, and returns it with its tag and length.
    pub(crate) fn read_der(&mut self) -> Result<&'a [u8], Fault> {
        self.read_whole().map(|(_, value)| value.der)
    }

    fn read_whole(&mut self) -> Result<(Tag, Value<'a>), Fault> {
        let start = self.rest;
        let (&[tag, first], rest) = start.split_first_chunk().ok_or(Fault::Malformed)?;
        if tag & LONG_TAG == LONG_TAG {
            return Err(Fault::Malformed);
        }
        let (length, rest) = match first {
            0..0x80 => (usize::from(first), rest),
            _long => long_length(first, rest)?,
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(Fault::Malformed)?;
        let (der, _) = start
            .split_at_checked(start.len() - rest.len())
            .ok_or(Fault::Malformed)?;
        self.rest = rest;
        Ok((tag, Value { contents, der }))
    }

    /// Reads the next value, which must have `tag`, and returns its contents.
    pub(crate) fn expect(&mut self, tag: Tag) -> Result<&'a [u8], Fault> {
        match self.read()? {
            (found, contents) if found == tag => Ok(contents),
            _other => Err(Fault::Malformed),
        }
    }

    /// Reads the next value if it has `tag`, and returns its contents.
    pub(crate) fn optional(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, Fault> {
        if self.peek() == Some(tag) {
            self.expect(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads a BOOLEAN whose default is false. DER has one octet for true; a false that is written
    /// out is passed over, as many encoders do that.
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.optional(BOOLEAN)? {
            None | Some(&[0]) => Ok(false),
            Some(&[0xff]) => Ok(true),
            Some(_other) => Err(Fault::Malformed),
        }
    }

    /// Reads the next value, which must have `tag`, and returns the values that it is made of.
    pub(crate) fn open(&mut self, tag: Tag) -> Result<Self, Fault> {
        self.expect(tag).map(Self::new)
    }
}

struct Value<'a> {
    contents: &'a [u8],
    der: &'a [u8],
}

/// A length of several octets, which must be as few as it can be (X.690 §10.1): up to 64 KiB take
/// two, the list of a big CA three.
fn long_length(first: u8, rest: &[u8]) -> Result<(usize, &[u8]), Fault> {
    let count = usize::from(first & 0x7f);
    let (octets, rest) = rest.split_at_checked(count).ok_or(Fault::Malformed)?;
    if !matches!(count, 1..=4) || octets.first() == Some(&0) {
        return Err(Fault::Malformed);
    }
    let length = octets
        .iter()
        .fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    if length < 0x80 {
        return Err(Fault::Malformed);
    }
    Ok((length, rest))
}

/// The low bits of the first octet of a tag that has more of them.
const LONG_TAG: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use der::asn1::AnyRef;
    use der::{Decode, SliceReader};

    use super::*;

    /// What the crate `der` makes of the first value: the length of its contents and of the rest.
    fn oracle(bytes: &[u8]) -> Option<(usize, usize)> {
        let mut reader = SliceReader::new(bytes).ok()?;
        let any = AnyRef::decode(&mut reader).ok()?;
        Some((
            any.value().len(),
            usize::try_from(der::Reader::remaining_len(&reader)).ok()?,
        ))
    }

    fn ours(bytes: &[u8]) -> Option<(usize, usize)> {
        let mut reader = Reader::new(bytes);
        let (_, contents) = reader.read().ok()?;
        Some((contents.len(), reader.rest.len()))
    }

    #[test]
    fn values_are_read_as_by_the_crate_der() {
        let body = [7; 300];
        for tag in [
            BOOLEAN,
            INTEGER,
            OCTET_STRING,
            SEQUENCE,
            SET,
            0x80,
            0xa3,
            0xbe,
        ] {
            for lengths in [
                &[0][..],
                &[1],
                &[0x7f],
                &[0x80],
                &[0x81, 0x7f],
                &[0x81, 0x80],
                &[0x81, 0xff],
                &[0x82, 0, 0xff],
                &[0x82, 1, 0],
                &[0x82, 1, 0x2c],
                &[0x82, 1, 0x2d],
                &[0x83, 0, 1, 0],
                &[0x84, 0, 0, 1, 0],
                &[0x84, 0xff, 0xff, 0xff, 0xff],
                &[0x85, 1, 0, 0, 0, 0],
                &[0xff],
            ] {
                let bytes = [&[tag], lengths, &body[..]].concat();
                assert_eq!(ours(&bytes), oracle(&bytes), "{tag:x} {lengths:x?}");
                for cut in 0..6 {
                    assert_eq!(
                        ours(&bytes[..cut]),
                        oracle(&bytes[..cut]),
                        "{tag:x} {lengths:x?}"
                    );
                }
            }
        }
    }

    #[test]
    fn tags_of_several_octets_are_refused() {
        for first in [0x1f, 0x3f, 0x5f, 0x7f, 0x9f, 0xbf, 0xdf, 0xff] {
            assert_eq!(ours(&[first, 1, 0]), None);
            assert_eq!(ours(&[first, 0x81, 0x80]), None);
        }
    }

    #[test]
    fn what_is_read_leaves_the_rest() {
        let mut reader = Reader::new(&[2, 1, 5, 0xa0, 3, 4, 1, 9, 1, 1]);
        assert_eq!(reader.optional(BOOLEAN), Ok(None));
        assert_eq!(reader.peek(), Some(INTEGER));
        assert_eq!(reader.read_der(), Ok(&[2, 1, 5][..]));
        let mut inner = reader.open(constructed(0)).unwrap();
        assert_eq!(inner.optional(OCTET_STRING), Ok(Some(&[9][..])));
        assert_eq!(inner.finish(), Ok(()));
        assert_eq!(reader.finish(), Err(Fault::Malformed));
        assert_eq!(reader.expect(BOOLEAN), Err(Fault::Malformed), "cut short");
        assert_eq!(reader.rest, [1, 1], "and nothing was taken");
        assert_eq!(Reader::whole(&[5, 0, 0], 5).err(), Some(Fault::Malformed));
        assert_eq!(Reader::whole(&[5, 0], 4).err(), Some(Fault::Malformed));
    }
}
