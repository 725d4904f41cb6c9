//! From, To, Contact, Route, Record-Route and P-Asserted-Identity.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use super::{check_params, field};
use crate::grammar::{
    Ascii, Class, Param, Params, Quote, Quoted, Read, byte, find_not, lws, number, params, quality,
    quoted_string, split, sws, token, whole, wrong,
};
use crate::message::{ListField, ValueError};
use crate::uri::{Form, uri};
use crate::{Fault, Limits, Uri};

/// A URI with an optional name for people, and parameters (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    display_name: Option<DisplayName<'a>>,
    uri: Uri<'a>,
    params: Params<'a>,
    tag: Option<Ascii<'a>>,
}

/// A name for people.
#[derive(Clone, Copy, Debug)]
enum DisplayName<'a> {
    Tokens(Ascii<'a>),
    Quoted(Quoted<'a>),
}

impl<'a> Address<'a> {
    /// The name for people, decoded, which can hold any character; `None` if it is absent or empty.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let name = match self.display_name? {
            DisplayName::Tokens(tokens) => match tokens.as_str() {
                text if text.contains('\r') => {
                    Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
                }
                text => Cow::Borrowed(text),
            },
            DisplayName::Quoted(quoted) => quoted.decode(),
        };
        (!name.is_empty()).then_some(name)
    }

    /// The URI.
    pub fn uri(&self) -> Uri<'a> {
        self.uri
    }

    /// The parameters behind the URI, `tag` included.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    fn within(&self, limits: &Limits) -> Result<(), ValueError> {
        self.uri
            .within(limits)
            .map_err(|fault| ValueError::new(fault, 0))?;
        check_params(&self.params, limits)
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.display_name().unwrap_or_default();
        if name.chars().any(|character| character != '\0') {
            write!(f, "{} ", Quote(&name))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

macro_rules! addresses {
    ($($(#[$doc:meta])* $type:ident = $name:ident by $rule:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $type<'a>(Address<'a>);

            impl<'a> Deref for $type<'a> {
                type Target = Address<'a>;

                fn deref(&self) -> &Address<'a> {
                    &self.0
                }
            }

            impl fmt::Display for $type<'_> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            field!($type, $name, |input| {
                let (rest, address) = $rule(input)?;
                Ok((rest, $type(address)))
            }, |field, limits| field.0.within(limits));
        )*
    };
}

addresses! {
    /// Who sends the request (RFC 3261 §20.20).
    From = From by address;
    /// To whom it is addressed (RFC 3261 §20.39).
    To = To by address;
    /// A proxy that the request shall visit (RFC 3261 §20.34).
    Route = Route by route;
    /// A proxy that wants to see the requests of the dialog (RFC 3261 §20.30).
    RecordRoute = RecordRoute by route;
    /// Who a trusted network says that the sender is (RFC 3325 §9.1).
    PAssertedIdentity = PAssertedIdentity by identity;
}

impl<'a> From<'a> {
    /// The sender's part of the dialog's name. `None` is a client of RFC 2543.
    pub fn tag(&self) -> Option<&'a str> {
        self.0.tag.map(Ascii::as_str)
    }

    /// As [`tag`](Self::tag), for comparing without regard to case.
    pub fn tag_bytes(&self) -> Option<&'a [u8]> {
        self.0.tag.map(Ascii::as_bytes)
    }
}

impl<'a> To<'a> {
    /// The recipient's part of the dialog's name, which the first request does not have.
    pub fn tag(&self) -> Option<&'a str> {
        self.0.tag.map(Ascii::as_str)
    }

    /// As [`tag`](Self::tag), for comparing without regard to case.
    pub fn tag_bytes(&self) -> Option<&'a [u8]> {
        self.0.tag.map(Ascii::as_bytes)
    }
}

impl<'a> Route<'a> {
    /// True if the proxy routes loosely, as RFC 3261 wants it (§16.12, §19.1.1).
    pub fn is_loose(&self) -> bool {
        self.uri().has_param("lr")
    }
}

impl<'a> ListField<'a> for Route<'a> {
    fn max_values(limits: &Limits) -> u32 {
        limits.max_routes
    }
}

impl<'a> ListField<'a> for RecordRoute<'a> {
    fn max_values(limits: &Limits) -> u32 {
        limits.max_routes
    }
}

impl<'a> ListField<'a> for PAssertedIdentity<'a> {}

/// Where somebody can be reached (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the header has these two forms")]
pub enum Contact<'a> {
    /// `*`: all contacts, in a REGISTER that removes them.
    Any,
    /// One contact.
    Address(Address<'a>),
}

impl<'a> Contact<'a> {
    /// The address; `None` for `*`.
    pub fn address(&self) -> Option<&Address<'a>> {
        match self {
            Self::Any => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The URI; `None` for `*`.
    pub fn uri(&self) -> Option<Uri<'a>> {
        self.address().map(Address::uri)
    }

