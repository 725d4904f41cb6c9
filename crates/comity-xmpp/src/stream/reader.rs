use std::sync::Arc;

use comity_identity::DomainName;

use super::config::Config;
use super::reason::Rejection;
use crate::stanza::{AddressError, Stanza, StanzaKind, View, ViewError};
use crate::xml::{Builder, Element, Limits, ParseError, Scope, Token, Tokenizer};
use crate::{JidError, ns};

/// Makes frames of a stream's bytes: headers, first-level elements and the end.
#[derive(Debug)]
pub(super) struct Reader {
    tokenizer: Tokenizer,
    /// The namespace of stanzas.
    content: &'static str,
    /// The declarations of the header, with the namespace of servers in place of another one for
    /// content.
    scope: Arc<Scope>,
    /// Its language.
    lang: Option<Box<str>>,
    current: Current,
}

/// The first-level element that is being read.
#[derive(Debug, Default)]
enum Current {
    #[default]
    None,
    /// A stanza: its bytes are kept, its start tag has been read.
    Stanza(Result<View, ViewError>),
    /// Part of the negotiation: small, and read whole.
    Element(Builder),
    /// Anything else: only its name counts.
    Foreign(Element),
}

/// One unit of a stream.
#[derive(Debug)]
pub(super) enum Frame {
    /// The start tag of the stream element.
    Header(Header),
    /// A message, presence or iq in the content namespace.
    Stanza(Result<Stanza, ViewError>),
    /// Any other first-level element.
    Element(Element),
    /// The end tag of the stream element.
    Close,
}

/// What a stream header says, as written.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) is_stream: bool,
    pub(super) content_namespace: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) id: Option<String>,
    pub(super) version: Option<String>,
}

impl Reader {
    pub(super) fn new(limits: Limits) -> Self {
        Self::with_content(ns::SERVER, limits)
    }

    /// A reader of the stream of a component (XEP-0114). A stanza that it gives is still to be
    /// [translated](Stanza::translated).
    pub(super) fn of_component(limits: Limits) -> Self {
        Self::with_content(ns::COMPONENT, limits)
    }

