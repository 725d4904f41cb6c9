use std::collections::BTreeSet;

use crate::ns;
use crate::xml::{Builder, Element, Limits, Token, Tokenizer};

/// Reads along on the streams that a peer opens on one connection, and keeps what it says of itself.
///
/// It judges nothing: a [`Stream`](crate::Stream) that is given the same bytes does.
///
/// ```
/// use comity_xmpp::diagnose::{Feature, Observer};
///
/// let mut observer = Observer::default();
/// observer.handle_input(
///     b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
///       id='7' version='1.0'><stream:features>\
///       <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
/// );
/// let plain = &observer.openings()[0];
/// assert!(plain.features.contains(&Feature::Starttls));
/// assert!(!plain.features.contains(&Feature::StarttlsRequired));
/// ```
#[derive(Debug)]
pub struct Observer {
    openings: Vec<Opening>,
    tokenizer: Tokenizer,
    current: Option<Builder>,
    /// Whether the bytes cannot be read any further.
    is_lost: bool,
}

/// What a peer said at the beginning of one stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Opening {
    /// Its header, once it has come.
    pub header: Option<Header>,
    /// Whether its features have come.
    pub has_features: bool,
    /// Those that are known here.
    pub features: BTreeSet<Feature>,
    /// The SASL mechanisms that it offers (RFC 6120 §6.4.1).
    pub mechanisms: Vec<Box<str>>,
    /// The longest stanza that it takes, if it says so (XEP-0478).
    pub max_bytes: Option<u64>,
    /// After how many seconds without traffic it closes, if it says so (XEP-0478).
    pub idle_seconds: Option<u64>,
}

/// What a stream header says, as written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Header {
    /// Who the peer says that it is.
    pub from: Option<Box<str>>,
    /// Whom the peer takes us for.
    pub to: Option<Box<str>>,
    /// The name of the stream.
    pub id: Option<Box<str>>,
    /// The version of XMPP; none before 1.0.
    pub version: Option<Box<str>>,
}

/// A stream feature.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Feature {
    /// STARTTLS (RFC 6120 §5).
    Starttls,
    /// Nothing goes on without it.
    StarttlsRequired,
    /// Dialback (XEP-0220).
    Dialback,
    /// Errors of dialback do not end the stream.
    DialbackErrors,
    /// Stanzas both ways (XEP-0288).
    Bidi,
    /// Acknowledgements (XEP-0198).
    Acknowledgements,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            openings: vec![Opening::default()],
            tokenizer: Tokenizer::new(Limits::unauthenticated()),
            current: None,
            is_lost: false,
        }
    }
}

impl Observer {
    /// Streams of one connection that are kept: in clear text, behind TLS, and authenticated.
    pub const MAX_OPENINGS: usize = 3;

    /// Takes bytes that arrived from the peer, after decryption.
    pub fn handle_input(&mut self, mut input: &[u8]) {
        while !self.is_lost {
            match self.tokenizer.advance(&mut input) {
                Ok(Some(token)) => self.take(token),
                Ok(None) => return,
                Err(_malformed) => self.is_lost = true,
            }
        }
    }

    /// Begins with another stream: what follows comes from behind a TLS handshake.
    pub fn handle_tls_established(&mut self) {
        self.begin();
    }

    /// What each stream said, the first one first.
    #[must_use]
    pub fn openings(&self) -> &[Opening] {
        &self.openings
    }

    fn begin(&mut self) {
        self.tokenizer = Tokenizer::new(Limits::unauthenticated());
        self.current = None;
        self.is_lost = self.openings.len() == Self::MAX_OPENINGS;
        if !self.is_lost {
            self.openings.push(Opening::default());
        }
    }

    fn take(&mut self, token: Token) {
        let Some(opening) = self.openings.last_mut() else {
            return;
        };
        match (token, self.tokenizer.depth()) {
            (Token::Start, 1) => opening.header = Some(Header::read(&self.tokenizer)),
            (Token::Start, 2) => {
                let is_read = matches!(self.tokenizer.namespace(), ns::STREAM | ns::SASL);
                self.current = is_read.then(|| Builder::keeping(MAX_ELEMENTS));
            }
            (Token::Start | Token::Text | Token::End, _) => {}
        }
        if let Some(current) = &mut self.current {
            current.add(token, &self.tokenizer);
        }
        if (token, self.tokenizer.depth()) == (Token::End, 1) {
            // Taken in every case, so that nothing is kept of it.
            drop(self.tokenizer.take_element());
            if let Some(element) = self.current.take().and_then(Builder::finish) {
                self.read(&element);
            }
        }
    }

    fn read(&mut self, element: &Element) {
        if element.is(ns::SASL, "success") {
            return self.begin();
        }
        if let Some(opening) = self.openings.last_mut()
            && element.is(ns::STREAM, "features")
        {
            opening.read(element);
        }
    }
}

impl Opening {
    fn read(&mut self, features: &Element) {
        self.has_features = true;
        let starttls = features.child(ns::TLS, "starttls");
        let is_required = |it: &&Element| it.child(ns::TLS, "required").is_some();
        let dialback = features.child(ns::DIALBACK_FEATURE, "dialback");
        let has_errors = |it: &&Element| it.children().any(|child| child.name() == "errors");
        let found = [
            (Feature::Starttls, starttls),
            (Feature::StarttlsRequired, starttls.filter(is_required)),
            (Feature::Dialback, dialback),
            (Feature::DialbackErrors, dialback.filter(has_errors)),
            (Feature::Bidi, features.child(ns::BIDI_FEATURE, "bidi")),
            (Feature::Acknowledgements, features.child(ns::SM, "sm")),
        ];
        let found = found.into_iter().filter(|(_, element)| element.is_some());
        self.features = found.map(|(feature, _)| feature).collect();
        let mechanisms = features.child(ns::SASL, "mechanisms").into_iter();
        let mechanisms = mechanisms.flat_map(Element::children);
        self.mechanisms = mechanisms.map(|one| one.text().trim().into()).collect();
        let limits = features.child(ns::LIMITS, "limits");
        let number = |name| limits?.child(ns::LIMITS, name)?.text().trim().parse().ok();
        self.max_bytes = number("max-bytes");
        self.idle_seconds = number("idle-seconds");
    }
}

impl Header {
    fn read(tokenizer: &Tokenizer) -> Self {
        let attributes = tokenizer.attributes();
        let get = |name| attributes.get(name).map(|value| (*value).into());
        Self {
            from: get("from"),
            to: get("to"),
            id: get("id"),
            version: get("version"),
        }
    }
}

/// Elements inside features that are kept.
const MAX_ELEMENTS: usize = 32;
