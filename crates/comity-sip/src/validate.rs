//! Whether a message can be accepted.

use std::net::SocketAddr;

use thiserror::Error;

use crate::header::{
    Accept, Contact, ContentEncoding, ContentType, MaxForwards, ProxyRequire, Require, To,
};
use crate::message::Mandatory;
use crate::{
    BuildError, HeaderName, Headers, Method, ParseError, Request, Response, ResponseBuilder,
    Scheme, StatusCode, Version,
};

/// What a server takes: the rules by which [`check`](Self::check) accepts or refuses a request.
///
/// Public fields say what the server understands. What is empty is not asked for, unless the field
/// says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acceptance {
    /// As what the request is looked at.
    pub role: Role,
    /// Methods that a user agent implements, as they are written; any other gets 501. A proxy
    /// forwards every method.
    pub methods: Vec<String>,
    /// Option tags that are understood; a required one that is not among them gets 420.
    pub extensions: Vec<String>,
    /// Option tags that are not understood, and of which whoever answers an INVITE says so in other
    /// words. They are not told as supported, and other requests that require them get 420.
    pub deferred_extensions: Vec<String>,
    /// Schemes that a Request-URI may have; any other gets 416. By default `sip` and `sips`.
    pub schemes: Vec<Scheme>,
    /// Types of bodies that a user agent takes, as `text/plain`; any other gets 415. A body without
    /// Content-Type is not refused.
    pub content_types: Vec<String>,
    /// Codings of bodies that a user agent takes beside `identity`; any other gets 415. By default
    /// none.
    pub content_encodings: Vec<String>,
    /// Types of bodies of which a user agent sends one; a request whose Accept has none of them
    /// gets 406.
    pub produces: Vec<String>,
    /// How many bytes a body may have; a larger one gets 513.
    pub max_body_bytes: Option<u32>,
}

/// As what a server looks at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 3261 §8.2 and §16.3 are the two"
)]
pub enum Role {
    /// It answers the request (RFC 3261 §8.2).
    UserAgent,
    /// It forwards the request (RFC 3261 §16.3).
    Proxy,
}

/// What only the keeper of transactions and dialogs knows about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a new fact must be given by every keeper"
)]
pub struct Standing {
    /// True if the request belongs to a dialog that is not there (RFC 3261 §12.2.2), or cancels what
    /// is not there (§9.2).
    pub is_orphan: bool,
    /// Whether it was here before.
    pub passage: Passage,
}

/// Whether a request was here before on another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 knows these")]
pub enum Passage {
    /// It was not.
    #[default]
    First,
    /// It came back to this proxy unchanged (RFC 3261 §16.3).
    Looped,
    /// It reached this user agent on two ways (RFC 3261 §8.2.2.2).
    Merged,
}

/// Why a message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A header that every message needs is absent, repeated or malformed.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// It has another version of SIP.
    #[error("not SIP/2.0")]
    Version,
    /// CSeq names another method than the request line.
    #[error("CSeq names another method")]
    MethodMismatch,
    /// The Request-URI has headers (RFC 3261 §19.1.1).
    #[error("headers in the Request-URI")]
    UriHeaders,
    /// A registration is not for an address of a scheme that is taken (RFC 4475 §3.3.4).
    #[error("a registration for no address of ours")]
    AddressOfRecord,
    /// The scheme of the Request-URI is not taken.
    #[error("a Request-URI of another scheme")]
    Scheme,
    /// It may be forwarded no further.
    #[error("no more hops")]
    TooManyHops,
    /// It came back to this proxy.
    #[error("the request came back")]
    Loop,
    /// It reached this user agent on two ways.
    #[error("the request came twice")]
    Merged,
    /// It requires extensions that are not understood.
    #[error("unknown extensions: {}", tags.join(", "))]
    Extensions {
        /// Their option tags.
        tags: Vec<String>,
    },
    /// Its method is not implemented.
    #[error("a method that is not implemented")]
    Method,
    /// Its dialog or what it cancels is not there.
    #[error("no such dialog or transaction")]
    Orphan,
    /// Its body is of a type or has a coding that is not taken.
    #[error("a body of another type")]
    ContentType,
    /// It accepts none of the types that are sent.
    #[error("no acceptable type for an answer")]
    NotAcceptable,
    /// Its body is too large.
    #[error("a body of more than {limit} bytes")]
    TooLarge {
        /// [`Acceptance::max_body_bytes`].
        limit: u32,
    },
    /// A response that is not for this user agent: it has more than one Via (RFC 3261 §8.1.3.3).
    #[error("a response for somebody else")]
    NotForUs,
    /// A response would be sent to a broadcast or multicast address (RFC 4475 §3.3.10).
    #[error("the next hop of the response is a broadcast or multicast address")]
    Broadcast,
}

