//! What a parser saw in a message.

/// Sums over a message, the same for every parser that reads it right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bytes of the body.
    pub(crate) body: usize,
    /// How many values Via, Contact and Route have.
    pub(crate) values: usize,
    /// Bytes of the branches, the tags and the Call-ID.
    pub(crate) text: usize,
    /// The ports of all Via values and URIs, CSeq, Max-Forwards and Content-Length.
    pub(crate) numbers: u64,
}

impl Seen {
    /// What a parser sees that only looks for the body.
    pub(crate) fn body(body: &[u8]) -> Self {
        Self {
            body: body.len(),
            ..Self::default()
        }
    }

    /// One number that depends on all of it.
    pub(crate) fn sum(self) -> usize {
        self.body + self.values + self.text + self.numbers as usize
    }

    pub(crate) fn see_text(&mut self, text: &[u8]) {
        self.text += text.len();
    }

    pub(crate) fn see_number(&mut self, number: impl Into<u64>) {
        self.numbers += number.into();
    }

    pub(crate) fn see_port(&mut self, port: Option<u16>) {
        self.numbers += u64::from(port.unwrap_or(0));
    }
}
