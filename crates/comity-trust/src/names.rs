use der::asn1::AnyRef;
use der::{Reader, SliceReader, Tag, TagNumber};

use crate::certificate::{Certificate, Fault, constructed, expect};
use crate::identifier::Name;
use crate::subject;

/// Why the subject alternative names of a certificate cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NamesError {
    Malformed,
    TooMany,
}

impl From<Fault> for NamesError {
    fn from(_: Fault) -> Self {
        Self::Malformed
    }
}

impl From<der::Error> for NamesError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// What a certificate names.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Names<'a> {
    /// The subject alternative names that a reference can match, in the order of the certificate,
    /// and behind them the common name.
    pub(crate) list: Vec<Name<'a>>,
    /// Whether there is a subject alternative name of any form.
    pub(crate) has_alternatives: bool,
}

impl<'a> Names<'a> {
    /// Reads the subject alternative names and the common name of the subject.
    pub(crate) fn of(leaf: &Certificate<'a>, max_names: usize) -> Result<Self, NamesError> {
        let mut names = match leaf.subject_alt_name()? {
            Some(general_names) => Self::read(general_names, max_names)?,
            None => Self::default(),
        };
        if let Some(common_name) = subject::common_name(leaf.subject)? {
            names.list.push(Name::Subject(common_name));
        }
        Ok(names)
    }

    /// A single name.
    pub(crate) fn one(name: Name<'a>) -> Self {
        Self {
            list: vec![name],
            has_alternatives: true,
        }
    }

    /// Walks GeneralNames (RFC 5280 §4.2.1.6) and keeps those that a reference can match.
    ///
    /// A legal entry of another form is left out, and so is an SRVName that is not an IA5String or
    /// an XmppAddr that is not a UTF8String. An entry that no form of GeneralName allows condemns
    /// the certificate, wherever it stands: what follows it would depend on how a parser recovers.
    fn read(general_names: &'a [u8], max_names: usize) -> Result<Self, NamesError> {
        let mut reader = SliceReader::new(general_names)?;
        let mut list = Vec::new();
        let mut seen = 0;
        while !reader.is_finished() {
            seen += 1;
            if seen > max_names {
                return Err(NamesError::TooMany);
            }
            list.extend(name(reader.decode()?)?);
        }
        Ok(Self {
            list,
            has_alternatives: true,
        })
    }
}

fn name(entry: AnyRef<'_>) -> Result<Option<Name<'_>>, Fault> {
    let Tag::ContextSpecific {
        constructed,
        number: TagNumber(number),
    } = entry.header().tag()
    else {
        return Err(Fault::Malformed);
    };
    let value = entry.value();
    match (number, constructed) {
        (OTHER_NAME, true) => other_name(value),
        (DNS_NAME, false) => Ok(Some(Name::Dns(value))),
        (URI, false) => Ok(Some(Name::Uri(value))),
        (RFC822_NAME, false) | (X400_ADDRESS | EDI_PARTY_NAME, true) => Ok(None),
        (DIRECTORY_NAME, true) => {
            let mut reader = SliceReader::new(value)?;
            expect(&mut reader, Tag::Sequence)?;
            reader.finish()?;
            Ok(None)
        }
        (IP_ADDRESS, false) if matches!(value.len(), 4 | 16) => Ok(Some(Name::Ip(value))),
        (REGISTERED_ID, false) if is_oid(value) => Ok(None),
        _other => Err(Fault::Malformed),
    }
}

fn other_name<'a>(value: &'a [u8]) -> Result<Option<Name<'a>>, Fault> {
    let mut reader = SliceReader::new(value)?;
    let id = expect(&mut reader, Tag::ObjectIdentifier)?;
    let mut explicit = SliceReader::new(expect(&mut reader, constructed(0))?)?;
    reader.finish()?;
    if !is_oid(id) {
        return Err(Fault::Malformed);
    }
    let (form, string_type): (fn(&'a [u8]) -> Name<'a>, Tag) = match id {
        ID_ON_DNS_SRV => (Name::Srv, Tag::Ia5String),
        ID_ON_XMPP_ADDR => (Name::Xmpp, Tag::Utf8String),
        _unread => return Ok(None),
    };
    let inner: AnyRef<'_> = explicit.decode()?;
    explicit.finish()?;
    let is_that_type = inner.header().tag() == string_type;
    Ok(is_that_type.then(|| form(inner.value())))
}

/// Whether the bytes are the contents of an OBJECT IDENTIFIER (X.690 §8.19): complete, and no
/// subidentifier with a leading zero.
fn is_oid(value: &[u8]) -> bool {
    let complete = value.last().is_some_and(|last| last & 0x80 == 0);
    let mut at_start = true;
    complete
        && value.iter().all(|&byte| {
            let minimal = !(at_start && byte == 0x80);
            at_start = byte & 0x80 == 0;
            minimal
        })
}

const OTHER_NAME: u32 = 0;
const RFC822_NAME: u32 = 1;
const DNS_NAME: u32 = 2;
const X400_ADDRESS: u32 = 3;
const DIRECTORY_NAME: u32 = 4;
const EDI_PARTY_NAME: u32 = 5;
const URI: u32 = 6;
const IP_ADDRESS: u32 = 7;
const REGISTERED_ID: u32 = 8;

/// 1.3.6.1.5.5.7.8.5 (RFC 6120 §13.7.1.4).
const ID_ON_XMPP_ADDR: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 5];
/// 1.3.6.1.5.5.7.8.7 (RFC 4985 §2).
const ID_ON_DNS_SRV: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 7];

