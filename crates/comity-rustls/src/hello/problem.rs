use std::fmt;

use rustls::crypto::SupportedKxGroup;
use rustls::sign::SigningKey;
use rustls::{
    CipherSuite, NamedGroup, ProtocolVersion, SignatureAlgorithm, SignatureScheme,
    SupportedCipherSuite,
};

use super::{Hello, Listed};
use crate::TlsVersion;
use crate::cipher::{Objection, Suite};

/// Why a client cannot be served, and what can be done.
///
/// It is found in the hello, where rustls knows only what was missing at the step that it had come
/// to: to a client with RSA key exchange alone it says that there is no group in common.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is offered but suites without authentication.
    AnonymousSuites {
        /// The suites.
        suites: Listed,
    },
    /// No group for key exchange is common.
    NoCommonGroup {
        /// Those of the client.
        groups: Listed,
    },
    /// No protocol above TLS is common.
    NoCommonProtocol {
        /// Those of the client.
        protocols: Listed,
    },
    /// No signature scheme that our key can make is known to the client.
    NoCommonSignatureScheme {
        /// What key we have.
        key: KeyKind,
        /// Those of the client.
        schemes: Listed,
    },
    /// No cipher suite of the version is common.
    NoCommonSuite {
        /// What is to be said against those of the client, the gravest first.
        objections: Vec<Objection>,
        /// Those of the client.
        suites: Listed,
        /// The version that would be spoken.
        version: TlsVersion,
    },
    /// No version is common, although the client speaks a current one.
    NoCommonVersion {
        /// Those that we speak.
        ours: Vec<TlsVersion>,
        /// Those of the client.
        versions: Listed,
    },
    /// The client names no groups, and rustls chooses none by itself (RFC 8422 §4 would allow it).
    NoGroups,
    /// The client does not say how signatures may be made.
    NoSignatureSchemes,
    /// The newest version of the client is older than TLS 1.2.
    OldVersion {
        /// That version.
        newest: ProtocolVersion,
    },
    /// The suites that are common need a certificate with another kind of key.
    SuitesForAnotherKey {
        /// What key we have.
        key: KeyKind,
        /// The suites.
        suites: Listed,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnonymousSuites { suites } => write!(
                f,
                "offers only anonymous suites ({suites}): let the peer demand a certificate of us"
            ),
            Self::NoCommonGroup { groups } => write!(
                f,
                "no common key exchange group (offered: {groups}): \
                 let the peer enable secp256r1 or x25519"
            ),
            Self::NoCommonProtocol { protocols } => write!(
                f,
                "no common application protocol (offered: {protocols}): \
                 let the peer check the port, or its ALPN"
            ),
            Self::NoCommonSignatureScheme { key, schemes } => write!(
                f,
                "no common signature scheme for our {key} key (offered: {schemes}): \
                 upgrade the peer, or use another certificate"
            ),
            Self::NoCommonSuite {
                objections,
                suites,
                version,
            } => {
                write!(f, "offers no cipher suite for {version} that we have")?;
                for (index, objection) in objections.iter().enumerate() {
                    let word = if index == 0 { ", only " } else { ", " };
                    write!(f, "{word}{objection}")?;
                }
                write!(f, " ({suites}): ")?;
                f.write_str(objections.first().map_or(UPGRADE, |first| advice(*first)))
            }
            Self::NoCommonVersion { ours, versions } => {
                f.write_str("no common version: we speak ")?;
                for (index, version) in ours.iter().enumerate() {
                    let and = if index == 0 { "" } else { " and " };
                    write!(f, "{and}{version}")?;
                }
                write!(f, ", the peer {versions}: change the versions of one side")
            }
            Self::NoGroups => f.write_str(
                "offers elliptic curves without saying which: \
                 let the peer send the extension supported_groups",
            ),
            Self::NoSignatureSchemes => f.write_str(
                "does not say how signatures may be made: \
                 let the peer send the extension signature_algorithms",
            ),
            Self::OldVersion { newest } => {
                write!(f, "{} and older only: {UPGRADE}", version_name(*newest))
            }
            Self::SuitesForAnotherKey { key, suites } => write!(
                f,
                "the suites in common ({suites}) do not fit our {key} key: \
                 use another certificate, or let the peer offer suites for it"
            ),
        }
    }
}

