//! Bytes as a program of steps.

/// Reads a program from the front; when the bytes are used up it gives zeros and says so.
#[derive(Debug)]
pub struct Program<'a> {
    rest: &'a [u8],
}

impl<'a> Program<'a> {
    /// A program at its start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes are used up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                byte
            }
            None => 0,
        }
    }

    /// The next two bytes as a number.
    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// As many bytes as the next byte says, or as there are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        bytes
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One of `items`, counted from the last by the next byte; `None` if there is none.
    pub fn recent<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let back = usize::from(self.byte());
        items.iter().rev().nth(back % items.len().max(1))
    }
}
