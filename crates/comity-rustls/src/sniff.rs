use std::fmt;

/// What the first bytes of a connection are.
///
/// One port can serve TLS and what begins in plaintext, because their first bytes never agree.
/// Nothing is consumed: the engine that is chosen gets every byte from the first on.
///
/// ```
/// use comity_rustls::{Plaintext, PortMode, Refusal, Sniffed};
///
/// assert_eq!(Sniffed::of(b"\x16\x03"), None);
/// assert_eq!(Sniffed::of(b"\x16\x03\x01"), Some(Sniffed::Tls));
/// assert_eq!(Sniffed::of(b"<"), Some(Sniffed::Xmpp));
/// assert_eq!(
///     PortMode::TlsOnly.admit(Sniffed::Xmpp),
///     Err(Refusal::Plaintext(Plaintext::Xmpp))
/// );
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Sniffed {
    /// SIP: a method begins with a letter, and a keep-alive is an empty line (RFC 5626 §3.5.1).
    ///
    /// So does HTTP begin, which the parser of SIP will tell.
    Sip,
    /// The hello of SSL 2.0, with which clients before TLS 1.2 asked for any version (RFC 6176).
    Sslv2,
    /// STUN (RFC 8489 §5).
    Stun,
    /// A handshake record of TLS (RFC 8446 §5.1).
    Tls,
    /// None of the others.
    Unknown,
    /// XMPP: `<`, white space before it, or the byte order mark of UTF-8.
    Xmpp,
}

impl Sniffed {
    /// How many bytes decide at the latest.
    pub const MAX_BYTES: usize = 3;

    /// Says what begins with these bytes, or nothing while more of them are needed.
    ///
    /// One byte decides about plaintext, except that SIP and XMPP both may begin with an empty
    /// line. Three decide about TLS. What follows them is not looked at.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [] | [0x16 | 0x80..=0xFF] | [0x16, 0x03] | [0x80..=0xFF, _] => None,
            [0x00 | 0x01, ..] => Some(Self::Stun),
            [b'A'..=b'Z' | b'a'..=b'z', ..] => Some(Self::Sip),
            [b'<' | b' ' | b'\t' | b'\n', ..] | [0xEF, 0xBB, 0xBF, ..] => Some(Self::Xmpp),
            [b'\r', ref rest @ ..] => Self::after_carriage_return(rest),
            [0x16, 0x03, 0x00..=0x04, ..] => Some(Self::Tls),
            [0x80..=0xFF, _, 0x01, ..] => Some(Self::Sslv2),
            [_, ..] => Some(Self::Unknown),
        }
    }

    /// An empty line goes before a request of SIP, or is a keep-alive of it (RFC 3261 §7.5). Before
    /// a stream header it is white space.
    fn after_carriage_return(rest: &[u8]) -> Option<Self> {
        match *rest {
            [] | [b'\n'] => None,
            [b'\n', b'\r' | b'A'..=b'Z' | b'a'..=b'z', ..] => Some(Self::Sip),
            [b'\n', b'<' | b' ' | b'\t' | b'\n', ..] | [b'<' | b' ' | b'\t' | b'\r', ..] => {
                Some(Self::Xmpp)
            }
            [_, ..] => Some(Self::Unknown),
        }
    }
}

impl fmt::Display for Sniffed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "SIP",
            Self::Sslv2 => "an SSL 2.0 hello",
            Self::Stun => "STUN",
            Self::Tls => "TLS",
            Self::Unknown => "an unknown protocol",
            Self::Xmpp => "XMPP",
        })
    }
}

/// What a port serves.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum PortMode {
    /// TLS and what begins in plaintext, which may turn to TLS by its own means.
    LegacyAndTls,
    /// TLS from the first byte, and nothing else.
    #[default]
    TlsOnly,
}

