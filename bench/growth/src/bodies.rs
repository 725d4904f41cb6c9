//! Bodies that the bridge translates: presence documents and texts.

use bytes::Bytes;
use comity_bridge::presence;
use comity_bridge::text::{self, Content};
use comity_sip::Field;
use comity_sip::header::ContentType;

use crate::{Series, Task};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "presence/tuples",
        size: 250,
        task: |count| {
            let tuple = "<tuple id='t'><status><basic>open</basic></status></tuple>";
            presence(tuple.repeat(count), count)
        },
    },
    Series {
        name: "presence/notes",
        size: 500,
        task: |count| presence(format!("{TUPLE}{}", "<note>hi</note>".repeat(count)), 1),
    },
    Series {
        name: "presence/note-bytes",
        size: 8_000,
        task: |count| presence(format!("{TUPLE}<note>{}</note>", "x".repeat(count)), 1),
    },
    Series {
        name: "presence/unknown-elements",
        size: 500,
        task: |count| presence(format!("{TUPLE}{}", "<x xmlns='urn:x'/>".repeat(count)), 1),
    },
    Series {
        name: "presence/attributes",
        size: 250,
        task: |count| {
            let attributes = (0..count).map(|number| format!(" a{number}='v'"));
            let attributes: String = attributes.collect();
            presence(format!("{TUPLE}<x xmlns='urn:x'{attributes}/>"), 1)
        },
    },
    Series {
        name: "presence/depth",
        size: 500,
        task: |count| {
            let open = "<x>".repeat(count);
            presence(format!("{TUPLE}{open}{}", "</x>".repeat(count)), 1)
        },
    },
    Series {
        name: "text/plain",
        size: 16_000,
        task: |count| text("text/plain;charset=UTF-8", "x".repeat(count), count),
    },
    Series {
        name: "text/html-tags",
        size: 4_000,
        task: |count| text("text/html", "<b>x</b>".repeat(count), count),
    },
    Series {
        name: "text/html-references",
        size: 4_000,
        task: |count| text("text/html", "&lt;".repeat(count), count),
    },
    Series {
        name: "text/html-open-tags",
        size: 4_000,
        task: |count| text("text/html", format!("x{}", "<b".repeat(count)), 1),
    },
    Series {
        name: "text/html-open-comments",
        size: 4_000,
        task: |count| text("text/html", format!("x{}", "<!--".repeat(count)), 1),
    },
    Series {
        name: "text/html-ampersands",
        size: 4_000,
        task: |count| text("text/html", "&".repeat(count), count),
    },
    Series {
        name: "text/rtf-groups",
        size: 4_000,
        task: |count| {
            text(
                "text/rtf",
                format!("{{\\rtf1 {}}}", "{\\b x}".repeat(count)),
                count,
            )
        },
    },
    Series {
        name: "text/rtf-depth",
        size: 2_000,
        task: |count| {
            let (open, close) = ("{".repeat(count), "}".repeat(count));
            text("text/rtf", format!("{{\\rtf1 {open}x{close}}}"), 1)
        },
    },
    Series {
        name: "text/rtf-characters",
        size: 4_000,
        task: |count| {
            text(
                "text/rtf",
                format!("{{\\rtf1 {}}}", "\\'41".repeat(count)),
                count,
            )
        },
    },
    Series {
        name: "text/parts",
        size: 250,
        task: |count| {
            let part = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
            let body = format!("{}--b--\r\n", part.repeat(count));
            text("multipart/alternative;boundary=b", body, "hello".len())
        },
    },
    Series {
        name: "text/cpim-headers",
        size: 1_000,
        task: |count| {
            let envelope = "X-Note: nobody reads it\r\n".repeat(count);
            let body = format!(
                "From: <im:a@b.example>\r\n{envelope}\r\nContent-Type: text/plain\r\n\r\nhello"
            );
            text("message/cpim", body, "hello".len())
        },
    },
];

const TUPLE: &str = "<tuple id='t'><status><basic>open</basic></status></tuple>";

/// Reads a document in which there are so many tuples.
fn presence(inside: String, tuples: usize) -> Task {
    let document = format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:bob@example.com'>{inside}</presence>"
    );
    let body = Bytes::from(document);
    let mut limits = presence::Limits::default();
    for limit in [
        &mut limits.max_document_bytes,
        &mut limits.max_depth,
        &mut limits.max_elements,
        &mut limits.max_attributes,
        &mut limits.max_tuples,
        &mut limits.max_note_chars,
    ] {
        *limit = usize::MAX;
    }
    Box::new(move || {
        let document = presence::read(None, &body, &limits);
        document.is_ok_and(|document| document.tuples.len() == tuples)
    })
}

/// Reads a body whose text has so many bytes.
fn text(kind: &'static str, body: String, bytes: usize) -> Task {
    let body = Bytes::from(body);
    let mut limits = text::Limits::default();
    for limit in [
        &mut limits.max_body_bytes,
        &mut limits.max_text_bytes,
        &mut limits.max_groups,
    ] {
        *limit = usize::MAX;
    }
    limits.max_parts = u32::MAX;
    let sip = comity_sip::Limits::default();
    let (kind, _) = ContentType::read(kind.as_bytes(), &sip).expect("a type");
    Box::new(move || {
        let reading = text::read(Some(kind), None, &body, &limits);
        match reading.map(|reading| reading.content) {
            Ok(Content::Text(body)) => body.text.len() == bytes,
            Ok(_) | Err(_) => false,
        }
    })
}
