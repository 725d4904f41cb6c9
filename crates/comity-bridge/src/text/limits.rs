/// What a body may take.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// A body as it comes, in bytes: 256 KiB, as markup takes several times the room of its text.
    pub max_body_bytes: usize,
    /// The text that comes out, in bytes: 64 KiB, which every XMPP server takes in a stanza of its
    /// own size limit or refuses by itself.
    pub max_text_bytes: usize,
    /// How deep groups of RTF may be nested: 64. Documents have about ten.
    pub max_groups: usize,
    /// Envelopes and multipart bodies inside each other: 4, as a CPIM message in a part of a part.
    pub max_wrappers: usize,
    /// Parts of one multipart body: 16.
    pub max_parts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 256 * 1024,
            max_text_bytes: 64 * 1024,
            max_groups: 64,
            max_wrappers: 4,
            max_parts: 16,
        }
    }
}
