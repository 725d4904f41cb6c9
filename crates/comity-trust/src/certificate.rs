use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Reader, SliceReader, Tag, TagNumber};
use rustls_pki_types::UnixTime;

/// The fields of a certificate that the rules of this crate read, borrowed from its DER.
///
/// Only the frame and the named extensions are walked, so an unknown extension, name form or
/// attribute is never an error.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) serial: &'a [u8],
    /// The RDNSequence of the issuer, without its SEQUENCE; so is the subject.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo with its SEQUENCE.
    pub(crate) public_key: &'a [u8],
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    extensions: Extensions<'a>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Fault> {
        let mut outer = whole(der, Tag::Sequence)?;
        let mut tbs = SliceReader::new(expect(&mut outer, Tag::Sequence)?)?;
        expect(&mut outer, Tag::Sequence)?;
        expect(&mut outer, Tag::BitString)?;
        outer.finish()?;

        let version = optional(&mut tbs, constructed(0))?.ok_or(Fault::Version)?;
        if version != VERSION_3 {
            return Err(Fault::Version);
        }
        let serial = expect(&mut tbs, Tag::Integer)?;
        expect(&mut tbs, Tag::Sequence)?;
        let issuer = expect(&mut tbs, Tag::Sequence)?;
        let mut validity = SliceReader::new(expect(&mut tbs, Tag::Sequence)?)?;
        let not_before = time(&mut validity)?;
        let not_after = time(&mut validity)?;
        validity.finish()?;
        let subject = expect(&mut tbs, Tag::Sequence)?;
        let public_key = tbs.tlv_bytes()?;
        let extensions = match optional(&mut tbs, constructed(3))? {
            Some(list) => Extensions::parse(list)?,
            None => Extensions::default(),
        };
        tbs.finish()?;
        Ok(Self {
            serial,
            issuer,
            subject,
            public_key,
            not_before,
            not_after,
            extensions,
        })
    }

    /// The GeneralNames of the subject alternative name extension, without their SEQUENCE.
    pub(crate) fn subject_alt_name(&self) -> Result<Option<&'a [u8]>, Fault> {
        self.extensions.subject_alt_name.map(sequence).transpose()
    }

    /// The name constraints extension, without its SEQUENCE.
    pub(crate) fn name_constraints(&self) -> Result<Option<&'a [u8]>, Fault> {
        self.extensions.name_constraints.map(sequence).transpose()
    }

    /// The key purpose OIDs of the extended key usage extension, without their SEQUENCE.
    pub(crate) fn extended_key_usage(&self) -> Result<Option<&'a [u8]>, Fault> {
        self.extensions.extended_key_usage.map(sequence).transpose()
    }

    /// Whether the key may sign certificates as far as key usage says (RFC 5280 §4.2.1.3).
    ///
    /// Without the extension it may: basicConstraints decides alone.
    pub(crate) fn may_sign_certificates(&self) -> Result<bool, Fault> {
        self.may(KEY_CERT_SIGN)
    }

    /// Whether the key may sign a TLS handshake as far as key usage says (RFC 8446 §4.4.2.2).
    pub(crate) fn may_sign_handshakes(&self) -> Result<bool, Fault> {
        self.may(DIGITAL_SIGNATURE)
    }

    fn may(&self, usage: u8) -> Result<bool, Fault> {
        let Some(extension) = self.extensions.key_usage else {
            return Ok(true);
        };
        let mut bits = whole(extension, Tag::BitString)?;
        let _unused_bits = bits.read_byte()?;
        Ok(!bits.is_finished() && bits.read_byte()? & usage != 0)
    }

    /// Whether basicConstraints calls the subject a CA (RFC 5280 §4.2.1.9).
    pub(crate) fn is_ca(&self) -> Result<bool, Fault> {
        let Some(constraints) = self.extensions.basic_constraints else {
            return Ok(false);
        };
        let mut fields = whole(constraints, Tag::Sequence)?;
        let ca = optional(&mut fields, Tag::Boolean)?;
        Ok(ca.is_some_and(|value| value == DER_TRUE))
    }

    pub(crate) fn period(&self) -> Period {
        Period {
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }

    /// Whether issuer and subject are the same name.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// The first and the last second at which a certificate is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Period {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

/// The values of the extensions that we read, each a complete DER value.
#[derive(Debug, Default)]
struct Extensions<'a> {
    basic_constraints: Option<&'a [u8]>,
    key_usage: Option<&'a [u8]>,
    extended_key_usage: Option<&'a [u8]>,
    name_constraints: Option<&'a [u8]>,
    subject_alt_name: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn parse(list: &'a [u8]) -> Result<Self, Fault> {
        let mut extensions = Self::default();
        let mut list = whole(list, Tag::Sequence)?;
        while !list.is_finished() {
            let mut extension = SliceReader::new(expect(&mut list, Tag::Sequence)?)?;
            let id = expect(&mut extension, Tag::ObjectIdentifier)?;
            optional(&mut extension, Tag::Boolean)?;
            let value = expect(&mut extension, Tag::OctetString)?;
            extension.finish()?;
            extensions.remember(id, value)?;
        }
        Ok(extensions)
    }

    fn remember(&mut self, id: &[u8], value: &'a [u8]) -> Result<(), Fault> {
        let place = match id {
            [0x55, 0x1d, 15] => &mut self.key_usage,
            [0x55, 0x1d, 17] => &mut self.subject_alt_name,
            [0x55, 0x1d, 19] => &mut self.basic_constraints,
            [0x55, 0x1d, 30] => &mut self.name_constraints,
            [0x55, 0x1d, 37] => &mut self.extended_key_usage,
            _unread => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_first) => Err(Fault::Malformed),
        }
    }
}