    fn with_content(content: &'static str, limits: Limits) -> Self {
        Self {
            tokenizer: Tokenizer::new(limits),
            content,
            scope: Arc::default(),
            lang: None,
            current: Current::None,
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.tokenizer.set_limits(limits);
    }

    /// Takes bytes from the front of `input` up to the end of one frame; `None` when it is used up.
    pub(super) fn next_frame(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, ParseError> {
        while let Some(token) = self.tokenizer.advance(input)? {
            if let Some(frame) = self.add(token) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn add(&mut self, token: Token) -> Option<Frame> {
        match (token, self.tokenizer.depth()) {
            (Token::Start, 1) => {
                let scope = self.tokenizer.scope();
                self.scope = Arc::new(if self.content == ns::SERVER {
                    scope.clone()
                } else {
                    scope.renamed(self.content, ns::SERVER)
                });
                self.lang = self.tokenizer.attributes().lang().map(Into::into);
                return Some(Frame::Header(Header::read(&self.tokenizer)));
            }
            (Token::Start, 2) => self.begin(),
            (Token::Start | Token::Text | Token::End, _) => {}
        }
        if let Current::Element(builder) = &mut self.current {
            builder.add(token, &self.tokenizer);
        }
        match (token, self.tokenizer.depth()) {
            (Token::End, 0) => Some(Frame::Close),
            (Token::End, 1) => self.finish(),
            (Token::Start | Token::Text | Token::End, _) => None,
        }
    }

    fn begin(&mut self) {
        let (namespace, name) = (self.tokenizer.namespace(), self.tokenizer.local_name());
        self.current = match (namespace, StanzaKind::from_name(name)) {
            (content, Some(kind)) if content == self.content => {
                let lang = self.lang.as_deref();
                Current::Stanza(View::read(kind, &self.tokenizer, &self.scope, lang))
            }
            (ns::STREAM | ns::TLS | ns::SASL | ns::DIALBACK | ns::BIDI | ns::SM, _) => {
                Current::Element(Builder::keeping(MAX_NEGOTIATION_ELEMENTS))
            }
            _other => Current::Foreign(Element::new(namespace, name)),
        };
    }

    fn finish(&mut self) -> Option<Frame> {
        // Taken in every case, so that a large element does not keep its memory.
        let bytes = self.tokenizer.take_element();
        match std::mem::take(&mut self.current) {
            Current::None => None,
            Current::Element(builder) => builder.finish().map(Frame::Element),
            Current::Foreign(element) => Some(Frame::Element(element)),
            Current::Stanza(view) => {
                let scope = Arc::clone(&self.scope);
                Some(Frame::Stanza(
                    view.map(|view| Stanza::received(view, bytes, scope)),
                ))
            }
        }
    }
}

impl Header {
    fn read(tokenizer: &Tokenizer) -> Self {
        let attributes = tokenizer.attributes();
        let text = |name| attributes.get(name).map(String::from);
        Self {
            is_stream: tokenizer.namespace() == ns::STREAM && tokenizer.local_name() == "stream",
            content_namespace: tokenizer.scope().default_namespace().to_owned(),
            from: text("from"),
            to: text("to"),
            id: text("id"),
            version: text("version"),
        }
    }

    /// Whether this is the header of a stream between servers. Without a prefix for the stream
    /// namespace each stanza declares its own namespace (RFC 6120 §4.8.2).
    pub(super) fn check_namespaces(&self) -> Result<(), Rejection> {
        self.check_content(ns::SERVER)
    }

    /// Whether this is the header of a stream between a client and its server.
    pub(super) fn check_client_namespaces(&self) -> Result<(), Rejection> {
        self.check_content(ns::CLIENT)
    }

    /// Whether this is the header of a stream between a component and its server.
    pub(super) fn check_component_namespaces(&self) -> Result<(), Rejection> {
        self.check_content(ns::COMPONENT)
    }

    fn check_content(&self, content: &str) -> Result<(), Rejection> {
        if !self.is_stream {
            return Err(Rejection::StreamNamespace);
        }
        if [content, ns::STREAM].contains(&self.content_namespace.as_str()) {
            Ok(())
        } else {
            Err(Rejection::ContentNamespace)
        }
    }

    /// The domain in an address of the header, if it is there.
    pub(super) fn domain(
        &self,
        name: &'static str,
        value: Option<&str>,
    ) -> Result<Option<DomainName>, AddressError> {
        let malformed = |error| AddressError::Malformed(name, JidError::Domain(error));
        value.map(DomainName::parse).transpose().map_err(malformed)
    }

    /// Which of our domains the peer means.
    pub(super) fn local(&self, config: &Config) -> Result<DomainName, Rejection> {
        let to = self.domain("to", self.to.as_deref())?;
        let to = to.ok_or(AddressError::Missing("to"))?;
        if config.domains.contains(&to) {
            return Ok(to);
        }
        let text = self.to.as_deref().unwrap_or_default().into();
        Err(if config.former_domains.contains(&to) {
            Rejection::HostGone(text)
        } else {
            Rejection::HostUnknown(text)
        })
    }

    /// The major version of XMPP; 0 if none is given (RFC 6120 §4.7.5).
    pub(super) fn major_version(&self) -> Option<u32> {
        let Some(version) = &self.version else {
            return Some(0);
        };
        let (major, minor) = version.split_once('.')?;
        minor.parse::<u32>().ok()?;
        major.parse().ok()
    }
}

/// How many elements of one negotiation element are kept. Features have the most: a dozen.
const MAX_NEGOTIATION_ELEMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_two_numbers() {
        for (version, major) in [
            (None, Some(0)),
            (Some("1.0"), Some(1)),
            (Some("1.15"), Some(1)),
            (Some("02.0"), Some(2)),
            (Some("0.9"), Some(0)),
            (Some("1"), None),
            (Some("one.zero"), None),
            (Some("1.x"), None),
            (Some(""), None),
        ] {
            let header = Header {
                version: version.map(str::to_owned),
                ..Header::default()
            };
            assert_eq!(header.major_version(), major, "{version:?}");
        }
    }
}
