//! From SIP to XMPP.

use bytes::Bytes;
use comity_sip::header::{ContentDisposition, ContentLanguage, ContentType};
use comity_sip::{Field, HeaderName, Headers, Message, Multipart, Part, Request};

use super::{ChatState, Cpim, Limits, Unreadable, html, plain, rtf, transfer, typing};
use crate::address;
use crate::failure::line;

/// What a body is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// A text.
    Text(Body),
    /// A sign of typing: [`ChatState::Composing`], or [`ChatState::Active`] for its end.
    Typing(ChatState),
    /// A notification that a message was received or read (RFC 5438).
    Receipt,
}

/// A text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Body {
    /// Its language, if it is said.
    pub lang: Option<Box<str>>,
    /// Clean text, as the module says.
    pub text: Box<str>,
}

/// What was found in a body, and its envelope.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// What it is.
    pub content: Content,
    /// The outermost CPIM envelope, whose addresses nobody has compared yet.
    pub envelope: Option<Cpim>,
}

/// Reads the body of a MESSAGE or INFO, within the default limits. A CPIM envelope must be from the
/// sender of the request and to its recipient.
///
/// # Errors
///
/// Why there is nothing in it for XMPP; [`Unreadable::status`] is the answer.
pub fn read_request(request: &Request) -> Result<Content, Unreadable> {
    let headers = request.headers();
    let content_type = headers.optional::<ContentType<'_>>();
    let content_type = content_type.map_err(|_position| Unreadable::Malformed)?;
    let mut lines = headers.named(HeaderName::ContentEncoding);
    let encoding = lines.find(|line| !is_identity(line.value()));
    let encoding = encoding.map(|line| line.text().unwrap_or("unknown"));
    let reading = read(content_type, encoding, &request.body(), &Limits::default())?;
    if let Some(envelope) = &reading.envelope
        && !is_of(envelope, headers)
    {
        return Err(Unreadable::Identity);
    }
    let Content::Text(mut body) = reading.content else {
        return Ok(reading.content);
    };
    body.lang = body.lang.or_else(|| language(headers));
    Ok(Content::Text(body))
}

/// Reads the text that rides in an INVITE of a Microsoft client (header `Ms-Text-Format`, parameter
/// `ms-body`); `None` if there is none. If it is taken, the answer says `Supported: ms-text-format`,
/// and it does not come again.
///
/// # Errors
///
/// As [`read`].
pub fn read_invite(request: &Request) -> Option<Result<Content, Unreadable>> {
    let header = request.headers().find("Ms-Text-Format").next()?;
    let limits = comity_sip::Limits::default();
    let (content_type, _) = ContentType::read(header.value(), &limits).ok()?;
    let text = content_type.param("ms-body")?;
    let read = |body: Vec<u8>| {
        let reading = read(Some(content_type), None, &body.into(), &Limits::default())?;
        match reading.envelope {
            Some(_) => Err(Unreadable::Type),
            None => Ok(reading.content),
        }
    };
    Some(transfer::base64(text.as_bytes()).and_then(read))
}

/// The Subject of a request as one line.
#[must_use]
pub fn subject(headers: Headers<'_>) -> Option<Box<str>> {
    let header = headers.named(HeaderName::Subject).next()?;
    let subject = line(header.text().ok()?, MAX_SUBJECT_BYTES);
    (!subject.is_empty()).then(|| subject.into())
}

/// Reads a body by its type, and by its Content-Encoding if it has one.
///
/// Of several parts, the first plain text counts, else HTML, else RTF, else what is no text. No body
/// and no type is an empty text.
///
/// # Errors
///
/// Why there is nothing in it for XMPP.
///
/// ```
/// use comity_bridge::text::{Content, Limits, read};
/// use comity_sip::{Field, header::ContentType};
///
/// let (html, _) = ContentType::read(b"text/html", &comity_sip::Limits::default())?;
/// let body = b"<p>1 &lt; 2</p><p>yes</p>".as_slice().into();
/// let Content::Text(body) = read(Some(html), None, &body, &Limits::default())?.content else {
///     panic!("no text");
/// };
/// assert_eq!(&*body.text, "1 < 2\nyes");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn read(
    content_type: Option<ContentType<'_>>,
    content_encoding: Option<&str>,
    body: &Bytes,
    limits: &Limits,
) -> Result<Reading, Unreadable> {
    if body.len() > limits.max_body_bytes {
        let limit = limits.max_body_bytes;
        return Err(Unreadable::TooLong { limit });
    }
    if content_encoding.is_some_and(|name| !is_identity(name.as_bytes())) {
        return Err(Unreadable::Encoding);
    }
    let content_type = match content_type {
        Some(content_type) => content_type.to_string(),
        None if body.is_empty() => TEXT_PLAIN.to_owned(),
        None => return Err(Unreadable::NoType),
    };
    let mut piece = Piece {
        content_type,
        transfer: None,
        lang: None,
        body: body.clone(),
    };
    let mut envelope = None;
    for _ in 0..=limits.max_wrappers {
        piece = match piece.kind()? {
            Kind::Parts => choose(piece.parts(limits)?, limits)?,
            Kind::Envelope => {
                let (outer, inside) = Cpim::read(&piece.decoded()?)?;
                envelope.get_or_insert(outer);
                let inside = [START_LINE.as_bytes(), &inside].concat();
                let message = message(inside, limits)?;
                Piece::of(message.headers(), message.body())?
            }
            kind @ (Kind::Plain
            | Kind::Html
            | Kind::Rtf
            | Kind::IsComposing
            | Kind::KeyboardActivity
            | Kind::Receipt
            | Kind::FileTransfer
            | Kind::Other) => {
                let content = piece.content(kind, limits)?;
                return Ok(Reading { content, envelope });
            }
        };
    }
    let limit = limits.max_wrappers;
    Err(Unreadable::TooDeep { limit })
}

