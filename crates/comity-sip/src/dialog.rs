//! Dialogs: what two user agents keep of each other (RFC 3261 §12).

use thiserror::Error;

use crate::grammar::Unfolded;
use crate::header::{CSeq, CallId, Contact, From, MaxForwards, RecordRoute, Route, To};
use crate::{
    BuildError, Field, HeaderName, Headers, Limits, ListField, Method, ParseError, Request,
    RequestBuilder, Response, Uri, UriBuf,
};

/// One side of a dialog: everything that its requests have in common.
///
/// ```
/// use comity_sip::{Dialog, Limits, Message, Method};
///
/// let invite = b"INVITE sip:bob@b.example SIP/2.0\r\n\
///     Via: SIP/2.0/TLS a.example;branch=z9hG4bK7\r\n\
///     Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr;transport=tls>\r\n\
///     From: <sip:alice@a.example>;tag=1\r\n\
///     To: <sip:bob@b.example>\r\n\
///     Call-ID: 1@a.example\r\n\
///     CSeq: 7 INVITE\r\n\
///     Contact: <sip:alice@192.0.2.1:5061;transport=tls>\r\n\
///     \r\n";
/// let message = Message::from_datagram(invite.as_slice().into(), &Limits::default())?;
/// let Message::Request(invite) = message else { panic!("a response") };
/// let mut dialog = Dialog::answering(&invite, "2")?;
/// assert_eq!(
///     dialog.request(Method::Bye)?.finish(),
///     "BYE sip:alice@192.0.2.1:5061;transport=tls SIP/2.0\r\n\
///      Route: <sip:p2.example;lr>\r\n\
///      Route: <sip:p1.example;lr;transport=tls>\r\n\
///      From: <sip:bob@b.example>;tag=2\r\n\
///      To: <sip:alice@a.example>;tag=1\r\n\
///      Call-ID: 1@a.example\r\n\
///      CSeq: 1 BYE\r\n\
///      Max-Forwards: 70\r\n\
///      Content-Length: 0\r\n\
///      \r\n"
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    call_id: String,
    /// The values of From and To of our requests, with their tags.
    local: String,
    remote: String,
    remote_target: UriBuf,
    /// The values of Route, as the peer wrote them.
    routes: Vec<String>,
    local_sequence: u32,
    remote_sequence: Option<u32>,
}

/// What identifies a dialog (RFC 3261 §12): two sides give the tags in opposite order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId {
    call_id: String,
    local_tag: String,
    remote_tag: String,
}

/// Why no dialog is made of a message, or no request of a dialog.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DialogError {
    /// A header that a dialog needs is absent or malformed.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// The peer gave no Contact, or not one with a URI to which requests can be sent.
    #[error("no address of the peer to send requests to")]
    NoTarget,
    /// The response has no tag in To.
    #[error("no tag in To")]
    NoTag,
    /// The numbers of CSeq are used up (RFC 3261 §8.1.1.5).
    #[error("no number is left for CSeq")]
    Exhausted,
    /// A part of the dialog fits into no header, or our tag is no token.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A request of the peer came too late: a later one of the dialog was here before, and it is answered
/// with 500 (RFC 3261 §12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a number in CSeq that was used before")]
#[expect(clippy::exhaustive_structs, reason = "there is one reason")]
pub struct OutOfOrder;