/// Why a walk stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The bytes are not the DER that the place calls for.
    Malformed,
    /// The certificate is not X.509 version 3.
    Version,
}

impl From<der::Error> for Fault {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// Reads the next value, which must have `tag`, and returns its contents.
pub(crate) fn expect<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8], Fault> {
    let value: AnyRef<'a> = reader.decode()?;
    if value.header().tag() == tag {
        Ok(value.value())
    } else {
        Err(Fault::Malformed)
    }
}

/// Reads the next value if it has `tag`, and returns its contents.
pub(crate) fn optional<'a>(
    reader: &mut SliceReader<'a>,
    tag: Tag,
) -> Result<Option<&'a [u8]>, Fault> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    expect(reader, tag).map(Some)
}

/// Opens the one value in `der`, which must have `tag` and nothing behind it.
pub(crate) fn whole(der: &[u8], tag: Tag) -> Result<SliceReader<'_>, Fault> {
    let mut reader = SliceReader::new(der)?;
    let contents = expect(&mut reader, tag)?;
    reader.finish()?;
    Ok(SliceReader::new(contents)?)
}

/// The tag of a constructed context-specific value.
pub(crate) const fn constructed(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

fn sequence(der: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = SliceReader::new(der)?;
    let contents = expect(&mut reader, Tag::Sequence)?;
    reader.finish()?;
    Ok(contents)
}

pub(crate) fn time(reader: &mut SliceReader<'_>) -> Result<UnixTime, Fault> {
    let since_epoch = if Tag::peek(reader)? == Tag::UtcTime {
        reader.decode::<UtcTime>()?.to_unix_duration()
    } else {
        reader.decode::<GeneralizedTime>()?.to_unix_duration()
    };
    Ok(UnixTime::since_unix_epoch(since_epoch))
}

/// The INTEGER 2 inside the version field (RFC 5280 §4.1.2.1).
const VERSION_3: &[u8] = &[2, 1, 2];
/// Bit 0 of KeyUsage, the highest of its first octet.
const DIGITAL_SIGNATURE: u8 = 0b1000_0000;
/// Bit 5 of KeyUsage.
const KEY_CERT_SIGN: u8 = 0b0000_0100;
const DER_TRUE: &[u8] = &[0xff];
