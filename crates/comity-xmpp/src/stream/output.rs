//! What a stream writes, byte for byte.

use std::borrow::Cow;

use super::proof::Pair;
use crate::xml::Element;
use crate::xml::text::{escape, write_attribute};
use crate::{Stanza, StanzaCondition, StreamCondition, ns};

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
    /// Where the last stanza of ours ends in `text`.
    stanza_end: usize,
    /// How many bytes have been moved out.
    drained: u64,
}

/// A stream header: who it is from and to, the id that its receiver gives, and its version.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderText<'a> {
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) version: Option<&'static str>,
}

/// What a stream error says beyond its condition and text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Detail<'a> {
    None,
    /// Where else to go (RFC 6120 §4.9.3.19).
    OtherHost(&'a str),
    /// RFC 6120 §4.9.3.14.
    StanzaTooBig,
    /// XEP-0198 §4.
    HandledCountTooHigh {
        acknowledged: u32,
        sent: u32,
    },
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// How many bytes wait behind the last stanza of ours.
    pub(super) fn answers(&self) -> usize {
        self.text.len().saturating_sub(self.stanza_end)
    }

    /// How many bytes there were, up to the end of what waits.
    pub(super) fn total(&self) -> u64 {
        self.drained.saturating_add(as_u64(self.text.len()))
    }

    /// Moves everything to the end of `buf`.
    pub(super) fn drain(&mut self, buf: &mut Vec<u8>) -> usize {
        let len = self.text.len();
        self.drained = self.total();
        buf.extend_from_slice(self.text.as_bytes());
        // A burst shall not keep its memory for the life of the stream.
        self.text = String::new();
        self.stanza_end = 0;
        len
    }

    /// A stream header (RFC 6120 §4.7). Every header declares the dialback namespace, because some
    /// servers ignore dialback elements without it.
    pub(super) fn header(&mut self, header: HeaderText<'_>) {
        self.write_header(ns::SERVER, Some(ns::DIALBACK), header);
    }

    /// The header of a stream between a client and its server.
    pub(super) fn client_header(&mut self, header: HeaderText<'_>) {
        self.write_header(ns::CLIENT, None, header);
    }

    /// The header of a stream of a component (XEP-0114), which has neither a version nor a language.
    pub(super) fn component_header(&mut self, domain: &str) {
        self.text.push_str("<?xml version='1.0'?><stream:stream");
        self.attribute("xmlns", ns::COMPONENT);
        self.attribute("xmlns:stream", ns::STREAM);
        self.attribute("to", domain);
        self.text.push('>');
    }

    /// The proof of a component (XEP-0114).
    pub(super) fn handshake(&mut self, proof: &str) {
        self.text.push_str("<handshake>");
        escape(proof, &mut self.text);
        self.end("", "handshake");
    }

    /// A stanza of a component; gives whether it could be written.
    pub(super) fn component_stanza(&mut self, stanza: &Stanza) -> bool {
        stanza.write_to_component_server(&mut self.text)
    }

    fn write_header(&mut self, content: &str, dialback: Option<&str>, header: HeaderText<'_>) {
        self.text.push_str("<?xml version='1.0'?><stream:stream");
        for (name, value) in [
            ("xmlns", Some(content)),
            ("xmlns:stream", Some(ns::STREAM)),
            ("xmlns:db", dialback),
            ("from", header.from),
            ("to", header.to),
            ("id", header.id),
            ("version", header.version),
            ("xml:lang", Some("en")),
        ] {
            if let Some(value) = value {
                self.attribute(name, value);
            }
        }
        self.text.push('>');
    }

    /// A stream error and the end of the stream (RFC 6120 §4.9).
    pub(super) fn error(&mut self, condition: StreamCondition, text: &str, detail: Detail<'_>) {
        self.text.push_str("<stream:error>");
        match detail {
            Detail::OtherHost(host) => {
                self.open_tag(condition.name(), ns::STREAM_ERRORS);
                escape(host, &mut self.text);
                self.end("", condition.name());
            }
            Detail::None | Detail::StanzaTooBig | Detail::HandledCountTooHigh { .. } => {
                self.empty(ns::STREAM_ERRORS, condition.name());
            }
        }
        self.text.push_str("<text");
        self.attribute("xmlns", ns::STREAM_ERRORS);
        self.text.push_str(" xml:lang='en'>");
        escape(text, &mut self.text);
        self.end("", "text");
        match detail {
            Detail::None | Detail::OtherHost(_) => {}
            Detail::StanzaTooBig => self.empty(ns::ERRORS, "stanza-too-big"),
            Detail::HandledCountTooHigh { acknowledged, sent } => {
                self.text.push_str("<handled-count-too-high");
                self.attribute("xmlns", ns::SM);
                self.attribute("h", &acknowledged.to_string());
                self.attribute("send-count", &sent.to_string());
                self.text.push_str("/>");
            }
        }
        self.end("stream:", "error");
        self.close();
    }

    /// The end of the stream (RFC 6120 §4.4).
    pub(super) fn close(&mut self) {
        self.text.push_str("</stream:stream>");
    }

    /// Stream features from their parts.
    pub(super) fn features(&mut self, features: &[Feature]) {
        if features.is_empty() {
            self.text.push_str("<stream:features/>");
            return;
        }
        self.text.push_str("<stream:features>");
        for feature in features {
            match feature {
                Feature::Limits(limits) => self.limits(*limits),
                Feature::Fixed(source) => self.text.push_str(source),
            }
        }
        self.end("stream:", "features");
    }

    /// The request for stanzas both ways, with our limits (XEP-0288 §2.2, XEP-0478 §4.2).
    pub(super) fn bidi(&mut self, limits: StreamLimits) {
        self.open_tag("bidi", ns::BIDI);
        self.limits(limits);
        self.end("", "bidi");
    }

    fn limits(&mut self, limits: StreamLimits) {
        self.open_tag("limits", ns::LIMITS);
        for (name, value) in [
            ("max-bytes", limits.max_bytes),
            ("idle-seconds", limits.idle_seconds),
        ] {
            if let Some(value) = value {
                self.text.push('<');
                self.text.push_str(name);
                self.text.push('>');
                self.text.push_str(&value.to_string());
                self.end("", name);
            }
        }
        self.end("", "limits");
    }

    /// How many stanzas have been handled (XEP-0198 §4).
    pub(super) fn acknowledgement(&mut self, handled: u32) {
        self.text.push_str("<a");
        self.attribute("xmlns", ns::SM);
        self.attribute("h", &handled.to_string());
        self.text.push_str("/>");
    }

    /// A request of stream management that is not met (XEP-0198 §3).
    pub(super) fn acks_failed(&mut self, condition: StanzaCondition) {
        self.open_tag("failed", ns::SM);
        self.empty(ns::STANZA_ERRORS, condition.name());
        self.end("", "failed");
    }

    /// A space between first-level elements (RFC 6120 §4.6.1).
    pub(super) fn space(&mut self) {
        self.text.push(' ');
    }

    /// An element without attributes or content.
    pub(super) fn empty(&mut self, namespace: &str, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.attribute("xmlns", namespace);
        self.text.push_str("/>");
    }

    /// The request for SASL EXTERNAL with an authorisation identity in base64 (RFC 6120 §6.4.2).
    pub(super) fn sasl_auth(&mut self, identity: &str) {
        self.text.push_str("<auth");
        self.attribute("xmlns", ns::SASL);
        self.attribute("mechanism", "EXTERNAL");
        self.text.push('>');
        escape(identity, &mut self.text);
        self.text.push_str("</auth>");
    }

    /// A SASL failure (RFC 6120 §6.5).
    pub(super) fn sasl_failure(&mut self, condition: &str) {
        self.text.push_str("<failure");
        self.attribute("xmlns", ns::SASL);
        self.text.push_str("><");
        self.text.push_str(condition);
        self.text.push_str("/></failure>");
    }

    /// A dialback element (XEP-0220 §2), always with the prefix `db`, which some servers look for.
    pub(super) fn dialback(&mut self, element: &Dialback<'_>) {
        let Dialback { name, from, to, .. } = element;
        self.text.push_str("<db:");
        self.text.push_str(name);
        self.attribute("from", from);
        self.attribute("to", to);
        for (name, value) in [("id", element.id), ("type", element.type_)] {
            if let Some(value) = value {
                self.attribute(name, value);
            }
        }
        match element.content {
            Content::None => self.text.push_str("/>"),
            Content::Key(key) => {
                self.text.push('>');
                escape(key, &mut self.text);
                self.end("db:", name);
            }
            Content::Error(condition) => {
                self.text.push_str("><error type='cancel'><");
                self.text.push_str(condition.name());
                self.attribute("xmlns", ns::STANZA_ERRORS);
                self.text.push_str("/></error>");
                self.end("db:", name);
            }
        }
    }

    /// A stanza, unless it would be longer than `max_bytes`; gives whether it was written.
    pub(super) fn stanza(&mut self, stanza: &Stanza, max_bytes: Option<u64>) -> bool {
        let start = self.text.len();
        stanza.write(&mut self.text);
        let len = as_u64(self.text.len() - start);
        let fits = max_bytes.is_none_or(|max| len <= max);
        if fits {
            self.stanza_end = self.text.len();
        } else {
            self.text.truncate(start);
        }
        fits
    }

    /// A start tag without a prefix.
    fn open_tag(&mut self, name: &str, namespace: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.attribute("xmlns", namespace);
        self.text.push('>');
    }

    fn end(&mut self, prefix: &str, name: &str) {
        self.text.push_str("</");
        self.text.push_str(prefix);
        self.text.push_str(name);
        self.text.push('>');
    }

    fn attribute(&mut self, name: &str, value: &str) {
        write_attribute("", name, value, &mut self.text);
    }
}