impl PortMode {
    /// Decides what becomes of a connection that begins so.
    ///
    /// # Errors
    ///
    /// The connection is to be closed, and why.
    pub fn admit(self, sniffed: Sniffed) -> Result<Admitted, Refusal> {
        let plaintext = match sniffed {
            Sniffed::Tls => return Ok(Admitted::Tls),
            Sniffed::Sslv2 => return Err(Refusal::ObsoleteClient),
            Sniffed::Unknown => return Err(Refusal::Unrecognised),
            Sniffed::Sip => Plaintext::Sip,
            Sniffed::Stun => Plaintext::Stun,
            Sniffed::Xmpp => Plaintext::Xmpp,
        };
        match self {
            Self::LegacyAndTls => Ok(Admitted::Plaintext(plaintext)),
            Self::TlsOnly => Err(Refusal::Plaintext(plaintext)),
        }
    }
}

/// What serves a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing beside the two")]
pub enum Admitted {
    /// The engine of a protocol that begins in plaintext.
    Plaintext(Plaintext),
    /// TLS.
    Tls,
}

/// A protocol that begins in plaintext.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Plaintext {
    /// SIP over TCP.
    Sip,
    /// STUN over TCP.
    Stun,
    /// XMPP before STARTTLS.
    Xmpp,
}

impl fmt::Display for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sniffed = match self {
            Self::Sip => Sniffed::Sip,
            Self::Stun => Sniffed::Stun,
            Self::Xmpp => Sniffed::Xmpp,
        };
        sniffed.fmt(f)
    }
}

