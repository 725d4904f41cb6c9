use der::DateTime;
use rustls_pki_types::UnixTime;

use crate::tlv::{
    BIT_STRING, Fault, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader,
    SEQUENCE, UTC_TIME, constructed,
};

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
        let mut outer = Reader::whole(der, SEQUENCE)?;
        let mut tbs = outer.open(SEQUENCE)?;
        outer.expect(SEQUENCE)?;
        outer.expect(BIT_STRING)?;
        outer.finish()?;

        let version = tbs.optional(constructed(0))?.ok_or(Fault::Version)?;
        if version != VERSION_3 {
            return Err(Fault::Version);
        }
        let serial = tbs.expect(INTEGER)?;
        tbs.expect(SEQUENCE)?;
        let issuer = tbs.expect(SEQUENCE)?;
        let mut validity = tbs.open(SEQUENCE)?;
        let not_before = time(&mut validity)?;
        let not_after = time(&mut validity)?;
        validity.finish()?;
        let subject = tbs.expect(SEQUENCE)?;
        let public_key = tbs.read_der()?;
        let extensions = match tbs.optional(constructed(3))? {
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

    /// The distribution points of revocation lists, without their SEQUENCE (RFC 5280 §4.2.1.13).
    pub(crate) fn crl_distribution_points(&self) -> Result<Option<&'a [u8]>, Fault> {
        let points = self.extensions.crl_distribution_points;
        points.map(sequence).transpose()
    }

    /// Whether the key may sign certificates as far as key usage says (RFC 5280 §4.2.1.3).
    ///
    /// Without the extension it may: basicConstraints decides alone.
    pub(crate) fn may_sign_certificates(&self) -> Result<bool, Fault> {
        self.may(KEY_CERT_SIGN)
    }

    /// Whether the key may sign revocation lists as far as key usage says (RFC 5280 §4.2.1.3).
    pub(crate) fn may_sign_lists(&self) -> Result<bool, Fault> {
        self.may(CRL_SIGN)
    }

    /// Whether the key may sign a TLS handshake as far as key usage says (RFC 8446 §4.4.2.2).
    pub(crate) fn may_sign_handshakes(&self) -> Result<bool, Fault> {
        self.may(DIGITAL_SIGNATURE)
    }

    fn may(&self, usage: u8) -> Result<bool, Fault> {
        let Some(extension) = self.extensions.key_usage else {
            return Ok(true);
        };
        let mut value = Reader::new(extension);
        let bits = value.expect(BIT_STRING)?;
        value.finish()?;
        let (unused_bits, octets) = bits.split_first().ok_or(Fault::Malformed)?;
        let unused = match (unused_bits, octets.last()) {
            (0, None) => 0,
            (0..8, Some(last)) => last & !(0xff << unused_bits),
            _other => return Err(Fault::Malformed),
        };
        if unused != 0 {
            return Err(Fault::Malformed);
        }
        Ok(octets.first().is_some_and(|octet| octet & usage != 0))
    }

    /// Whether basicConstraints calls the subject a CA (RFC 5280 §4.2.1.9).
    pub(crate) fn is_ca(&self) -> Result<bool, Fault> {
        self.basic_constraints().map(|(is_ca, _)| is_ca)
    }

    /// The pathLenConstraint of a CA, if it has one (RFC 5280 §4.2.1.9).
    pub(crate) fn path_length(&self) -> Result<Option<usize>, Fault> {
        self.basic_constraints().map(|(_, length)| length)
    }

    fn basic_constraints(&self) -> Result<(bool, Option<usize>), Fault> {
        let Some(constraints) = self.extensions.basic_constraints else {
            return Ok((false, None));
        };
        let mut fields = Reader::whole(constraints, SEQUENCE)?;
        let is_ca = fields.boolean()?;
        let length = match fields.optional(INTEGER)? {
            None => None,
            Some(&[length @ 0..0x80]) => Some(usize::from(length)),
            // Longer than any chain that is looked at.
            Some([0..0x80, _, ..]) => Some(usize::MAX),
            Some(_negative) => return Err(Fault::Malformed),
        };
        fields.finish()?;
        Ok((is_ca, length))
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

/// The SubjectPublicKeyInfo of a certificate of any version, with its SEQUENCE, whatever else the
/// certificate says.
pub(crate) fn public_key(der: &[u8]) -> Result<&[u8], Fault> {
    let mut outer = Reader::whole(der, SEQUENCE)?;
    let mut tbs = outer.open(SEQUENCE)?;
    tbs.optional(constructed(0))?;
    tbs.expect(INTEGER)?;
    for _algorithm_issuer_validity_subject in 0..4 {
        tbs.expect(SEQUENCE)?;
    }
    tbs.read_der()
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
    crl_distribution_points: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn parse(list: &'a [u8]) -> Result<Self, Fault> {
        let mut extensions = Self::default();
        let mut list = Reader::whole(list, SEQUENCE)?;
        while !list.is_finished() {
            let mut extension = list.open(SEQUENCE)?;
            let id = extension.expect(OBJECT_IDENTIFIER)?;
            extension.boolean()?;
            let value = extension.expect(OCTET_STRING)?;
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
            [0x55, 0x1d, 31] => &mut self.crl_distribution_points,
            [0x55, 0x1d, 37] => &mut self.extended_key_usage,
            _unread => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_first) => Err(Fault::Malformed),
        }
    }
}

fn sequence(der: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(der);
    let contents = reader.expect(SEQUENCE)?;
    reader.finish()?;
    Ok(contents)
}

