use rustls_pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::identifier::{Identifier, Name};
use crate::reason::{Position, Reason};
use crate::subject;
use crate::tlv::{
    Fault, IA5_STRING, OBJECT_IDENTIFIER, Reader, SEQUENCE, Tag, UTF8_STRING, constructed,
    primitive,
};

/// Why the subject alternative names of a certificate cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NamesError {
    Malformed,
    TooMany,
}

impl NamesError {
    pub(crate) fn reason(self, limit: usize) -> Reason {
        match self {
            Self::Malformed => Reason::MalformedNames,
            Self::TooMany => Reason::TooManyNames { limit },
        }
    }
}

impl From<Fault> for NamesError {
    fn from(_: Fault) -> Self {
        Self::Malformed
    }
}

/// The names of a certificate that say whom it is for, in its order, and behind them its common
/// name. Nobody need vouch for it.
///
/// Names that could name nothing are left out: those that are no identifier of their form, and
/// those that are not fit to be shown.
///
/// # Errors
///
/// The certificate or its names are malformed, or there are more than `max_names`.
pub fn presented_names(
    certificate: &CertificateDer<'_>,
    max_names: usize,
) -> Result<Vec<Identifier>, Reason> {
    let leaf = Certificate::parse(certificate).map_err(|fault| fault.reason(Position::Leaf))?;
    let names = Names::of(&leaf, max_names).map_err(|error| error.reason(max_names))?;
    let identifiers = names.list.iter().filter_map(|name| name.identifier());
    Ok(identifiers.collect())
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
        let mut reader = Reader::new(general_names);
        let mut list = Vec::with_capacity(USUAL_NAMES);
        let mut seen = 0;
        while !reader.is_finished() {
            seen += 1;
            if seen > max_names {
                return Err(NamesError::TooMany);
            }
            let (tag, value) = reader.read()?;
            list.extend(name(tag, value)?);
        }
        Ok(Self {
            list,
            has_alternatives: true,
        })
    }
}

fn name(tag: Tag, value: &[u8]) -> Result<Option<Name<'_>>, Fault> {
    match tag {
        OTHER_NAME => other_name(value),
        DNS_NAME => Ok(Some(Name::Dns(value))),
        URI => Ok(Some(Name::Uri(value))),
        RFC822_NAME | X400_ADDRESS | EDI_PARTY_NAME => Ok(None),
        DIRECTORY_NAME => Reader::whole(value, SEQUENCE).map(|_name| None),
        IP_ADDRESS if matches!(value.len(), 4 | 16) => Ok(Some(Name::Ip(value))),
        REGISTERED_ID if is_oid(value) => Ok(None),
        _other => Err(Fault::Malformed),
    }
}

fn other_name<'a>(value: &'a [u8]) -> Result<Option<Name<'a>>, Fault> {
    let mut reader = Reader::new(value);
    let id = reader.expect(OBJECT_IDENTIFIER)?;
    let mut explicit = reader.open(constructed(0))?;
    reader.finish()?;
    if !is_oid(id) {
        return Err(Fault::Malformed);
    }
    let (form, string_type): (fn(&'a [u8]) -> Name<'a>, Tag) = match id {
        ID_ON_DNS_SRV => (Name::Srv, IA5_STRING),
        ID_ON_XMPP_ADDR => (Name::Xmpp, UTF8_STRING),
        _unread => return Ok(None),
    };
    let (tag, text) = explicit.read()?;
    explicit.finish()?;
    Ok((tag == string_type).then(|| form(text)))
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

const OTHER_NAME: Tag = constructed(0);
const RFC822_NAME: Tag = primitive(1);
const DNS_NAME: Tag = primitive(2);
const X400_ADDRESS: Tag = constructed(3);
const DIRECTORY_NAME: Tag = constructed(4);
const EDI_PARTY_NAME: Tag = constructed(5);
const URI: Tag = primitive(6);
const IP_ADDRESS: Tag = primitive(7);
const REGISTERED_ID: Tag = primitive(8);

/// Room for the names of most certificates.
const USUAL_NAMES: usize = 8;

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
