//! The reader: one pass over the document, with a place in the response for each open element.

mod fields;
mod place;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use zeroize::{Zeroize, Zeroizing};

use self::fields::Fields;
use self::place::{Place, Vocabulary};
use super::{Response, ResponseError};
use crate::Limits;

pub(super) fn read(document: &[u8], limits: &Limits) -> Result<Response, ResponseError> {
    let limit = limits.max_document_bytes;
    if document.len() > limit {
        return Err(ResponseError::TooLong { limit });
    }
    let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
    let text = str::from_utf8(document).map_err(|_position| ResponseError::Encoding)?;
    let mut source = NsReader::from_str(text);
    let mut reader = Reader::new(limits, text.len());
    loop {
        let (namespace, event) = source
            .read_resolved_event()
            .map_err(|_position| ResponseError::Malformed)?;
        match event {
            Event::Start(start) => reader.open(&namespace, &start)?,
            Event::Empty(start) => {
                reader.open(&namespace, &start)?;
                reader.close()?;
            }
            Event::End(_) => reader.close()?,
            Event::Text(text) => reader.text(&text.into_inner())?,
            Event::CData(text) => reader.character_data(&text.into_inner())?,
            Event::GeneralRef(name) => reader.reference(name)?,
            Event::DocType(_) => return Err(ResponseError::DocumentType),
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return reader.finish(),
        }
    }
}

struct Reader<'l> {
    limits: &'l Limits,
    open: Vec<Place>,
    elements: usize,
    /// Where something has been.
    seen: Vec<Place>,
    /// That of the element that is read. It has room for all that can come, since what it would
    /// leave behind when it grows is not wiped.
    text: Zeroizing<String>,
    fields: Fields,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l Limits, document_bytes: usize) -> Self {
        let room = limits.max_text_bytes.min(document_bytes);
        Self {
            limits,
            open: Vec::new(),
            elements: 0,
            seen: Vec::new(),
            text: Zeroizing::new(String::with_capacity(room)),
            fields: Fields::default(),
        }
    }

    fn open(
        &mut self,
        namespace: &ResolveResult<'_>,
        start: &BytesStart<'_>,
    ) -> Result<(), ResponseError> {
        self.count()?;
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => namespace.into_inner(),
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(_) => return Err(ResponseError::Malformed),
        };
        let parent = self.open.last().copied().unwrap_or(Place::Document);
        let place = self.place(parent, namespace, start.local_name().into_inner())?;
        let secret_type = self.attributes(start)?;
        if place != Place::Other {
            if self.seen.contains(&place) {
                let element = place.name();
                return Err(ResponseError::Repeated { element });
            }
            self.seen.push(place);
        }
        if let (Place::ProofSecret | Place::EntropySecret, Some(found)) = (place, secret_type) {
            self.fields.check_type(parent, &found)?;
        }
        self.open.push(place);
        Ok(())
    }

    fn count(&mut self) -> Result<(), ResponseError> {
        let limit = self.limits.max_depth;
        if self.open.len() >= limit {
            return Err(ResponseError::TooDeep { limit });
        }
        self.elements += 1;
        let limit = self.limits.max_elements;
        if self.elements > limit {
            return Err(ResponseError::TooManyElements { limit });
        }
        if self.open.is_empty() && self.elements > 1 {
            return Err(ResponseError::Malformed);
        }
        Ok(())
    }

    /// Where in the response an element stands that begins in `parent`.
    fn place(
        &mut self,
        parent: Place,
        namespace: &str,
        name: &str,
    ) -> Result<Place, ResponseError> {
        if parent.is_text() {
            let element = parent.name();
            return Err(ResponseError::ElementInText { element });
        }
        if parent == Place::Other {
            return Ok(Place::Other);
        }
        let mut child = None;
        if let Some((vocabulary, edition)) = Vocabulary::of(namespace) {
            if let Some(edition) = edition
                && *self.fields.namespace.get_or_insert(edition) != edition
            {
                return Err(ResponseError::MixedNamespaces);
            }
            child = parent.child(vocabulary, name);
        }
        match child {
            Some(Place::Encrypted) => {
                let element = parent.name();
                Err(ResponseError::Encrypted { element })
            }
            Some(place) => Ok(place),
            None if parent == Place::Document => Err(ResponseError::NotAResponse),
            None => Ok(Place::Other),
        }
    }

    /// Counts the attributes and gives the one named `Type`.
    fn attributes(&self, start: &BytesStart<'_>) -> Result<Option<String>, ResponseError> {
        let limit = self.limits.max_attributes;
        let mut found = None;
        for (index, attribute) in start.attributes().enumerate() {
            if index >= limit {
                return Err(ResponseError::TooManyAttributes { limit });
            }
            let attribute = attribute.map_err(|_position| ResponseError::Malformed)?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_entity| ResponseError::Malformed)?;
            if attribute.key.into_inner() == "Type" {
                found = Some(value.into_owned());
            }
        }
        Ok(found)
    }

    fn close(&mut self) -> Result<(), ResponseError> {
        let Some(place) = self.open.pop() else {
            return Err(ResponseError::Malformed);
        };
        if place.is_text() {
            self.fields.take(place, &self.text)?;
            self.text.zeroize();
        }
        Ok(())
    }

    /// Text between elements, where only white space may stand outside of the root.
    fn text(&mut self, text: &str) -> Result<(), ResponseError> {
        if self.open.is_empty() && text.trim_matches(XML_SPACE).is_empty() {
            return Ok(());
        }
        self.character_data(text)
    }

    fn character_data(&mut self, text: &str) -> Result<(), ResponseError> {
        let Some(place) = self.open.last() else {
            return Err(ResponseError::Malformed);
        };
        if place.is_text() {
            let limit = self.limits.max_text_bytes;
            if self.text.len() + text.len() > limit {
                let element = place.name();
                return Err(ResponseError::TextTooLong { element, limit });
            }
            self.text.push_str(text);
        }
        Ok(())
    }

    fn reference(&mut self, name: BytesRef<'_>) -> Result<(), ResponseError> {
        let character = name.resolve_char_ref();
        match character.map_err(|_number| ResponseError::Malformed)? {
            Some(character) => self.character_data(character.encode_utf8(&mut [0; 4])),
            None => {
                let text = resolve_predefined_entity(&name.into_inner());
                self.character_data(text.ok_or(ResponseError::Malformed)?)
            }
        }
    }

    fn finish(self) -> Result<Response, ResponseError> {
        if !self.open.is_empty() || self.elements == 0 {
            return Err(ResponseError::Malformed);
        }
        self.fields.finish(&self.seen)
    }
}

fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), ResponseError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(ResponseError::Encoding),
        Some(Err(_position)) => Err(ResponseError::Malformed),
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const XML_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
