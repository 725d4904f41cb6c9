//! Typed headers: what their values mean, how they are written, and where malformed ones go wrong.
#![cfg(test)]

use std::fmt;

use comity_sip::header::{
    Accept, AcceptEncoding, AcceptLanguage, Allow, AllowEvents, CSeq, CallId, Contact,
    ContentDisposition, ContentEncoding, ContentId, ContentLanguage, ContentType, Diagnostics,
    Event, From, PAssertedIdentity, ProxyRequire, RAck, Reason, RecordRoute, Require, RetryAfter,
    Route, Server, SipEtag, SipIfMatch, SubscriptionState, Supported, To, Unsupported, UserAgent,
    Via, Warning,
};
use comity_sip::{Fault, Field, HeaderName, Limits, Message};

fn message(lines: &str) -> Message {
    let bytes = format!("OPTIONS sip:b.example SIP/2.0\r\n{lines}\r\n");
    Message::from_datagram(bytes.into(), &Limits::default()).unwrap()
}

/// Reads a value with each kind of white space around it, and gives what is written for it.
fn written<T>(value: &str) -> Result<String, Fault>
where
    T: for<'a> Reread<'a>,
{
    let name = T::name();
    let message = message(&format!("{name} : \t{value} \r\n"));
    let once = T::reread(&message)?;
    let again = self::message(&format!("{name}:{once}\r\n"));
    assert_eq!(
        T::reread(&again),
        Ok(once.clone()),
        "{value} is written in another way"
    );
    Ok(once)
}

/// A header type, whatever the lifetime of the message is.
trait Reread<'a> {
    fn name() -> HeaderName;
    fn reread(message: &'a Message) -> Result<String, Fault>;
}

struct As<T>(T);

macro_rules! reread {
    ($($type:ident),*) => {
        $(
            impl<'a> Reread<'a> for As<$type<'static>> {
                fn name() -> HeaderName {
                    <$type<'a> as Field<'a>>::NAME
                }

                fn reread(message: &'a Message) -> Result<String, Fault> {
                    one::<$type<'a>>(message)
                }
            }
        )*
    };
}

fn one<'a, T: Field<'a> + fmt::Display>(message: &'a Message) -> Result<String, Fault> {
    let value = message
        .headers()
        .one::<T>()
        .map_err(|error| error.fault())?;
    Ok(value.to_string())
}

reread!(
    Accept,
    AcceptEncoding,
    AcceptLanguage,
    Allow,
    AllowEvents,
    CSeq,
    CallId,
    Contact,
    ContentDisposition,
    ContentEncoding,
    ContentId,
    ContentLanguage,
    ContentType,
    Diagnostics,
    Event,
    From,
    PAssertedIdentity,
    ProxyRequire,
    RAck,
    Reason,
    RecordRoute,
    Require,
    RetryAfter,
    Route,
    Server,
    SipEtag,
    SipIfMatch,
    SubscriptionState,
    Supported,
    To,
    Unsupported,
    UserAgent,
    Via,
    Warning
);

/// Checks what is written for values, or why they are refused.
macro_rules! table {
    ($type:ident: $($value:literal => $result:expr),* $(,)?) => {
        $(assert_eq!(written::<As<$type<'static>>>($value), expected($result), "{}", $value);)*
    };
}

trait Expected {
    fn expected(self) -> Result<String, Fault>;
}

impl Expected for &str {
    fn expected(self) -> Result<String, Fault> {
        Ok(self.to_owned())
    }
}

impl Expected for Fault {
    fn expected(self) -> Result<String, Fault> {
        Err(self)
    }
}

fn expected(result: impl Expected) -> Result<String, Fault> {
    result.expected()
}

mod lines;
mod values;
