//! SIP between servers, without I/O: messages, transactions, dialogs, subscriptions, and an endpoint.
//!
//! * [`Framer`] cuts a stream into messages; [`Message::from_datagram`] and [`Message::from_frame`]
//!   read what a transport delivers in one piece.
//! * [`Message`] is the received bytes and an index of their headers; the types in [`header`] are read
//!   from it when they are asked for.
//! * [`Edit`] changes a message on its way and leaves every other byte as it came.
//! * [`RequestBuilder`], [`ResponseBuilder`], [`AddressBuilder`], [`ViaBuilder`] and [`UriBuilder`]
//!   make new ones, which no value can break.
//! * [`Uri`] is a view of a URI, with the comparison of RFC 3261 §19.1.4.
//! * [`Acceptance`] says whether a message can be accepted, and with what to answer if not. A message
//!   that cannot be accepted can still be forwarded.
//! * [`Endpoint`] is the machine: transactions over datagrams and connections, requests as values to
//!   answer, targets that are worked through, sessions, subscriptions, publications. [`endpoint`] says
//!   how it is driven.
//! * [`Dialog`] is what two user agents keep of each other.
//! * [`diagnose`] says what a server's answers tell about federation with it.
//!
//! Nothing here opens a socket, reads a clock or resolves a name.
//!
//! # A request and its answer
//!
//! ```
//! use comity_sip::header::{From, To};
//! use comity_sip::{Acceptance, Framer, FramerEvent, Limits, Message, ResponseBuilder, Role};
//! use comity_sip::{Standing, StatusCode};
//!
//! let mut framer = Framer::new(Limits::default());
//! framer.handle_input(
//!     b"MESSAGE sip:bob@b.example SIP/2.0\r\n\
//!       Via: SIP/2.0/TLS a.example;branch=z9hG4bK776\r\n\
//!       From: \"Alice\" <sip:alice@a.example>;tag=49583\r\n\
//!       To: <sip:bob@b.example>\r\n\
//!       Call-ID: asd88asd77a@a.example\r\n\
//!       CSeq: 1 MESSAGE\r\n\
//!       Max-Forwards: 70\r\n\
//!       Content-Type: text/plain\r\n\
//!       Content-Length: 2\r\n\r\nhi",
//! );
//! let Some(FramerEvent::Message(Message::Request(request))) = framer.poll_event() else {
//!     panic!("no request");
//! };
//! let from = request.headers().one::<From<'_>>()?;
//! assert_eq!(from.display_name().as_deref(), Some("Alice"));
//! assert_eq!(from.uri().user().as_deref(), Some("alice"));
//!
//! let acceptance = Acceptance::new(Role::UserAgent);
//! acceptance.check(&request, Standing::default())?;
//! let mut response = ResponseBuilder::new(&request, StatusCode::OK);
//! response.to_tag("8321234356")?;
//! assert!(response.finish().starts_with(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS a.example"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! [`Limits`] bounds a message, its headers, their values and parameters, URIs and the parts of a body.
//! Reading a message and indexing its headers takes linear time; up to 32 headers it does not
//! allocate, and neither does reading a header. A [`Framer`] holds what came and was not used, which
//! [`Framer::wants_input`] keeps below one message and one read. A message refers to the buffer in
//! which it came and keeps all of it alive, until [`Message::compact`] copies it out.
//!
//! # Errors
//!
//! A [`ParseError`] says which rule is broken, in which part and at which byte, and the status to
//! answer. What is so broken that there is no message comes as [`Rejected`], with the headers that
//! could be read for the answer; a response is dropped.
//!
//! # Strictness
//!
//! Lines end with CRLF and nothing else, and a NUL stands only behind a backslash. What RFC 4475 leaves
//! to the implementation is refused (400): several spaces in the request line, brackets around a
//! Request-URI, headers in it. What it wants understood is: everything in its §3.1.1, and the messages
//! of RFC 5118.
//!
//! Beyond the grammar is understood what servers in use write and nobody can mistake: any visible
//! characters in a Call-ID, underlines and digits in the names of hosts, telephone numbers without
//! context, `#` in a user, base64 in parameters of Content-Type and Accept, IPv6 addresses as values
//! of parameters, an empty `rport`, a semicolon behind the last parameter, and Microsoft's `gruu`.
//! `COMPAT:` marks each place in the source.
//!
//! # Standards
//!
//! RFC 3261 (but for registrars, redirection, authentication and multicast), RFC 6026 and RFC 4320
//! (transactions), RFC 3581 (`rport`), RFC 5393 (loops), RFC 5658 (two Record-Routes), RFC 5923 (reuse
//! of connections, without virtual servers), RFC 3263 §4.3 and §5 (other targets; the lookup is the
//! driver's), RFC 3428 (MESSAGE), RFC 3903 (client), RFC 6665 (both roles), RFC 4475 and RFC 5118 (test
//! messages). Headers and URIs alone are of RFC 3262, RFC 3325, RFC 3326, RFC 3428, RFC 3581, RFC 3903, RFC 5621, RFC 5626 (keep-alives), RFC 5627,
//! RFC 6665, RFC 7118 (framing) as far as their headers and URIs go; RFC 3859, RFC 3860, RFC 3966
//! (URIs).

mod build;
pub mod diagnose;
mod dialog;
pub mod endpoint;
mod error;
mod flow;
mod grammar;
pub mod header;
mod limits;
mod message;
mod method;
mod multipart;
mod session;
mod status;
mod stream;
mod subscription;
mod transaction;
mod uri;
mod validate;

pub use build::{AddressBuilder, BuildError, RequestBuilder, ResponseBuilder, ViaBuilder};
pub use dialog::{Dialog, DialogError, DialogId, OutOfOrder};
pub use endpoint::Endpoint;
pub use error::{Fault, ParseError, Place};
pub use flow::{ConnectionId, Flow, Transport};
pub use grammar::{HostName, Param, ParamValue, Params, Quoted};
pub use limits::Limits;
pub use message::{
    Edit, EditError, Field, Header, HeaderName, Headers, ListField, Message, Rejected, Request,
    Response, ValueError, Values, Version,
};
pub use method::{Extension, Method};
pub use multipart::{Multipart, Part};
pub use session::{EndReason, SessionError, SessionEvent, SessionId};
pub use status::StatusCode;
pub use stream::{Framer, FramerEvent};
pub use subscription::{
    Cause, PublicationEvent, PublicationId, Publish, Reason, Subscribe, SubscriptionError,
    SubscriptionEvent, SubscriptionId, WatcherEvent,
};
pub use transaction::{Timing, TransactionId};
pub use uri::{Gruu, Scheme, Uri, UriBuf, UriBuilder, UriError, UriHeader, UriParam};
pub use validate::{Acceptance, Passage, Refusal, Role, Standing, check_response};
