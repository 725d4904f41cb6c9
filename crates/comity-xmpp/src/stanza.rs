/// Gives an enum of values the names that an attribute or element has for them.
macro_rules! names {
    ($name:ident { $($variant:ident = $text:literal,)* }) => {
        impl $name {
            /// The value on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _unknown => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

mod component;
mod error;
mod typed;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use comity_identity::DomainName;

use crate::xml::text::write_attribute;
use crate::xml::{Attributes, Element, Limits, ParseError, Scope, Tokenizer};
use crate::{Jid, JidError, StanzaCondition, ns};

pub use error::{ErrorType, StanzaError};
pub use typed::{
    Iq, IqType, Message, MessageType, Presence, PresenceType, SchemaError, Show, Text,
};

/// A message, presence or iq between two servers: its routing view over its source.
///
/// A stanza that came from a peer keeps the bytes that came. What is inside is read when
/// [`element`](Self::element) is called.
///
/// ```
/// use comity_xmpp::{Stanza, StanzaKind, ns};
/// use comity_xmpp::xml::Element;
///
/// let body = Element::new(ns::SERVER, "body").with_text("Art thou not Romeo?");
/// let stanza = Stanza::new(
///     StanzaKind::Message,
///     "juliet@capulet.example/balcony".parse()?,
///     "romeo@montague.example".parse()?,
/// )
/// .with_type("chat")
/// .with_payload(body);
/// assert_eq!(stanza.to().domain().as_str(), "montague.example");
/// # Ok::<_, comity_xmpp::JidError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stanza {
    kind: StanzaKind,
    from: Jid,
    to: Jid,
    type_: Option<Box<str>>,
    id: Option<Box<str>>,
    source: Source,
    /// Whether it has been sent before, on a stream that ended without an acknowledgement.
    resent: bool,
}

#[derive(Clone, Debug)]
enum Source {
    /// Bytes of a stream, to be read in the scope of its header.
    Received {
        bytes: Bytes,
        scope: Arc<Scope>,
        context: Context,
    },
    /// Made here.
    Made(Arc<Element>),
}

impl Stanza {
    /// Creates a stanza without payload.
    #[must_use]
    pub fn new(kind: StanzaKind, from: Jid, to: Jid) -> Self {
        let element = Element::new(ns::SERVER, kind.name())
            .with_attribute("from", &from.to_string())
            .with_attribute("to", &to.to_string());
        Self {
            kind,
            from,
            to,
            type_: None,
            id: None,
            source: Source::Made(element.into()),
            resent: false,
        }
    }

    /// Sets the `type` attribute.
    #[must_use]
    pub fn with_type(mut self, value: &str) -> Self {
        self.type_ = Some(value.into());
        self.edit(|element| element.with_attribute("type", value))
    }

    /// Sets the `id` attribute.
    #[must_use]
    pub fn with_id(mut self, value: &str) -> Self {
        self.id = Some(value.into());
        self.edit(|element| element.with_attribute("id", value))
    }

    /// Adds an element at the end.
    #[must_use]
    pub fn with_payload(self, payload: Element) -> Self {
        self.edit(|element| element.with_child(payload))
    }

    /// A stanza from its view and the bytes that came.
    pub(crate) fn received(view: View, bytes: Vec<u8>, scope: Arc<Scope>) -> Self {
        let View {
            kind,
            from,
            to,
            type_,
            id,
            context,
        } = view;
        Self {
            kind,
            from,
            to,
            type_,
            id,
            source: Source::Received {
                bytes: bytes.into(),
                scope,
                context,
            },
            resent: false,
        }
    }

    pub(crate) fn was_resent(&self) -> bool {
        self.resent
    }

    pub(crate) fn mark_resent(&mut self) {
        self.resent = true;
    }

    /// Message, presence or iq.
    #[must_use]
    pub fn kind(&self) -> StanzaKind {
        self.kind
    }

    /// The sender.
    #[must_use]
    pub fn from(&self) -> &Jid {
        &self.from
    }

    /// The recipient.
    #[must_use]
    pub fn to(&self) -> &Jid {
        &self.to
    }

    /// The `type` attribute.
    #[must_use]
    pub fn type_(&self) -> Option<&str> {
        self.type_.as_deref()
    }

    /// The `id` attribute.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The domains that the stanza goes between, seen from the sender's side.
    #[must_use]
    pub fn domains(&self) -> (&DomainName, &DomainName) {
        (self.from.domain(), self.to.domain())
    }

    /// About how much memory the stanza takes where it waits, with its place in a queue.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        // A queue that has just grown has twice as many places as it needs.
        let place = 2 * size_of::<Self>();
        let texts = [&self.type_, &self.id].into_iter().flatten();
        let texts: usize = texts.map(|text| text.len()).sum();
        let source = match &self.source {
            Source::Received { bytes, context, .. } => bytes.len() + context.held_bytes(),
            Source::Made(element) => element.held_bytes(),
        };
        place + self.from.held_bytes() + self.to.held_bytes() + texts + source
    }

    /// The whole stanza as an element.
    #[must_use]
    pub fn element(&self) -> Element {
        match &self.source {
            Source::Made(element) => Element::clone(element),
            Source::Received {
                bytes,
                scope,
                context,
            } => {
                let mut element = read(Scope::clone(scope), bytes)
                    // The tokenizer let it pass, so it reads again; an empty stanza otherwise.
                    .unwrap_or_else(|_unreachable| Element::new(ns::SERVER, self.kind.name()));
                if let Some(lang) = &context.lang {
                    element.set_attribute(ns::XML, "lang", lang);
                }
                element
            }
        }
    }

    /// Whether an error may be sent in answer: not to an error, and not to the answer of a request
    /// (RFC 6120 §8.3.1, §8.2.3).
    #[must_use]
    pub fn may_be_bounced(&self) -> bool {
        match (self.kind, self.type_()) {
            (_, Some("error")) | (StanzaKind::Iq, Some("result")) => false,
            (StanzaKind::Iq | StanzaKind::Message | StanzaKind::Presence, _) => true,
        }
    }

    /// The error that answers this stanza, from its recipient to its sender; `None` if none may be
    /// sent.
    #[must_use]
    pub fn error(&self, condition: StanzaCondition, text: Option<&str>) -> Option<Self> {
        let mut error = StanzaError::new(condition);
        error.text = text.map(Into::into);
        self.error_with(&error)
    }

    /// The same with everything that an error can say.
    #[must_use]
    pub fn error_with(&self, error: &StanzaError) -> Option<Self> {
        let answer = || {
            self.reply()
                .with_type("error")
                .with_payload(error.element())
        };
        self.may_be_bounced().then(answer)
    }

    /// A stanza of the same kind and id back to the sender.
    #[must_use]
    pub fn reply(&self) -> Self {
        let reply = Self::new(self.kind, self.to.clone(), self.from.clone());
        match &self.id {
            Some(id) => reply.with_id(id),
            None => reply,
        }
    }

    /// Appends the stanza as it stands in a stream whose header is ours: a received one with the
    /// bytes that came, and the declarations of its own header that ours has not.
    pub(crate) fn write(&self, buf: &mut String) {
        match &self.source {
            Source::Received { bytes, context, .. } => {
                // The tokenizer let only UTF-8 pass.
                let source = str::from_utf8(bytes).unwrap_or_default();
                let (name, rest) = source.split_at_checked(context.at).unwrap_or((source, ""));
                buf.push_str(name);
                buf.push_str(&context.declarations);
                buf.push_str(rest);
            }
            Source::Made(element) => element.write(ns::SERVER, buf),
        }
    }

    fn edit(mut self, change: impl FnOnce(Element) -> Element) -> Self {
        let element = match self.source {
            Source::Made(element) => Arc::unwrap_or_clone(element),
            Source::Received { .. } => self.element(),
        };
        self.source = Source::Made(change(element).into());
        self
    }
}

impl fmt::Display for Stanza {
    /// Kind, type and addresses, without what is inside.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(type_) = &self.type_ {
            write!(f, " ({type_})")?;
        }
        write!(f, " from {} to {}", self.from, self.to)
    }
}

