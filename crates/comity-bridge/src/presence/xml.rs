//! The XML of bodies, read into a small tree.
//!
//! Bodies are read with less rigour than streams: comments, processing instructions and a declaration
//! may stand in them. What can make a document larger or different than it looks, a document type
//! with its entities, is refused.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use thiserror::Error;

/// An element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    /// Names as they are written, with their prefixes.
    attributes: Vec<(Box<str>, Box<str>)>,
    pub(crate) children: Vec<Self>,
    /// The character data directly inside.
    pub(crate) text: String,
}

/// What a document may be at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) max_depth: usize,
    pub(crate) max_elements: usize,
    pub(crate) max_attributes: usize,
}

/// Why a document is not read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum XmlError {
    /// A document type, which could declare entities.
    #[error("the document has a document type")]
    DocumentType,
    /// More elements or attributes, or deeper ones, than the limits allow.
    #[error("the document has more elements or attributes than the limits allow")]
    TooLarge,
    /// It is in an encoding other than UTF-8 and UTF-16.
    #[error("the document is neither UTF-8 nor UTF-16")]
    Encoding,
    /// It is not well-formed.
    #[error("the document is not well-formed")]
    Malformed,
}

impl Node {
    /// Reads a document.
    pub(crate) fn parse(bytes: &[u8], bounds: Bounds) -> Result<Self, XmlError> {
        let text = decode(bytes)?;
        let mut reader = NsReader::from_str(&text);
        let mut builder = Builder::new(bounds);
        loop {
            let (namespace, event) = reader
                .read_resolved_event()
                .map_err(|_position| XmlError::Malformed)?;
            match event {
                Event::Start(start) => builder.open(&namespace, &start)?,
                Event::Empty(start) => {
                    builder.open(&namespace, &start)?;
                    builder.close();
                }
                Event::End(_) => builder.close(),
                Event::Text(text) => builder.text(&text.xml10_content())?,
                Event::CData(text) => builder.text(&text.xml10_content())?,
                Event::GeneralRef(name) => {
                    let character = name.resolve_char_ref();
                    match character.map_err(|_number| XmlError::Malformed)? {
                        Some(character) => builder.text(character.encode_utf8(&mut [0; 4]))?,
                        None => {
                            let text = resolve_predefined_entity(&name.into_inner());
                            builder.text(text.ok_or(XmlError::Malformed)?)?;
                        }
                    }
                }
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => return builder.finish(),
            }
        }
    }

    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        &*self.namespace == namespace && &*self.name == name
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find_map(|(own, value)| (&**own == name).then_some(&**value))
    }

    /// The first child of this name in any of these namespaces.
    pub(crate) fn child(&self, namespaces: &[&str], name: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|child| &*child.name == name && namespaces.contains(&&*child.namespace))
    }

    /// The element and all elements inside it, in the order of their start tags.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

struct Builder {
    bounds: Bounds,
    open: Vec<Node>,
    root: Option<Node>,
    elements: usize,
}

impl Builder {
    fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: Vec::new(),
            root: None,
            elements: 0,
        }
    }

    fn open(
        &mut self,
        namespace: &ResolveResult<'_>,
        start: &BytesStart<'_>,
    ) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > self.bounds.max_elements || self.open.len() >= self.bounds.max_depth {
            return Err(XmlError::TooLarge);
        }
        if self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => namespace.into_inner(),
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(_) => return Err(XmlError::Malformed),
        };
        let mut attributes = Vec::new();
        // Whether a name stands twice is not asked, which would take quadratic time: the first counts.
        for attribute in start.attributes().with_checks(false) {
            if attributes.len() >= self.bounds.max_attributes {
                return Err(XmlError::TooLarge);
            }
            let attribute = attribute.map_err(|_position| XmlError::Malformed)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_entity| XmlError::Malformed)?;
            attributes.push((attribute.key.into_inner().into(), value.into()));
        }
        self.open.push(Node {
            namespace: namespace.into(),
            name: start.local_name().into_inner().into(),
            attributes,
            children: Vec::new(),
            text: String::new(),
        });
        Ok(())
    }

    fn close(&mut self) {
        let closed = self.open.pop();
        match (self.open.last_mut(), closed) {
            (Some(parent), Some(child)) => parent.children.push(child),
            (None, child) => self.root = child,
            (Some(_), None) => {}
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(open) => open.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn finish(self) -> Result<Node, XmlError> {
        match (self.open.is_empty(), self.root) {
            (true, Some(root)) => Ok(root),
            (true, None) | (false, _) => Err(XmlError::Malformed),
        }
    }
}

/// The text of a document. `COMPAT:` what is UTF-8 is that, whatever the declaration says: some
/// servers declare the UTF-16 that the document had before.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(utf8(rest)?),
        bytes => Cow::Borrowed(utf8(bytes)?),
    };
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<&str, XmlError> {
    std::str::from_utf8(bytes).map_err(|_position| XmlError::Encoding)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, XmlError> {
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(XmlError::Encoding);
    };
    let units = units.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .collect::<Result<_, _>>()
        .map_err(|_surrogate| XmlError::Encoding)
}

/// Appends text as character data or an attribute value in double quotes. What XML does not allow
/// becomes U+FFFD.
pub(crate) fn escape(text: &str, buf: &mut String) {
    for character in text.chars() {
        match character {
            '<' => buf.push_str("&lt;"),
            '>' => buf.push_str("&gt;"),
            '&' => buf.push_str("&amp;"),
            '"' => buf.push_str("&quot;"),
            '\r' => buf.push_str("&#13;"),
            other if is_legal(other) => buf.push(other),
            _ => buf.push(char::REPLACEMENT_CHARACTER),
        }
    }
}

/// Whether XML 1.0 allows the character (production 2).
pub(crate) fn is_legal(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
