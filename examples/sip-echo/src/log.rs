use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

/// Lines for those who run the domain, on standard error.
///
/// They are written together when there is nothing else to do, or when there are many: to write
/// each alone, piece by piece, costs more than to receive what it is about.
#[derive(Default)]
pub(crate) struct Log {
    lines: String,
}

impl Log {
    pub(crate) fn add(&mut self, line: &dyn Display) {
        self.add_words(&[], line);
    }

    /// A line that begins with words that need no formatting, which would cost more than the rest.
    pub(crate) fn add_words(&mut self, words: &[&str], rest: &dyn Display) {
        for word in words {
            self.lines.push_str(word);
        }
        // A text grows without fail.
        let _ = writeln!(self.lines, "{rest}");
        if self.lines.len() >= MAX_HELD_BYTES {
            self.flush();
        }
    }

    pub(crate) fn flush(&mut self) {
        if !self.lines.is_empty() {
            // That nobody reads it is no reason to stop.
            let _ = io::stderr().write_all(self.lines.as_bytes());
            self.lines.clear();
        }
    }
}

#[cfg(test)]
impl Log {
    /// What waits to be written.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.lines)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

const MAX_HELD_BYTES: usize = 8 * 1024;
