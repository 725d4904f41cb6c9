use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use comity_identity::DomainName;

/// A name of a certificate, borrowed from its DER and not checked in any way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Name<'a> {
    /// The one common name of the subject.
    Subject(&'a [u8]),
    /// A dNSName.
    Dns(&'a [u8]),
    /// An iPAddress, of 4 or 16 octets.
    Ip(&'a [u8]),
    /// An SRVName.
    Srv(&'a [u8]),
    /// A uniformResourceIdentifier.
    Uri(&'a [u8]),
    /// An XmppAddr.
    Xmpp(&'a [u8]),
}

impl Name<'_> {
    /// The name as an identifier, or `None` if it could name nothing or is not fit to be shown.
    pub(crate) fn identifier(self) -> Option<Identifier> {
        match self {
            Self::Subject(bytes) => {
                presentable(bytes, is_shown_in_a_common_name).map(Identifier::CommonName)
            }
            Self::Dns(bytes) => {
                let plain = bytes.strip_prefix(b"*.").unwrap_or(bytes);
                dotted(plain, bytes).map(Identifier::Dns)
            }
            Self::Ip(octets) => ip(octets).map(Identifier::Ip),
            Self::Srv(bytes) => {
                let plain = bytes.strip_prefix(b"_")?;
                dotted(plain, bytes).map(Identifier::Srv)
            }
            Self::Uri(bytes) => {
                let whole = presentable(bytes, |byte| byte.is_ascii_graphic());
                let domain = || {
                    let domain = sip_domain(self)?;
                    let text = str::from_utf8(domain).ok()?;
                    is_dotted_labels(domain).then(|| format!("sip:{text}").into())
                };
                whole.or_else(domain).map(Identifier::Uri)
            }
            Self::Xmpp(bytes) => {
                let domain = xmpp_domain(bytes)?;
                Some(Identifier::Xmpp(domain.as_str().into()))
            }
        }
    }
}

/// A name that a certificate presents, or could present.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Identifier {
    /// The subject's common name, which counts by a named legacy policy only
    /// ([`CommonName`](crate::CommonName)).
    CommonName(Box<str>),
    /// A DNS-ID: a dNSName, whose first label may be `*` (RFC 9525 §6.3).
    Dns(Box<str>),
    /// An IP-ID: an iPAddress (RFC 9525 §6.4).
    Ip(IpAddr),
    /// An SRV-ID: an SRVName, a service label and a domain, such as `_xmpp-server.example.com`
    /// (RFC 4985 §2).
    Srv(Box<str>),
    /// A uniformResourceIdentifier, such as `sip:example.com` (RFC 5922 §7.1). What is too long or
    /// not fit to be shown behind the domain of a `sip` URI is left out.
    Uri(Box<str>),
    /// An XmppAddr (RFC 6120 §13.7.1.4), with A-labels.
    Xmpp(Box<str>),
}

impl Identifier {
    /// The name as text, in the certificate's own spelling except that an XmppAddr has A-labels.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::CommonName(text)
            | Self::Dns(text)
            | Self::Srv(text)
            | Self::Uri(text)
            | Self::Xmpp(text) => Cow::Borrowed(text),
            Self::Ip(address) => Cow::Owned(address.to_string()),
        }
    }
}

/// Writes the text, with the form in front where it cannot be told from the text.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommonName(text) => write!(f, "CN={text}"),
            Self::Dns(text) | Self::Srv(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(address) => address.fmt(f),
            Self::Xmpp(text) => write!(f, "XmppAddr {text}"),
        }
    }
}

/// Names, cut to a handful.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct NameList {
    /// The first names, at most [`NameList::MAX_LISTED`].
    pub listed: Vec<Identifier>,
    /// How many more there are, with those that could name nothing.
    pub unlisted: usize,
}

impl NameList {
    /// The greatest number of names that are listed.
    pub const MAX_LISTED: usize = 5;

    /// The names of a certificate, in its order.
    pub(crate) fn presented(names: &[Name<'_>]) -> Self {
        let listed: Vec<_> = names
            .iter()
            .filter_map(|name| name.identifier())
            .take(Self::MAX_LISTED)
            .collect();
        let unlisted = names.len() - listed.len();
        Self { listed, unlisted }
    }

    pub(crate) fn of(names: impl IntoIterator<Item = Identifier>) -> Self {
        let mut names = names.into_iter();
        let listed = names.by_ref().take(Self::MAX_LISTED).collect();
        Self {
            listed,
            unlisted: names.count(),
        }
    }
}

/// Writes `a`, `a and b`, `a, b and c` or `a, b and 7 more`; `nothing` if there are none.
impl fmt::Display for NameList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, rest)) = self.listed.split_last() else {
            return f.write_str("nothing");
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

/// The address that the octets of an iPAddress spell (RFC 5280 §4.2.1.6).
pub(crate) fn ip(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

/// The domain that an XmppAddr is: a JID without localpart and resourcepart (RFC 6120 §13.7.1.4).
///
/// It has U-labels as they are or A-labels (RFC 7622 §3.2.1), in any case, and no trailing dot.
/// What would only become a domain by the mappings of IDNA, by dropping invisible characters for
/// instance, is none: the CA may have seen another name in it.
pub(crate) fn xmpp_domain(bytes: &[u8]) -> Option<DomainName> {
    #[cfg(test)]
    tests::CONVERSIONS.with(|count| count.set(count.get() + 1));
    let text = str::from_utf8(bytes).ok()?;
    let domain = DomainName::parse(text).ok()?;
    let is_whole = if text.is_ascii() {
        text.eq_ignore_ascii_case(domain.as_str())
    } else {
        text.to_lowercase() == domain.to_unicode()
    };
    is_whole.then_some(domain)
}

/// The host of a `sip` URI without a user (RFC 5922 §7.1); port, parameters and headers do not
/// matter (§7.2). A `sips` URI is none.
pub(crate) fn sip_domain(name: Name<'_>) -> Option<&[u8]> {
    let Name::Uri(uri) = name else {
        return None;
    };
    let (scheme, rest) = uri.split_at_checked(b"sip:".len())?;
    let is_uri = uri.iter().all(u8::is_ascii_graphic);
    if !is_uri || !scheme.eq_ignore_ascii_case(b"sip:") || rest.contains(&b'@') {
        return None;
    }
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b':' | b';' | b'?'))
        .unwrap_or(rest.len());
    rest.get(..end).filter(|host| !host.is_empty())
}

