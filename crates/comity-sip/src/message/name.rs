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
    ReferSub = "Refer-Sub";
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
        let index = *TABLE.get(slot(spelling)?)?;
        let (known, name) = SPELLINGS.get(usize::from(index))?;
        known
            .as_bytes()
            .eq_ignore_ascii_case(spelling)
            .then_some(*name)
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
        let Some(slot) = slot(SPELLINGS[next].0.as_bytes()) else {
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
                (*spelling).to_owned(),
                spelling.to_uppercase(),
                spelling.to_lowercase(),
            ] {
                assert_eq!(HeaderName::parse(spelling.as_bytes()), Some(*name));
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
        }
    }
}
