//! XML, and streams of stanzas.

use std::fmt::Write;

use comity_xmpp::xml::{Element, Limits, Token, Tokenizer};

use crate::traffic::PIECE_BYTES;
use crate::{Series, Task, machine, traffic};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "xml/attributes",
        size: 1_000,
        task: |count| {
            let tag = tag(count, |tag, number| write!(tag, " a{number}='v'"));
            read(&tag, PIECE_BYTES, 1 + count)
        },
    },
    Series {
        name: "xml/attributes-by-byte",
        size: 1_000,
        task: |count| {
            let tag = tag(count, |tag, number| write!(tag, " a{number}='v'"));
            read(&tag, 1, 1 + count)
        },
    },
    Series {
        name: "xml/prefixed-attributes",
        size: 1_000,
        task: |count| {
            let tag = tag(count, |tag, number| write!(tag, " p:a{number}='v'"));
            read(&tag, PIECE_BYTES, 1 + count)
        },
    },
    Series {
        name: "xml/namespaces",
        size: 1_000,
        task: |count| {
            let tag = tag(count, |tag, number| {
                write!(tag, " xmlns:p{number}='urn:{number}'")
            });
            read(&tag, PIECE_BYTES, 1)
        },
    },
    Series {
        name: "xml/value-by-byte",
        size: 4_000,
        task: |count| {
            let tag = tag(count, |tag, number| match number {
                0 => write!(tag, " a='"),
                _ => write!(tag, "v"),
            });
            read(&tag.replace("/>", "'/>"), 1, 2)
        },
    },
    Series {
        name: "xml/depth",
        size: 1_000,
        task: |count| {
            let nested = format!("{}{}", "<e>".repeat(count), "</e>".repeat(count));
            read(&nested, PIECE_BYTES, count)
        },
    },
    Series {
        name: "xml/namespaces-in-depth",
        size: 1_000,
        task: |count| {
            let nested = "<e xmlns='urn:x'><e xmlns='urn:y'>".repeat(count / 2);
            let nested = format!("{nested}{}", "</e>".repeat(count));
            read(&nested, PIECE_BYTES, count)
        },
    },
    Series {
        name: "xml/elements",
        size: 4_000,
        task: |count| {
            let inside = "<e/>".repeat(count);
            read(&format!("<e>{inside}</e>"), PIECE_BYTES, 1 + count)
        },
    },
    Series {
        name: "xml/text",
        size: 16_000,
        task: |count| {
            read(
                &format!("<e>{}</e>", "x".repeat(count)),
                PIECE_BYTES,
                1 + count,
            )
        },
    },
    Series {
        name: "xml/references",
        size: 4_000,
        task: |count| {
            let inside = "&amp;".repeat(count);
            read(&format!("<e>{inside}</e>"), PIECE_BYTES, 1 + count)
        },
    },
    Series {
        name: "xml/element-trees",
        size: 4_000,
        task: |count| {
            let source = format!("<e>{}</e>", "<e a='v'>x</e>".repeat(count));
            Box::new(move || {
                let element = Element::parse(source.as_bytes(), without_limits());
                element.is_ok_and(|element| element.children().count() == count)
            })
        },
    },
    Series {
        name: "xmpp/stanzas",
        size: 1_000,
        task: |count| {
            let traffic = traffic::messages(count);
            Box::new(move || machine::stream(&traffic) == count)
        },
    },
];

/// An empty element with so many of what is written.
fn tag(count: usize, write: fn(&mut String, usize) -> std::fmt::Result) -> String {
    let mut tag = "<e".to_owned();
    for number in 0..count {
        write(&mut tag, number).expect("a string takes it");
    }
    tag + "/>"
}

/// Reads an element in pieces of a size, in which so much is to be seen.
fn read(element: &str, piece_bytes: usize, expected: usize) -> Task {
    let stream = format!("<s xmlns:p='urn:p'>{element}</s>").into_bytes();
    Box::new(move || seen(&stream, piece_bytes) == 1 + expected)
}

/// How many elements, attributes and bytes of text there are.
fn seen(stream: &[u8], piece_bytes: usize) -> usize {
    let mut tokenizer = Tokenizer::new(without_limits());
    let mut seen = 0;
    for mut piece in stream.chunks(piece_bytes) {
        while let Some(token) = tokenizer.advance(&mut piece).expect("well-formed") {
            match token {
                Token::Start => seen += 1 + tokenizer.attributes().iter().count(),
                Token::Text => seen += tokenizer.text().len(),
                Token::End if tokenizer.depth() == 1 => drop(tokenizer.take_element()),
                Token::End => {}
            }
        }
    }
    seen
}

fn without_limits() -> Limits {
    let mut limits = Limits::default();
    for limit in [
        &mut limits.max_header_bytes,
        &mut limits.max_element_bytes,
        &mut limits.max_elements,
        &mut limits.max_depth,
        &mut limits.max_attributes,
        &mut limits.max_namespaces,
        &mut limits.max_namespace_bytes,
        &mut limits.max_name_bytes,
        &mut limits.max_value_bytes,
    ] {
        *limit = usize::MAX;
    }
    limits
}
