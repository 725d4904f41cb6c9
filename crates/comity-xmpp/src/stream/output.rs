//! What a stream writes, byte for byte.

use std::borrow::Cow;

use super::proof::Pair;
use crate::xml::text::{escape, write_attribute};
use crate::{Stanza, StreamCondition, ns};

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
}

/// Who a header is from and to, and the id that its receiver gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses<'a> {
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<&'a str>,
    pub(super) id: Option<&'a str>,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Moves everything to the end of `buf`.
    pub(super) fn drain(&mut self, buf: &mut Vec<u8>) -> usize {
        let len = self.text.len();
        buf.extend_from_slice(self.text.as_bytes());
        // A burst shall not keep its memory for the life of the stream.
        self.text = String::new();
        len
    }

    /// A stream header (RFC 6120 §4.7). Every header declares the dialback namespace, because some
    /// servers ignore dialback elements without it.
    pub(super) fn header(&mut self, addresses: Addresses<'_>) {
        self.text.push_str("<?xml version='1.0'?><stream:stream");
        for (name, value) in [
            ("xmlns", Some(ns::SERVER)),
            ("xmlns:stream", Some(ns::STREAM)),
            ("xmlns:db", Some(ns::DIALBACK)),
            ("from", addresses.from),
            ("to", addresses.to),
            ("id", addresses.id),
            ("version", Some("1.0")),
            ("xml:lang", Some("en")),
        ] {
            if let Some(value) = value {
                self.attribute(name, value);
            }
        }
        self.text.push('>');
    }

    /// A stream error and the end of the stream (RFC 6120 §4.9).
    pub(super) fn error(&mut self, condition: StreamCondition, text: &str) {
        self.text.push_str("<stream:error><");
        self.text.push_str(condition.name());
        self.attribute("xmlns", ns::STREAM_ERRORS);
        self.text.push_str("/><text");
        self.attribute("xmlns", ns::STREAM_ERRORS);
        self.text.push_str(" xml:lang='en'>");
        escape(text, &mut self.text);
        self.text.push_str("</text></stream:error>");
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
            self.text.push_str(feature.source());
        }
        self.text.push_str("</stream:features>");
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

    /// A stanza.
    pub(super) fn stanza(&mut self, stanza: &Stanza) {
        stanza.write(&mut self.text);
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
    Dialback,
    External,
    StartTls,
    StartTlsRequired,
}

impl Feature {
    fn source(self) -> &'static str {
        match self {
            Self::Dialback => "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>",
            Self::External => {
                "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                 <mechanism>EXTERNAL</mechanism></mechanisms>"
            }
            Self::StartTls => "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            Self::StartTlsRequired => {
                "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
            }
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
    Error(crate::StanzaCondition),
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