/// The three kinds of stanza (RFC 6120 §8.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6120 §8 defines these three")]
pub enum StanzaKind {
    /// A request or its answer.
    Iq,
    /// A text from one entity to another.
    Message,
    /// Availability, or a wish to see it.
    Presence,
}

impl StanzaKind {
    /// The name of the element.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iq => "iq",
            Self::Message => "message",
            Self::Presence => "presence",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "iq" => Some(Self::Iq),
            "message" => Some(Self::Message),
            "presence" => Some(Self::Presence),
            _other => None,
        }
    }
}

/// What a stanza's start tag says.
#[derive(Debug)]
pub(crate) struct View {
    kind: StanzaKind,
    from: Jid,
    to: Jid,
    type_: Option<Box<str>>,
    id: Option<Box<str>>,
    context: Context,
}

/// What a stanza leaves to the header of the stream that it came on (RFC 6120 §4.7.4, §4.8.5).
#[derive(Clone, Debug)]
struct Context {
    /// Namespace declarations and `xml:lang`, as written in a start tag.
    declarations: Box<str>,
    /// The language of the header, if the stanza has none of its own.
    lang: Option<Box<str>>,
    /// Where they belong: behind the name of the stanza.
    at: usize,
}

impl View {
    /// Reads the start tag that the tokenizer is at, below a header with the declarations of `scope`
    /// and in the language `lang`.
    pub(crate) fn read(
        kind: StanzaKind,
        tokenizer: &Tokenizer,
        scope: &Scope,
        lang: Option<&str>,
    ) -> Result<Self, ViewError> {
        if tokenizer.is_prefixed() {
            return Err(ViewError::Prefixed);
        }
        let attributes = tokenizer.attributes();
        let text = |name| attributes.get(name).map(Into::into);
        let from = address(&attributes, "from")?;
        let (type_, id): (Option<Box<str>>, Option<Box<str>>) = (text("type"), text("id"));
        let to = match address(&attributes, "to") {
            Ok(to) => to,
            Err(error) => {
                let to = attributes.get("to").unwrap_or_default();
                let parts = (kind, type_.as_deref(), id.as_deref());
                let answer = answer_malformed(parts, from, &to).filter(|_| error.leaves_domain());
                return Err(ViewError::Address(error, answer.map(Box::new)));
            }
        };
        Ok(Self {
            kind,
            from,
            to,
            type_,
            id,
            context: Context::read(tokenizer, scope, lang),
        })
    }
}

