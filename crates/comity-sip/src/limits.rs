//! Bounds on what a peer can send.

/// Bounds on messages and on what is read from them.
///
/// A message carries the limits under which it was read, and its headers and body parts are read
/// under the same. Each field says its unit and why it has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a whole message. 65,535: what a datagram can hold, and enough for presence documents.
    pub max_message_bytes: u32,
    /// Bytes of start line and headers with the empty line behind them. 32 KiB: an INVITE of a
    /// Microsoft edge has about 4 KiB.
    pub max_head_bytes: u32,
    /// Bytes of a body. 48 KiB: more than any presence document that was met.
    pub max_body_bytes: u32,
    /// Header lines, a continued one counted once. 128: five times what proxies write.
    pub max_headers: u32,
    /// Bytes of a header line with its continuations, or of the start line. 8 KiB; at most 65,535 is
    /// obeyed.
    pub max_header_bytes: u32,
    /// Continuation lines of one header. 16: hardly anybody folds.
    pub max_folds: u32,
    /// Bytes of a URI. 1,024, as other servers have it; at most 65,535 is obeyed.
    pub max_uri_bytes: u32,
    /// Values of Via. 70, the default of Max-Forwards.
    pub max_vias: u32,
    /// Values of Route, and of Record-Route. 32: half of what Max-Forwards allows.
    pub max_routes: u32,
    /// Values of Contact. 32: more devices than a user has.
    pub max_contacts: u32,
    /// Values of any other header that has a list. 128, as many as there may be lines.
    pub max_list_values: u32,
    /// Parameters of one value or one URI, and headers of one URI. 32: three times what Microsoft's
    /// headers have.
    pub max_parameters: u32,
    /// Parts of one multipart body. 16: more than conferences send.
    pub max_parts: u32,
    /// How deep multipart bodies nest. 3: signed, mixed, related.
    pub max_part_depth: u32,
}

impl Limits {
    /// Limits for bytes that passed others before.
    pub(crate) fn passed() -> Self {
        Self {
            max_message_bytes: u32::MAX,
            max_head_bytes: u32::MAX,
            max_body_bytes: u32::MAX,
            max_headers: u32::MAX,
            max_header_bytes: u32::MAX,
            max_folds: u32::MAX,
            max_uri_bytes: u32::MAX,
            max_vias: u32::MAX,
            max_routes: u32::MAX,
            max_contacts: u32::MAX,
            max_list_values: u32::MAX,
            max_parameters: u32::MAX,
            max_parts: u32::MAX,
            max_part_depth: u32::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 65_535,
            max_head_bytes: 32 * 1024,
            max_body_bytes: 48 * 1024,
            max_headers: 128,
            max_header_bytes: 8 * 1024,
            max_folds: 16,
            max_uri_bytes: 1024,
            max_vias: 70,
            max_routes: 32,
            max_contacts: 32,
            max_list_values: 128,
            max_parameters: 32,
            max_parts: 16,
            max_part_depth: 3,
        }
    }
}