/// One stream feature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Feature {
    Limits(StreamLimits),
    Fixed(&'static str),
}

impl Feature {
    pub(super) const ACKNOWLEDGEMENTS: Self = Self::Fixed("<sm xmlns='urn:xmpp:sm:3'/>");
    pub(super) const BIDI: Self = Self::Fixed("<bidi xmlns='urn:xmpp:features:bidi'/>");
    pub(super) const DIALBACK: Self =
        Self::Fixed("<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>");
    pub(super) const EXTERNAL: Self = Self::Fixed(
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>EXTERNAL</mechanism></mechanisms>",
    );
    pub(super) const STARTTLS: Self =
        Self::Fixed("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    pub(super) const STARTTLS_REQUIRED: Self =
        Self::Fixed("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>");
}

/// What one side announces that it takes (XEP-0478).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct StreamLimits {
    /// The longest first-level element.
    pub(super) max_bytes: Option<u64>,
    /// Without traffic from the other side.
    pub(super) idle_seconds: Option<u64>,
}

impl StreamLimits {
    /// The limits inside features or a request for stanzas both ways; none where they say nothing.
    pub(super) fn read(parent: &Element) -> Self {
        let limits = parent.child(ns::LIMITS, "limits");
        let number = |name| limits?.child(ns::LIMITS, name)?.text().trim().parse().ok();
        Self {
            max_bytes: number("max-bytes"),
            idle_seconds: number("idle-seconds"),
        }
    }
}

/// A `db:result` or `db:verify`.
#[derive(Clone, Debug)]
pub(super) struct Dialback<'a> {
    pub(super) name: &'static str,
    pub(super) from: Cow<'a, str>,
    pub(super) to: Cow<'a, str>,
    pub(super) id: Option<&'a str>,
    pub(super) type_: Option<&'a str>,
    pub(super) content: Content<'a>,
}

/// What a dialback element holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    None,
    Key(&'a str),
    Error(StanzaCondition),
}

impl<'a> Dialback<'a> {
    /// An element from our domain of the pair to the other.
    pub(super) fn of(name: &'static str, pair: &'a Pair) -> Self {
        Self {
            name,
            from: pair.local.to_unicode(),
            to: pair.remote.to_unicode(),
            id: None,
            type_: None,
            content: Content::None,
        }
    }
}

pub(super) fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
