use std::borrow::{Borrow, Cow};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use idna::AsciiDenyList;

/// A fully qualified domain name of A-labels in lower case, without a trailing dot.
///
/// It is validated once, when it is parsed; two values are equal if and only if they are the same
/// name to DNS, to XMPP addresses and to certificates. Cloning shares the text.
///
/// Letters, digits and inner hyphens are allowed in a label. An underscore is not: `_xmpp-server._tcp`
/// is the owner of a record, not a domain that federates. A name that ends in a number is refused,
/// because it would be read as an address elsewhere.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// The longest name in bytes (RFC 1035 §2.3.4, less the root label and the first length byte).
    pub const MAX_BYTES: usize = 253;
    /// The longest label in bytes (RFC 1035 §2.3.4).
    pub const MAX_LABEL_BYTES: usize = 63;

    /// Parses a name that may hold U-labels, upper case or one trailing dot.
    ///
    /// # Errors
    ///
    /// The rule that the text violates.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if is_plain(text) {
            return Ok(Self(text.into()));
        }
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        // Every U-label is at most four bytes for each byte of its A-label, so longer input cannot
        // become a valid name; this bounds the work of the conversion.
        if text.len() > 4 * Self::MAX_BYTES {
            return Err(ParseError::NameTooLong);
        }
        if is_canonical(text) {
            return Self::check(text).map(|()| Self(text.into()));
        }
        let ascii = to_ascii(text)?;
        Self::check(&ascii)?;
        // UTS #46 takes A-labels whose U-labels it would not take, such as those with hyphens in the
        // third and fourth place (RFC 5891 §4.2.3.1). Such a name could be written and not read.
        let (unicode, _) = idna::domain_to_unicode(&ascii);
        if to_ascii(&unicode)? != ascii {
            return Err(ParseError::NotIdna);
        }
        Ok(Self(ascii.into()))
    }

    fn check(ascii: &str) -> Result<(), ParseError> {
        if ascii.len() > Self::MAX_BYTES {
            return Err(ParseError::NameTooLong);
        }
        let mut last = "";
        for label in ascii.split('.') {
            if label.is_empty() {
                return Err(ParseError::EmptyLabel);
            }
            if label.len() > Self::MAX_LABEL_BYTES {
                return Err(ParseError::LabelTooLong);
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(ParseError::EdgeHyphen);
            }
            if let Some(other) = label.chars().find(|&c| !is_label_char(c)) {
                return Err(ParseError::Character(other));
            }
            last = label;
        }
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseError::EndsInNumber);
        }
        Ok(())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with U-labels in place of its A-labels, as XMPP writes it (RFC 7622 §3.2.1).
    ///
    /// ```
    /// # use comity_identity::DomainName;
    /// let name: DomainName = "xn--bcher-kva.example".parse()?;
    /// assert_eq!(name.to_unicode(), "b\u{fc}cher.example");
    /// # Ok::<_, comity_identity::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_unicode(&self) -> Cow<'_, str> {
        if self.labels().any(|label| label.starts_with("xn--")) {
            // Every A-label was checked when the name was parsed.
            Cow::Owned(idna::domain_to_unicode(&self.0).0)
        } else {
            Cow::Borrowed(&self.0)
        }
    }

    /// The labels from the left.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The name without its first label, or `None` for a top-level name.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.')?;
        Some(Self(rest.into()))
    }

    /// Whether this name lies strictly below `ancestor` in the tree of names.
    #[must_use]
    pub fn is_below(&self, ancestor: &Self) -> bool {
        self.0
            .strip_suffix(&*ancestor.0)
            .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl FromStr for DomainName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for DomainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A domain name or an IP address, as in an address typed by a person or a URI.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the grammar of a host has these two forms"
)]
pub enum Host {
    /// A domain name.
    Domain(DomainName),
    /// An IPv4 address, or an IPv6 address that was written in brackets or bare.
    Ip(IpAddr),
}

