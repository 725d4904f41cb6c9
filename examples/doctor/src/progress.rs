//! What is being waited for, on a terminal.

use std::io::{self, IsTerminal, Write};

/// A line that changes while the doctor works, and goes when it is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    Shown,
    Hidden,
}

impl Progress {
    /// Shown if standard error is a terminal.
    pub(crate) fn on_stderr() -> Self {
        match io::stderr().is_terminal() {
            true => Self::Shown,
            false => Self::Hidden,
        }
    }

    pub(crate) fn begin(self, what: &str) {
        let what: String = what.chars().take(MAX_SHOWN).collect();
        self.write(&format!("{CLEAR}{what} ..."));
    }

    pub(crate) fn end(self) {
        self.write(CLEAR);
    }

    fn write(self, text: &str) {
        match self {
            Self::Hidden => {}
            Self::Shown => {
                let mut stderr = io::stderr().lock();
                // That nobody sees it changes nothing.
                let _ = stderr.write_all(text.as_bytes());
                let _ = stderr.flush();
            }
        }
    }
}

/// To the start of the line, which is emptied.
const CLEAR: &str = "\r\x1b[K";
/// As much as a narrow terminal has room for.
const MAX_SHOWN: usize = 70;
