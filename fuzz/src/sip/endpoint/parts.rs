//! By what messages are matched, and what they have in common.

use std::net::SocketAddr;

use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, From, To, Via};
use comity_sip::{HeaderName, Headers, Limits, Message, Request, Response, StatusCode};

use super::model::Output;

/// What messages are matched by.
pub(super) struct Parts {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) branch: String,
    pub(super) params: String,
    pub(super) is_unique: bool,
    pub(super) call_id: String,
    pub(super) from_tag: String,
    pub(super) to_tag: Option<String>,
    pub(super) number: u32,
    pub(super) method: String,
}

impl Parts {
    pub(super) fn of(headers: Headers<'_>, method: &str) -> Option<Self> {
        let via = headers.first::<Via<'_>>().ok()??;
        let text =
            |tag: Option<&[u8]>| String::from_utf8_lossy(tag.unwrap_or_default()).into_owned();
        let to = headers.one::<To<'_>>().ok()?;
        Some(Self {
            host: via.host().as_str().to_ascii_lowercase(),
            port: via.port(),
            branch: text(via.branch_bytes()).to_ascii_lowercase(),
            params: text(Some(via.params().as_bytes())).to_ascii_lowercase(),
            is_unique: via.has_unique_branch(),
            call_id: text(Some(headers.one::<CallId<'_>>().ok()?.as_bytes())),
            from_tag: text(headers.one::<From<'_>>().ok()?.tag_bytes()),
            to_tag: to.tag_bytes().map(|tag| text(Some(tag))),
            number: headers.one::<CSeq<'_>>().ok()?.number,
            method: method.to_owned(),
        })
    }

    pub(super) fn of_response(response: &Response) -> Option<Self> {
        let headers = response.headers();
        let cseq = headers.one::<CSeq<'_>>().ok()?;
        Self::of(headers, cseq.method.as_str())
    }

    /// The key of a server transaction (RFC 3261 §17.2.3); ACK has that of its INVITE.
    pub(super) fn key(&self, request: &Request, realm: &str, method: &str) -> String {
        let method = if method == "ACK" { "INVITE" } else { method };
        let Self {
            host,
            port,
            branch,
            params,
            ..
        } = self;
        if self.is_unique {
            return format!("{realm} {method} {host} {port:?} {branch}");
        }
        let uri = request.uri();
        let target = (
            uri.user(),
            uri.host().map(|host| host.as_str().to_ascii_lowercase()),
        );
        let Self {
            call_id,
            from_tag,
            number,
            ..
        } = self;
        let port = (port, uri.port());
        format!(
            "{realm} {method} old {host} {port:?} {params} {call_id} {from_tag} {number} {target:?}"
        )
    }

    /// By what an answer is found.
    pub(super) fn answer(&self) -> String {
        let Self {
            host,
            port,
            branch,
            call_id,
            from_tag,
            number,
            method,
            ..
        } = self;
        format!("{method} {host} {port:?} {branch} {call_id} {from_tag} {number}")
    }

    /// How the answer of an INVITE ends whose dialog this is.
    pub(super) fn dialog(&self) -> String {
        let Self {
            call_id,
            from_tag,
            number,
            ..
        } = self;
        format!(" {call_id} {from_tag} {number}")
    }

    /// What copies on several ways have in common (RFC 3261 §8.2.2.2).
    pub(super) fn merge(&self) -> String {
        let Self {
            call_id,
            from_tag,
            number,
            method,
            ..
        } = self;
        format!("{method} {call_id} {from_tag} {number}")
    }
}

/// The topmost Via has the source (RFC 3261 §18.2.1, RFC 3581 §4).
pub(super) fn check_via(response: &Response, source: SocketAddr) {
    let via = response
        .headers()
        .first::<Via<'_>>()
        .ok()
        .flatten()
        .expect("a Via");
    if via.host().address() != Some(source.ip()) || via.rport().is_some() {
        assert_eq!(via.received(), Some(source.ip()), "no received");
    }
    if let Some(rport) = via.rport() {
        assert_eq!(format!("{rport:?}"), format!("Port({})", source.port()));
    }
}

/// Whether an ACK or a CANCEL is the one of an INVITE (RFC 3261 §9.1, §17.1.1.3).
pub(super) fn follows(
    invite: &Bytes,
    bytes: &Bytes,
    method: &str,
    response: Option<&Bytes>,
) -> bool {
    let (Some(invite), Some(request)) = (request_of(invite), request_of(bytes)) else {
        return false;
    };
    let response = response.map(|response| response_of(response).expect("it was one"));
    let to_of = match &response {
        Some(response) => response.headers(),
        None => invite.headers(),
    };
    let (theirs, ours) = (invite.headers(), request.headers());
    let number = |headers: Headers<'_>| headers.one::<CSeq<'_>>().ok().map(|cseq| cseq.number);
    let same = |name| lines(theirs, name) == lines(ours, name);
    request.method().as_str() == method
        && request.uri().as_bytes() == invite.uri().as_bytes()
        && lines(to_of, HeaderName::To) == lines(ours, HeaderName::To)
        && number(theirs) == number(ours)
        && [
            HeaderName::From,
            HeaderName::CallId,
            HeaderName::Via,
            HeaderName::Route,
        ]
        .into_iter()
        .all(same)
}

fn lines(headers: Headers<'_>, name: HeaderName) -> Vec<Vec<u8>> {
    headers
        .named(name)
        .map(|header| header.value().to_vec())
        .collect()
}

pub(super) fn is_503(output: Option<&Output>, answer: &str) -> bool {
    output.is_some_and(|(_, bytes)| {
        response_of(bytes).is_some_and(|response| {
            let parts = Parts::of_response(&response);
            response.status() == StatusCode::SERVICE_UNAVAILABLE
                && parts.is_some_and(|parts| parts.answer() == answer)
        })
    })
}

pub(super) fn response_of(bytes: &Bytes) -> Option<Response> {
    match Message::from_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Response(response)) => Some(response),
        Ok(Message::Request(_)) | Err(_) => None,
    }
}

fn request_of(bytes: &Bytes) -> Option<Request> {
    match Message::from_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}
