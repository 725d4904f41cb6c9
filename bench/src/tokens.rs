//! The same look at the same traffic with three tokenizers.
//!
//! Each is asked for the namespace and name of every element, those of every attribute with its
//! value, and the text. None of it is copied beyond what the tokenizer itself copies.

use comity_xmpp::xml::{Limits, Token, Tokenizer};
use rxml::Parse;
use rxml::error::EndOrError;

use crate::expat;
use crate::traffic::{PIECE_BYTES, Traffic};

/// Our tokenizer, used as a stream does: each first-level element is taken when it has ended.
pub(crate) fn comity(traffic: &Traffic) -> usize {
    let mut tokenizer = Tokenizer::new(Limits::default());
    let mut seen = 0;
    for mut piece in traffic.bytes.chunks(PIECE_BYTES) {
        while let Some(token) = tokenizer.advance(&mut piece).expect("well-formed") {
            match token {
                Token::Start => {
                    seen += tokenizer.namespace().len() + tokenizer.local_name().len();
                    for (namespace, name, value) in tokenizer.attributes().iter() {
                        seen += namespace.len() + name.len() + value.len();
                    }
                }
                Token::Text => seen += tokenizer.text().len(),
                Token::End if tokenizer.depth() == 1 => seen += tokenizer.take_element().len(),
                Token::End => {}
            }
        }
    }
    seen
}

pub(crate) fn rxml(traffic: &Traffic) -> usize {
    let mut parser = rxml::Parser::new();
    let mut seen = 0;
    for mut piece in traffic.bytes.chunks(PIECE_BYTES) {
        loop {
            match parser.parse(&mut piece, false) {
                Ok(Some(rxml::Event::StartElement(_, (namespace, name), attributes))) => {
                    seen += namespace.as_str().len() + name.as_str().len();
                    for ((namespace, name), value) in &attributes {
                        seen += namespace.as_str().len() + name.as_str().len() + value.len();
                    }
                }
                Ok(Some(rxml::Event::Text(_, text))) => seen += text.len(),
                Ok(Some(rxml::Event::XmlDeclaration(..) | rxml::Event::EndElement(_))) => {}
                Ok(None) | Err(EndOrError::NeedMoreData) => break,
                Err(EndOrError::Error(error)) => panic!("{error}"),
            }
        }
    }
    seen
}

/// libexpat with namespaces, as most XMPP servers use it.
pub(crate) fn expat(traffic: &Traffic) -> usize {
    let mut parser = expat::Parser::new();
    for piece in traffic.bytes.chunks(PIECE_BYTES) {
        parser.feed(piece).expect("well-formed");
    }
    parser.seen()
}