/// What kind of key a certificate of ours has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA.
    Ecdsa,
    /// EdDSA.
    Eddsa,
    /// Another.
    Other,
    /// RSA.
    Rsa,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecdsa => "ECDSA",
            Self::Eddsa => "EdDSA",
            Self::Other => "unusual",
            Self::Rsa => "RSA",
        })
    }
}

/// What a server of ours can do, as far as a hello has to fit it.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) alpn: &'a [Vec<u8>],
    pub(crate) groups: &'a [&'static dyn SupportedKxGroup],
    /// That of the certificate which the client would get.
    pub(crate) key: Option<&'a dyn SigningKey>,
    /// All suites of the provider.
    pub(crate) provider: &'a [SupportedCipherSuite],
    /// Those that may be negotiated.
    pub(crate) suites: &'a [SupportedCipherSuite],
    pub(crate) versions: &'a [TlsVersion],
}

impl Offer<'_> {
    /// Finds what keeps a client from being served, in the order in which an operator would ask.
    pub(crate) fn problem(&self, hello: &Hello) -> Option<Problem> {
        let version = match self.version(hello) {
            Ok(version) => version,
            Err(problem) => return Some(problem),
        };
        let suites = match self.common_suites(hello, version) {
            Ok(suites) => suites,
            Err(problem) => return Some(problem),
        };
        self.key_problem(&suites)
            .or_else(|| self.group_problem(hello, version))
            .or_else(|| self.scheme_problem(hello, version))
            .or_else(|| self.protocol_problem(hello))
    }

    fn version(&self, hello: &Hello) -> Result<TlsVersion, Problem> {
        let ours = self.versions.iter().copied();
        let common = ours.filter(|version| hello.versions.contains(&version.code()));
        if let Some(newest) = common.max() {
            return Ok(newest);
        }
        Err(match hello.newest_version() {
            Some(newest) if u16::from(newest) < TLS12 => Problem::OldVersion { newest },
            Some(_) | None => Problem::NoCommonVersion {
                ours: self.versions.to_vec(),
                versions: Listed::new(hello.versions.iter().copied().map(version_name)),
            },
        })
    }

    fn common_suites(
        &self,
        hello: &Hello,
        version: TlsVersion,
    ) -> Result<Vec<SupportedCipherSuite>, Problem> {
        let ours = self.suites.iter().filter(|suite| version.has(suite));
        let common: Vec<_> = ours
            .filter(|suite| hello.cipher_suites.contains(&suite.suite()))
            .copied()
            .collect();
        if !common.is_empty() {
            return Ok(common);
        }
        let suites = Listed::new(hello.cipher_suites.iter().copied().map(suite_name));
        let judged = hello.cipher_suites.iter().take(MAX_JUDGED);
        let judged: Vec<_> = judged.map(|suite| self.against(*suite)).collect();
        let is_anonymous = |against: &Vec<_>| against.contains(&Objection::Anonymous);
        Err(if !judged.is_empty() && judged.iter().all(is_anonymous) {
            Problem::AnonymousSuites { suites }
        } else {
            Problem::NoCommonSuite {
                objections: summary(&judged),
                suites,
                version,
            }
        })
    }

    fn against(&self, suite: CipherSuite) -> Vec<Objection> {
        if self.provider.iter().any(|known| known.suite() == suite) {
            return vec![Objection::NotListed];
        }
        match suite.as_str().and_then(Suite::parse) {
            Some(suite) => Objection::all(&suite),
            None => vec![Objection::NotInProvider],
        }
    }

    fn key_problem(&self, suites: &[SupportedCipherSuite]) -> Option<Problem> {
        let algorithm = self.key?.algorithm();
        let fits = |suite: &SupportedCipherSuite| suite.usable_for_signature_algorithm(algorithm);
        if suites.iter().any(fits) {
            return None;
        }
        Some(Problem::SuitesForAnotherKey {
            key: key_kind(algorithm),
            suites: Listed::new(suites.iter().map(|suite| suite_name(suite.suite()))),
        })
    }

    fn group_problem(&self, hello: &Hello, version: TlsVersion) -> Option<Problem> {
        let Some(groups) = &hello.groups else {
            return Some(Problem::NoGroups);
        };
        let ours = self.groups.iter();
        let ours = ours.filter(|group| group.usable_for_version(version.code()));
        let ours: Vec<_> = ours.map(|group| group.name()).collect();
        if groups.iter().any(|group| ours.contains(group)) {
            return None;
        }
        Some(Problem::NoCommonGroup {
            groups: Listed::new(groups.iter().copied().map(group_name)),
        })
    }

    fn scheme_problem(&self, hello: &Hello, version: TlsVersion) -> Option<Problem> {
        let Some(schemes) = &hello.signature_schemes else {
            return Some(Problem::NoSignatureSchemes);
        };
        let key = self.key?;
        let usable = schemes.iter().copied();
        let usable: Vec<_> = usable
            .filter(|scheme| version == TlsVersion::Tls12 || !is_pkcs1(*scheme))
            .collect();
        if key.choose_scheme(&usable).is_some() {
            return None;
        }
        Some(Problem::NoCommonSignatureScheme {
            key: key_kind(key.algorithm()),
            schemes: Listed::new(schemes.iter().copied().map(scheme_name)),
        })
    }

    fn protocol_problem(&self, hello: &Hello) -> Option<Problem> {
        let is_ours = |name| self.alpn.iter().any(|ours| ours == name);
        if self.alpn.is_empty() || hello.alpn().next().is_none() || hello.alpn().any(is_ours) {
            return None;
        }
        let name = |name: &[u8]| String::from_utf8_lossy(name).escape_debug().to_string();
        Some(Problem::NoCommonProtocol {
            protocols: Listed::new(hello.alpn().map(name)),
        })
    }
}

