//! SIP: messages, streams, edits, URIs, builders and bodies.

mod build;
mod differential;
mod edit;
mod endpoint;
mod framing;
mod message;
mod multipart;
mod naive_uri;
mod pair;
mod stream;
mod typed;
mod uri;

pub use build::sip_build;
pub use differential::sip_differential;
pub use edit::sip_edit;
pub use endpoint::sip_endpoint;
pub use message::sip_message;
pub use multipart::sip_multipart;
pub use pair::sip_pair;
pub use stream::sip_stream;
pub use uri::sip_uri;

use std::ops::Range;

use comity_sip::{Headers, Limits, Message, ParseError};

/// Limits that nothing reaches.
fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.max_message_bytes = u32::MAX;
    limits.max_head_bytes = u32::MAX;
    limits.max_body_bytes = u32::MAX;
    limits.max_headers = u32::MAX;
    limits.max_header_bytes = u32::MAX;
    limits.max_folds = u32::MAX;
    limits.max_uri_bytes = u32::MAX;
    limits.max_vias = u32::MAX;
    limits.max_routes = u32::MAX;
    limits.max_contacts = u32::MAX;
    limits.max_list_values = u32::MAX;
    limits.max_parameters = u32::MAX;
    limits.max_parts = u32::MAX;
    limits.max_part_depth = u32::MAX;
    limits
}

/// Limits that are reached by small messages.
fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.max_message_bytes = 400;
    limits.max_head_bytes = 320;
    limits.max_body_bytes = 60;
    limits.max_headers = 9;
    limits.max_header_bytes = 70;
    limits.max_folds = 2;
    limits.max_uri_bytes = 40;
    limits.max_vias = 2;
    limits.max_routes = 2;
    limits.max_contacts = 2;
    limits.max_list_values = 3;
    limits.max_parameters = 2;
    limits.max_parts = 2;
    limits.max_part_depth = 1;
    limits
}

/// Where `part` lies in `whole`; panics if it is a copy or lies outside.
fn place_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let (outer, inner) = (whole.as_ptr_range(), part.as_ptr_range());
    assert!(
        outer.start <= inner.start && inner.end <= outer.end,
        "not a part of the input"
    );
    let start = inner.start.addr() - outer.start.addr();
    start..start + part.len()
}

/// A message of bytes that must be one.
fn reread(bytes: &[u8]) -> Message {
    let message = Message::from_datagram(bytes.to_vec().into(), &unlimited());
    let text = String::from_utf8_lossy(bytes);
    let message = message.unwrap_or_else(|rejected| panic!("{rejected}: {text:?}"));
    assert_eq!(message.as_bytes(), bytes, "not all of it: {text:?}");
    message
}

/// The header lines tile the head: start line, lines, empty line. Gives where the head ends.
fn lines_tile(bytes: &[u8], headers: Headers<'_>, start: usize) -> usize {
    let mut end = start;
    for header in headers.iter() {
        assert_eq!(header.offset(), end, "a gap before a header line");
        assert_eq!(&bytes[end..end + header.line().len()], header.line());
        end += header.line().len();
    }
    end + 2
}

/// An error lies within the bytes.
fn check_offset(error: ParseError, len: usize) {
    assert!(error.offset() <= len, "{error}, of {len} bytes");
}
