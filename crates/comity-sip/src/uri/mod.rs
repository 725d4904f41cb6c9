//! URIs: `sip`, `sips`, `tel`, `im`, `pres`, and any other, over their original bytes.

mod build;
mod compare;
mod escape;
mod params;
mod parse;

pub use build::{UriBuilder, UriError};
pub use params::{UriHeader, UriParam};

use std::borrow::Cow;
use std::fmt;
use std::str;
use std::str::FromStr;

pub(crate) use parse::{Form, uri};

use crate::grammar::{Ascii, HostName, split};
use crate::{Fault, Limits, ParseError, Place};

/// A URI over the bytes in which it stands (RFC 3261 §19.1, RFC 3966, RFC 3859, RFC 3860).
///
/// ```
/// use comity_sip::{Scheme, Uri};
///
/// let uri = Uri::parse("sips:alice%20b@Example.COM:5061;transport=tcp?subject=hi")?;
/// assert_eq!(uri.scheme(), Scheme::Sips);
/// assert_eq!(uri.user().as_deref(), Some("alice b"));
/// assert_eq!(uri.host().map(|host| host.as_str()), Some("Example.COM"));
/// assert_eq!(uri.port(), Some(5061));
/// assert_eq!(uri.param("transport").as_deref(), Some("tcp"));
///
/// let same = Uri::parse("sips:%61lice%20b@example.com:5061;transport=TCP?subject=hi")?;
/// assert!(uri.is_equivalent(&same));
/// # Ok::<_, comity_sip::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Uri<'a> {
    text: Ascii<'a>,
    parts: Parts,
}

/// What a URI is for, by its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`: TLS on each hop (RFC 3261 §19.1, RFC 5630).
    Sips,
    /// `tel` (RFC 3966)
    Tel,
    /// `im` (RFC 3860)
    Im,
    /// `pres` (RFC 3859)
    Pres,
    /// Any other.
    Other,
}

/// Where the parts of a URI are: offsets into its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    scheme: Scheme,
    has_user: bool,
    /// Of the colon behind the scheme.
    colon: u16,
    /// Where the user ends, or the number of a `tel` URI.
    user_end: u16,
    /// Where the password ends; the end of the user if there is none.
    password_end: u16,
    host_start: u16,
    host_end: u16,
    host_is_address: bool,
    port: Option<u16>,
    /// Of the first semicolon; the end of what is before if there are no parameters.
    params_start: u16,
    params_end: u16,
    params_count: u16,
    /// False if no parameter stands twice, as long as there are no escapes.
    may_repeat: bool,
    headers_count: u16,
}

/// As many as are compared each with each; names of more are sorted first.
const FEW_PARAMS: u16 = 32;

impl<'a> Uri<'a> {
    /// Longer URIs are refused, whatever the limits say.
    pub const MAX_BYTES: usize = u16::MAX as usize;