/// What is to be said against all suites; if there is no such thing, against any.
fn summary(suites: &[Vec<Objection>]) -> Vec<Objection> {
    let mut any: Vec<_> = suites.iter().flatten().copied().collect();
    any.sort_unstable();
    any.dedup();
    let is_shared = |objection: &&Objection| suites.iter().all(|suite| suite.contains(objection));
    let shared: Vec<_> = any.iter().filter(is_shared).copied().collect();
    if shared.is_empty() { any } else { shared }
}

/// What to do about a client's suites; the advice about lists is for those who write them.
fn advice(first: Objection) -> &'static str {
    if first == Objection::NotListed {
        first.advice()
    } else {
        UPGRADE
    }
}

fn key_kind(algorithm: SignatureAlgorithm) -> KeyKind {
    match algorithm {
        SignatureAlgorithm::ECDSA => KeyKind::Ecdsa,
        SignatureAlgorithm::ED25519 | SignatureAlgorithm::ED448 => KeyKind::Eddsa,
        SignatureAlgorithm::RSA => KeyKind::Rsa,
        SignatureAlgorithm::Anonymous
        | SignatureAlgorithm::DSA
        | SignatureAlgorithm::Unknown(_)
        | _ => KeyKind::Other,
    }
}

/// Schemes of PKCS#1, which count for certificates alone in TLS 1.3 (RFC 8446 §4.2.3).
fn is_pkcs1(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}

/// The name of a version for people.
pub(crate) fn version_name(version: ProtocolVersion) -> String {
    let (protocol, version) = match u16::from(version) {
        0x0002 => ("SSL", "2.0"),
        0x0300 => ("SSL", "3.0"),
        0x0301 => ("TLS", "1.0"),
        0x0302 => ("TLS", "1.1"),
        0x0303 => ("TLS", "1.2"),
        0x0304 => ("TLS", "1.3"),
        code => return format!("version {code:#06x}"),
    };
    format!("{protocol} {version}")
}

/// The name of a suite as the TLS registry has it.
pub(crate) fn suite_name(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => name.replace("TLS13_", "TLS_"),
        None => format!("{:#06x}", u16::from(suite)),
    }
}

fn group_name(group: NamedGroup) -> String {
    let name = group.as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:#06x}", u16::from(group)))
}

fn scheme_name(scheme: SignatureScheme) -> String {
    let name = scheme.as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:#06x}", u16::from(scheme)))
}

/// Suites that are looked at for a summary. Nobody offers more for another reason than to keep us
/// busy.
const MAX_JUDGED: usize = 256;
const TLS12: u16 = 0x0303;
const UPGRADE: &str = "upgrade the peer, or put a TLS proxy between";
