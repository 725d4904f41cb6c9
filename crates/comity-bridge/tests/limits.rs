//! Limits of bodies and presence documents: one below what comes, at it, and one above.
#![cfg(test)]

use bytes::Bytes;
use comity_bridge::presence::{self, ReadError};
use comity_bridge::text::{self, Content, Unreadable};
use comity_sip::Field;
use comity_sip::header::ContentType;

/// What a body is read as where a limit is one below `number`, `number`, and one above.
fn texts(
    content_type: &str,
    body: &str,
    number: usize,
    set: fn(&mut text::Limits, usize),
) -> [Result<String, Unreadable>; 3] {
    let own = comity_sip::Limits::default();
    let (content_type, _) = ContentType::read(content_type.as_bytes(), &own).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    [number - 1, number, number + 1].map(|limit| {
        let mut limits = text::Limits::default();
        set(&mut limits, limit);
        let reading = text::read(Some(content_type), None, &body, &limits)?;
        let Content::Text(body) = reading.content else {
            panic!("{reading:?}")
        };
        Ok(body.text.into())
    })
}

/// What is refused below, and taken at and above.
fn from_here_on(refusal: Unreadable, text: &str) -> [Result<String, Unreadable>; 3] {
    [Err(refusal), Ok(text.to_owned()), Ok(text.to_owned())]
}

#[test]
fn each_limit_of_a_text_holds_at_its_number() {
    let too_long = |limit| Unreadable::TooLong { limit };
    assert_eq!(
        texts("text/html", "<p>four</p>", 11, |limits, limit| {
            limits.max_body_bytes = limit;
        }),
        from_here_on(too_long(10), "four")
    );
    assert_eq!(
        texts("text/plain", "four", 4, |limits, limit| {
            limits.max_text_bytes = limit;
        }),
        from_here_on(too_long(3), "four")
    );
    assert_eq!(
        texts("text/rtf", r"{\rtf1{{x}}}", 3, |limits, limit| {
            limits.max_groups = limit;
        }),
        from_here_on(Unreadable::TooDeep { limit: 2 }, "x")
    );
}

#[test]
fn wrappers_and_parts_have_a_number() {
    let envelope = |inside: &str| {
        format!("From: <im:a@a.example>\r\nTo: <im:b@b.example>\r\n\r\nContent-Type: {inside}")
    };
    let two = envelope(&format!(
        "message/cpim\r\n\r\n{}",
        envelope("text/plain\r\n\r\nhi")
    ));
    assert_eq!(
        texts("message/cpim", &two, 2, |limits, limit| {
            limits.max_wrappers = limit;
        }),
        from_here_on(Unreadable::TooDeep { limit: 1 }, "hi")
    );
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n";
    let parts = format!("{part}{part}{part}--b--");
    assert_eq!(
        texts("multipart/mixed;boundary=b", &parts, 3, |limits, limit| {
            limits.max_parts = limit.try_into().unwrap();
        }),
        from_here_on(Unreadable::Malformed, "hi")
    );
}

/// What a document is read as where a limit is one below `number`, `number`, and one above: the ids of
/// its tuples with their notes.
fn documents(
    body: &str,
    number: usize,
    set: fn(&mut presence::Limits, usize),
) -> [Result<Vec<String>, ReadError>; 3] {
    let body = format!("<presence xmlns='urn:ietf:params:xml:ns:pidf'>{body}</presence>");
    let body = Bytes::from(body);
    [number - 1, number, number + 1].map(|limit| {
        let mut limits = presence::Limits::default();
        set(&mut limits, limit);
        let document = presence::read(None, &body, &limits)?;
        let shown = document.tuples.iter().map(|tuple| {
            let notes = tuple.notes.iter().map(|note| &*note.text);
            format!("{}:{}", tuple.id, notes.collect::<String>())
        });
        Ok(shown.collect())
    })
}

#[test]
fn each_limit_of_a_presence_document_holds_at_its_number() {
    let tuple = |id: &str| {
        format!("<tuple id='{id}'><status><basic>open</basic></status><note>four</note></tuple>")
    };
    let one = || Ok(vec!["a:four".to_owned()]);
    let bytes = "<presence xmlns='urn:ietf:params:xml:ns:pidf'></presence>".len();
    let bytes = bytes + tuple("a").len();
    assert_eq!(
        documents(&tuple("a"), bytes, |limits, limit| {
            limits.max_document_bytes = limit;
        }),
        [Err(ReadError::TooLong { limit: bytes - 1 }), one(), one()]
    );
    let too_large = || [Err(ReadError::TooLarge), one(), one()];
    assert_eq!(
        documents(&tuple("a"), 4, |limits, limit| limits.max_depth = limit),
        too_large()
    );
    assert_eq!(
        documents(&tuple("a"), 5, |limits, limit| limits.max_elements = limit),
        too_large()
    );
    let wide = tuple("a").replace("<note>", "<note x='' y='' z=''>");
    assert_eq!(
        documents(&wide, 3, |limits, limit| limits.max_attributes = limit),
        too_large()
    );
    let three = ["a", "b", "c"].map(tuple).concat();
    let shown = |ids: &[&str]| Ok(ids.iter().map(|id| format!("{id}:four")).collect());
    assert_eq!(
        documents(&three, 2, |limits, limit| limits.max_tuples = limit),
        [shown(&["a"]), shown(&["a", "b"]), shown(&["a", "b", "c"])]
    );
    assert_eq!(
        documents(&tuple("a"), 4, |limits, limit| {
            limits.max_note_chars = limit;
        }),
        [Ok(vec!["a:fou".to_owned()]), one(), one()]
    );
}
