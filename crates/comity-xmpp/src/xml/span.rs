/// Where something stands in the tokenizer's buffer: from the first byte up to the second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span(pub(super) usize, pub(super) usize);

impl Span {
    pub(super) fn len(self) -> usize {
        self.1.saturating_sub(self.0)
    }

    pub(super) fn of(self, buffer: &str) -> &str {
        buffer.get(self.0..self.1).unwrap_or_default()
    }
}

/// Where a qualified name stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Name {
    whole: Span,
    /// Where the part behind the first colon starts, or the whole name if it has none.
    local: usize,
}

impl Name {
    /// The name at `whole`; `local` is where the part behind the first colon starts, if it has one.
    pub(super) fn new(whole: Span, local: Option<usize>) -> Self {
        Self {
            whole,
            local: local.unwrap_or(whole.0),
        }
    }

    pub(super) fn whole(self) -> Span {
        self.whole
    }

    pub(super) fn is_prefixed(self) -> bool {
        self.local > self.whole.0
    }

    /// The part before the colon; empty if there is none.
    pub(super) fn prefix(self, buffer: &str) -> &str {
        if self.is_prefixed() {
            Span(self.whole.0, self.local.saturating_sub(1)).of(buffer)
        } else {
            ""
        }
    }

    pub(super) fn local_len(self) -> usize {
        self.whole.1.saturating_sub(self.local)
    }

    /// The part behind the colon, or the whole name if there is none.
    pub(super) fn local(self, buffer: &str) -> &str {
        Span(self.local, self.whole.1).of(buffer)
    }
}