/// A body with its type, which may be inside another.
struct Piece {
    content_type: String,
    transfer: Option<String>,
    lang: Option<Box<str>>,
    body: Bytes,
}

/// What a type is here, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Plain,
    Html,
    Rtf,
    Envelope,
    Parts,
    IsComposing,
    KeyboardActivity,
    Receipt,
    FileTransfer,
    Other,
}

impl Piece {
    /// What is behind the headers of a part or an envelope; without a type it is plain text
    /// (RFC 2045 §5.2).
    fn of(headers: Headers<'_>, body: Bytes) -> Result<Self, Unreadable> {
        let content_type = headers.optional::<ContentType<'_>>();
        let content_type = content_type.map_err(|_position| Unreadable::Malformed)?;
        let mut encodings = headers.named(HeaderName::ContentEncoding);
        if encodings.any(|line| !is_identity(line.value())) {
            return Err(Unreadable::Encoding);
        }
        let transfer = headers.find("Content-Transfer-Encoding").next();
        Ok(Self {
            content_type: content_type.map_or_else(|| TEXT_PLAIN.to_owned(), |own| own.to_string()),
            transfer: transfer.map(|line| line.text().unwrap_or("unknown").to_owned()),
            lang: language(headers),
            body,
        })
    }

    fn kind(&self) -> Result<Kind, Unreadable> {
        let content_type = typed(&self.content_type)?;
        let kind = content_type.kind().to_ascii_lowercase();
        let subtype = content_type.subtype().to_ascii_lowercase();
        Ok(match (kind.as_str(), subtype.as_str()) {
            ("text", "plain") => Kind::Plain,
            ("text", "html") | ("application", "xhtml+xml") => Kind::Html,
            ("text" | "application", "rtf") => Kind::Rtf,
            ("text", "x-msmsgsinvite") => Kind::FileTransfer,
            ("multipart", _) => Kind::Parts,
            ("message", "cpim") => Kind::Envelope,
            ("application", "im-iscomposing+xml") | ("image", "iscomposing") => Kind::IsComposing,
            ("application" | "text", "xml") => Kind::KeyboardActivity,
            ("message", "imdn+xml") | ("application", "ms-imdn+xml") => Kind::Receipt,
            (_, _) => Kind::Other,
        })
    }

    fn decoded(&self) -> Result<Bytes, Unreadable> {
        let decoded = transfer::decode(self.transfer.as_deref(), &self.body)?;
        Ok(decoded.map_or_else(|| self.body.clone(), Bytes::from))
    }

    fn parts(&self, limits: &Limits) -> Result<Multipart, Unreadable> {
        let head = format!("{START_LINE}Content-Type: {}\r\n\r\n", self.content_type);
        let message = message([head.as_bytes(), &self.body].concat(), limits)?;
        let parts = Multipart::of(&message).map_err(|_position| Unreadable::Malformed)?;
        parts.ok_or(Unreadable::Malformed)
    }

