use std::net::IpAddr;

use x509_cert::der::Encode;
use x509_cert::der::asn1::ObjectIdentifier;

/// A name in a subjectAltName or in name constraints.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Name {
    /// A dNSName, in ASCII.
    Dns(String),
    /// An SRVName such as `_xmpp-server.b.example`, in ASCII (RFC 4985).
    Srv(String),
    /// An XmppAddr, in UTF-8 (RFC 6120 §13.7.1.4).
    Xmpp(String),
    /// A uniformResourceIdentifier such as `sip:b.example`, in ASCII.
    Uri(String),
    /// An iPAddress of one host; the address and mask of a constraint need [`Name::Raw`].
    Ip(IpAddr),
    /// An otherName of any type.
    Other {
        /// The dotted decimal OID of its type.
        type_id: String,
        /// Its value in DER, without the outer `[0]`.
        value: Vec<u8>,
    },
    /// The DER of a GeneralName, tag and length included, written as it is.
    Raw(Vec<u8>),
}

impl Name {
    /// The DER of the GeneralName.
    pub(super) fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Dns(text) => tlv(0x82, ia5(text)),
            Self::Uri(text) => tlv(0x86, ia5(text)),
            Self::Ip(IpAddr::V4(address)) => tlv(0x87, &address.octets()),
            Self::Ip(IpAddr::V6(address)) => tlv(0x87, &address.octets()),
            Self::Srv(text) => other_name(SRV_NAME, &tlv(IA5_STRING, ia5(text))),
            Self::Xmpp(text) => other_name(XMPP_ADDR, &tlv(UTF8_STRING, text.as_bytes())),
            Self::Other { type_id, value } => other_name(oid(type_id), value),
            Self::Raw(der) => der.clone(),
        }
    }
}

/// Writes the DER of one value: the byte `tag`, the length, `content`.
///
/// ```
/// use comity_testkit::mint::{Name, tlv};
///
/// // A dNSName with a NUL in the middle.
/// let name = Name::Raw(tlv(0x82, b"b.example\0.evil.example"));
/// # let Name::Raw(der) = name else { panic!() };
/// # assert_eq!(der[..4], [0x82, 23, b'b', b'.']);
/// ```
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().skip_while(|&&byte| byte == 0);
    let mut der = vec![tag];
    if let Some(short) = u8::try_from(content.len()).ok().filter(|&len| len < 0x80) {
        der.push(short);
    } else {
        der.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(0));
        der.extend(significant);
    }
    der.extend_from_slice(content);
    der
}

/// The OID that `text` spells.
pub(super) fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).expect("a dotted decimal OID")
}

fn other_name(type_id: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    let mut content = type_id.to_der().expect("an encodable OID");
    content.extend(tlv(0xA0, value));
    tlv(0xA0, &content)
}

/// Panics unless the text is ASCII; other bytes are for [`Name::Raw`].
fn ia5(text: &str) -> &[u8] {
    assert!(text.is_ascii(), "{text} is no IA5String");
    text.as_bytes()
}

const SRV_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.7");
const XMPP_ADDR: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.5");

const UTF8_STRING: u8 = 0x0C;
const IA5_STRING: u8 = 0x16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_with_their_own_string_types() {
        let srv = Name::Srv("_x.b".to_owned()).to_der();
        assert_eq!(
            srv,
            b"\xA0\x12\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x07\xA0\x06\x16\x04_x.b"
        );
        let xmpp = Name::Xmpp("\u{fc}.b".to_owned()).to_der();
        assert_eq!(
            xmpp,
            b"\xA0\x12\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x05\xA0\x06\x0C\x04\xC3\xBC.b"
        );
        assert_eq!(Name::Uri("sip:b".to_owned()).to_der(), b"\x86\x05sip:b");
        assert_eq!(
            Name::Ip([192, 0, 2, 1].into()).to_der(),
            [0x87, 4, 192, 0, 2, 1]
        );
    }

    #[test]
    fn lengths_are_as_short_as_der_demands() {
        for (length, expected) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ] {
            let der = tlv(4, &vec![9; length]);
            assert_eq!(der[..expected.len()], *expected);
            assert_eq!(der.len(), expected.len() + length);
        }
    }

    #[test]
    #[should_panic(expected = "is no IA5String")]
    fn a_u_label_is_no_dns_name() {
        Name::Dns("b\u{fc}cher.example".to_owned()).to_der();
    }
}
