/// Bounds on the XML that a peer may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest XML declaration, and the longest stream header. Default 4096: a header holds
    /// two addresses and a handful of namespaces.
    pub max_header_bytes: usize,
    /// The longest first-level element from `<` to `>`. Default 262144; RFC 6120 §13.12 asks for
    /// at least 10000.
    pub max_element_bytes: usize,
    /// The most elements in a first-level element, itself included. Default 8192.
    pub max_elements: usize,
    /// The deepest nesting; the stream element is at depth 1. Default 64.
    pub max_depth: usize,
    /// The most attributes of one tag, namespace declarations included. Default 64.
    pub max_attributes: usize,
    /// The most namespace declarations in scope at one place. Default 64.
    pub max_namespaces: usize,
    /// The longest namespace name. Default 512: an element carries its own, however short its
    /// prefix is.
    pub max_namespace_bytes: usize,
    /// The longest element or attribute name, prefix included. Default 256.
    pub max_name_bytes: usize,
    /// The longest attribute value as written. Default 8192.
    pub max_value_bytes: usize,
}

impl Limits {
    /// The bounds for a peer that has proved nothing yet.
    ///
    /// Negotiation needs little, and what an unknown peer can make a stream hold follows from them.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self {
            max_element_bytes: 8192,
            max_elements: 32,
            max_depth: 8,
            max_attributes: 16,
            max_namespaces: 16,
            max_namespace_bytes: 256,
            max_name_bytes: 128,
            max_value_bytes: 1024,
            ..Self::default()
        }
    }

    /// No bounds, for source that has passed a tokenizer before.
    pub(crate) fn unbounded() -> Self {
        Self {
            max_header_bytes: usize::MAX,
            max_element_bytes: usize::MAX,
            max_elements: usize::MAX,
            max_depth: usize::MAX,
            max_attributes: usize::MAX,
            max_namespaces: usize::MAX,
            max_namespace_bytes: usize::MAX,
            max_name_bytes: usize::MAX,
            max_value_bytes: usize::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_bytes: 4096,
            max_element_bytes: 262_144,
            max_elements: 8192,
            max_depth: 64,
            max_attributes: 64,
            max_namespaces: 64,
            max_namespace_bytes: 512,
            max_name_bytes: 256,
            max_value_bytes: 8192,
        }
    }
}
