//! Answers of token issuers.

use comity_secure_conversation::{Limits, Response};

use crate::{Series, Task};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "token/unknown-elements",
        size: 1_000,
        task: |count| read(&"<x xmlns='urn:x'/>".repeat(count)),
    },
    Series {
        name: "token/depth",
        size: 1_000,
        task: |count| {
            let (open, close) = ("<x>", "</x>");
            read(&format!("{}{}", open.repeat(count), close.repeat(count)))
        },
    },
    Series {
        name: "token/attributes",
        size: 250,
        task: |count| {
            let attributes = (0..count).map(|number| format!(" a{number}='v'"));
            let attributes: String = attributes.collect();
            read(&format!("<x xmlns='urn:x'{attributes}/>"))
        },
    },
    Series {
        name: "token/text",
        size: 16_000,
        task: |count| read(&format!("<x>{}</x>", "x".repeat(count))),
    },
];

/// Reads a response that has more in it.
fn read(inside: &str) -> Task {
    let document = RESPONSE.replace("<TokenType/>", inside).into_bytes();
    let mut limits = Limits::default();
    for limit in [
        &mut limits.max_document_bytes,
        &mut limits.max_depth,
        &mut limits.max_elements,
        &mut limits.max_attributes,
        &mut limits.max_text_bytes,
    ] {
        *limit = usize::MAX;
    }
    Box::new(move || {
        let response = Response::parse(&document, &limits);
        response.is_ok_and(|response| response.identifier.as_str() == "urn:uuid:1")
    })
}

const RESPONSE: &str = "<RequestSecurityTokenResponse \
    xmlns='http://schemas.xmlsoap.org/ws/2005/02/trust'><TokenType/><RequestedSecurityToken>\
    <SecurityContextToken xmlns='http://schemas.xmlsoap.org/ws/2005/02/sc'>\
    <Identifier>urn:uuid:1</Identifier></SecurityContextToken></RequestedSecurityToken>\
    <RequestedProofToken><BinarySecret>MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=</BinarySecret>\
    </RequestedProofToken></RequestSecurityTokenResponse>";