impl Refusal {
    /// The status of the answer to a request. A response is dropped.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(error) => error.status(),
            Self::MethodMismatch
            | Self::UriHeaders
            | Self::AddressOfRecord
            | Self::NotForUs
            | Self::Broadcast => StatusCode::BAD_REQUEST,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Scheme => StatusCode::UNSUPPORTED_URI_SCHEME,
            Self::Extensions { .. } => StatusCode::BAD_EXTENSION,
            Self::Orphan => StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST,
            Self::Loop | Self::Merged => StatusCode::LOOP_DETECTED,
            Self::TooManyHops => StatusCode::TOO_MANY_HOPS,
            Self::Method => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::TooLarge { .. } => StatusCode::MESSAGE_TOO_LARGE,
        }
    }
}

impl Acceptance {
    /// Takes every method, no extension, `sip` and `sips` URIs, and bodies of every type.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            methods: Vec::new(),
            extensions: Vec::new(),
            deferred_extensions: Vec::new(),
            schemes: vec![Scheme::Sip, Scheme::Sips],
            content_types: Vec::new(),
            content_encodings: Vec::new(),
            produces: Vec::new(),
            max_body_bytes: None,
        }
    }

    /// Checks a request (RFC 3261 §8.2, §16.3).
    ///
    /// # Errors
    ///
    /// The first rule that the request breaks.
    pub fn check(&self, request: &Request, standing: Standing) -> Result<(), Refusal> {
        let read = Mandatory::read(request.headers()).map_err(|error| match request.version() {
            Version::V2 => Refusal::Malformed(error),
            Version::Other => Refusal::Version,
        })?;
        self.check_read(request, &read, standing)
    }

    /// The same where some of the headers are read.
    pub(crate) fn check_read(
        &self,
        request: &Request,
        read: &Mandatory<'_>,
        standing: Standing,
    ) -> Result<(), Refusal> {
        if request.version() != Version::V2 {
            return Err(Refusal::Version);
        }
        let hops = request.headers().optional::<MaxForwards>()?;
        if self.role == Role::UserAgent {
            // A proxy passes on what others may understand.
            read.other_vias().try_for_each(|via| via.map(drop))?;
            if !allows(&self.methods, request.method().as_str()) {
                return Err(Refusal::Method);
            }
        }
        if read.cseq.method != request.method() {
            return Err(Refusal::MethodMismatch);
        }
        self.check_target(request, read.to, hops)?;
        match standing.passage {
            Passage::First => {}
            Passage::Looped => return Err(Refusal::Loop),
            Passage::Merged => return Err(Refusal::Merged),
        }
        self.check_extensions(request)?;
        if standing.is_orphan {
            return Err(Refusal::Orphan);
        }
        match self.role {
            Role::UserAgent => self.check_content(request),
            Role::Proxy => self.check_size(request),
        }
    }

    /// The answer to a refused request, with the headers that its status calls for; `None` for an
    /// ACK, which is never answered (RFC 3261 §17.1.1.3).
    pub fn refuse(&self, request: &Request, refusal: &Refusal) -> Option<ResponseBuilder> {
        let response = ResponseBuilder::new(request, refusal.status());
        (request.method() != Method::Ack).then(|| self.explain(response, refusal))
    }

    /// The same to a request that came from `source`, which is noted in the topmost Via.
    pub(crate) fn refuse_received(
        &self,
        request: &Request,
        refusal: &Refusal,
        source: SocketAddr,
    ) -> Option<ResponseBuilder> {
        let response = ResponseBuilder::received(request, refusal.status(), source);
        (request.method() != Method::Ack).then(|| self.explain(response, refusal))
    }

    /// Adds the headers that a refusal calls for.
    fn explain(&self, mut response: ResponseBuilder, refusal: &Refusal) -> ResponseBuilder {
        // Values of ours that a header cannot hold are left out.
        let _: Result<_, BuildError> = match refusal {
            Refusal::Extensions { tags } => list(&mut response, HeaderName::Unsupported, tags),
            Refusal::Method => list(&mut response, HeaderName::Allow, &self.methods),
            Refusal::ContentType => list(&mut response, HeaderName::Accept, &self.content_types)
                .and_then(|()| {
                    let name = HeaderName::AcceptEncoding;
                    list(&mut response, name, &self.content_encodings)
                }),
            Refusal::Malformed(_)
            | Refusal::Version
            | Refusal::MethodMismatch
            | Refusal::UriHeaders
            | Refusal::AddressOfRecord
            | Refusal::Scheme
            | Refusal::TooManyHops
            | Refusal::Loop
            | Refusal::Merged
            | Refusal::Orphan
            | Refusal::NotAcceptable
            | Refusal::TooLarge { .. }
            | Refusal::NotForUs
            | Refusal::Broadcast => Ok(()),
        };
        response
    }

    fn check_target(
        &self,
        request: &Request,
        to: To<'_>,
        hops: Option<MaxForwards>,
    ) -> Result<(), Refusal> {
        let uri = request.uri();
        if uri.has_headers() {
            return Err(Refusal::UriHeaders);
        }
        if !self.schemes.contains(&uri.scheme()) {
            return Err(Refusal::Scheme);
        }
        let no_hops = hops.and_then(MaxForwards::hops) == Some(0);
        match self.role {
            Role::Proxy if no_hops => return Err(Refusal::TooManyHops),
            Role::Proxy => return Ok(()),
            Role::UserAgent => {}
        }
        for contact in request.headers().all::<Contact<'_>>() {
            contact?;
        }
        if request.method() == Method::Register && !self.schemes.contains(&to.uri().scheme()) {
            return Err(Refusal::AddressOfRecord);
        }
        Ok(())
    }

    /// Require concerns user agents, Proxy-Require proxies; neither has a meaning in ACK and CANCEL
    /// (RFC 3261 §8.2.2.3).
    fn check_extensions(&self, request: &Request) -> Result<(), Refusal> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let is_deferred = request.method() == Method::Invite;
        let known = |tag: &str| {
            contains(&self.extensions, tag)
                || is_deferred && contains(&self.deferred_extensions, tag)
        };
        let mut tags: Vec<String> = Vec::new();
        match self.role {
            Role::UserAgent => {
                for tag in request.headers().all::<Require<'_>>() {
                    tags.push(tag?.as_str().to_owned());
                }
            }
            Role::Proxy => {
                for tag in request.headers().all::<ProxyRequire<'_>>() {
                    tags.push(tag?.as_str().to_owned());
                }
            }
        }
        tags.retain(|tag| !known(tag));
        match tags.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Extensions { tags }),
        }
    }

    fn check_content(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        self.check_size(request)?;
        let has_body = !request.body().is_empty();
        if let (true, Some(content_type)) = (has_body, headers.optional::<ContentType<'_>>()?) {
            let mut listed = self.content_types.iter();
            let is_taken = |listed: &String| {
                let (kind, subtype) = listed.split_once('/').unwrap_or_default();
                content_type.is(kind, subtype)
            };
            if !self.content_types.is_empty() && !listed.any(is_taken) {
                return Err(Refusal::ContentType);
            }
        }
        for encoding in headers.all::<ContentEncoding<'_>>() {
            let encoding = encoding?;
            let is_identity = encoding.as_str().eq_ignore_ascii_case("identity");
            if has_body && !is_identity && !contains(&self.content_encodings, encoding.as_str()) {
                return Err(Refusal::ContentType);
            }
        }
        self.check_accept(headers)
    }

    fn check_accept(&self, headers: Headers<'_>) -> Result<(), Refusal> {
        if self.produces.is_empty() || !headers.has(HeaderName::Accept) {
            return Ok(());
        }
        let accepted = headers.all::<Accept<'_>>().collect::<Result<Vec<_>, _>>()?;
        // Of the ranges that a type is in, the narrowest decides.
        let fits = self.produces.iter().any(|name| {
            let (kind, subtype) = name.split_once('/').unwrap_or((name, ""));
            let ranges = accepted.iter();
            let narrowest = ranges
                .filter_map(|range| Some((range.narrowness(kind, subtype)?, range.q())))
                .max();
            narrowest.is_some_and(|(_, q)| q > 0)
        });
        match fits {
            true => Ok(()),
            false => Err(Refusal::NotAcceptable),
        }
    }

    fn check_size(&self, request: &Request) -> Result<(), Refusal> {
        match self.max_body_bytes {
            Some(limit) if request.body().len() > limit as usize => {
                Err(Refusal::TooLarge { limit })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Checks a response (RFC 3261 §8.1.3.3, §16.7). A refused one is dropped.
///
/// # Errors
///
/// The first rule that the response breaks.
pub fn check_response(response: &Response, role: Role) -> Result<(), Refusal> {
    if response.version() != Version::V2 {
        return Err(Refusal::Version);
    }
    let headers = response.headers();
    let read = Mandatory::read(headers)?;
    headers.optional::<MaxForwards>()?;
    // The one to which the response goes; what lies behind concerns others.
    let Some(next) = read.other_vias().next().transpose()? else {
        return Ok(());
    };
    if role == Role::UserAgent {
        return Err(Refusal::NotForUs);
    }
    let address = next.received().or_else(|| next.host().address());
    let is_for_many = address.is_some_and(|address| match address {
        std::net::IpAddr::V4(address) => address.is_broadcast() || address.is_multicast(),
        std::net::IpAddr::V6(address) => address.is_multicast(),
    });
    match is_for_many && next.maddr().is_none() {
        true => Err(Refusal::Broadcast),
        false => Ok(()),
    }
}

/// True if nothing is listed, or this is.
fn allows(listed: &[String], name: &str) -> bool {
    listed.is_empty() || listed.iter().any(|listed| listed == name)
}

fn contains(listed: &[String], name: &str) -> bool {
    listed
        .iter()
        .any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Adds a header of many values, if there is any.
fn list(
    response: &mut ResponseBuilder,
    name: HeaderName,
    values: &[String],
) -> Result<(), BuildError> {
    if !values.is_empty() {
        response.header(name, values.join(", "))?;
    }
    Ok(())
}