impl Host {
    /// Parses a domain name, an IPv4 address, or an IPv6 address with or without brackets.
    ///
    /// # Errors
    ///
    /// The rule of a domain name that the text violates; text in brackets that is no IPv6 address
    /// gives [`ParseError::Character`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner
                .strip_suffix(']')
                .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
                .map(|ip| Self::Ip(ip.into()))
                .ok_or(ParseError::Character('['));
        }
        text.parse()
            .map(Self::Ip)
            .or_else(|_not_ip| DomainName::parse(text).map(Self::Domain))
    }
}

impl From<DomainName> for Host {
    fn from(name: DomainName) -> Self {
        Self::Domain(name)
    }
}

impl FromStr for Host {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => name.fmt(f),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A character that no label may hold.
    #[error("{0:?} is not allowed in a domain name")]
    Character(char),
    /// A label starts or ends with a hyphen.
    #[error("a label starts or ends with a hyphen")]
    EdgeHyphen,
    /// There is no label.
    #[error("the domain name is empty")]
    Empty,
    /// Two dots in a row, or a dot at the start.
    #[error("the domain name has an empty label")]
    EmptyLabel,
    /// The last label is a number.
    #[error("the domain name ends in a number")]
    EndsInNumber,
    /// A label exceeds [`DomainName::MAX_LABEL_BYTES`].
    #[error("a label is longer than {} bytes", DomainName::MAX_LABEL_BYTES)]
    LabelTooLong,
    /// The name exceeds [`DomainName::MAX_BYTES`].
    #[error("the domain name is longer than {} bytes", DomainName::MAX_BYTES)]
    NameTooLong,
    /// A label is not a valid internationalised label (UTS #46).
    #[error("the domain name is not valid IDNA")]
    NotIdna,
}

/// Whether the text is a name already, in one pass and without the reason why not. A label with two
/// hyphens where those of an A-label are is left to a closer look.
fn is_plain(text: &str) -> bool {
    let (mut length, mut last, mut has_letter) = (0_usize, b'.', false);
    for byte in text.bytes() {
        match byte {
            b'.' if length == 0 || last == b'-' => return false,
            b'.' => (length, has_letter) = (0, false),
            b'-' if length == 0 || (length == 3 && last == b'-') => return false,
            b'a'..=b'z' | b'-' => (length, has_letter) = (length.saturating_add(1), true),
            b'0'..=b'9' => length = length.saturating_add(1),
            _ => return false,
        }
        if length > DomainName::MAX_LABEL_BYTES {
            return false;
        }
        last = byte;
    }
    has_letter && last != b'-' && text.len() <= DomainName::MAX_BYTES
}

fn to_ascii(text: &str) -> Result<Cow<'_, str>, ParseError> {
    idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::EMPTY)
        .map_err(|_uts46| ParseError::NotIdna)
}

