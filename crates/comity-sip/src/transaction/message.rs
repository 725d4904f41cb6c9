//! The messages that transactions make themselves.

use std::net::SocketAddr;

use bytes::Bytes;

use super::tag::Tag;
use crate::header::{CSeq, MaxForwards, To};
use crate::{
    BuildError, HeaderName, Headers, Limits, Message, Method, Request, RequestBuilder, Response,
    ResponseBuilder, StatusCode,
};

/// The ACK to a response that is no 2xx (RFC 3261 §17.1.1.3), of the bytes of the INVITE.
pub(crate) fn acknowledge(invite: &Bytes, response: &Response) -> Option<Bytes> {
    let invite = request_of(invite)?;
    let mut ack = follow(&invite, Method::Ack).ok()?;
    ack.copy(response.headers(), HeaderName::To).ok()?;
    Some(ack.finish())
}

/// The CANCEL of an INVITE, of its bytes (RFC 3261 §9.1).
pub(crate) fn cancel(invite: &Bytes) -> Option<Bytes> {
    let invite = request_of(invite)?;
    let mut cancel = follow(&invite, Method::Cancel).ok()?;
    cancel.copy(invite.headers(), HeaderName::To).ok()?;
    Some(cancel.finish())
}

/// What ACK and CANCEL take over from their INVITE: all but To.
fn follow(invite: &Request, method: Method<'_>) -> Result<RequestBuilder, BuildError> {
    let headers = invite.headers();
    let mut request = RequestBuilder::new(method, invite.uri())?;
    if let Some(via) = headers.named(HeaderName::Via).next() {
        request.copy_line(&via);
    }
    request
        .copy(headers, HeaderName::Route)?
        .copy(headers, HeaderName::From)?
        .copy(headers, HeaderName::CallId)?
        .header(HeaderName::MaxForwards, MaxForwards(70))?;
    if let Ok(cseq) = headers.one::<CSeq<'_>>() {
        request.header(HeaderName::CSeq, CSeq::new(cseq.number, method))?;
    }
    Ok(request)
}

/// A response of the transaction's own, of the bytes of its request.
pub(crate) fn own_response(
    request: &Bytes,
    status: StatusCode,
    source: Option<SocketAddr>,
    tag: Option<Tag>,
) -> Option<Bytes> {
    let request = request_of(request)?;
    let mut response = match source {
        Some(source) => ResponseBuilder::received(&request, status, source),
        None => ResponseBuilder::new(&request, status),
    };
    if status == StatusCode::TRYING {
        // RFC 3261 §8.2.6.1.
        response
            .copy(request.headers(), HeaderName::Timestamp)
            .ok()?;
    }
    if let Some(tag) = tag {
        response.to_tag(tag.as_str()).ok()?;
    }
    Some(response.finish())
}

/// The tag in To of a message.
pub(crate) fn to_tag(headers: Headers<'_>) -> Option<Box<str>> {
    headers.one::<To<'_>>().ok()?.tag().map(Box::from)
}

/// The tag in To of a response, of its bytes.
pub(crate) fn tag_of(response: &Bytes) -> Option<Box<str>> {
    match Message::from_datagram(response.clone(), &Limits::passed()) {
        Ok(Message::Response(response)) => to_tag(response.headers()),
        Ok(Message::Request(_)) | Err(_) => None,
    }
}

/// A request of its bytes.
pub(crate) fn request_of(bytes: &Bytes) -> Option<Request> {
    match Message::from_datagram(bytes.clone(), &Limits::passed()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}
