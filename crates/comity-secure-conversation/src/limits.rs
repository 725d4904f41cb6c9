/// What is held and read at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Sessions in one table. Default: 10,000. With a key of 256 bits each takes less than 800
    /// bytes; with the longest secret and texts, less than 32 KiB.
    pub max_sessions: usize,
    /// Bytes of a service URL. Default: 2,048, the longest that clients of HTTP agree on.
    pub max_service_url_bytes: usize,
    /// Bytes of all that is known of a user. Default: 4,096, several times a long subject.
    pub max_user_bytes: usize,
    /// Bytes of a response. Default: 65,536. Those of services have 2 to 4 KiB.
    pub max_document_bytes: usize,
    /// Elements inside each other in a response. Default: 16. The identifier is the fifth.
    pub max_depth: usize,
    /// Elements in a response. Default: 256. A usual one has 20.
    pub max_elements: usize,
    /// Attributes of one element of a response, with its namespaces. Default: 32.
    pub max_attributes: usize,
    /// Bytes of the text of one element that is read. Default: 24,576, the longest secret in base64
    /// with its lines broken.
    pub max_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            max_service_url_bytes: 2048,
            max_user_bytes: 4096,
            max_document_bytes: 65_536,
            max_depth: 16,
            max_elements: 256,
            max_attributes: 32,
            max_text_bytes: 24_576,
        }
    }
}