impl Dialog {
    /// The dialog that a request begins, for the side that answers it with `tag` in To
    /// (RFC 3261 §12.1.1).
    ///
    /// # Errors
    ///
    /// If the request lacks what a dialog needs.
    pub fn answering(request: &Request, tag: &str) -> Result<Self, DialogError> {
        let headers = request.headers();
        let mut local = raw::<To<'_>>(headers)?;
        let to = headers.one::<To<'_>>()?;
        if to.tag_bytes().is_none() {
            local = format!("{};tag={tag}", local.trim_end_matches([';', ' ']));
        }
        let from = headers.one::<From<'_>>()?;
        Ok(Self {
            id: DialogId::new(headers, tag.as_bytes(), from.tag_bytes())?,
            call_id: headers.one::<CallId<'_>>()?.as_str().to_owned(),
            local,
            remote: raw::<From<'_>>(headers)?,
            remote_target: target(headers)?.ok_or(DialogError::NoTarget)?,
            routes: route_set(headers)?,
            local_sequence: 0,
            remote_sequence: Some(headers.one::<CSeq<'_>>()?.number),
        })
    }

    /// The dialog that a response begins, for the side that sent the request (RFC 3261 §12.1.2).
    ///
    /// # Errors
    ///
    /// If the response lacks what a dialog needs.
    pub fn answered(response: &Response) -> Result<Self, DialogError> {
        let headers = response.headers();
        let to = headers.one::<To<'_>>()?;
        let tag = to.tag_bytes().ok_or(DialogError::NoTag)?;
        let from = headers.one::<From<'_>>()?;
        let mut routes = route_set(headers)?;
        routes.reverse();
        Ok(Self {
            id: DialogId::new(headers, from.tag_bytes().unwrap_or_default(), Some(tag))?,
            call_id: headers.one::<CallId<'_>>()?.as_str().to_owned(),
            local: raw::<From<'_>>(headers)?,
            remote: raw::<To<'_>>(headers)?,
            remote_target: target(headers)?.ok_or(DialogError::NoTarget)?,
            routes,
            local_sequence: headers.one::<CSeq<'_>>()?.number,
            remote_sequence: None,
        })
    }

    /// The dialog that a NOTIFY begins before the answer to our SUBSCRIBE has come (RFC 6665 §4.4.1);
    /// `sequence` is the number of the SUBSCRIBE.
    ///
    /// # Errors
    ///
    /// If the request lacks what a dialog needs.
    pub fn notified(request: &Request, sequence: u32) -> Result<Self, DialogError> {
        let headers = request.headers();
        let tag = headers.one::<To<'_>>()?.tag_bytes();
        let mut dialog = Self::answering(request, &lower(tag.ok_or(DialogError::NoTag)?))?;
        dialog.local_sequence = sequence;
        Ok(dialog)
    }

    /// What identifies it.
    #[must_use]
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Where its requests go at last: the peer's Contact.
    #[must_use]
    pub fn remote_target(&self) -> Uri<'_> {
        self.remote_target.as_uri()
    }

    /// The values of Route in its requests, as the peer wrote them, the first hop first.
    #[must_use]
    pub fn route_set(&self) -> &[String] {
        &self.routes
    }

    /// The number of the last request of ours.
    #[must_use]
    pub fn local_sequence(&self) -> u32 {
        self.local_sequence
    }

    /// The next request of the dialog (RFC 3261 §12.2.1.1).
    ///
    /// # Errors
    ///
    /// If the numbers of CSeq are used up: they stay below 2³¹.
    pub fn request(&mut self, method: Method<'_>) -> Result<RequestBuilder, DialogError> {
        self.request_within(method, MaxForwards(70))
    }

    /// The same with this many hops left, for a request that goes on from elsewhere (RFC 7332).
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_within(
        &mut self,
        method: Method<'_>,
        hops: MaxForwards,
    ) -> Result<RequestBuilder, DialogError> {
        let number = self.local_sequence.saturating_add(1);
        if number > MAX_SEQUENCE {
            return Err(DialogError::Exhausted);
        }
        let request = self.numbered(number, method, hops)?;
        self.local_sequence = number;
        Ok(request)
    }

    /// The ACK to the 2xx of an INVITE with this number (RFC 3261 §13.2.2.4).
    ///
    /// # Errors
    ///
    /// If a part of the dialog fits into no header.
    pub fn acknowledge(&self, number: u32) -> Result<RequestBuilder, DialogError> {
        self.numbered(number, Method::Ack, MaxForwards(70))
    }

    /// Takes a request of the peer in: it must be later than all before.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn handle_request(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let headers = request.headers();
        let number = headers
            .one::<CSeq<'_>>()
            .map_err(|_malformed| OutOfOrder)?
            .number;
        // ACK and CANCEL have the number of their INVITE.
        if !matches!(request.method(), Method::Ack | Method::Cancel) {
            if self.remote_sequence.is_some_and(|last| number <= last) {
                return Err(OutOfOrder);
            }
            self.remote_sequence = Some(number);
        }
        if refreshes_target(request.method()) {
            self.refresh(headers);
        }
        Ok(())
    }

    /// Takes a response to a request of ours in: a 2xx can tell a new address of the peer
    /// (RFC 3261 §12.2.1.2).
    pub fn handle_response(&mut self, response: &Response) {
        let headers = response.headers();
        let method = headers
            .one::<CSeq<'_>>()
            .map(|cseq| refreshes_target(cseq.method));
        if response.status().is_success() && method == Ok(true) {
            self.refresh(headers);
        }
    }

    fn refresh(&mut self, headers: Headers<'_>) {
        if let Ok(Some(target)) = target(headers) {
            self.remote_target = target;
        }
    }

    fn numbered(
        &self,
        number: u32,
        method: Method<'_>,
        hops: MaxForwards,
    ) -> Result<RequestBuilder, DialogError> {
        let remote_target = self.remote_target.as_uri();
        let first = self.routes.first().and_then(|route| route_of(route));
        // A proxy that does not know loose routing takes the Request-URI for itself, and the target
        // comes last.
        let strict = first.filter(|route| !route.is_loose());
        let uri = strict.as_ref().map_or(remote_target, |route| route.uri());
        let mut request = RequestBuilder::new(method, uri)?;
        let routes = self.routes.iter().skip(usize::from(strict.is_some()));
        for route in routes {
            request.header(HeaderName::Route, route)?;
        }
        if strict.is_some() {
            request.header(HeaderName::Route, format_args!("<{remote_target}>"))?;
        }
        request
            .header(HeaderName::From, &self.local)?
            .header(HeaderName::To, &self.remote)?
            .header(HeaderName::CallId, &self.call_id)?
            .header(HeaderName::CSeq, CSeq::new(number, method))?
            .header(HeaderName::MaxForwards, hops)?;
        Ok(request)
    }
}

