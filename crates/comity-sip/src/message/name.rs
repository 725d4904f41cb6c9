//! Names of headers.

use std::fmt;

macro_rules! names {
    ($($variant:ident = $name:literal $(, $compact:literal)?;)*) => {
        /// The name of a header that the index of a message knows.
        ///
        /// Every other name is kept as it is written. Names compare without regard to case, and a
        /// compact form is the same name (RFC 3261 §7.3.1, §7.3.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl HeaderName {
            /// The name in full, as the standard writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        /// Every spelling.
        const SPELLINGS: &[(&str, HeaderName)] = &[
            $(
                ($name, HeaderName::$variant),
                $(($compact, HeaderName::$variant),)?
            )*
        ];
    };
}

names! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact", "a";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", "u";
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID", "i";
    CallInfo = "Call-Info";
    Contact = "Contact", "m";
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", "e";
    ContentId = "Content-ID";
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length", "l";
    ContentType = "Content-Type", "c";
    CSeq = "CSeq";
    Date = "Date";
    ErrorInfo = "Error-Info";
    Event = "Event", "o";
    Expires = "Expires";
    From = "From", "f";
    HistoryInfo = "History-Info";
    Identity = "Identity", "y";
    IdentityInfo = "Identity-Info", "n";
    InReplyTo = "In-Reply-To";
    Join = "Join";
    MaxBreadth = "Max-Breadth";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    MsDiagnostics = "ms-diagnostics";
    Organization = "Organization";
    PAssertedIdentity = "P-Asserted-Identity";
    PPreferredIdentity = "P-Preferred-Identity";
    Path = "Path";
    Priority = "Priority";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    ReferSub = "Refer-Su";
    ReferTo = "Refer-To", "r";
    ReferredBy = "Referred-By", "b";
    RejectContact = "Reject-Contact", "j";
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition", "d";
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    RSeq = "RSeq";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", "x";
    SipEtag = "SIP-ETag";
    SipIfMatch = "SIP-If-Match";
    Subject = "Subject", "s";
    SubscriptionState = "Subscription-State";
    Supported = "Supported", "k";
    Timestamp = "Timestamp";
    To = "To", "t";
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via", "v";
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

impl HeaderName {
    /// The name that is spelt so, in full or compact, in any case.
    pub fn parse(spelling: &[u8]) -> Option<Self> {
        let (known, name) = Key::of(spelling)?.find()?;
        known
            .as_bytes()
            .eq_ignore_ascii_case(spelling)
            .then_some(name)
    }

    /// How many bytes are before the first colon, and the name that they are, if all of them are in
    /// the first 24 bytes. What is behind the colon does not matter.
    ///
    /// A name is right if there is no bare CR before the colon, which looks like a hyphen here.
    #[inline]
    pub(crate) fn before_colon(line: &[u8]) -> Option<(usize, Option<Self>)> {
        let padded;
        let start = match line.first_chunk::<{ Key::BYTES }>() {
            Some(start) => start,
            None => {
                padded = pad(line);
                &padded
            }
        };
        let (words, _) = start.as_chunks::<8>();
        let [first, second, third] = words else {
            return None;
        };
        let (first, colon) = before_colon_in(*first);
        if let Some(at) = colon {
            return Some((at, Key([first, 0, 0]).name()));
        }
        let (second, colon) = before_colon_in(*second);
        if let Some(at) = colon {
            return Some((8 + at, Key([first, second, 0]).name()));
        }
        let (third, colon) = before_colon_in(*third);
        Some((16 + colon?, Key([first, second, third]).name()))
    }
}

/// A line that is shorter than a key, with zeros behind it.
#[cold]
fn pad(line: &[u8]) -> [u8; Key::BYTES] {
    let mut padded = [0; Key::BYTES];
    for (byte, own) in line.iter().zip(&mut padded) {
        *own = *byte;
    }
    padded
}

/// The bytes of a word in lower case, up to its first colon, and where that is.
#[inline]
fn before_colon_in(word: [u8; 8]) -> (u64, Option<usize>) {
    let word = u64::from_le_bytes(word);
    let colons = word ^ (ONES * b':' as u64);
    // The lowest bit that is set is the highest one of the first byte that is a colon.
    let found = colons.wrapping_sub(ONES) & !colons & (ONES * 0x80);
    if found == 0 {
        return (word | LOWER, None);
    }
    let before = (found & found.wrapping_neg()) / 0x80 - 1;
    let at = found.trailing_zeros() as usize / 8;
    ((word | LOWER) & before, Some(at))
}

