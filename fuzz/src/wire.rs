//! What a machine writes, read by our own tokenizer.

use comity_xmpp::ns;
use comity_xmpp::xml::{Token, Tokenizer};

use crate::xml::unlimited;

/// One direction of a connection: every byte that a machine has written.
#[derive(Debug)]
pub(crate) struct Wire {
    tokenizer: Tokenizer,
    /// A stream error or the end of the stream was written.
    ended: bool,
    /// The id of the last header.
    pub(crate) id: Option<String>,
}

/// A first-level element that was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) id: Option<String>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            tokenizer: Tokenizer::new(unlimited()),
            ended: false,
            id: None,
        }
    }

    /// Reads what was written; panics unless it goes on well-formed and ends between elements.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Written> {
        let mut written = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let until = rest.get(1..).unwrap_or_default();
            let next = until.windows(DECLARATION.len());
            let next = next.into_iter().position(|window| window == DECLARATION);
            let (stream, tail) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
            // A header behind a first-level element starts a new stream.
            if stream.starts_with(DECLARATION) && self.tokenizer.depth() < 2 {
                assert!(!self.ended, "a new stream after the end: {}", text(bytes));
                self.tokenizer = Tokenizer::new(unlimited());
            }
            self.read(stream, &mut written);
            rest = tail;
        }
        let depth = self.tokenizer.depth();
        assert!(depth < 2, "a part of an element: {}", text(bytes));
        written
    }

    fn read(&mut self, mut bytes: &[u8], written: &mut Vec<Written>) {
        let all = bytes;
        loop {
            let error = self.ended && !bytes.is_empty();
            match self.tokenizer.advance(&mut bytes) {
                Ok(Some(token)) => self.note(token, error, all, written),
                Ok(None) => break,
                Err(error) => panic!("ill-formed output ({error}): {}", text(all)),
            }
        }
    }

    fn note(&mut self, token: Token, ended: bool, all: &[u8], written: &mut Vec<Written>) {
        let tokenizer = &self.tokenizer;
        let attribute = |name| tokenizer.attributes().get(name).map(String::from);
        match (token, tokenizer.depth()) {
            (Token::Start, 1) => self.id = attribute("id"),
            (Token::Start, 2) => {
                assert!(!ended, "an element after the end: {}", text(all));
                let element = Written {
                    name: tokenizer.local_name().to_owned(),
                    namespace: tokenizer.namespace().to_owned(),
                    id: attribute("id"),
                };
                self.ended |= element.namespace == ns::STREAM && element.name == "error";
                written.push(element);
            }
            (Token::End, 0) => self.ended = true,
            (Token::Start | Token::Text | Token::End, _) => {}
        }
    }
}

/// Bytes for people to read.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tells what happens, with the feature `trace`.
pub(crate) fn trace(line: &str) {
    if cfg!(feature = "trace") {
        println!("{line}");
    }
}

const DECLARATION: &[u8] = b"<?xml ";
