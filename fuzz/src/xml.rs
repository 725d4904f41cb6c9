//! What a tokenizer saw, to be compared.

use comity_xmpp::xml::{Limits, ParseError, Token, Tokenizer};

/// One token with what can be read from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    Start {
        namespace: String,
        name: String,
        /// Sorted.
        attributes: Vec<Attribute>,
    },
    Text(String),
    End,
}

/// Namespace, name and value.
pub(crate) type Attribute = (String, String, String);

/// A first-level element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FirstLevel {
    /// Its source, if it was taken.
    pub(crate) source: Option<Vec<u8>>,
    pub(crate) seen: Vec<Seen>,
}

/// What came of one input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reading {
    /// How many bytes the first start tag and what precedes it have.
    pub(crate) header_bytes: usize,
    pub(crate) seen: Vec<Seen>,
    pub(crate) elements: Vec<FirstLevel>,
    pub(crate) error: Option<ParseError>,
    pub(crate) depth: usize,
}

impl Reading {
    /// Reads the pieces one after the other; with `take`, takes the source of every first-level
    /// element.
    pub(crate) fn of<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
        limits: Limits,
        take: bool,
    ) -> Self {
        let mut reading = Self::default();
        let mut tokenizer = Tokenizer::new(limits);
        let mut before = 0;
        for piece in pieces {
            let mut rest = piece;
            loop {
                match tokenizer.advance(&mut rest) {
                    Ok(Some(token)) => {
                        if reading.seen.is_empty() {
                            reading.header_bytes = before + piece.len() - rest.len();
                        }
                        reading.add(token, &mut tokenizer, take);
                    }
                    Ok(None) => break assert!(rest.is_empty(), "input was left over"),
                    Err(error) => {
                        reading.error = Some(error);
                        return reading;
                    }
                }
                assert!(tokenizer.depth() <= limits.max_depth, "too deep");
            }
            before += piece.len();
        }
        reading.depth = tokenizer.depth();
        reading
    }

    /// Whether a whole document was read.
    pub(crate) fn is_document(&self) -> bool {
        self.error.is_none() && self.depth == 0 && !self.seen.is_empty()
    }

    fn add(&mut self, token: Token, tokenizer: &mut Tokenizer, take: bool) {
        let seen = see(token, tokenizer);
        let depth = tokenizer.depth();
        if depth == 2 && token == Token::Start {
            self.elements.push(FirstLevel {
                source: None,
                seen: Vec::new(),
            });
        }
        let inside = depth >= 2 || (depth == 1 && token == Token::End);
        if inside && let Some(element) = self.elements.last_mut() {
            element.seen.push(seen.clone());
            if depth == 1 && take {
                element.source = Some(tokenizer.take_element());
            }
        }
        self.seen.push(seen);
    }
}

/// Joins neighbouring texts.
pub(crate) fn joined(seen: &[Seen]) -> Vec<Seen> {
    let mut joined: Vec<Seen> = Vec::new();
    for item in seen {
        match (joined.last_mut(), item) {
            (Some(Seen::Text(before)), Seen::Text(text)) => before.push_str(text),
            _ => joined.push(item.clone()),
        }
    }
    joined
}

/// Limits that nothing reaches.
pub(crate) fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.max_header_bytes = usize::MAX;
    limits.max_element_bytes = usize::MAX;
    limits.max_elements = usize::MAX;
    limits.max_depth = usize::MAX;
    limits.max_attributes = usize::MAX;
    limits.max_namespaces = usize::MAX;
    limits.max_name_bytes = usize::MAX;
    limits.max_namespace_bytes = usize::MAX;
    limits.max_value_bytes = usize::MAX;
    limits
}

fn see(token: Token, tokenizer: &Tokenizer) -> Seen {
    match token {
        Token::Start => {
            let attributes = tokenizer.attributes();
            let mut attributes: Vec<_> = attributes
                .iter()
                .map(|(namespace, name, value)| {
                    (namespace.to_owned(), name.to_owned(), value.into_owned())
                })
                .collect();
            attributes.sort_unstable();
            Seen::Start {
                namespace: tokenizer.namespace().to_owned(),
                name: tokenizer.local_name().to_owned(),
                attributes,
            }
        }
        Token::Text => Seen::Text(tokenizer.text().into_owned()),
        Token::End => Seen::End,
    }
}