/// The error for a sender who has written to a malformed address of a good domain (RFC 6120
/// §8.3.3.8).
fn answer_malformed(
    (kind, type_, id): (StanzaKind, Option<&str>, Option<&str>),
    from: Jid,
    to: &str,
) -> Option<Stanza> {
    let mut stanza = Stanza::new(kind, from, Jid::from(Jid::domain_of(to)?));
    if let Some(type_) = type_ {
        stanza = stanza.with_type(type_);
    }
    if let Some(id) = id {
        stanza = stanza.with_id(id);
    }
    stanza.error(StanzaCondition::JidMalformed, None)
}

impl Context {
    fn held_bytes(&self) -> usize {
        let lang = self.lang.as_ref().map_or(0, |lang| lang.len());
        self.declarations.len() + lang
    }

    fn read(tokenizer: &Tokenizer, scope: &Scope, lang: Option<&str>) -> Self {
        let attributes = tokenizer.attributes();
        let mut declarations = String::new();
        for (prefix, namespace) in scope.foreign() {
            if !attributes.declared_prefixes().any(|own| own == prefix) {
                let xmlns = if prefix.is_empty() { "xmlns" } else { "xmlns:" };
                write_attribute(xmlns, prefix, namespace, &mut declarations);
            }
        }
        let lang = lang.filter(|_| attributes.lang().is_none());
        if let Some(lang) = lang {
            write_attribute("xml:", "lang", lang, &mut declarations);
        }
        Self {
            declarations: declarations.into(),
            lang: lang.map(Into::into),
            at: tokenizer.name_end(),
        }
    }
}

