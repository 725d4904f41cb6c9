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

            /// The name that is spelt as the standard spells it, in full or compact: nearly every
            /// name is, and this is faster than the table.
            #[inline]
            fn of_standard_spelling(spelling: &[u8]) -> Option<Self> {
                match spelling {
                    $($name $(| $compact)? => Some(Self::$variant),)*
                    _ => None,
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
    #[inline]
    pub fn parse(spelling: &[u8]) -> Option<Self> {
        Self::of_standard_spelling(spelling).or_else(|| Self::of_any_case(spelling))
    }

    fn of_any_case(spelling: &[u8]) -> Option<Self> {
        let index = *TABLE.get(slot(spelling)?)?;
        let (known, name) = SPELLINGS.get(usize::from(index))?;
        known.eq_ignore_ascii_case(spelling).then_some(*name)
    }
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

/// The place of a spelling in the table, which is the same in any case; `None` if it is empty.
const fn slot(spelling: &[u8]) -> Option<usize> {
    let ([first, ..], [.., last]) = (spelling, spelling) else {
        return None;
    };
    let (_, upper) = spelling.split_at(spelling.len() / 2);
    let [middle, ..] = upper else {
        return None;
    };
    let sum = lower(*first) * 3 + lower(*last) * 20 + lower(*middle) * 23 + spelling.len();
    Some(sum % SLOTS)
}

/// Lower case of a letter. Other bytes may become something else, but always the same.
const fn lower(byte: u8) -> usize {
    (byte | 0x20) as usize
}

const fn text(name: &'static [u8]) -> &'static str {
    match str::from_utf8(name) {
        Ok(text) => text,
        Err(_) => "",
    }
}

const SLOTS: usize = 512;
const VACANT: u8 = u8::MAX;

/// Indices into [`SPELLINGS`]. The compiler checks that no two spellings share a slot.
static TABLE: [u8; SLOTS] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which refuses an index out of bounds"
)]
const fn table() -> [u8; SLOTS] {
    assert!(SPELLINGS.len() < VACANT as usize, "an index is one byte");
    let mut table = [VACANT; SLOTS];
    let mut next = 0;
    while next < SPELLINGS.len() {
        let Some(slot) = slot(SPELLINGS[next].0) else {
            return table;
        };
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