#[cfg(test)]
mod tests {
    use super::*;

    const SRV: &[u8] =
        b"\xa0\x19\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x0d\x16\x0b_x.a.exampl";

    fn all(entries: &[&[u8]]) -> Vec<u8> {
        entries.concat()
    }

    fn read(general_names: &[u8], max_names: usize) -> Result<Vec<Name<'_>>, NamesError> {
        Names::read(general_names, max_names).map(|names| names.list)
    }

    #[test]
    fn legal_entries_of_other_forms_are_left_out() {
        for (form, entry) in [
            (
                "otherName, XmppAddr in IA5String",
                &b"\xa0\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x05\xa0\x06\x16\x04a.bc"[..],
            ),
            (
                "otherName, any value",
                b"\xa0\x0a\x06\x03\x2a\x03\x04\xa0\x03\x02\x01\x07",
            ),
            (
                "otherName, empty value",
                b"\xa0\x07\x06\x03\x2a\x03\x04\xa0\x00",
            ),
            (
                "otherName, SRVName in UTF8String",
                b"\xa0\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x06\x0c\x04_x.a",
            ),
            ("rfc822Name", b"\x81\x03a@b"),
            ("x400Address", b"\xa3\x02\x30\x00"),
            ("directoryName", b"\xa4\x02\x30\x00"),
            ("ediPartyName", b"\xa5\x04\xa1\x02\x0c\x00"),
            ("registeredID", b"\x88\x03\x2a\x03\x04"),
        ] {
            let names = all(&[entry, b"\x82\x03a.b"]);
            assert_eq!(read(&names, 512), Ok(vec![Name::Dns(b"a.b")]), "{form}");
        }
    }

    #[test]
    fn names_that_can_match_are_kept_byte_for_byte() {
        let names = all(&[
            b"\x82\x03A.b",
            SRV,
            b"\xa0\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x05\xa0\x06\x0c\x04\xc3\xbc.b",
            b"\x86\x05sip:a",
            b"\x87\x04\xc0\x00\x02\x01",
            b"\x87\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
            b"\x82\x04a\0.b",
            b"\x82\x02\xc3\xbc",
            b"\x82\x00",
        ]);
        assert_eq!(
            read(&names, 512),
            Ok(vec![
                Name::Dns(b"A.b"),
                Name::Srv(b"_x.a.exampl"),
                Name::Xmpp("\u{fc}.b".as_bytes()),
                Name::Uri(b"sip:a"),
                Name::Ip(&[192, 0, 2, 1]),
                Name::Ip(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
                Name::Dns(b"a\0.b"),
                Name::Dns(b"\xc3\xbc"),
                Name::Dns(b""),
            ])
        );
        assert_eq!(read(b"", 512), Ok(vec![]));
    }

    #[test]
    fn a_malformed_entry_condemns_all_wherever_it_stands() {
        for (fault, entry) in [
            ("no such form", &b"\x89\x01a"[..]),
            ("tag above the forms, long form", b"\x9f\x1f\x01a"),
            ("universal tag", b"\x16\x03a.b"),
            ("application tag", b"\x42\x03a.b"),
            ("constructed dNSName", b"\xa2\x03\x82\x01a"),
            (
                "primitive otherName",
                b"\x80\x07\x06\x03\x2a\x03\x04\xa0\x00",
            ),
            ("primitive directoryName", b"\x84\x02\x30\x00"),
            ("directoryName that is no Name", b"\xa4\x02\x31\x00"),
            ("length beyond the end", b"\x82\x7fa.b"),
            ("length in long form", b"\x82\x81\x03a.b"),
            ("indefinite length", b"\xa0\x80\x00\x00"),
            ("tag alone", b"\x82"),
            ("iPAddress of five bytes", b"\x87\x05\x00\x00\x00\x00\x00"),
            ("registeredID cut short", b"\x88\x02\x2a\x83"),
            ("registeredID with a leading zero", b"\x88\x03\x2a\x80\x01"),
            ("registeredID empty", b"\x88\x00"),
            ("otherName empty", b"\xa0\x00"),
            ("otherName without value", b"\xa0\x05\x06\x03\x2a\x03\x04"),
            (
                "otherName with a tail",
                b"\xa0\x09\x06\x03\x2a\x03\x04\xa0\x00\x05\x00",
            ),
            (
                "otherName with a bad OID",
                b"\xa0\x06\x06\x02\x2a\x83\xa0\x00",
            ),
            (
                "SRVName without a string",
                b"\xa0\x0c\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x00",
            ),
            (
                "SRVName with two strings",
                b"\xa0\x12\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x06\x16\x01a\x16\x01b",
            ),
        ] {
            let good = b"\x82\x03a.b";
            assert_eq!(
                read(&all(&[entry, good]), 512),
                Err(NamesError::Malformed),
                "{fault}"
            );
            assert_eq!(
                read(&all(&[good, entry]), 512),
                Err(NamesError::Malformed),
                "{fault}"
            );
        }
    }

    #[test]
    fn names_of_every_form_count_towards_the_limit() {
        let three = all(&[b"\x81\x03a@b", b"\x82\x03a.b", b"\x86\x03a:b"]);
        assert_eq!(
            read(&three, 3),
            Ok(vec![Name::Dns(b"a.b"), Name::Uri(b"a:b")])
        );
        assert_eq!(read(&three, 2), Err(NamesError::TooMany));
    }
}
