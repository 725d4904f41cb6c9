//! What goes over a connection, read by the tokenizer alone.

use std::collections::BTreeMap;

use comity_xmpp::ns;
use comity_xmpp::xml::{Limits, Token, Tokenizer};

/// One direction of a connection, from its start or from the end of a TLS handshake.
#[derive(Debug)]
pub(crate) struct Wire {
    tokenizer: Tokenizer,
    current: Option<Said>,
    /// What may be the beginning of a header.
    held: Vec<u8>,
    /// A machine under test writes it.
    ours: bool,
    /// SASL has succeeded, as far as is known.
    pub(super) may_restart: bool,
    /// A stream error or the end of the stream was seen.
    pub(crate) ended: bool,
    /// It was not well-formed, and nothing more was read.
    pub(crate) lost: bool,
    /// The id of the last header.
    pub(crate) id: Option<String>,
}

/// A header, a first-level element, or the end of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) namespace: String,
    /// `/stream` at the end.
    pub(crate) name: String,
    attributes: BTreeMap<&'static str, String>,
    pub(crate) text: String,
    /// Namespace, name and text of every element inside.
    pub(crate) inside: Vec<(String, String, String)>,
    pub(crate) len: usize,
}

impl Said {
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Whether there is an element of that namespace and name inside.
    pub(crate) fn has(&self, namespace: &str, name: &str) -> bool {
        self.text_of(namespace, name).is_some()
    }

    pub(crate) fn text_of(&self, namespace: &str, name: &str) -> Option<&str> {
        let mut inside = self.inside.iter();
        let found = inside.find(|(own, known, _)| own == namespace && known == name);
        found.map(|(_, _, text)| text.as_str())
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            tokenizer: Tokenizer::new(unlimited()),
            current: None,
            held: Vec::new(),
            ours: false,
            may_restart: false,
            ended: false,
            lost: false,
            id: None,
        }
    }

    /// Reads what was written by a machine.
    ///
    /// # Panics
    ///
    /// Unless it goes on well-formed and ends between elements.
    pub(crate) fn take_ours(&mut self, bytes: &[u8]) -> Vec<Said> {
        self.ours = true;
        let said = self.take(bytes);
        assert!(!self.lost, "ill-formed output: {}", text(bytes));
        let depth = self.tokenizer.depth();
        assert!(depth < 2, "a part of an element: {}", text(bytes));
        said
    }

    /// Reads what was written.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let bytes = [&*std::mem::take(&mut self.held), bytes].concat();
        let (mut rest, held) = bytes.split_at(bytes.len() - begun_header(&bytes));
        self.held = held.to_vec();
        while !rest.is_empty() {
            let (stream, tail) = rest.split_at(next_header(rest));
            // Behind SASL, and only there, a header starts a new stream.
            if is_header(stream) && self.tokenizer.depth() == 1 {
                self.lost |= self.ended || !std::mem::take(&mut self.may_restart);
                self.tokenizer = Tokenizer::new(unlimited());
            }
            self.read(stream, &mut said);
            rest = tail;
        }
        said
    }

    fn read(&mut self, mut bytes: &[u8], said: &mut Vec<Said>) {
        while !self.lost {
            let behind_the_end = self.ended && !bytes.is_empty();
            match self.tokenizer.advance(&mut bytes) {
                Ok(Some(token)) => {
                    self.note(token, said);
                    let is_close = said.last().is_some_and(|said| said.name == "/stream");
                    self.lost |= behind_the_end && !is_close;
                }
                Ok(None) => return,
                Err(_error) => self.lost = true,
            }
        }
    }

    fn note(&mut self, token: Token, said: &mut Vec<Said>) {
        match (token, self.tokenizer.depth()) {
            (Token::Start, 1) => {
                let header = self.start();
                self.id = header.attribute("id").map(Into::into);
                said.push(header);
            }
            (Token::Start, 2) => self.current = Some(self.start()),
            (Token::Start, _) => {
                let name = self.tokenizer.local_name().to_owned();
                let namespace = self.tokenizer.namespace().to_owned();
                if let Some(current) = &mut self.current {
                    current.inside.push((namespace, name, String::new()));
                }
            }
            (Token::Text, _) => {
                let text = self.tokenizer.text();
                if let Some(current) = &mut self.current {
                    match current.inside.last_mut() {
                        Some((_, _, inside)) => inside.push_str(&text),
                        None => current.text.push_str(&text),
                    }
                }
            }
            (Token::End, 0) => {
                self.ended = true;
                said.push(Said {
                    name: "/stream".to_owned(),
                    ..Said::default()
                });
            }
            (Token::End, 1) => {
                let len = self.tokenizer.take_element().len();
                if let Some(current) = self.current.take() {
                    self.ended |= current.is(ns::STREAM, "error");
                    // The side that asks restarts when it is told of the success, which
                    // may lie ready.
                    let asked = self.ours && current.is(ns::SASL, "auth");
                    self.may_restart |= asked || current.is(ns::SASL, "success");
                    said.push(Said { len, ..current });
                }
            }
            (Token::End, _) => {}
        }
    }

    fn start(&self) -> Said {
        let attributes = self.tokenizer.attributes();
        let read = |name| Some((name, attributes.get(name)?.to_string()));
        Said {
            namespace: self.tokenizer.namespace().to_owned(),
            name: self.tokenizer.local_name().to_owned(),
            attributes: ATTRIBUTES.into_iter().filter_map(read).collect(),
            ..Said::default()
        }
    }
}

/// Where the next header begins, behind the first byte.
fn next_header(bytes: &[u8]) -> usize {
    let mut starts = 1..bytes.len();
    let next = starts.find(|&at| is_header(&bytes[at..]));
    next.unwrap_or(bytes.len())
}

fn is_header(bytes: &[u8]) -> bool {
    HEADERS.iter().any(|header| bytes.starts_with(header))
}

/// How many bytes at the end are the beginning of a header, and no more of it.
fn begun_header(bytes: &[u8]) -> usize {
    let begins = |header: &&[u8]| {
        let mut lens = (1..header.len()).rev();
        lens.find(|&len| bytes.ends_with(&header[..len]))
    };
    HEADERS.iter().filter_map(begins).max().unwrap_or(0)
}

/// Bytes for people to read.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Limits that no input reaches.
fn unlimited() -> Limits {
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

const ATTRIBUTES: [&str; 7] = ["from", "to", "id", "type", "h", "version", "mechanism"];

/// How headers begin, ours with a declaration.
const HEADERS: [&[u8]; 3] = [b"<?xml ", b"<stream:stream ", b"<s:stream "];
