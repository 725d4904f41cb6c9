use std::fmt;

use comity_identity::{DomainName, ParseError};
use hickory_proto::rr::{Name, RecordType};

/// The owner of DNS records, which may hold what no [`DomainName`] does: `_xmpp-server._tcp.b.example`.
///
/// Two names are equal if DNS says so: without regard to the case of ASCII letters. It is shown
/// without the last dot, unprintable bytes escaped as in a zone file.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordName(Name);

impl RecordName {
    /// Takes a name from a message. hickory-proto compares whether names are fully qualified, so
    /// all of them are made so.
    pub(crate) fn new(name: &Name) -> Self {
        let mut name = name.to_lowercase();
        name.set_fqdn(true);
        Self(name)
    }

    /// `domain` below `prefix`, or `None` if that is too long for DNS.
    pub(crate) fn below(prefix: &[&str], domain: &DomainName) -> Option<Self> {
        let labels = prefix.iter().copied().chain(domain.labels());
        let name = Name::from_labels(labels.map(str::as_bytes)).ok()?;
        Some(Self::new(&name))
    }

    /// Whether `name` is this name.
    pub(crate) fn is(&self, name: &Name) -> bool {
        self.0.eq_ignore_root(name)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_root()
    }

    /// Whether `self` is `name` or one of the names above it.
    pub(crate) fn is_zone_of(&self, name: &Self) -> bool {
        self.0.zone_of(&name.0)
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter()
    }

    /// The name as the name of a host.
    pub(crate) fn to_domain(&self) -> Result<DomainName, ParseError> {
        DomainName::parse(&self.to_string())
    }
}

impl From<&DomainName> for RecordName {
    #[expect(
        clippy::expect_used,
        reason = "both types allow names of 255 bytes on the wire"
    )]
    fn from(domain: &DomainName) -> Self {
        Self::below(&[], domain).expect("a domain name fits into a DNS name")
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_ascii();
        let shown = text.strip_suffix('.').filter(|rest| !rest.is_empty());
        f.write_str(shown.unwrap_or(&text))
    }
}

impl fmt::Debug for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The types of records that are asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum RecordKind {
    /// SRV (RFC 2782).
    Srv,
    /// AAAA (RFC 3596).
    Aaaa,
    /// A (RFC 1035).
    A,
}

impl RecordKind {
    pub(crate) fn code(self) -> u16 {
        RecordType::from(self).into()
    }
}

impl From<RecordKind> for RecordType {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::Srv => Self::SRV,
            RecordKind::Aaaa => Self::AAAA,
            RecordKind::A => Self::A,
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srv => "SRV",
            Self::Aaaa => "AAAA",
            Self::A => "A",
        })
    }
}

/// What one query asks, in class IN.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Question {
    /// The owner of the records.
    pub name: RecordName,
    /// Their type.
    pub kind: RecordKind,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}
