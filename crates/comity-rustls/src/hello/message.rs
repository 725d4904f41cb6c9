use std::fmt;

use comity_identity::DomainName;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// What a client offers in its hello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
///
/// Each list is in the client's order. Values that are reserved to keep servers tolerant
/// (RFC 8701) and suites that are only signals are left out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Hello {
    /// The protocols above TLS, each behind its length in one byte.
    alpn: Vec<u8>,
    /// The cipher suites.
    pub cipher_suites: Vec<CipherSuite>,
    /// The groups for key exchange, if the client names any.
    pub groups: Option<Vec<NamedGroup>>,
    /// The server that is asked for, if it is named and by a domain name (RFC 6066 §3).
    pub server_name: Option<DomainName>,
    /// How signatures may be made, if the client says so.
    pub signature_schemes: Option<Vec<SignatureScheme>>,
    /// The versions. If only the newest is named, as before TLS 1.3, it stands alone.
    pub versions: Vec<ProtocolVersion>,
}

impl Hello {
    /// Reads the body of the handshake message.
    pub(super) fn parse(body: &[u8]) -> Result<Self, HelloField> {
        let mut body = Cursor(body);
        let version = body.u16().ok_or(HelloField::Version)?;
        body.take(32).ok_or(HelloField::Random)?;
        body.short(0, 32).ok_or(HelloField::SessionId)?;
        let suites = body.long().and_then(Cursor::list);
        let suites = suites.filter(|suites| !suites.is_empty());
        let suites = suites.ok_or(HelloField::CipherSuites)?;
        body.short(1, u8::MAX).ok_or(HelloField::Compression)?;
        let extensions = if body.is_empty() {
            Cursor(&[])
        } else {
            body.long().ok_or(HelloField::Extensions)?
        };
        if !body.is_empty() {
            return Err(HelloField::Extensions);
        }
        let extensions = Extensions::parse(extensions)?;
        Ok(Self {
            alpn: extensions.alpn.unwrap_or_default(),
            cipher_suites: convert(suites.into_iter().filter(|code| !is_signal(*code))),
            groups: extensions.groups.map(convert),
            server_name: extensions.server_name.flatten(),
            signature_schemes: extensions.signature_schemes.map(convert),
            // Without the extension nothing newer can be meant (RFC 8446 §4.2.1).
            versions: convert(
                extensions
                    .versions
                    .unwrap_or_else(|| vec![version.min(TLS12)]),
            ),
        })
    }

    /// The protocols above TLS (RFC 7301).
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut names = Cursor(&self.alpn);
        std::iter::from_fn(move || names.short(0, u8::MAX))
    }

    /// The newest version that we know.
    #[must_use]
    pub fn newest_version(&self) -> Option<ProtocolVersion> {
        let known = self.versions.iter().copied();
        known
            .filter(|version| version.as_str().is_some())
            .max_by_key(|version| u16::from(*version))
    }
}

/// A part of a client's hello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HelloField {
    /// The protocols above TLS.
    Alpn,
    /// The cipher suites.
    CipherSuites,
    /// The compression methods.
    Compression,
    /// The extensions as a whole, or one of them that is there twice.
    Extensions,
    /// The groups for key exchange.
    Groups,
    /// The random bytes.
    Random,
    /// The server's name.
    ServerName,
    /// The session to resume.
    SessionId,
    /// The signature schemes.
    SignatureSchemes,
    /// The version, or the list of versions.
    Version,
}

impl fmt::Display for HelloField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alpn => "application protocols",
            Self::CipherSuites => "cipher suites",
            Self::Compression => "compression methods",
            Self::Extensions => "extensions",
            Self::Groups => "key exchange groups",
            Self::Random => "random bytes",
            Self::ServerName => "server names",
            Self::SessionId => "bytes of the session",
            Self::SignatureSchemes => "signature schemes",
            Self::Version => "versions",
        })
    }
}

/// The extensions that are looked at; each may be there once.
#[derive(Default)]
struct Extensions {
    alpn: Option<Vec<u8>>,
    groups: Option<Vec<u16>>,
    server_name: Option<Option<DomainName>>,
    signature_schemes: Option<Vec<u16>>,
    versions: Option<Vec<u16>>,
}