/// Why a port turns a connection away, and what can be done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The client is too old.
    #[error("an SSL 2.0 hello: the client is obsolete and has to be upgraded to TLS 1.2")]
    ObsoleteClient,
    /// The port takes nothing but TLS.
    #[error(
        "plaintext ({0}) on a port for TLS only: \
         let the peer begin with TLS, or let the port take both"
    )]
    Plaintext(Plaintext),
    /// The port serves nothing that begins so.
    #[error("neither TLS nor a protocol of this port: let the peer check address and port")]
    Unrecognised,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_has_its_meaning() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                b'<' | b' ' | b'\t' | b'\n' => Some(Sniffed::Xmpp),
                0x00 | 0x01 => Some(Sniffed::Stun),
                b'\r' | 0x16 | 0x80.. => None,
                _ if byte.is_ascii_alphabetic() => Some(Sniffed::Sip),
                _ => Some(Sniffed::Unknown),
            };
            assert_eq!(Sniffed::of(&[byte]), expected, "{byte:#04x}");
        }
    }

    #[test]
    fn every_second_byte_after_an_undecided_first_has_its_meaning() {
        for second in 0..=u8::MAX {
            let tls = (second != 3).then_some(Sniffed::Unknown);
            assert_eq!(Sniffed::of(&[0x16, second]), tls, "{second:#04x}");
            let empty_line = match second {
                b'\n' => None,
                b'<' | b' ' | b'\t' | b'\r' => Some(Sniffed::Xmpp),
                _ => Some(Sniffed::Unknown),
            };
            assert_eq!(Sniffed::of(&[b'\r', second]), empty_line, "{second:#04x}");
            for first in [0x80, 0x81, 0xEF, 0xFE, 0xFF] {
                assert_eq!(Sniffed::of(&[first, second]), None, "{second:#04x}");
            }
        }
    }

    #[test]
    fn every_third_byte_after_an_undecided_second_has_its_meaning() {
        for third in 0..=u8::MAX {
            let tls = if third <= 4 {
                Sniffed::Tls
            } else {
                Sniffed::Unknown
            };
            let empty_line = match third {
                b'<' | b' ' | b'\t' | b'\n' => Sniffed::Xmpp,
                b'\r' => Sniffed::Sip,
                _ if third.is_ascii_alphabetic() => Sniffed::Sip,
                _ => Sniffed::Unknown,
            };
            let high = if third == 1 {
                Sniffed::Sslv2
            } else {
                Sniffed::Unknown
            };
            let mark = if third == 0xBF { Sniffed::Xmpp } else { high };
            for (bytes, expected) in [
                ([0x16, 0x03, third], tls),
                ([b'\r', b'\n', third], empty_line),
                ([0x80, 0x2E, third], high),
                ([0xEF, 0xBA, third], high),
                ([0xEF, 0xBB, third], mark),
                ([0xFF, 0xFE, third], high),
            ] {
                assert_eq!(Sniffed::of(&bytes), Some(expected), "{bytes:02x?}");
            }
        }
    }

    #[test]
    fn no_more_bytes_are_asked_for_than_decide_and_more_never_change_the_answer() {
        for (bytes, decides, expected) in [
            (&b"\x16\x03\x01\x02\x00\x01"[..], 3, Sniffed::Tls),
            (b"\x16\x03\x00\x00\x2f\x01", 3, Sniffed::Tls),
            (b"\x16\x04\x01\x02\x00", 2, Sniffed::Unknown),
            (b"\x15\x03\x01\x00\x02", 1, Sniffed::Unknown),
            (b"\x80\x2e\x01\x03\x01", 3, Sniffed::Sslv2),
            (b"<?xml version='1.0'?>", 1, Sniffed::Xmpp),
            (b"\xEF\xBB\xBF<?xml", 3, Sniffed::Xmpp),
            (b" <stream:stream", 1, Sniffed::Xmpp),
            (b"\r\n<stream:stream", 3, Sniffed::Xmpp),
            (b"\r\n\r\n", 3, Sniffed::Sip),
            (b"\r\nOPTIONS sip:", 3, Sniffed::Sip),
            (b"OPTIONS sip:", 1, Sniffed::Sip),
            (b"\x00\x01\x00\x00\x21\x12\xa4\x42", 1, Sniffed::Stun),
            (b"{\"a\":1}", 1, Sniffed::Unknown),
        ] {
            for cut in 0..=bytes.len() {
                let expected = (cut >= decides).then_some(expected);
                assert_eq!(Sniffed::of(&bytes[..cut]), expected, "{bytes:02x?} {cut}");
            }
            assert!(decides <= Sniffed::MAX_BYTES);
        }
    }

    #[test]
    fn a_port_admits_what_its_mode_says() {
        for (sniffed, legacy, strict) in [
            (Sniffed::Tls, Ok(Admitted::Tls), Ok(Admitted::Tls)),
            (
                Sniffed::Sip,
                Ok(Admitted::Plaintext(Plaintext::Sip)),
                Err(Refusal::Plaintext(Plaintext::Sip)),
            ),
            (
                Sniffed::Stun,
                Ok(Admitted::Plaintext(Plaintext::Stun)),
                Err(Refusal::Plaintext(Plaintext::Stun)),
            ),
            (
                Sniffed::Xmpp,
                Ok(Admitted::Plaintext(Plaintext::Xmpp)),
                Err(Refusal::Plaintext(Plaintext::Xmpp)),
            ),
            (
                Sniffed::Sslv2,
                Err(Refusal::ObsoleteClient),
                Err(Refusal::ObsoleteClient),
            ),
            (
                Sniffed::Unknown,
                Err(Refusal::Unrecognised),
                Err(Refusal::Unrecognised),
            ),
        ] {
            assert_eq!(PortMode::LegacyAndTls.admit(sniffed), legacy);
            assert_eq!(PortMode::TlsOnly.admit(sniffed), strict);
        }
        assert_eq!(PortMode::default(), PortMode::TlsOnly);
    }

    #[test]
    fn a_refusal_says_what_can_be_done() {
        assert_eq!(
            Refusal::Plaintext(Plaintext::Xmpp).to_string(),
            "plaintext (XMPP) on a port for TLS only: \
             let the peer begin with TLS, or let the port take both"
        );
        assert_eq!(
            Refusal::ObsoleteClient.to_string(),
            "an SSL 2.0 hello: the client is obsolete and has to be upgraded to TLS 1.2"
        );
        assert_eq!(
            Refusal::Unrecognised.to_string(),
            "neither TLS nor a protocol of this port: let the peer check address and port"
        );
        assert_eq!(Plaintext::Stun.to_string(), "STUN");
    }
}
