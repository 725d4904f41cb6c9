use std::fmt;

use comity_identity::DomainName;

/// A name of a certificate, borrowed from its DER and not checked in any way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Name<'a> {
    /// A dNSName.
    Dns(&'a [u8]),
    /// An SRVName.
    Srv(&'a [u8]),
}

impl Name<'_> {
    /// The name as an identifier, or `None` if it could name nothing.
    pub(crate) fn identifier(self) -> Option<Identifier> {
        match self {
            Self::Dns(bytes) => {
                let plain = bytes.strip_prefix(b"*.").unwrap_or(bytes);
                presentable(plain, bytes).map(Identifier::Dns)
            }
            Self::Srv(bytes) => {
                let plain = bytes.strip_prefix(b"_")?;
                presentable(plain, bytes).map(Identifier::Srv)
            }
        }
    }
}

/// A name that a certificate presents, in the certificate's own spelling.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Identifier {
    /// A DNS-ID: a dNSName, whose first label may be `*` (RFC 9525 §6.3).
    Dns(Box<str>),
    /// An SRV-ID: an SRVName, a service label and a domain, such as `_xmpp-server.example.com`
    /// (RFC 4985 §2).
    Srv(Box<str>),
}

impl Identifier {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dns(text) | Self::Srv(text) => text,
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The names that a certificate presents, cut to a handful.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PresentedNames {
    /// The first DNS-IDs and SRV-IDs in the order of the certificate, at most
    /// [`PresentedNames::MAX_LISTED`].
    pub listed: Vec<Identifier>,
    /// How many more names there are of these forms, with those that could name nothing.
    pub unlisted: usize,
}

impl PresentedNames {
    /// The greatest number of names that are listed.
    pub const MAX_LISTED: usize = 5;

    pub(crate) fn of(names: &[Name<'_>]) -> Self {
        let listed: Vec<_> = names
            .iter()
            .filter_map(|name| name.identifier())
            .take(Self::MAX_LISTED)
            .collect();
        let unlisted = names.len() - listed.len();
        Self { listed, unlisted }
    }
}

/// Writes `a`, `a and b`, `a, b and c` or `a, b and 7 more`; `no domain` if there are none.
impl fmt::Display for PresentedNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, rest)) = self.listed.split_last() else {
            return f.write_str("no domain");
        };
        for (index, name) in rest.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        let separator = match (rest.is_empty(), self.unlisted) {
            (true, _) => "",
            (false, 0) => " and ",
            (false, _) => ", ",
        };
        write!(f, "{separator}{last}")?;
        if self.unlisted > 0 {
            write!(f, " and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

/// The text of `whole` if `plain`, the part of it without a wildcard or an underscore in front,
/// is made of dotted labels, so that the text is safe to show and its length is bounded.
fn presentable(plain: &[u8], whole: &[u8]) -> Option<Box<str>> {
    let fits = whole.len() <= MAX_SHOWN_BYTES;
    let text = str::from_utf8(whole).ok()?;
    (fits && is_dotted_labels(plain)).then(|| text.into())
}

/// Whether `name` is made of non-empty labels of letters, digits, hyphens and underscores.
pub(crate) fn is_dotted_labels(name: &[u8]) -> bool {
    name.split(|&byte| byte == b'.').all(|label| {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.iter().all(allowed)
    })
}

/// A service label and a dot before the longest domain name.
const MAX_SHOWN_BYTES: usize = DomainName::MAX_BYTES + DomainName::MAX_LABEL_BYTES + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str]) -> String {
        let names: Vec<_> = names
            .iter()
            .map(|name| Name::Dns(name.as_bytes()))
            .collect();
        PresentedNames::of(&names).to_string()
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(shown(&[]), "no domain");
        assert_eq!(shown(&["a.b"]), "a.b");
        assert_eq!(shown(&["a.b", "c.d"]), "a.b and c.d");
        assert_eq!(shown(&["a.b", "*.c.d", "e.f"]), "a.b, *.c.d and e.f");
        assert_eq!(
            shown(&["a", "b", "c", "d", "e", "f", "g"]),
            "a, b, c, d, e and 2 more"
        );
        assert_eq!(shown(&["a.b", "c d"]), "a.b and 1 more");
    }

    #[test]
    fn only_names_of_dotted_labels_are_shown() {
        let long = "a".repeat(MAX_SHOWN_BYTES + 1);
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a\0.b",
            "a\x1b[31m.b",
            "*",
            "*.",
            "a.*.b",
            "**.b",
            "\u{fc}.b",
            &long,
        ] {
            assert_eq!(Name::Dns(name.as_bytes()).identifier(), None, "{name:?}");
        }
        for name in ["", "_", "x.b", "_*.b", "_x.*.b", "_x.\n"] {
            assert_eq!(Name::Srv(name.as_bytes()).identifier(), None, "{name:?}");
        }
        assert_eq!(
            Name::Srv(b"_x.A.b").identifier(),
            Some(Identifier::Srv("_x.A.b".into()))
        );
        assert_eq!(
            Name::Dns(b"*.A_b.c").identifier(),
            Some(Identifier::Dns("*.A_b.c".into()))
        );
    }
}