    /// Parses a whole text as a URI, under the default limits.
    ///
    /// # Errors
    ///
    /// Which rule is broken and where, with [`Place::Uri`].
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_within(text.as_bytes(), &Limits::default())
    }

    /// Parses whole bytes as a URI, under these limits.
    ///
    /// # Errors
    ///
    /// Which rule is broken and where, with [`Place::Uri`].
    pub fn parse_within(text: &'a [u8], limits: &Limits) -> Result<Self, ParseError> {
        let fail = |offset, fault| ParseError::new(Place::Uri, offset, fault);
        if text.len() > limits.max_uri_bytes as usize {
            let limit = limits.max_uri_bytes;
            return Err(fail(0, Fault::UriTooLong { limit }));
        }
        let uri = crate::grammar::whole(text, |input| uri(input, Form::Bracketed))
            .map_err(|wrong| fail(wrong.offset_in(text), wrong.fault))?;
        uri.within(limits).map_err(|fault| fail(0, fault))?;
        Ok(uri)
    }

    /// Puts together again what [`Self::parts`] took apart.
    pub(crate) fn from_parts(text: &'a [u8], parts: Parts) -> Self {
        let text = Ascii::proved(text);
        Self { text, parts }
    }

    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }

    /// Which limit is exceeded.
    pub(crate) fn within(&self, limits: &Limits) -> Result<(), Fault> {
        if self.text.as_bytes().len() > limits.max_uri_bytes as usize {
            let limit = limits.max_uri_bytes;
            return Err(Fault::UriTooLong { limit });
        }
        let most = self.parts.params_count.max(self.parts.headers_count);
        if u32::from(most) > limits.max_parameters {
            let limit = limits.max_parameters;
            return Err(Fault::TooManyParameters { limit });
        }
        if self.parts.params_count < 2 {
            return Ok(());
        }
        let may_repeat = self.parts.may_repeat || self.raw_params().as_bytes().contains(&b'%');
        match may_repeat && self.repeats_a_param() {
            true => Err(Fault::RepeatedParameter),
            false => Ok(()),
        }
    }

    /// A parameter must not stand twice (RFC 3261 §19.1.1): two elements that take different ones
    /// would not send a request to the same place.
    fn repeats_a_param(&self) -> bool {
        if self.parts.params_count > FEW_PARAMS {
            let mut names: Vec<_> = self.params().map(|param| param.folded_name()).collect();
            names.sort_unstable();
            return names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b);
        }
        let mut params = self.params();
        std::iter::from_fn(|| {
            let param = params.next()?;
            Some(params.clone().any(|other| param.has_same_name(&other)))
        })
        .any(|repeated| repeated)
    }

    /// As it is written.
    pub fn as_str(&self) -> &'a str {
        self.text.as_str()
    }

    /// As it is written.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// What its scheme is.
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The scheme as it is written.
    pub fn scheme_name(&self) -> &'a str {
        self.part(0, self.parts.colon).as_str()
    }

    /// The user with escapes resolved, where a URI has one: any text, which may hold line ends and
    /// NUL. Bytes that are not UTF-8 then are replaced.
    pub fn user(&self) -> Option<Cow<'a, str>> {
        self.user_as_written().map(escape::decode)
    }

    /// The user as it is written, or the digits of a `tel` URI.
    pub fn user_as_written(&self) -> Option<&'a str> {
        let start = self.parts.colon + 1;
        self.parts
            .has_user
            .then(|| self.part(start, self.parts.user_end).as_str())
    }

    /// The password as it is written. RFC 3261 §19.1.1 advises against having one.
    pub fn password(&self) -> Option<&'a str> {
        let Parts {
            user_end,
            password_end,
            ..
        } = self.parts;
        (password_end > user_end).then(|| self.part(user_end + 1, password_end).as_str())
    }

    /// The host of a `sip`, `sips`, `im` or `pres` URI.
    pub fn host(&self) -> Option<HostName<'a>> {
        let Parts {
            host_start,
            host_end,
            host_is_address,
            ..
        } = self.parts;
        let text = self.part(host_start, host_end);
        (host_end > 0).then(|| HostName::from_parts(text, host_is_address))
    }

    /// The port, if it is written. A URI without a port is not equal to one with the default port
    /// (RFC 3261 §19.1.4).
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters, in their order.
    pub fn params(&self) -> impl Iterator<Item = UriParam<'a>> + Clone + use<'a> {
        params::params(self.raw_params())
    }

    /// The value of the parameter of this name, with escapes resolved; an empty one if it has none.
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        let param = self.params().find(|param| param.is(name))?;
        Some(param.value().unwrap_or_default())
    }

    /// True if there is a parameter of this name.
    pub fn has_param(&self, name: &str) -> bool {
        self.params().any(|param| param.is(name))
    }

    /// The headers that a request made from the URI shall have (RFC 3261 §19.1.5).
    pub fn headers(&self) -> impl Iterator<Item = UriHeader<'a>> + use<'a> {
        params::headers(self.raw_headers())
    }

    /// True if it has headers, which a Request-URI must not have (RFC 3261 §19.1.1).
    pub fn has_headers(&self) -> bool {
        !self.raw_headers().as_bytes().is_empty()
    }

    /// True if both lead to the same resource, by the rules of the scheme (RFC 3261 §19.1.4,
    /// RFC 3966 §4). Not transitive for `sip` and `sips`, as the RFC says. Values of headers in it
    /// compare with regard to case.
    pub fn is_equivalent(&self, other: &Uri<'_>) -> bool {
        compare::equivalent(self, other)
    }

    /// Which device it names, if it names one.
    pub fn gruu(&self) -> Option<Gruu<'a>> {
        if let Some(gr) = self.params().find(|param| param.is("gr")) {
            return Some(match gr.value() {
                Some(instance) => Gruu::Public(instance),
                None => Gruu::Temporary,
            });
        }
        self.has_param("gruu")
            .then(|| Gruu::Microsoft(self.param("opaque")))
    }

    /// A copy that owns its bytes.
    pub fn to_buf(&self) -> UriBuf {
        UriBuf {
            text: self.text.as_bytes().into(),
            parts: self.parts,
        }
    }

    /// What is behind the colon of a URI of another scheme.
    fn opaque(&self) -> Ascii<'a> {
        self.part(self.parts.colon + 1, u16::MAX)
    }

    fn raw_params(&self) -> Ascii<'a> {
        self.part(self.parts.params_start, self.parts.params_end)
    }

    /// From the question mark on.
    fn raw_headers(&self) -> Ascii<'a> {
        match self.parts.scheme {
            Scheme::Other => Ascii::default(),
            Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Im | Scheme::Pres => {
                self.part(self.parts.params_end, u16::MAX)
            }
        }
    }

    fn part(&self, start: u16, end: u16) -> Ascii<'a> {
        let (before, _) = split(self.text.as_bytes(), usize::from(end));
        Ascii::proved(before.get(usize::from(start)..).unwrap_or_default())
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A URI that names one device (RFC 5627).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gruu<'a> {
    /// `gr=`: the address can be told from it, and its value is the device.
    Public(Cow<'a, str>),
    /// `gr`: the address is hidden.
    Temporary,
    /// `COMPAT:` `gruu`, as Microsoft had it before the RFC, with the value of `opaque`.
    Microsoft(Option<Cow<'a, str>>),
}

/// A URI that owns its bytes.
#[derive(Clone)]
pub struct UriBuf {
    text: Box<[u8]>,
    parts: Parts,
}

impl UriBuf {
    /// A view of it, which has everything else.
    pub fn as_uri(&self) -> Uri<'_> {
        Uri {
            text: Ascii::proved(&self.text),
            parts: self.parts,
        }
    }
}

impl FromStr for UriBuf {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Uri::parse(text).map(|uri| uri.to_buf())
    }
}

impl fmt::Display for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_uri(), f)
    }
}

impl fmt::Debug for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_uri(), f)
    }
}
