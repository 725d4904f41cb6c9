use comity_identity::DomainName;
use rustls::CipherSuite;

/// A hello that a modern server refuses and an old one takes.
///
/// Nothing follows it: its answer tells whether a server that rustls cannot talk to is old, and by
/// what.
///
/// ```
/// use comity_rustls::{HelloReader, Legacy};
///
/// let bytes = Legacy::Versions.hello(Some(&"b.example".parse()?), [7; 32]);
/// let hello = HelloReader::new().read(&bytes)?.expect("a whole hello");
/// assert_eq!(hello.newest_version(), Some(rustls::ProtocolVersion::TLSv1_1));
/// assert_eq!(hello.server_name.expect("a name").as_str(), "b.example");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "what rustls has given up")]
pub enum Legacy {
    /// TLS 1.1 at most.
    Versions,
    /// TLS 1.2 at most, with suites that rustls does not have: CBC, RSA key exchange and
    /// Diffie-Hellman without elliptic curves.
    Suites,
}

impl Legacy {
    /// The bytes to send to a server. `random` comes from the operating system.
    #[must_use]
    pub fn hello(self, server_name: Option<&DomainName>, random: [u8; 32]) -> Vec<u8> {
        let mut body = self.version().to_vec();
        body.extend(random);
        // No session to resume.
        body.push(0);
        let suites = self.suites().chain([RENEGOTIATION_INFO]);
        long(&mut body, suites.flat_map(u16::to_be_bytes));
        // One compression method: none.
        body.extend([1, 0]);
        long(&mut body, self.extensions(server_name));

        let mut message = vec![CLIENT_HELLO, 0];
        long(&mut message, body);
        let mut record = vec![HANDSHAKE, 3, 1];
        long(&mut record, message);
        record
    }

    fn version(self) -> [u8; 2] {
        match self {
            Self::Versions => [3, 2],
            Self::Suites => [3, 3],
        }
    }

    fn suites(self) -> impl Iterator<Item = u16> {
        let newer = match self {
            Self::Versions => &[][..],
            Self::Suites => &OF_TLS12,
        };
        newer.iter().chain(&OLD).copied().map(u16::from)
    }

    fn extensions(self, server_name: Option<&DomainName>) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(name) = server_name {
            let mut entry = vec![HOST_NAME];
            long(&mut entry, name.as_str().bytes());
            extension(&mut extensions, SERVER_NAME, entry);
        }
        extension(
            &mut extensions,
            GROUPS,
            GROUPS_KNOWN.into_iter().flat_map(u16::to_be_bytes),
        );
        match self {
            // What TLS 1.1 signs with is not negotiable.
            Self::Versions => {}
            Self::Suites => {
                let schemes = SCHEMES_KNOWN.into_iter().flat_map(u16::to_be_bytes);
                extension(&mut extensions, SIGNATURE_SCHEMES, schemes);
            }
        }
        extensions
    }
}

/// An extension whose content is one list.
fn extension(buf: &mut Vec<u8>, kind: u16, list: impl IntoIterator<Item = u8>) {
    buf.extend(kind.to_be_bytes());
    let mut content = Vec::new();
    long(&mut content, list);
    long(buf, content);
}

/// Appends bytes behind their length in two bytes. Nothing here comes near 64 KiB.
fn long(buf: &mut Vec<u8>, content: impl IntoIterator<Item = u8>) {
    let content: Vec<_> = content.into_iter().take(usize::from(u16::MAX)).collect();
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    buf.extend(length.to_be_bytes());
    buf.extend(content);
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HOST_NAME: u8 = 0;
/// A signal without which some servers refuse (RFC 5746 §3.3).
const RENEGOTIATION_INFO: u16 = 0x00FF;
const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const SIGNATURE_SCHEMES: u16 = 13;

/// x25519, secp256r1, secp384r1 and secp521r1.
const GROUPS_KNOWN: [u16; 4] = [29, 23, 24, 25];
/// RSA and ECDSA with SHA-256, SHA-384, SHA-512 and SHA-1, and RSA-PSS.
const SCHEMES_KNOWN: [u16; 11] = [
    0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0603, 0x0804, 0x0805, 0x0806, 0x0201, 0x0203,
];

/// Suites of all versions, the better ones first: a server that takes RSA key exchange has nothing
/// else.
const OLD: [CipherSuite; 12] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA,
    CipherSuite::TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_3DES_EDE_CBC_SHA,
    CipherSuite::TLS_RSA_WITH_RC4_128_SHA,
];

/// Those that came with TLS 1.2.
const OF_TLS12: [CipherSuite; 12] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_DHE_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_DHE_RSA_WITH_AES_256_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256,
    CipherSuite::TLS_RSA_WITH_AES_256_CBC_SHA256,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hello, HelloReader};

    fn read(legacy: Legacy, name: Option<&str>) -> Hello {
        let name = name.map(|name| name.parse().unwrap());
        let bytes = legacy.hello(name.as_ref(), [7; 32]);
        HelloReader::new().read(&bytes).unwrap().unwrap()
    }

    #[test]
    fn a_hello_says_what_is_asked_and_no_more() {
        let versions = read(Legacy::Versions, Some("b.example"));
        assert_eq!(versions.versions, [rustls::ProtocolVersion::TLSv1_1]);
        assert_eq!(versions.cipher_suites, OLD);
        assert_eq!(versions.signature_schemes, None);
        assert_eq!(versions.server_name.unwrap().as_str(), "b.example");
        let suites = read(Legacy::Suites, None);
        assert_eq!(suites.versions, [rustls::ProtocolVersion::TLSv1_2]);
        assert_eq!(suites.cipher_suites, [OF_TLS12, OLD].concat());
        assert_eq!(suites.signature_schemes.unwrap().len(), 11);
        assert_eq!(suites.server_name, None);
    }

    #[test]
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    fn no_suite_is_one_that_rustls_has() {
        let provider = crate::default_provider();
        let known: Vec<_> = provider
            .cipher_suites
            .iter()
            .map(rustls::SupportedCipherSuite::suite)
            .collect();
        for suite in [OF_TLS12, OLD].concat() {
            assert!(!known.contains(&suite), "{suite:?}");
        }
    }
}