impl DialogId {
    /// The dialog of a request that came: our tag is in To.
    ///
    /// # Errors
    ///
    /// If a header that identifies it is absent or malformed.
    pub fn of_request(request: &Request) -> Result<Self, ParseError> {
        let headers = request.headers();
        let local = headers.one::<To<'_>>()?.tag_bytes().unwrap_or_default();
        Self::new(headers, local, headers.one::<From<'_>>()?.tag_bytes())
    }

    /// The dialog of a response that came: our tag is in From.
    ///
    /// # Errors
    ///
    /// If a header that identifies it is absent or malformed.
    pub fn of_response(response: &Response) -> Result<Self, ParseError> {
        let headers = response.headers();
        let local = headers.one::<From<'_>>()?.tag_bytes().unwrap_or_default();
        Self::new(headers, local, headers.one::<To<'_>>()?.tag_bytes())
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag, in lower case.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The peer's tag, in lower case; empty if it is older than RFC 3261 (§12.1.1).
    #[must_use]
    pub fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    fn new(headers: Headers<'_>, local: &[u8], remote: Option<&[u8]>) -> Result<Self, ParseError> {
        Ok(Self {
            call_id: headers.one::<CallId<'_>>()?.as_str().to_owned(),
            local_tag: lower(local),
            remote_tag: lower(remote.unwrap_or_default()),
        })
    }
}

/// The largest number that a request of ours may have in CSeq (RFC 3261 §8.1.1.5).
const MAX_SEQUENCE: u32 = (1 << 31) - 1;

/// Whether a request can tell a new address of its sender (RFC 3261 §12.2, RFC 6665 §4.4.1).
fn refreshes_target(method: Method<'_>) -> bool {
    matches!(
        method,
        Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer
    )
}

/// The URI in the only Contact.
fn target(headers: Headers<'_>) -> Result<Option<UriBuf>, ParseError> {
    let contact = headers.first::<Contact<'_>>()?;
    let uri = contact.and_then(|contact| contact.uri());
    Ok(uri
        .filter(|uri| uri.host().is_some())
        .map(|uri| uri.to_buf()))
}

/// The values of Record-Route, as they are written.
fn route_set(headers: Headers<'_>) -> Result<Vec<String>, ParseError> {
    // Checks all of them, and bounds how many there are.
    for route in headers.all::<RecordRoute<'_>>() {
        route?;
    }
    Ok(raw_values::<RecordRoute<'_>>(headers))
}

/// The values of a list of addresses, as they are written, from all lines.
pub(crate) fn raw_values<'a, T: ListField<'a>>(headers: Headers<'a>) -> Vec<String> {
    let mut values = Vec::new();
    for header in headers.named(T::NAME) {
        let mut rest = header.value();
        while let Ok((_, len)) = T::read(rest, headers.limits()) {
            let (value, behind) = crate::grammar::split(rest, len);
            values.push(unfolded(value));
            let next = behind.trim_ascii_start().strip_prefix(b",");
            rest = next.unwrap_or_default().trim_ascii_start();
        }
    }
    values
}

/// A value of a route set as a Route.
fn route_of(value: &str) -> Option<Route<'_>> {
    let read = Route::read(value.as_bytes(), &Limits::passed());
    read.ok().map(|(route, _)| route)
}

/// The value of a header as it is written, on one line.
fn raw<'a, T: Field<'a>>(headers: Headers<'a>) -> Result<String, ParseError> {
    headers.one::<T>()?;
    let value = headers.named(T::NAME).next().map(|header| header.value());
    Ok(unfolded(value.unwrap_or_default()))
}

fn unfolded(value: &[u8]) -> String {
    match str::from_utf8(value) {
        Ok(text) if !text.contains('\r') => text.to_owned(),
        Ok(text) => Unfolded(text).to_string(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}

fn lower(tag: &[u8]) -> String {
    String::from_utf8_lossy(tag).to_ascii_lowercase()
}
