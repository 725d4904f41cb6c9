//! Bodies of several parts (RFC 2046 §5.1, RFC 5621).

use bytes::Bytes;
use memchr::memmem;

use crate::grammar::{Class, find_not, split};
use crate::header::ContentType;
use crate::message::{Headers, Indexer, Parts};
use crate::{Fault, Limits, ParseError, Place};

/// The parts of a multipart body.
///
/// Parts are nested at most [`Limits::max_part_depth`] deep, and a body has at most
/// [`Limits::max_parts`] of them. Offsets of errors count from the beginning of the body, or, for an
/// error in Content-Type, from the beginning of the message or part.
///
/// ```
/// use comity_sip::{Limits, Message, Multipart, header::ContentType};
///
/// let bytes = b"MESSAGE sip:b.example SIP/2.0\r\n\
///     Content-Type: multipart/mixed; boundary=x\r\n\
///     \r\n\
///     --x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n";
/// let message = Message::from_datagram(bytes.as_slice().into(), &Limits::default())?;
/// let body = Multipart::of(&message)?.expect("a multipart body");
/// let [part] = body.parts() else { panic!("more than one part") };
/// assert!(part.headers().one::<ContentType<'_>>()?.is("text", "plain"));
/// assert_eq!(part.body(), "hello");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Multipart {
    parts: Vec<Part>,
}

/// One part of a multipart body: headers and a body of its own.
#[derive(Clone, Debug)]
pub struct Part {
    parts: Parts,
    /// 1 for a part of the message's own body.
    depth: u32,
}

impl Multipart {
    /// The parts of a message's body; `None` if its type is not multipart.
    ///
    /// # Errors
    ///
    /// If Content-Type or the body is malformed, or a limit is exceeded.
    pub fn of(message: &crate::Message) -> Result<Option<Self>, ParseError> {
        Self::read(message.headers(), &message.body(), 1)
    }

    /// The parts, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(headers: Headers<'_>, body: &Bytes, depth: u32) -> Result<Option<Self>, ParseError> {
        let limits = headers.limits();
        let Some(content_type) = headers.optional::<ContentType<'_>>()? else {
            return Ok(None);
        };
        if !content_type.kind().eq_ignore_ascii_case("multipart") {
            return Ok(None);
        }
        if depth > limits.max_part_depth {
            let limit = limits.max_part_depth;
            return Err(ParseError::new(Place::Body, 0, Fault::TooDeep { limit }));
        }
        let boundary = content_type.param("boundary");
        let boundary = boundary
            .as_deref()
            .filter(|boundary| is_boundary(boundary))
            .ok_or_else(|| ParseError::new(Place::Body, 0, Fault::Boundary))?;
        let mut parts = Vec::new();
        let mut delimiters = Delimiters::new(body, boundary);
        let mut start = delimiters.next_part()?;
        while let Some(from) = start {
            if parts.len() >= limits.max_parts as usize {
                let limit = limits.max_parts;
                return Err(ParseError::new(
                    Place::Body,
                    from,
                    Fault::TooManyParts { limit },
                ));
            }
            start = delimiters.next_part()?;
            let bytes = body.slice(from..delimiters.start);
            parts.push(Part::read(bytes, from, limits, depth)?);
        }
        Ok(Some(Self { parts }))
    }
}

impl Part {
    /// Its headers, as Content-Type, Content-ID and Content-Disposition.
    pub fn headers(&self) -> Headers<'_> {
        self.parts.headers()
    }

    /// What is behind its headers.
    pub fn body(&self) -> Bytes {
        self.parts.body()
    }

    /// The parts of its own body; `None` if its type is not multipart.
    ///
    /// # Errors
    ///
    /// If Content-Type or the body is malformed, or a limit is exceeded. Offsets count from the
    /// beginning of the part's body, those of an error in Content-Type from that of the part.
    pub fn multipart(&self) -> Result<Option<Multipart>, ParseError> {
        Multipart::read(self.headers(), &self.body(), self.depth + 1)
    }

    /// Reads a part with the line end behind it, which belongs to the delimiter that follows, or ends
    /// the headers of a part that has no body.
    fn read(bytes: Bytes, offset: usize, limits: &Limits, depth: u32) -> Result<Self, ParseError> {
        let malformed = || ParseError::new(Place::Body, offset, Fault::PartHeaders);
        let mut indexer = Indexer::of_part();
        let mut parts = Parts::new(bytes, limits);
        let complete = indexer.advance(&mut parts.entries, &parts.bytes, limits);
        if complete != Ok(true) || indexer.fault.is_some() {
            return Err(malformed());
        }
        let end = parts.bytes.len().saturating_sub(2);
        parts.bytes.truncate(end.max(indexer.head_len()));
        parts.lines_end = indexer.lines_end();
        Ok(Self { parts, depth })
    }
}

/// Finds the lines between parts, in one pass.
struct Delimiters<'a> {
    body: &'a [u8],
    /// Two hyphens and the boundary.
    dashes: Vec<u8>,
    position: usize,
    /// Where the last delimiter begins.
    start: usize,
}

impl<'a> Delimiters<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Self {
        Self {
            body,
            dashes: [b"--", boundary.as_bytes()].concat(),
            position: 0,
            start: 0,
        }
    }

    /// Where the part behind the next delimiter begins; `None` behind the closing one.
    fn next_part(&mut self) -> Result<Option<usize>, ParseError> {
        let finder = memmem::Finder::new(&self.dashes);
        loop {
            let (_, rest) = split(self.body, self.position);
            let Some(found) = finder.find(rest) else {
                let at = self.body.len();
                return Err(ParseError::new(Place::Body, at, Fault::Unterminated));
            };
            let start = self.position + found;
            self.position = start + self.dashes.len();
            let (before, _) = split(self.body, start);
            if start != 0 && !before.ends_with(b"\r\n") {
                continue;
            }
            self.start = start;
            let (_, behind) = split(self.body, self.position);
            let (closes, behind) = match behind {
                [b'-', b'-', behind @ ..] => (true, behind),
                _ => (false, behind),
            };
            let padding = find_not(behind, Class::SPACE);
            let (_, end) = split(behind, padding);
            if closes && (end.is_empty() || end.starts_with(b"\r\n")) {
                return Ok(None);
            }
            if !closes && end.starts_with(b"\r\n") {
                self.position += padding;
                return Ok(Some(self.position + 2));
            }
        }
    }
}

/// 1 to 70 characters, the last of them no space (RFC 2046 §5.1.1).
fn is_boundary(boundary: &str) -> bool {
    let characters = boundary
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte));
    characters && (1..=70).contains(&boundary.len()) && !boundary.ends_with(' ')
}
