//! Text that a rule of the grammar proved to be ASCII.

use std::fmt;
use std::str;

/// Bytes that a rule proved to be ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Ascii<'a>(&'a [u8]);

impl<'a> Ascii<'a> {
    /// To be called only with bytes that a rule proved to be ASCII.
    #[inline(always)]
    pub(crate) fn proved(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.is_ascii());
        Self(bytes)
    }

    #[inline(always)]
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn as_str(self) -> &'a str {
        str::from_utf8(self.0).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn is(self, other: &str) -> bool {
        // Nearly everybody writes words as the standard does, which is faster to compare.
        self.0 == other.as_bytes() || self.0.eq_ignore_ascii_case(other.as_bytes())
    }
}

impl fmt::Debug for Ascii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Ascii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
