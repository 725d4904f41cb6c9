//! SIP messages as lines.

/// A message taken apart at its line ends.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) start: String,
    pub(super) lines: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Plain {
    /// Reads what a machine has written, which is one message, whole lines and a body as long as it
    /// says.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.expect("an end of the headers");
        let (head, body) = (&bytes[..end], &bytes[end + 4..]);
        let head = std::str::from_utf8(head).expect("UTF-8");
        let mut lines = head.split("\r\n");
        let start = lines.next().expect("a line").to_owned();
        let lines = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a name and a value");
            (name.to_owned(), value.to_owned())
        });
        let plain = Self {
            lines: lines.collect(),
            start,
            body: body.to_vec(),
        };
        let texts = plain.lines.iter().flat_map(|(name, value)| [name, value]);
        for text in texts.chain([&plain.start]) {
            let is_bad = |c: char| c.is_control() && c != '\t';
            assert!(!text.contains(is_bad), "{text:?}");
        }
        for name in plain.lines.iter().map(|(name, _)| name) {
            assert!(NAMES.contains(&name.as_str()), "a header {name}");
        }
        assert_eq!(plain.one("Content-Length"), plain.body.len().to_string());
        for name in ["From", "To", "Call-ID", "CSeq"] {
            plain.one(name);
        }
        plain
    }

    /// The values of a header.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let found = self.lines.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a header that comes at most once.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        let mut found = self.all(name);
        let value = found.next();
        assert_eq!(found.next(), None, "a second {name}");
        value
    }

    /// The value of a header that comes once.
    pub(super) fn one(&self, name: &str) -> &str {
        let value = self.optional(name);
        value.unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The status of a response.
    pub(super) fn status(&self) -> Option<u16> {
        let rest = self.start.strip_prefix("SIP/2.0 ")?;
        rest.get(..3)?.parse().ok()
    }

    /// The method of a request, and of what a response answers.
    pub(super) fn method(&self) -> &str {
        let cseq = self.one("CSeq");
        cseq.split_once(' ').expect("a method").1
    }

    /// The names of the headers, sorted.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.lines.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// An answer with the lines that it must have.
    pub(super) fn answer(&self, status: u16, tag: &str, further: &str, body: &[u8]) -> Vec<u8> {
        let mut text = format!("SIP/2.0 {status} Fine\r\n");
        for (name, value) in &self.lines {
            let tag = match name.as_str() {
                "To" if !value.contains(";tag=") => tag,
                "To" | "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => "",
                _ => continue,
            };
            text.push_str(&format!("{name}: {value}{tag}\r\n"));
        }
        text.push_str(further);
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        [text.as_bytes(), body].concat()
    }
}

/// Every header that the bridge and its endpoint write.
const NAMES: [&str; 24] = [
    "Accept",
    "Accept-Encoding",
    "Allow",
    "Allow-Events",
    "CSeq",
    "Call-ID",
    "Contact",
    "Content-Length",
    "Content-Type",
    "Event",
    "Expires",
    "From",
    "Max-Forwards",
    "Min-Expires",
    "Ms-Conversation-ID",
    "Record-Route",
    "Require",
    "Retry-After",
    "Route",
    "Subject",
    "Subscription-State",
    "Supported",
    "To",
    "Via",
];
