//! Every header that has a type: reading, and writing what was read.

use std::borrow::Cow;
use std::fmt::{Debug, Display};

use comity_sip::header;
use comity_sip::{
    BuildError, Field, HeaderName, Headers, Limits, ListField, Message, Method, ParamValue, Params,
    ParseError, Place, RequestBuilder, Scheme, Uri,
};

use super::framing::values;
use super::{reread, unlimited};

/// Reads each header of a message into its type.
pub(super) fn check(headers: Headers<'_>, len: usize, limits: &Limits) {
    for kind in KINDS {
        kind.check(headers, len, limits);
    }
}

/// Reads what is written of each value again.
pub(super) fn write(headers: Headers<'_>) {
    for kind in KINDS {
        for seen in kind.values(headers) {
            kind.write(&seen);
        }
    }
}

/// A type of [`header`], whatever it is.
struct Kind {
    name: HeaderName,
    one: fn(Headers<'_>) -> Result<Seen, ParseError>,
    optional: fn(Headers<'_>) -> Result<Option<Seen>, ParseError>,
    list: Option<List>,
}

/// A type that can have many values.
struct List {
    all: fn(Headers<'_>) -> Vec<Result<Seen, ParseError>>,
    first: fn(Headers<'_>) -> Result<Option<Seen>, ParseError>,
    max: fn(&Limits) -> u32,
}

/// A value, as it displays itself and by what its methods say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    text: String,
    facts: String,
}

impl Seen {
    fn of<T: Display>(value: &T, facts: fn(&T) -> String) -> Self {
        Self {
            text: value.to_string(),
            facts: facts(value),
        }
    }
}

impl Kind {
    fn check(&self, headers: Headers<'_>, len: usize, limits: &Limits) {
        let optional = (self.optional)(headers);
        match &optional {
            Ok(Some(seen)) => {
                assert_eq!((self.one)(headers).as_ref(), Ok(seen));
            }
            Ok(None) => {
                let error = (self.one)(headers).expect_err("a value out of nothing");
                self.check_error(error, headers, len);
                assert!(!headers.has(self.name));
            }
            Err(error) => {
                assert_eq!((self.one)(headers).as_ref(), Err(error));
                self.check_error(*error, headers, len);
            }
        }
        if let Some(list) = &self.list {
            self.check_list(list, headers, len, limits);
            if let Ok(Some(seen)) = optional {
                assert_eq!((list.all)(headers), [Ok(seen)]);
            }
        }
    }

    fn check_list(&self, list: &List, headers: Headers<'_>, len: usize, limits: &Limits) {
        let all = (list.all)(headers);
        let first = (list.first)(headers);
        assert_eq!(first, all.first().cloned().transpose());
        let good = all.iter().filter(|seen| seen.is_ok()).count();
        assert!(good <= (list.max)(limits) as usize, "too many values");
        assert!(all.iter().take(good).all(Result::is_ok), "behind an error");
        assert!(all.len() - good <= 1, "behind an error");
        if let Some(Err(error)) = all.last() {
            self.check_error(*error, headers, len);
        }
        if all.len() == good {
            let lines = headers.named(self.name);
            let written = lines.filter(|line| !line.value().is_empty());
            let written: usize = written.map(|line| values(line.value()).len()).sum();
            assert_eq!(good, written, "values of {}", self.name);
        }
    }

    fn values(&self, headers: Headers<'_>) -> Vec<Seen> {
        match &self.list {
            Some(list) => (list.all)(headers).into_iter().flatten().collect(),
            None => (self.optional)(headers)
                .ok()
                .flatten()
                .into_iter()
                .collect(),
        }
    }

    /// What is written of a value stands on one line and reads as the same value.
    fn write(&self, seen: &Seen) {
        let text = &seen.text;
        assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        let uri = Uri::parse("sip:a.example").expect("a URI");
        let mut request = RequestBuilder::new(Method::Options, uri).expect("no headers");
        match self.name {
            HeaderName::ContentLength => {
                let refused = request.header(self.name, text).expect_err("written twice");
                assert_eq!(refused, BuildError::Computed(self.name));
                return;
            }
            HeaderName::ContentType => request.body(text, bytes::Bytes::new()),
            _ => request.header(self.name, text),
        }
        .expect("one line");
        let message = reread(&request.finish());
        let again = (self.one)(message.headers());
        let again = again.unwrap_or_else(|error| panic!("{error}: {} {text:?}", self.name));
        // NUL is left out.
        if seen.facts.contains("\\0") {
            assert_eq!(again.text, seen.text, "{}", self.name);
        } else {
            assert_eq!(&again, seen, "{}", self.name);
        }
    }

    /// An error is about this header, and lies in one of its lines unless there is none.
    fn check_error(&self, error: ParseError, headers: Headers<'_>, len: usize) {
        assert_eq!(error.place(), Place::Header(self.name));
        let at = error.offset();
        assert!(at <= len, "{error}, of {len} bytes");
        let mut lines = headers.named(self.name);
        let inside =
            lines.any(|line| (line.offset()..line.offset() + line.line().len()).contains(&at));
        assert!(inside || !headers.has(self.name), "{error}: not there");
    }
}

macro_rules! kind {
    ($type:ty, |$value:ident| $facts:expr, $list:expr) => {
        Kind {
            name: <$type as Field<'_>>::NAME,
            one: |headers| {
                let value = headers.one::<$type>()?;
                Ok(Seen::of(&value, |$value| said(&$facts)))
            },
            optional: |headers| {
                let value = headers.optional::<$type>()?;
                Ok(value.map(|value| Seen::of(&value, |$value| said(&$facts))))
            },
            list: $list,
        }
    };
}

macro_rules! single {
    ($type:ty, |$value:ident| $facts:expr) => {
        kind!($type, |$value| $facts, None)
    };
}

macro_rules! list {
    ($type:ty, |$value:ident| $facts:expr) => {
        kind!(
            $type,
            |$value| $facts,
            Some(List {
                all: |headers| {
                    let values = headers.all::<$type>();
                    let seen = values.map(|value| Ok(Seen::of(&value?, |$value| said(&$facts))));
                    seen.collect()
                },
                first: |headers| {
                    let value = headers.first::<$type>()?;
                    Ok(value.map(|value| Seen::of(&value, |$value| said(&$facts))))
                },
                max: <$type as ListField<'_>>::max_values,
            })
        )
    };
}

static KINDS: &[Kind] = &[
    single!(header::From<'_>, |v| (address(v), v.tag())),
    single!(header::To<'_>, |v| (address(v), v.tag())),
    list!(header::Route<'_>, |v| (address(v), v.is_loose())),
    list!(header::RecordRoute<'_>, |v| address(v)),
    list!(header::PAssertedIdentity<'_>, |v| address(v)),
    list!(header::Contact<'_>, |v| (
        v.address().map(address),
        v.uri().map(|uri| uri.to_string()),
        v.expires(),
        v.q()
    )),
    list!(header::Via<'_>, |v| (
        (v.protocol(), v.version(), v.transport()),
        (v.host(), v.port(), v.branch(), v.has_unique_branch()),
        (v.received(), v.rport(), v.maddr(), v.ttl()),
        params(v.params())
    )),
    single!(header::CallId<'_>, |v| v.as_str()),
    single!(header::SipEtag<'_>, |v| v.as_str()),
    single!(header::SipIfMatch<'_>, |v| v.as_str()),
    single!(header::CSeq<'_>, |v| v),
    single!(header::RAck<'_>, |v| rack(v)),
    single!(header::RSeq, |v| v),
    single!(header::ContentLength, |v| v),
    single!(header::MaxForwards, |v| (v, v.hops())),
    single!(header::Expires, |v| (v, v.seconds())),
    single!(header::MinExpires, |v| (v, v.seconds())),
    single!(header::Date, |v| (v, v.unix_seconds())),
    single!(header::RetryAfter<'_>, |v| (
        v.seconds(),
        v.comment().map(|comment| comment.decode()),
        v.duration(),
        params(v.params())
    )),
    single!(header::UserAgent<'_>, |v| (
        v.as_str().contains('\0').then_some('\0'),
        v.products().collect::<Vec<_>>()
    )),
    single!(header::Server<'_>, |v| (
        v.as_str().contains('\0').then_some('\0'),
        v.products().collect::<Vec<_>>()
    )),
    single!(header::ContentType<'_>, |v| (
        (v.kind(), v.subtype(), v.is("text", "plain")),
        v.param("boundary"),
        params(v.params())
    )),
    list!(header::Accept<'_>, |v| (
        (v.kind(), v.subtype(), v.q(), v.accepts("text", "plain")),
        params(v.params())
    )),
    list!(header::AcceptEncoding<'_>, |v| (
        v.as_str(),
        v.q(),
        params(v.params())
    )),
    list!(header::AcceptLanguage<'_>, |v| (
        v.as_str(),
        v.q(),
        params(v.params())
    )),
    list!(header::ContentEncoding<'_>, |v| v.as_str()),
    list!(header::ContentLanguage<'_>, |v| v.as_str()),
    single!(header::ContentDisposition<'_>, |v| (
        v.kind(),
        v.is_required(),
        params(v.params())
    )),
    single!(header::ContentId<'_>, |v| v.as_str()),
    single!(header::Event<'_>, |v| (
        v.package(),
        v.id(),
        params(v.params())
    )),
    list!(header::AllowEvents<'_>, |v| v.package()),
    single!(header::SubscriptionState<'_>, |v| (
        (v.status(), v.reason(), v.expires(), v.retry_after()),
        params(v.params())
    )),
    list!(header::Reason<'_>, |v| (
        (v.protocol(), v.cause(), v.text()),
        params(v.params())
    )),
    list!(header::Warning<'_>, |v| (
        v.code(),
        v.agent(),
        v.text().decode()
    )),
    single!(header::Diagnostics<'_>, |v| (
        (v.code(), v.reason(), v.source(), v.diagnosis()),
        params(v.params())
    )),
    list!(header::Allow<'_>, |v| v.method()),
    list!(header::Require<'_>, |v| (v.as_str(), v.is("100rel"))),
    list!(header::ProxyRequire<'_>, |v| v.as_str()),
    list!(header::Supported<'_>, |v| v.as_str()),
    list!(header::Unsupported<'_>, |v| v.as_str()),
];

fn said(facts: &impl Debug) -> String {
    format!("{facts:?}")
}

/// What is acknowledged is the response by its number and the request by its CSeq.
fn rack(rack: &header::RAck<'_>) -> impl Debug + use<> {
    let cseq = header::CSeq::new(rack.cseq.number, rack.cseq.method);
    assert_eq!(*rack, header::RAck::new(rack.response, cseq));
    (rack.response, cseq.to_string())
}

fn address(address: &header::Address<'_>) -> impl Debug + use<> {
    let uri = address.uri();
    let again = Uri::parse_within(uri.as_bytes(), &unlimited());
    let again = again.unwrap_or_else(|error| panic!("{error}: {uri}"));
    assert_eq!(again.as_str(), uri.as_str());
    assert_eq!(again.user(), uri.user());
    assert_eq!(again.port(), uri.port());
    assert!(again.is_equivalent(&uri), "{uri}");
    assert_ne!((uri.scheme(), uri.host()), (Scheme::Sip, None));
    let name = address.display_name().map(Cow::into_owned);
    (name, uri.to_string(), params(address.params()))
}

fn params(params: Params<'_>) -> Vec<(String, Option<String>, bool)> {
    let seen: Vec<_> = params
        .iter()
        .map(|param| {
            let value = param.value();
            let quoted = value.is_some_and(|value| value.quoted().is_some());
            let value = value.map(|value: ParamValue<'_>| value.decode().into_owned());
            (param.name().to_owned(), value, quoted)
        })
        .collect();
    assert_eq!(seen.len(), params.len(), "{params:?}");
    assert_eq!(seen.is_empty(), params.is_empty());
    seen
}

/// Which first value of a list a message has, as it is written.
pub(super) fn first_of(message: &Message, name: HeaderName) -> Option<Result<String, ParseError>> {
    let kind = KINDS.iter().find(|kind| kind.name == name)?;
    let first = (kind.list.as_ref()?.first)(message.headers());
    first.map(|seen| seen.map(|seen| seen.text)).transpose()
}