impl Extensions {
    fn parse(mut input: Cursor<'_>) -> Result<Self, HelloField> {
        let mut extensions = Self::default();
        while !input.is_empty() {
            let extension = input.u16().zip(input.long());
            let (kind, content) = extension.ok_or(HelloField::Extensions)?;
            let is_new = match kind {
                SERVER_NAME => {
                    let name = server_name(content).ok_or(HelloField::ServerName)?;
                    extensions.server_name.replace(name).is_none()
                }
                GROUPS => {
                    let groups = long_list(content).ok_or(HelloField::Groups)?;
                    extensions.groups.replace(groups).is_none()
                }
                SIGNATURE_SCHEMES => {
                    let schemes = long_list(content).ok_or(HelloField::SignatureSchemes)?;
                    extensions.signature_schemes.replace(schemes).is_none()
                }
                ALPN => {
                    let alpn = protocols(content).ok_or(HelloField::Alpn)?;
                    extensions.alpn.replace(alpn).is_none()
                }
                VERSIONS => {
                    let versions = versions(content).ok_or(HelloField::Version)?;
                    extensions.versions.replace(versions).is_none()
                }
                _ => true,
            };
            if !is_new {
                return Err(HelloField::Extensions);
            }
        }
        Ok(extensions)
    }
}

/// The name of a host in the list of servers, if it is a domain name. Only one is allowed; how long
/// a name of another type is nobody knows, so that the list ends there.
fn server_name(mut content: Cursor<'_>) -> Option<Option<DomainName>> {
    let mut list = content.long().filter(|_| content.is_empty())?;
    let mut name = None;
    let mut kind = list.u8()?;
    while kind == HOST_NAME {
        let host = list.long().filter(|_| name.is_none())?;
        name = Some(std::str::from_utf8(host.0).ok());
        if list.is_empty() {
            break;
        }
        kind = list.u8()?;
    }
    Some(name.flatten().and_then(|name| name.parse().ok()))
}

fn protocols(mut content: Cursor<'_>) -> Option<Vec<u8>> {
    let mut list = content.long().filter(|_| content.is_empty())?;
    let all = list.0.to_vec();
    while !list.is_empty() {
        list.short(1, u8::MAX)?;
    }
    Some(all)
}

fn versions(mut content: Cursor<'_>) -> Option<Vec<u16>> {
    let list = content.short(2, u8::MAX)?;
    content.is_empty().then_some(Cursor(list))?.list()
}

fn long_list(mut content: Cursor<'_>) -> Option<Vec<u16>> {
    let list = content.long()?;
    content.is_empty().then_some(list)?.list()
}

/// Puts codes into rustls' terms, without those that stand for nothing.
fn convert<T: From<u16>>(codes: impl IntoIterator<Item = u16>) -> Vec<T> {
    codes
        .into_iter()
        .filter(|code| !is_reserved(*code))
        .map(T::from)
        .collect()
}

/// Whether a value is one of those that servers must ignore (RFC 8701 §2).
fn is_reserved(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high == low && low & 0x0F == 0x0A
}

/// Whether a code among the suites is a signal (RFC 5746 §3.3, RFC 7507 §4).
fn is_signal(code: u16) -> bool {
    matches!(code, 0x00FF | 0x5600)
}

/// What is left to read. Every step fails where the bytes end.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    /// Bytes behind their length in one byte, as many as allowed.
    fn short(&mut self, min: u8, max: u8) -> Option<&'a [u8]> {
        let length = self.u8().filter(|length| (min..=max).contains(length))?;
        self.take(length.into())
    }

    /// Bytes behind their length in two bytes.
    fn long(&mut self) -> Option<Self> {
        let length = self.u16()?;
        self.take(length.into()).map(Self)
    }

    /// All that is left as numbers of two bytes.
    fn list(self) -> Option<Vec<u16>> {
        let (pairs, rest) = self.0.as_chunks();
        rest.is_empty()
            .then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    }
}

const TLS12: u16 = 0x0303;

const SERVER_NAME: u16 = 0;
/// The one type of name in there (RFC 6066 §3).
const HOST_NAME: u8 = 0;
const GROUPS: u16 = 10;
const SIGNATURE_SCHEMES: u16 = 13;
const ALPN: u16 = 16;
const VERSIONS: u16 = 43;