    fn content(&self, kind: Kind, limits: &Limits) -> Result<Content, Unreadable> {
        let body = self.decoded()?;
        let charset = || Ok::<_, Unreadable>(typed(&self.content_type)?.param("charset"));
        let text = match kind {
            Kind::Plain => plain::decode(&body, charset()?.as_deref())?,
            Kind::Html => html::to_text(&plain::decode(&body, charset()?.as_deref())?),
            Kind::Rtf => rtf::to_text(&body, limits.max_groups)?,
            Kind::IsComposing => return typing::is_composing(&body).map(Content::Typing),
            Kind::KeyboardActivity => return typing::keyboard_activity(&body).map(Content::Typing),
            Kind::Receipt => return Ok(Content::Receipt),
            Kind::FileTransfer => return Err(Unreadable::FileTransfer),
            Kind::Envelope | Kind::Parts | Kind::Other => return Err(Unreadable::Type),
        };
        let text = plain::clean(&text);
        if text.len() > limits.max_text_bytes {
            let limit = limits.max_text_bytes;
            return Err(Unreadable::TooLong { limit });
        }
        let (lang, text) = (self.lang.clone(), text.into());
        Ok(Content::Text(Body { lang, text }))
    }
}

/// The best of all parts, those of parts included. What is to be kept as a file is not looked at.
fn choose(parts: Multipart, limits: &Limits) -> Result<Piece, Unreadable> {
    let mut best: Option<(Kind, Piece)> = None;
    let mut open = vec![parts];
    let mut seen = 0;
    while let Some(parts) = open.pop() {
        for part in parts.parts() {
            seen += 1;
            if seen > limits.max_parts {
                return Err(Unreadable::Malformed);
            }
            if is_attachment(part) {
                continue;
            }
            if let Some(inner) = part
                .multipart()
                .map_err(|_position| Unreadable::Malformed)?
            {
                open.push(inner);
                continue;
            }
            let Ok(piece) = Piece::of(part.headers(), part.body()) else {
                continue;
            };
            let kind = piece.kind()?;
            if best.as_ref().is_none_or(|(known, _)| kind < *known) {
                best = Some((kind, piece));
            }
        }
    }
    match best {
        Some((_, piece)) => Ok(piece),
        None => Err(Unreadable::Type),
    }
}

fn is_attachment(part: &Part) -> bool {
    let disposition = part.headers().optional::<ContentDisposition<'_>>();
    let disposition = disposition.ok().flatten();
    disposition.is_some_and(|own| own.kind().eq_ignore_ascii_case("attachment"))
}

fn typed(content_type: &str) -> Result<ContentType<'_>, Unreadable> {
    match ContentType::read(content_type.as_bytes(), &comity_sip::Limits::default()) {
        Ok((content_type, _)) => Ok(content_type),
        Err(_) => Err(Unreadable::Malformed),
    }
}

/// Bytes with a start line, read by the rules of messages.
fn message(bytes: Vec<u8>, limits: &Limits) -> Result<Message, Unreadable> {
    let mut own = comity_sip::Limits::default();
    let bound = u32::try_from(limits.max_body_bytes).unwrap_or(u32::MAX);
    own.max_body_bytes = bound;
    own.max_message_bytes = bound.saturating_add(own.max_head_bytes);
    own.max_parts = limits.max_parts;
    Message::from_datagram(bytes.into(), &own).map_err(|_rejected| Unreadable::Malformed)
}

fn is_identity(encoding: &[u8]) -> bool {
    encoding.trim_ascii().eq_ignore_ascii_case(b"identity")
}

fn language(headers: Headers<'_>) -> Option<Box<str>> {
    let language = headers.first::<ContentLanguage<'_>>().ok().flatten()?;
    let is_tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let tag = language.as_str();
    (tag.len() <= MAX_LANGUAGE_BYTES && tag.chars().all(is_tag)).then(|| tag.into())
}

/// Whether an envelope is from the sender of a request, and to its recipient alone. Devices do not
/// matter.
fn is_of(envelope: &Cpim, headers: Headers<'_>) -> bool {
    let own = |address: Option<&comity_sip::header::Address<'_>>| {
        let jid = address::from_header(address?).ok()?;
        Some(jid.to_bare())
    };
    let from = headers.one::<comity_sip::header::From<'_>>().ok();
    let to = headers.one::<comity_sip::header::To<'_>>().ok();
    let is = |uri: &str, own: &Option<comity_xmpp::Jid>| {
        let named = address::entity(uri).ok().map(|jid| jid.to_bare());
        named.is_some() && named == *own
    };
    let (from, to) = (own(from.as_deref()), own(to.as_deref()));
    is(&envelope.from, &from)
        && !envelope.to.is_empty()
        && envelope.to.iter().all(|uri| is(uri, &to))
}

const TEXT_PLAIN: &str = "text/plain";

/// Bodies inside others are read as messages, which begin so.
const START_LINE: &str = "MESSAGE sip:body.invalid SIP/2.0\r\n";

/// As long as tags of languages get (RFC 5646 §4.4.1).
const MAX_LANGUAGE_BYTES: usize = 35;

/// Longer subjects are cut off.
const MAX_SUBJECT_BYTES: usize = 1024;