/// The text of `whole` if `plain`, the part of it without a wildcard or an underscore in front,
/// is made of dotted labels, so that the text is safe to show and its length is bounded.
fn dotted(plain: &[u8], whole: &[u8]) -> Option<Box<str>> {
    if is_dotted_labels(plain) {
        presentable(whole, |_any| true)
    } else {
        None
    }
}

fn presentable(bytes: &[u8], is_shown: impl Fn(u8) -> bool) -> Option<Box<str>> {
    let fits = !bytes.is_empty() && bytes.len() <= MAX_SHOWN_BYTES;
    let text = str::from_utf8(bytes).ok()?;
    (fits && bytes.iter().all(|&byte| is_shown(byte))).then(|| text.into())
}

/// People's and products' names have spaces; control characters and what is not ASCII are not
/// shown.
fn is_shown_in_a_common_name(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
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
pub(crate) use tests::conversions;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub(super) static CONVERSIONS: Cell<usize> = const { Cell::new(0) };
    }

    /// How many XmppAddrs this thread has read.
    pub(crate) fn conversions() -> usize {
        CONVERSIONS.with(Cell::get)
    }

    fn shown(names: &[&str]) -> String {
        let names: Vec<_> = names
            .iter()
            .map(|name| Name::Dns(name.as_bytes()))
            .collect();
        NameList::presented(&names).to_string()
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(shown(&[]), "nothing");
        assert_eq!(shown(&["a.b"]), "a.b");
        assert_eq!(shown(&["a.b", "c.d"]), "a.b and c.d");
        assert_eq!(shown(&["a.b", "*.c.d", "e.f"]), "a.b, *.c.d and e.f");
        assert_eq!(
            shown(&["a", "b", "c", "d", "e", "f", "g"]),
            "a, b, c, d, e and 2 more"
        );
        assert_eq!(shown(&["a.b", "c d"]), "a.b and 1 more");
        let wanted = ["a", "b", "c", "d", "e", "f"].map(|name| Identifier::Xmpp(name.into()));
        assert_eq!(
            NameList::of(wanted).to_string(),
            "XmppAddr a, XmppAddr b, XmppAddr c, XmppAddr d, XmppAddr e and 1 more"
        );
    }

    #[test]
    fn every_form_tells_what_it_is() {
        for (name, shown, text) in [
            (Name::Subject(b"Edge 1"), "CN=Edge 1", "Edge 1"),
            (Name::Dns(b"*.A_b.c"), "*.A_b.c", "*.A_b.c"),
            (Name::Ip(&[192, 0, 2, 1]), "192.0.2.1", "192.0.2.1"),
            (Name::Ip(&[0; 16]), "::", "::"),
            (Name::Srv(b"_x.A.b"), "_x.A.b", "_x.A.b"),
            (Name::Uri(b"sip:a.b:5061"), "sip:a.b:5061", "sip:a.b:5061"),
            (
                Name::Xmpp(b"b\xc3\xbccher.b"),
                "XmppAddr xn--bcher-kva.b",
                "xn--bcher-kva.b",
            ),
        ] {
            let identifier = name.identifier().unwrap();
            assert_eq!(identifier.to_string(), shown);
            assert_eq!(identifier.text(), text);
        }
    }

    #[test]
    fn what_is_not_fit_to_be_shown_is_no_identifier() {
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
        let long_uri = format!("sip:a.b;x={long}");
        let identifier = Name::Uri(long_uri.as_bytes()).identifier();
        assert_eq!(identifier, Some(Identifier::Uri("sip:a.b".into())));
        for name in [
            "",
            "sip:a.b;x=\n",
            "sip:a\n.b",
            "sip:a b",
            "sip:\u{fc}.b",
            &long,
        ] {
            assert_eq!(Name::Uri(name.as_bytes()).identifier(), None, "{name:?}");
        }
        for name in ["", "a\0b", "a\nb", "\u{202e}b", &long] {
            let name = name.as_bytes();
            assert_eq!(Name::Subject(name).identifier(), None, "{name:?}");
        }
        for name in [&b""[..], b"a@b.c", b"a.b/c", b"a\0.b", b"\xff.b"] {
            assert_eq!(Name::Xmpp(name).identifier(), None, "{name:?}");
        }
        for name in [
            "a.b.",
            "b\u{fc}cher.b.",
            "a\u{ad}.b",
            "\u{ff41}.b",
            "a\u{3002}b",
            "bu\u{308}cher.b",
        ] {
            let name = name.as_bytes();
            assert_eq!(Name::Xmpp(name).identifier(), None, "{name:?}");
        }
        for octets in [&[][..], &[1, 2, 3], &[0; 5], &[0; 17]] {
            assert_eq!(Name::Ip(octets).identifier(), None);
        }
    }
}
