use comity_xmpp::ns;
use comity_xmpp::xml::{Element, Limits, ParseError};

use crate::program::Program;
use crate::xml::{FirstLevel, Reading, Seen, joined, unlimited};

/// Reads a stream whole, byte by byte and in pieces, and then each of its elements by itself. Makes an
/// element of its lines, which reads as what it was made of.
///
/// The input is a byte that chooses the limits, three lengths of pieces, and the stream.
pub fn xml_cuts(data: &[u8]) {
    let mut program = Program::new(data);
    let mode = program.byte();
    let lengths = [program.byte(), program.byte(), program.byte()];
    let stream = program.rest();
    let limits = limits(mode);
    let take = mode & 4 != 0;

    let whole = Reading::of([stream], limits, take);
    let bytes = Reading::of(stream.chunks(1), limits, take);
    assert_eq!(whole, bytes, "byte by byte");
    let pieces = Reading::of(cut(stream, lengths), limits, take);
    assert_eq!(whole, pieces, "in pieces");

    if !stream.contains(&b'&') {
        assert!(
            !whole.seen.iter().any(has_raw_line_end),
            "a line end as it came"
        );
    }

    let bare = !header_declares(&stream[..whole.header_bytes]);
    for element in &whole.elements {
        if let Some(source) = &element.source {
            read_again(element, source, limits, bare);
        }
    }
    make(&String::from_utf8_lossy(stream));
}

/// An element of any texts is well-formed and has these texts, but for what XML cannot carry.
fn make(text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, attribute, value, content) = (line(), line(), line(), line());
    for namespace in ["", "urn:x", ns::SERVER, ns::XML] {
        let made = Element::new(namespace, name)
            .with_attribute(attribute, value)
            .with_lang(value)
            .with_text(content)
            .with_child(Element::new(value, attribute));
        for default in ["", ns::SERVER] {
            let mut written = String::new();
            made.write(default, &mut written);
            let stream = format!("<r xmlns='{default}'>{written}</r>");
            let root = Element::parse(stream.as_bytes(), unlimited());
            let root = root.unwrap_or_else(|error| panic!("{error}: {stream}"));
            let read = root.children().next().expect("one element");
            assert_eq!(read.namespace(), namespace, "{stream}");
            assert_eq!(read.lang(), Some(&*carried(value)), "{stream}");
            assert_eq!(read.text(), carried(content), "{stream}");
            let texts = usize::from(!content.is_empty());
            assert_eq!(read.nodes().count(), texts + 1, "{stream}");
            let child = read.children().next().expect("a child");
            assert!(
                value == ns::XMLNS || child.namespace() == carried(value),
                "{stream}"
            );
            let is_plain = |text: &str| {
                text.starts_with('a') && text.bytes().all(|byte| byte.is_ascii_alphabetic())
            };
            if is_plain(attribute) {
                assert_eq!(
                    read.attribute(attribute),
                    Some(&*carried(value)),
                    "{stream}"
                );
                assert_eq!(child.name(), attribute);
            }
        }
    }
}

/// The text with U+FFFD for what no document can hold (XML 1.0 §2.2).
fn carried(text: &str) -> String {
    let is_legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let carried = text
        .chars()
        .map(|c| if is_legal(&c) { c } else { '\u{fffd}' });
    carried.collect()
}

/// The stream in pieces of these lengths in turn, each at least one byte.
pub(crate) fn cut(stream: &[u8], lengths: [u8; 3]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    let mut lengths = lengths.into_iter().cycle();
    std::iter::from_fn(move || {
        let len = usize::from(lengths.next()?).max(1).min(rest.len());
        let (piece, tail) = rest.split_at(len);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

fn limits(mode: u8) -> Limits {
    match mode & 3 {
        0 | 1 => Limits::default(),
        2 => Limits::unauthenticated(),
        _ => {
            let mut limits = Limits::default();
            limits.max_header_bytes = 120;
            limits.max_element_bytes = 200;
            limits.max_elements = 4;
            limits.max_depth = 3;
            limits.max_attributes = 3;
            limits.max_namespaces = 2;
            limits.max_name_bytes = 12;
            limits.max_namespace_bytes = 16;
            limits.max_value_bytes = 24;
            limits
        }
    }
}

/// Whether a line end or tab is left that only a reference can bring (XML 1.0 §2.11, §3.3.3).
fn has_raw_line_end(seen: &Seen) -> bool {
    match seen {
        Seen::Start { attributes, .. } => attributes
            .iter()
            .any(|(_, _, value)| value.contains(['\r', '\n', '\t'])),
        Seen::Text(text) => text.contains('\r'),
        Seen::End => false,
    }
}

/// Whether the stream's header may declare a namespace that its elements rely on.
fn header_declares(header: &[u8]) -> bool {
    header.windows(5).any(|window| window == b"xmlns")
}

/// A first-level element that passed reads by itself, and what is written of it reads back.
fn read_again(element: &FirstLevel, source: &[u8], limits: Limits, bare: bool) {
    assert!(
        source.len() <= limits.max_element_bytes,
        "longer than allowed"
    );
    let read = match Element::parse(source, limits) {
        // A prefix that the header declares.
        Err(ParseError::UndeclaredPrefix) if !bare => return,
        Err(error) => panic!("an element that passed does not read: {error}"),
        Ok(read) => read,
    };
    for default in ["", ns::SERVER] {
        let mut written = String::new();
        read.write(default, &mut written);
        let stream = format!("<r xmlns='{default}'>{written}</r>");
        let again = Reading::of([stream.as_bytes()], unlimited(), false);
        assert!(again.is_document(), "{stream}: {:?}", again.error);
        let [again] = again.elements.as_slice() else {
            panic!("not one element: {stream}");
        };
        if bare {
            assert_eq!(joined(&again.seen), joined(&element.seen), "{written}");
        }
        if default.is_empty() {
            let parsed = Element::parse(written.as_bytes(), unlimited());
            assert_eq!(parsed.as_ref(), Ok(&read), "{written}");
        }
    }
}