    /// For how many seconds the binding shall last. `None` if it is not said, malformed or above the
    /// largest `u32`: then the default holds (RFC 3261 §10.3, RFC 4475 §3.1.2.4).
    pub fn expires(&self) -> Option<u32> {
        let value = self.address()?.params.value("expires")?;
        u32::try_from(whole(value.as_bytes(), number).ok()?).ok()
    }

    /// The preference among contacts in thousandths, from 0 to 1000. `None` if it is not said or
    /// malformed.
    pub fn q(&self) -> Option<u16> {
        let value = self.address()?.params.value("q")?;
        whole(value.as_bytes(), quality).ok()
    }

    fn within(&self, limits: &Limits) -> Result<(), ValueError> {
        self.address()
            .map_or(Ok(()), |address| address.within(limits))
    }
}

impl fmt::Display for Contact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

field!(Contact, Contact, contact, Contact::within);

impl<'a> ListField<'a> for Contact<'a> {
    fn stands_alone(&self) -> bool {
        matches!(self, Self::Any)
    }

    fn max_values(limits: &Limits) -> u32 {
        limits.max_contacts
    }
}

/// `STAR / contact-param`
#[inline(always)]
fn contact(input: &[u8]) -> Read<'_, Contact<'_>> {
    match input {
        [b'*', rest @ ..] if matches!(sws(rest), [] | [b',', ..]) => Ok((rest, Contact::Any)),
        _ => {
            let (rest, address) = address(input)?;
            Ok((rest, Contact::Address(address)))
        }
    }
}

/// `( name-addr / addr-spec ) *( SEMI generic-param )`
#[inline(always)]
fn address(input: &[u8]) -> Read<'_, Address<'_>> {
    let (rest, address) = identity(input)?;
    with_params(rest, address)
}

/// `name-addr *( SEMI rr-param )`
#[inline(always)]
fn route(input: &[u8]) -> Read<'_, Address<'_>> {
    let (rest, display_name) = display_name(input)?;
    let (rest, uri) = bracketed(rest)?;
    with_params(rest, Address::new(display_name, uri))
}

/// `name-addr / addr-spec`
#[inline(always)]
fn identity(input: &[u8]) -> Read<'_, Address<'_>> {
    let quoted = input.first() == Some(&b'"');
    match display_name(input) {
        Ok((rest @ [b'<', ..], display_name)) => {
            let (rest, uri) = bracketed(rest)?;
            Ok((rest, Address::new(display_name, uri)))
        }
        Ok((rest, _)) if quoted => wrong(Fault::Separator { expected: '<' }, rest),
        Err(error) if quoted => Err(error),
        Ok(_) | Err(_) => {
            let (rest, uri) = uri(input, Form::Bare)?;
            Ok((rest, Address::new(None, uri)))
        }
    }
}

impl<'a> Address<'a> {
    fn new(display_name: Option<DisplayName<'a>>, uri: Uri<'a>) -> Self {
        Self {
            display_name,
            uri,
            params: Params::default(),
            tag: None,
        }
    }
}

/// `[ display-name ]` and the white space behind it.
#[inline(always)]
fn display_name(input: &[u8]) -> Read<'_, Option<DisplayName<'_>>> {
    match input {
        [b'<', ..] => Ok((input, None)),
        [b'"', ..] => {
            let (rest, quoted) = quoted_string(input)?;
            Ok((sws(rest), Some(DisplayName::Quoted(quoted))))
        }
        _ => tokens(input),
    }
}

/// `*( token LWS )`. No white space before `<` is understood too (RFC 4475 §3.1.1.6).
fn tokens(input: &[u8]) -> Read<'_, Option<DisplayName<'_>>> {
    let (mut end, _) = token(input)?;
    while let Ok((rest, ())) = lws(end) {
        let len = find_not(rest, Class::TOKEN);
        if len == 0 {
            break;
        }
        (_, end) = split(rest, len);
    }
    let (tokens, _) = split(input, input.len() - end.len());
    let name = DisplayName::Tokens(Ascii::proved(tokens));
    Ok((sws(end), Some(name)))
}

/// `LAQUOT addr-spec RAQUOT`, without white space inside the brackets (RFC 4475 §3.1.2.14).
#[inline(always)]
fn bracketed(input: &[u8]) -> Read<'_, Uri<'_>> {
    let (rest, ()) = byte(input, b'<')?;
    let (rest, uri) = uri(rest, Form::Bracketed)?;
    let (rest, ()) = byte(rest, b'>')?;
    Ok((rest, uri))
}

#[inline(always)]
fn with_params<'a>(input: &'a [u8], mut address: Address<'a>) -> Read<'a, Address<'a>> {
    let tag = &mut address.tag;
    let (rest, params) = params(input, |param| take_tag(tag, param))?;
    address.params = params;
    Ok((rest, address))
}

#[inline(always)]
fn take_tag<'a>(tag: &mut Option<Ascii<'a>>, param: &Param<'a>) -> Result<(), Fault> {
    if !param.is("tag") {
        return Ok(());
    }
    if tag.is_some() {
        return Err(Fault::RepeatedParameter);
    }
    let value = param.value().and_then(|value| value.token());
    *tag = Some(value.ok_or(Fault::Parameter)?);
    Ok(())
}
