use comity_xmpp::xml::{Limits, ParseError};
use rxml::error::ErrorContext;
use rxml::{Event, Parse, WithOptions};

use crate::xml::{Reading, Seen, joined};

/// Gives a document to our tokenizer and to rxml.
///
/// What ours takes for a document rxml takes for the same one. What rxml takes ours refuses for the
/// reasons of [`may_be_refused`] only.
pub fn xml_differential(data: &[u8]) {
    if has_carriage_return(data) {
        return;
    }
    let ours = Reading::of([data], Limits::default(), false);
    let theirs = read(data);
    if ours.is_document() && ends_whole(data) {
        match theirs {
            Ok(theirs) => assert_eq!(joined(&ours.seen), theirs),
            Err(error) => assert!(
                may_be_accepted(data, &error),
                "only ours accepts it: {error}"
            ),
        }
    } else if theirs.is_ok() {
        let error = ours.error;
        assert!(
            error.is_some_and(may_be_refused),
            "only rxml accepts it: {error:?}"
        );
    }
}

/// Whether the document holds a carriage return, which rxml does not read as XML 1.0 §2.11 and §3.3.3
/// have it: in CDATA sections it stays, and in values it is lost.
fn has_carriage_return(data: &[u8]) -> bool {
    data.contains(&b'\r')
}

/// A tokenizer waits for the rest of a character, rxml is told that there is none.
fn ends_whole(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok()
}

/// What rxml accepts and ours refuses.
fn may_be_refused(error: ParseError) -> bool {
    // Names by the fifth edition of XML 1.0, which libexpat refuses too.
    let by_edition = matches!(error, ParseError::Unexpected(c) if !c.is_ascii());
    by_edition
        || matches!(
            error,
            // rxml has no such limits.
            ParseError::Limit(_)
        // RFC 6120 §4.1 has nothing but white space between first-level elements.
        | ParseError::StrayText
        // rxml lets a prefix be bound to the namespace of `xmlns` (Namespaces in XML §3).
        | ParseError::ReservedNamespace
        // rxml reads the declaration without regard to case, against XML 1.0 §2.8 and §2.9.
        | ParseError::Declaration
        )
}

/// What ours accepts and rxml refuses.
fn may_be_accepted(data: &[u8], error: &rxml::Error) -> bool {
    match error {
        // A declaration may say `standalone='no'`, which means nothing without a document type, and
        // it may say so without an encoding.
        rxml::Error::RestrictedXml(_) | rxml::Error::InvalidSyntax(_) => {
            data.windows(10).any(|window| window == b"standalone")
        }
        // rxml takes white space before the first element only behind a declaration.
        rxml::Error::UnexpectedToken(Some(ErrorContext::DocumentBegin), "Text", _) => {
            data.first().is_some_and(u8::is_ascii_whitespace)
        }
        // These may start a name (XML 1.0 §2.3, production 4), and rxml has left them out.
        rxml::Error::UnexpectedChar(_, '\u{fdf0}'..='\u{fffd}', _) => true,
        _ => false,
    }
}

/// The document as rxml sees it, without white space between first-level elements.
fn read(mut data: &[u8]) -> Result<Vec<Seen>, rxml::Error> {
    let mut parser = rxml::Parser::with_options(rxml::Options {
        max_token_length: 1 << 20,
        ..rxml::Options::default()
    });
    let mut seen = Vec::new();
    let mut depth = 0_usize;
    loop {
        let event = match parser.parse(&mut data, true) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(joined(&seen)),
            Err(rxml::error::EndOrError::Error(error)) => return Err(error),
            Err(rxml::error::EndOrError::NeedMoreData) => {
                panic!("rxml wants more after the end")
            }
        };
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (namespace, name), attributes) => {
                depth += 1;
                let mut attributes: Vec<_> = attributes
                    .iter()
                    .map(|((namespace, name), value)| {
                        (namespace.to_string(), name.to_string(), value.clone())
                    })
                    .collect();
                attributes.sort_unstable();
                seen.push(Seen::Start {
                    namespace: namespace.to_string(),
                    name: name.to_string(),
                    attributes,
                });
            }
            Event::EndElement(_) => {
                depth -= 1;
                seen.push(Seen::End);
            }
            Event::Text(_, text) if depth >= 2 => seen.push(Seen::Text(text)),
            Event::Text(..) => {}
        }
    }
}
