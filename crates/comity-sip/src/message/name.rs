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
                #[doc = concat!("`", stringify!($variant), "`")]
                $variant,
            )*
        }

        impl HeaderName {
            /// The name in full, as the standard writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => const { text($name) },)*
                }
            }
        }

        /// Every spelling.
        const SPELLINGS: &[(&[u8], HeaderName)] = &[
            $(
                ($name, HeaderName::$variant),
                $(($compact, HeaderName::$variant),)?
            )*
        ];
    };
}

names! {
    Accept = b"Accept";
    AcceptContact = b"Accept-Contact", b"a";
    AcceptEncoding = b"Accept-Encoding";
    AcceptLanguage = b"Accept-Language";
    AlertInfo = b"Alert-Info";
    Allow = b"Allow";
    AllowEvents = b"Allow-Events", b"u";
    AuthenticationInfo = b"Authentication-Info";
    Authorization = b"Authorization";
    CallId = b"Call-ID", b"i";
    CallInfo = b"Call-Info";
    Contact = b"Contact", b"m";
    ContentDisposition = b"Content-Disposition";
    ContentEncoding = b"Content-Encoding", b"e";
    ContentId = b"Content-ID";
    ContentLanguage = b"Content-Language";
    ContentLength = b"Content-Length", b"l";
    ContentType = b"Content-Type", b"c";
    CSeq = b"CSeq";
    Date = b"Date";
    ErrorInfo = b"Error-Info";
    Event = b"Event", b"o";
    Expires = b"Expires";
    From = b"From", b"f";
    HistoryInfo = b"History-Info";
    Identity = b"Identity", b"y";
    IdentityInfo = b"Identity-Info", b"n";
    InReplyTo = b"In-Reply-To";
    Join = b"Join";
    MaxBreadth = b"Max-Breadth";
    MaxForwards = b"Max-Forwards";
    MimeVersion = b"MIME-Version";
    MinExpires = b"Min-Expires";
    MinSe = b"Min-SE";
    MsDiagnostics = b"ms-diagnostics";
    Organization = b"Organization";
    PAssertedIdentity = b"P-Asserted-Identity";
    PPreferredIdentity = b"P-Preferred-Identity";
    Path = b"Path";
    Priority = b"Priority";
    Privacy = b"Privacy";
    ProxyAuthenticate = b"Proxy-Authenticate";
    ProxyAuthorization = b"Proxy-Authorization";
    ProxyRequire = b"Proxy-Require";
    RAck = b"RAck";
    Reason = b"Reason";
    RecordRoute = b"Record-Route";
    ReferSub = b"Refer-Sub";
    ReferTo = b"Refer-To", b"r";
    ReferredBy = b"Referred-By", b"b";
    RejectContact = b"Reject-Contact", b"j";
    Replaces = b"Replaces";
    ReplyTo = b"Reply-To";
    RequestDisposition = b"Request-Disposition", b"d";
    Require = b"Require";
    RetryAfter = b"Retry-After";
    Route = b"Route";
    RSeq = b"RSeq";
    Server = b"Server";
    ServiceRoute = b"Service-Route";
    SessionExpires = b"Session-Expires", b"x";
    SipEtag = b"SIP-ETag";
    SipIfMatch = b"SIP-If-Match";
    Subject = b"Subject", b"s";
    SubscriptionState = b"Subscription-State";
    Supported = b"Supported", b"k";
    Timestamp = b"Timestamp";
    To = b"To", b"t";
    Unsupported = b"Unsupported";
    UserAgent = b"User-Agent";
    Via = b"Via", b"v";
    Warning = b"Warning";
    WwwAuthenticate = b"WWW-Authenticate";
}

impl HeaderName {
    /// The name that is spelt so, in full or compact, in any case.
    pub fn parse(spelling: &[u8]) -> Option<Self> {
        let (known, name) = Key::of(spelling)?.find()?;
        known.eq_ignore_ascii_case(spelling).then_some(name)
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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key([u64; 3]);

impl Key {
    const BYTES: usize = 24;

    /// `None` for a spelling that is longer than every known one.
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
    fn find(self) -> Option<(&'static [u8], HeaderName)> {
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
static KEYS: [(Key, (&[u8], HeaderName)); SPELLINGS.len()] = keys();

/// Indices into [`KEYS`]. The compiler checks that no two spellings share a slot.
static TABLE: [u8; SLOTS] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn keys() -> [(Key, (&'static [u8], HeaderName)); SPELLINGS.len()] {
    let mut keys = [(Key([0; 3]), SPELLINGS[0]); SPELLINGS.len()];
    let mut next = 0;
    while next < SPELLINGS.len() {
        let key = Key::of(SPELLINGS[next].0);
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

const fn text(name: &'static [u8]) -> &'static str {
    match str::from_utf8(name) {
        Ok(text) => text,
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_case_and_in_its_compact_form() {
        for (spelling, name) in SPELLINGS {
            for spelling in [
                spelling.to_vec(),
                spelling.to_ascii_uppercase(),
                spelling.to_ascii_lowercase(),
            ] {
                assert_eq!(HeaderName::parse(&spelling), Some(*name));
            }
            assert!(!name.as_str().is_empty());
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
        }
    }
}