/// Whether conversion would change nothing, so that it can be left out.
fn is_canonical(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
        && !text.split('.').any(|label| label.starts_with("xn--"))
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_to_a_labels_in_lower_case() {
        for (text, name) in [
            ("example.com", "example.com"),
            ("EXAMPLE.com.", "example.com"),
            ("B\u{fc}cher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("im.example", "im.example"),
            ("ex\u{3002}ample", "ex.ample"),
            ("localhost", "localhost"),
            ("3com.com", "3com.com"),
            ("a.1b", "a.1b"),
        ] {
            assert_eq!(
                DomainName::parse(text).map(|name| name.to_string()),
                Ok(name.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_plain_is_what_the_rules_take_as_it_is() {
        let pieces = ["a", "-", "1", ".", "xn", "--", "A", "_", "b2"];
        let long = [
            "a".repeat(63),
            "a".repeat(64),
            format!("{}.a", "a".repeat(63)),
        ];
        // Every text of up to five pieces, by the digits of a number.
        let texts = (0..pieces.len().pow(5)).map(|mut number| {
            let mut text = String::new();
            while number > 0 {
                text.push_str(pieces[number % pieces.len()]);
                number /= pieces.len();
            }
            text
        });
        for text in texts.chain(long) {
            let by_rules = is_canonical(&text) && DomainName::check(&text).is_ok();
            if is_plain(&text) {
                assert!(by_rules, "{text}");
            } else {
                let looks_like_a_label = text.split('.').any(|label| label.get(2..4) == Some("--"));
                assert!(!by_rules || looks_like_a_label, "{text}");
            }
        }
    }

    #[test]
    fn u_labels_come_back_as_the_same_name() {
        for text in [
            "b\u{fc}cher.example",
            "\u{3b2}.test",
            "a.\u{4e2d}\u{56fd}",
            "a.b",
        ] {
            let name = DomainName::parse(text).unwrap();
            assert_eq!(name.to_unicode(), text);
            assert_eq!(DomainName::parse(&name.to_unicode()), Ok(name));
        }
    }

    #[test]
    fn each_violated_rule_is_named() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = ["a"; 127].join(".") + ".b";
        let huge = "\u{fc}".repeat(600);
        for (text, error) in [
            ("", ParseError::Empty),
            (".", ParseError::Empty),
            ("a..b", ParseError::EmptyLabel),
            (".a", ParseError::EmptyLabel),
            ("a..", ParseError::EmptyLabel),
            ("-a.b", ParseError::EdgeHyphen),
            ("a-.b", ParseError::EdgeHyphen),
            ("_xmpp-server.b", ParseError::Character('_')),
            ("a b.c", ParseError::Character(' ')),
            ("a.b\0.c", ParseError::Character('\0')),
            ("a@b", ParseError::Character('@')),
            ("*.b", ParseError::Character('*')),
            ("192.0.2.1", ParseError::EndsInNumber),
            ("a.123", ParseError::EndsInNumber),
            ("xn--a", ParseError::NotIdna),
            ("xn--example-.com", ParseError::NotIdna),
            ("xn--xn--n--egw", ParseError::NotIdna),
            (&long_label, ParseError::LabelTooLong),
            (&long_name, ParseError::NameTooLong),
            (&huge, ParseError::NameTooLong),
        ] {
            assert_eq!(DomainName::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_longest_name_and_label_pass() {
        let label = "a".repeat(DomainName::MAX_LABEL_BYTES);
        let name = [&label; 3].map(String::as_str).join(".") + "." + &"a".repeat(61);
        assert_eq!(name.len(), DomainName::MAX_BYTES);
        assert_eq!(DomainName::parse(&name).unwrap().as_str(), name);
    }

    #[test]
    fn below_means_a_whole_label_more() {
        let name = |text| DomainName::parse(text).unwrap();
        assert!(name("a.example.com").is_below(&name("example.com")));
        assert!(name("b.a.example.com").is_below(&name("example.com")));
        assert!(!name("example.com").is_below(&name("example.com")));
        assert!(!name("badexample.com").is_below(&name("example.com")));
        assert!(!name("com").is_below(&name("example.com")));
        assert_eq!(name("a.b.c").parent(), Some(name("b.c")));
        assert_eq!(name("c").parent(), None);
        assert_eq!(
            name("a.b.c").labels().rev().collect::<Vec<_>>(),
            ["c", "b", "a"]
        );
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, shown) in [
            ("Example.com", Ok("example.com")),
            ("192.0.2.1", Ok("192.0.2.1")),
            ("2001:db8::1", Ok("[2001:db8::1]")),
            ("[2001:DB8::1]", Ok("[2001:db8::1]")),
            ("[192.0.2.1]", Err(ParseError::Character('['))),
            ("[::1", Err(ParseError::Character('['))),
            ("1.2.3", Err(ParseError::EndsInNumber)),
        ] {
            assert_eq!(
                Host::parse(text).map(|host| host.to_string()),
                shown.map(str::to_owned),
                "{text}"
            );
        }
    }
}