/// Lets a method take a name that the index knows or any other.
impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A spelling in lower case, as words to be compared at once. Only letters and the hyphen of known
/// names are told apart from each other.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u64; 3]);

impl Key {
    const BYTES: usize = 24;

    /// `None` for a spelling that does not fit, which is longer than every known one.
    const fn of(mut spelling: &[u8]) -> Option<Self> {
        if spelling.len() > Self::BYTES {
            return None;
        }
        let mut words = [0; 3];
        let [first, second, third] = &mut words;
        let mut at = 0;
        while let [byte, rest @ ..] = spelling {
            let bits = (*byte as u64 | 0x20) << (8 * (at % 8));
            match at / 8 {
                0 => *first |= bits,
                1 => *second |= bits,
                _ => *third |= bits,
            }
            spelling = rest;
            at += 1;
        }
        Some(Self(words))
    }

    #[inline]
    fn name(self) -> Option<HeaderName> {
        self.find().map(|(_, name)| name)
    }

    #[inline]
    fn find(self) -> Option<(&'static str, HeaderName)> {
        let index = *TABLE.get(self.slot())?;
        let (key, known) = KEYS.get(usize::from(index))?;
        (*key == self).then_some(*known)
    }

    /// The place in the table. The factor was found by trying.
    const fn slot(self) -> usize {
        let [first, second, third] = self.0;
        let sum = first ^ second.rotate_left(5) ^ third.rotate_left(11);
        (sum.wrapping_mul(0xebe3_3444_6906_4323) >> (64 - SLOTS.ilog2())) as usize
    }
}

/// A word of bytes that are 1.
const ONES: u64 = u64::MAX / 255;
/// The bit that makes letters lower case, in each byte.
const LOWER: u64 = ONES * 0x20;
const SLOTS: usize = 512;
const VACANT: u8 = u8::MAX;

/// Every spelling with its key.
static KEYS: [(Key, (&str, HeaderName)); SPELLINGS.len()] = keys();

/// Indices into [`KEYS`]. The compiler checks that no two spellings share a slot.
static TABLE: [u8; SLOTS] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn keys() -> [(Key, (&'static str, HeaderName)); SPELLINGS.len()] {
    let mut keys = [(Key([0; 3]), SPELLINGS[0]); SPELLINGS.len()];
    let mut next = 0;
    while next < SPELLINGS.len() {
        let key = Key::of(SPELLINGS[next].0.as_bytes());
        assert!(key.is_some(), "a name is longer than a key");
        if let Some(key) = key {
            keys[next] = (key, SPELLINGS[next]);
        }
        next += 1;
    }
    keys
}

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn table() -> [u8; SLOTS] {
    assert!(SPELLINGS.len() < VACANT as usize, "an index is one byte");
    let keys = keys();
    let mut table = [VACANT; SLOTS];
    let mut next = 0;
    while next < keys.len() {
        let slot = keys[next].0.slot();
        assert!(table[slot] == VACANT, "two spellings share a slot");
        table[slot] = next as u8;
        next += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_case_and_in_its_compact_form() {
        for (spelling, name) in SPELLINGS {
            for spelling in [
                (*spelling).to_owned(),
                spelling.to_ascii_uppercase(),
                spelling.to_ascii_lowercase(),
            ] {
                assert_eq!(HeaderName::parse(spelling.as_bytes()), Some(*name));
                let line = format!("{spelling}:");
                let found = HeaderName::before_colon(line.as_bytes());
                assert_eq!(found, Some((spelling.len(), Some(*name))));
                let line = format!("{spelling}: {}", ":x".repeat(20));
                let found = HeaderName::before_colon(line.as_bytes());
                assert_eq!(found, Some((spelling.len(), Some(*name))));
            }
        }
        assert_eq!(HeaderName::parse(b"l"), Some(HeaderName::ContentLength));
    }

    #[test]
    fn names_that_only_look_alike_are_unknown() {
        for spelling in [
            "",
            "Content_Length",
            "Content-Lengt",
            "C%6Fntact",
            "z",
            "\x0c",
        ] {
            assert_eq!(HeaderName::parse(spelling.as_bytes()), None, "{spelling:?}");
            let line = format!("{spelling}: x");
            let found = HeaderName::before_colon(line.as_bytes());
            assert_eq!(found, Some((spelling.len(), None)), "{spelling:?}");
        }
    }
}
