use std::fmt::{self, Write};
use std::sync::Arc;

use comity_identity::{DomainName, ParseError};

use super::wire::MAX_NAME_BYTES;

/// The owner of DNS records, which may hold what no [`DomainName`] does: `_xmpp-server._tcp.b.example`.
///
/// Two names are equal if DNS says so: without regard to the case of ASCII letters. It is shown
/// without the last dot, unprintable bytes escaped as in a zone file. Cloning shares the bytes.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordName(Arc<[u8]>);

impl RecordName {
    /// `domain` below the labels of `prefix`, the outermost first, or `None` if that is too long
    /// for DNS or a label is empty or longer than 63 bytes.
    ///
    /// ```
    /// # use comity_srv::RecordName;
    /// let name = RecordName::below(&["_sips", "_tcp"], &"b.example".parse()?).ok_or("too long")?;
    /// assert_eq!(name.to_string(), "_sips._tcp.b.example");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn below(prefix: &[&str], domain: &DomainName) -> Option<Self> {
        let mut bytes = Vec::with_capacity(MAX_NAME_BYTES);
        for label in prefix.iter().copied().chain(domain.labels()) {
            let length = u8::try_from(label.len()).ok();
            bytes.push(length.filter(|length| (1..=MAX_LABEL_BYTES).contains(length))?);
            bytes.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        bytes.push(0);
        (bytes.len() <= MAX_NAME_BYTES).then(|| Self(bytes.into()))
    }

    /// Labels behind their lengths, with the empty one at the end, in lower case.
    pub(super) fn from_wire(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Whether this is the root, shown as `.`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        *self.0 == [0]
    }

    /// Whether `zone` is this name or one of the names above it.
    pub(crate) fn lies_in(&self, zone: &Self) -> bool {
        let mut rest = &*self.0;
        while let Some((&length, behind)) = rest.split_first() {
            if *rest == *zone.0 {
                return true;
            }
            rest = behind.get(usize::from(length)..).unwrap_or_default();
        }
        false
    }

    /// The labels behind their lengths, with the empty one at the end.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as the name of a host. What no host name holds is refused before anything is built.
    pub(crate) fn to_domain(&self) -> Result<DomainName, ParseError> {
        let other = self.labels().flatten().find(|byte| !is_host_byte(**byte));
        if let Some(&other) = other {
            return Err(ParseError::Character(char::from(other)));
        }
        self.with_text(|text| DomainName::parse(str::from_utf8(text).unwrap_or_default()))
    }

    /// Gives the labels with dots between them to `read`. A dot inside of a label looks like the others.
    pub(crate) fn with_text<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        let mut text = [b'.'; MAX_NAME_BYTES];
        let mut end = 0_usize;
        for label in self.labels() {
            let start = end;
            end = start.saturating_add(label.len());
            if let Some(place) = text.get_mut(start..end) {
                place.copy_from_slice(label);
            }
            // The dot is there already.
            end = end.saturating_add(1);
        }
        read(text.get(..end.saturating_sub(1)).unwrap_or_default())
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (&length, behind) = rest.split_first()?;
            let (label, behind) = behind.split_at_checked(length.into())?;
            rest = behind;
            (!label.is_empty()).then_some(label)
        })
    }
}

#[cfg(test)]
impl RecordName {
    pub(crate) fn root() -> Self {
        Self([0][..].into())
    }

    pub(crate) fn from_labels<L: AsRef<[u8]>>(labels: impl IntoIterator<Item = L>) -> Self {
        let mut bytes = Vec::new();
        for label in labels {
            let label = label.as_ref();
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.to_ascii_lowercase());
        }
        bytes.push(0);
        Self(bytes.into())
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
        if self.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            label.iter().try_for_each(|&byte| write_byte(f, byte))?;
        }
        Ok(())
    }
}

/// Writes a byte of a label as a zone file does (RFC 1035 §5.1).
fn write_byte(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'*' => f.write_char(byte.into()),
        b'!'..=b'~' => write!(f, "\\{}", char::from(byte)),
        _ => write!(f, "\\{byte:03}"),
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
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
    /// NAPTR (RFC 3403).
    Naptr,
    /// AAAA (RFC 3596).
    Aaaa,
    /// A (RFC 1035).
    A,
}

impl RecordKind {
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
            Self::Naptr => 35,
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srv => "SRV",
            Self::Naptr => "NAPTR",
            Self::Aaaa => "AAAA",
            Self::A => "A",
        })
    }
}

/// What one query asks, in class IN.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a question in class IN is a name and a type, and callers ask their own"
)]
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

const MAX_LABEL_BYTES: u8 = 63;