/// Reads a time: of two digits for the years 1950 to 2049, or of four (RFC 5280 §4.1.2.5).
pub(crate) fn time(reader: &mut Reader<'_>) -> Result<UnixTime, Fault> {
    let (tag, text) = reader.read()?;
    let (year, rest) = match (tag, text) {
        (UTC_TIME, [a, b, rest @ ..]) => match digits(*a, *b)? {
            year @ 0..50 => (2000 + u16::from(year), rest),
            year => (1900 + u16::from(year), rest),
        },
        (GENERALIZED_TIME, [a, b, c, d, rest @ ..]) => {
            let year = u16::from(digits(*a, *b)?) * 100 + u16::from(digits(*c, *d)?);
            (year, rest)
        }
        _other => return Err(Fault::Malformed),
    };
    let &[m1, m2, d1, d2, h1, h2, n1, n2, s1, s2, b'Z'] = rest else {
        return Err(Fault::Malformed);
    };
    let (month, day) = (digits(m1, m2)?, digits(d1, d2)?);
    let (hour, minute, second) = (digits(h1, h2)?, digits(n1, n2)?, digits(s1, s2)?);
    let time = DateTime::new(year, month, day, hour, minute, second);
    let time = time.map_err(|_der| Fault::Malformed)?;
    Ok(UnixTime::since_unix_epoch(time.unix_duration()))
}

fn digits(tens: u8, ones: u8) -> Result<u8, Fault> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok((tens - b'0') * 10 + (ones - b'0'))
    } else {
        Err(Fault::Malformed)
    }
}

/// The INTEGER 2 inside the version field (RFC 5280 §4.1.2.1).
const VERSION_3: &[u8] = &[2, 1, 2];
/// Bit 0 of KeyUsage, the highest of its first octet.
const DIGITAL_SIGNATURE: u8 = 0b1000_0000;
/// Bit 5 of KeyUsage.
const KEY_CERT_SIGN: u8 = 0b0000_0100;
/// Bit 6 of KeyUsage.
const CRL_SIGN: u8 = 0b0000_0010;

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Result<u64, Fault> {
        let length = u8::try_from(text.len()).unwrap();
        let value = [&[tag, length], text.as_bytes()].concat();
        time(&mut Reader::new(&value)).map(|time| time.as_secs())
    }

    #[test]
    fn times_have_years_of_two_or_four_digits() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "000229235959Z", 951_868_799),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(seconds(tag, text), Ok(expected), "{text}");
        }
    }

    /// Basic constraints and key usage, read from a certificate with nothing else.
    fn extensions(basic: &[u8], usage: &[u8]) -> Certificate<'static> {
        let leak = |bytes: &[u8]| -> &'static [u8] { Box::leak(bytes.to_vec().into()) };
        let end = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        Certificate {
            serial: &[],
            issuer: &[],
            subject: &[],
            public_key: &[],
            not_before: end,
            not_after: end,
            extensions: Extensions {
                basic_constraints: Some(leak(basic)),
                key_usage: Some(leak(usage)),
                ..Extensions::default()
            },
        }
    }

    #[test]
    fn basic_constraints_are_read_whole() {
        let wrong = Err(Fault::Malformed);
        for (der, expected) in [
            (&[0x30, 0][..], Ok((false, None))),
            (&[0x30, 3, 1, 1, 0xff], Ok((true, None))),
            (&[0x30, 3, 1, 1, 0], Ok((false, None))),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 3], Ok((true, Some(3)))),
            (
                &[0x30, 7, 1, 1, 0xff, 2, 2, 0, 0x80],
                Ok((true, Some(usize::MAX))),
            ),
            (&[0x30, 3, 1, 1, 1], wrong),
            (&[0x30, 2, 1, 0], wrong),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 0x80], wrong),
            (&[0x30, 5, 1, 1, 0xff, 2, 0], wrong),
            (&[0x30, 8, 1, 1, 0xff, 2, 1, 3, 5, 0], wrong),
        ] {
            let read = extensions(der, &[]).basic_constraints();
            assert_eq!(read, expected, "{der:x?}");
        }
    }

    #[test]
    fn unused_bits_of_a_key_usage_are_zero() {
        let wrong = Err(Fault::Malformed);
        for (der, expected) in [
            (&[3, 2, 7, 0x80][..], Ok(true)),
            (&[3, 2, 0, 0x80], Ok(true)),
            (&[3, 2, 1, 6], Ok(false)),
            (&[3, 1, 0], Ok(false)),
            (&[3, 2, 0xff, 0x80], wrong),
            (&[3, 2, 8, 0x80], wrong),
            (&[3, 2, 1, 0x81], wrong),
            (&[3, 1, 1], wrong),
            (&[3, 0], wrong),
        ] {
            let read = extensions(&[], der).may_sign_handshakes();
            assert_eq!(read, expected, "{der:x?}");
        }
    }

    #[test]
    fn what_is_no_time_is_a_fault() {
        for (tag, text) in [
            (UTC_TIME, "500101000000Z"),
            (UTC_TIME, "700230000000Z"),
            (UTC_TIME, "701301000000Z"),
            (UTC_TIME, "700101240000Z"),
            (UTC_TIME, "700101006000Z"),
            (UTC_TIME, "700101000000"),
            (UTC_TIME, "7001010000Z"),
            (UTC_TIME, "700101000000+0000"),
            (UTC_TIME, "70010100000 Z"),
            (UTC_TIME, "19700101000000Z"),
            (UTC_TIME, ""),
            (GENERALIZED_TIME, "700101000000Z"),
            (GENERALIZED_TIME, "19700101000000.5Z"),
            (GENERALIZED_TIME, "197001010000Z"),
            (SEQUENCE, "700101000000Z"),
        ] {
            assert_eq!(seconds(tag, text), Err(Fault::Malformed), "{text}");
        }
    }
}
