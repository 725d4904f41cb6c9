//! By what messages are matched, and what they have in common.

use std::net::SocketAddr;

use bytes::Bytes;
use comity_sip::header::{CSeq, CallId, From, To, Via};
use comity_sip::{HeaderName, Headers, Limits, Message, Request, Response};

/// What messages are matched by.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) transport: String,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) branch: String,
    pub(super) params: String,
    pub(super) is_unique: bool,
    pub(super) call_id: String,
    pub(super) from_tag: String,
    pub(super) to_tag: Option<String>,
    pub(super) number: u32,
    /// Of the request line.
    pub(super) method: String,
    /// What CSeq says instead.
    pub(super) numbered: String,
}

impl Parts {
    pub(super) fn of(headers: Headers<'_>, method: &str) -> Option<Self> {
        let via = headers.first::<Via<'_>>().ok()??;
        let text =
            |tag: Option<&[u8]>| String::from_utf8_lossy(tag.unwrap_or_default()).into_owned();
        let to = headers.one::<To<'_>>().ok()?;
        let cseq = headers.one::<CSeq<'_>>().ok()?;
        Some(Self {
            transport: via.transport().to_ascii_lowercase(),
            host: via.host().as_str().to_ascii_lowercase(),
            port: via.port(),
            branch: text(via.branch_bytes()).to_ascii_lowercase(),
            params: text(Some(via.params().as_bytes())).to_ascii_lowercase(),
            is_unique: via.has_unique_branch(),
            call_id: text(Some(headers.one::<CallId<'_>>().ok()?.as_bytes())),
            from_tag: text(headers.one::<From<'_>>().ok()?.tag_bytes()),
            to_tag: to.tag_bytes().map(|tag| text(Some(tag))),
            number: cseq.number,
            method: method.to_owned(),
            numbered: cseq.method.as_str().to_owned(),
        })
    }

    pub(super) fn of_response(response: &Response) -> Option<Self> {
        Self::of(response.headers(), "")
    }

    /// The key of a server transaction (RFC 3261 §17.2.3); ACK has that of its INVITE.
    pub(super) fn key(&self, request: &Request, realm: &str, method: &str) -> String {
        let method = if method == "ACK" { "INVITE" } else { method };
        let sent_by = (&self.host, self.port);
        if self.is_unique {
            return format!("{realm} {method} {sent_by:?} {}", self.branch);
        }
        let uri = request.uri();
        let host = uri.host().map(|host| host.as_str().to_ascii_lowercase());
        let target = (uri.user(), host, uri.port());
        let Self { params, .. } = self;
        let call = self.call();
        format!("{realm} {method} old {sent_by:?} {params} {call} {target:?}")
    }

    /// By what an answer is found: the topmost Via but for what we add, the call and the method.
    pub(super) fn answer(&self) -> String {
        let params = self.params.split(';').map(str::trim);
        let params: Vec<_> = params
            .filter(|param| !param.starts_with("received"))
            .map(|param| param.strip_prefix("rport").map_or(param, |_| "rport"))
            .collect();
        let Self {
            transport,
            host,
            port,
            numbered,
            ..
        } = self;
        let call = self.call();
        format!("{numbered} {transport} {host} {port:?} {params:?} {call}")
    }

    fn call(&self) -> String {
        format!("{} {} {}", self.call_id, self.from_tag, self.number)
    }

    /// Whether an ACK is for the INVITE at hand, but for the tag in To.
    pub(super) fn same_call(&self, ack: &Self) -> bool {
        self.number == ack.number && self.same_dialog(ack)
    }

    /// Whether both are of one dialog, but for the tag in To.
    pub(super) fn same_dialog(&self, other: &Self) -> bool {
        self.call_id == other.call_id && self.from_tag.eq_ignore_ascii_case(&other.from_tag)
    }

    pub(super) fn has_to_tag(&self, tag: &str) -> bool {
        let own = self.to_tag.as_deref().unwrap_or_default();
        own.eq_ignore_ascii_case(tag)
    }

    /// What copies on several ways have in common (RFC 3261 §8.2.2.2). Who proved less cannot stand in
    /// the way of who proved more.
    pub(super) fn merge(&self, realm: &str) -> String {
        format!("{realm} {} {}", self.method, self.call())
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

pub(super) fn lines(headers: Headers<'_>, name: HeaderName) -> Vec<Vec<u8>> {
    headers
        .named(name)
        .map(|header| header.value().to_vec())
        .collect()
}

pub(super) fn response_of(bytes: &Bytes) -> Option<Response> {
    match Message::from_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Response(response)) => Some(response),
        Ok(Message::Request(_)) | Err(_) => None,
    }
}

pub(super) fn request_of(bytes: &Bytes) -> Option<Request> {
    match Message::from_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}