fn address(attributes: &Attributes<'_>, name: &'static str) -> Result<Jid, AddressError> {
    let text = attributes.get(name).ok_or(AddressError::Missing(name))?;
    Jid::parse(&text).map_err(|error| AddressError::Malformed(name, error))
}

/// Why a start tag in the content namespace is no stanza's.
#[derive(Clone, Debug)]
pub(crate) enum ViewError {
    /// The content namespace has a prefix (RFC 6120 §4.8.5).
    Prefixed,
    /// An address is missing or malformed; what the sender is told, if it can be told anything.
    Address(AddressError, Option<Box<Stanza>>),
}

impl From<AddressError> for ViewError {
    fn from(error: AddressError) -> Self {
        Self::Address(error, None)
    }
}

/// An address that a stanza between servers must have and has not (RFC 6120 §8.1.1.2, §8.1.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The attribute is not there.
    #[error("no '{0}' address")]
    Missing(&'static str),
    /// The attribute is not an address.
    #[error("a malformed '{0}' address: {1}")]
    Malformed(&'static str, JidError),
}

impl AddressError {
    /// Whether the domain is known all the same, so that the fault is that of one sender and not of
    /// the peer.
    pub(crate) fn leaves_domain(self) -> bool {
        match self {
            Self::Malformed(_, JidError::Local | JidError::Resource) => true,
            Self::Malformed(_, JidError::Domain(_)) | Self::Missing(_) => false,
        }
    }
}

fn read(scope: Scope, source: &[u8]) -> Result<Element, ParseError> {
    Element::parse_in(scope, source, Limits::unbounded())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(kind: StanzaKind) -> Stanza {
        Stanza::new(
            kind,
            Jid::parse("a@a.example/x").unwrap(),
            Jid::parse("b@b.example").unwrap(),
        )
    }

    fn written(stanza: &Stanza) -> String {
        let mut buf = String::new();
        stanza.write(&mut buf);
        buf
    }

    #[test]
    fn an_error_goes_back_with_its_type() {
        let request = stanza(StanzaKind::Iq).with_type("get").with_id("7");
        let error = request
            .error(StanzaCondition::ServiceUnavailable, Some("no <such> thing"))
            .unwrap();
        assert_eq!(
            written(&error),
            "<iq from='b@b.example' to='a@a.example/x' id='7' type='error'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no &lt;such&gt; \
             thing</text></error></iq>"
        );
        assert_eq!(
            error.to_string(),
            "iq (error) from b@b.example to a@a.example/x"
        );
    }

    #[test]
    fn errors_and_results_are_never_bounced() {
        for (kind, type_, bounced) in [
            (StanzaKind::Message, "error", false),
            (StanzaKind::Presence, "error", false),
            (StanzaKind::Iq, "error", false),
            (StanzaKind::Iq, "result", false),
            (StanzaKind::Iq, "set", true),
            (StanzaKind::Message, "chat", true),
            (StanzaKind::Message, "result", true),
        ] {
            let stanza = stanza(kind).with_type(type_);
            assert_eq!(stanza.may_be_bounced(), bounced, "{stanza}");
            assert_eq!(
                stanza.error(StanzaCondition::Gone, None).is_some(),
                bounced,
                "{stanza}"
            );
        }
    }

    #[test]
    fn payloads_are_kept_in_order() {
        let message = stanza(StanzaKind::Message)
            .with_payload(Element::new(ns::SERVER, "body").with_text("1"))
            .with_payload(Element::new("urn:x", "x"));
        assert_eq!(
            written(&message),
            "<message from='a@a.example/x' to='b@b.example'><body>1</body><x xmlns='urn:x'/></message>"
        );
    }
}
