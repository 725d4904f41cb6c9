//! The same look at the same message with several parsers.
//!
//! Each is used in the fastest way that its public interface has. Whole values go through
//! `black_box`, so that a parser does all the work that a caller pays for.

mod comity;
mod ezk;
mod rsip;
mod rsipstack;
mod sipx;

use bytes::Bytes;

use crate::seen::Seen;

/// One parser.
#[derive(Debug)]
pub(crate) struct Parser {
    pub(crate) name: &'static str,
    lazy: Read,
    full: Read,
}

impl Parser {
    /// The parser of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PARSERS.iter().find(|parser| parser.name == name)
    }

    /// How it reads.
    pub(crate) fn read(&self, measure: Measure) -> Read {
        match measure {
            Measure::Lazy => self.lazy,
            Measure::Full => self.full,
        }
    }
}

/// Reads a message; nothing if the parser rejects it.
pub(crate) type Read = fn(&Bytes) -> Option<Seen>;

/// How much of a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The start line and an index of the headers.
    Lazy,
    /// The values that a server looks at as well.
    Full,
}

impl Measure {
    pub(crate) const ALL: [Self; 2] = [Self::Lazy, Self::Full];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Full => "full",
        }
    }

    /// The measure of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }
}

/// All parsers, ours first.
pub(crate) const PARSERS: [Parser; 5] = [
    Parser {
        name: "comity",
        lazy: comity::lazy,
        full: comity::full,
    },
    Parser {
        name: "sipx",
        lazy: sipx::lazy,
        full: sipx::full,
    },
    Parser {
        name: "rsipstack",
        lazy: rsipstack::lazy,
        full: rsipstack::full,
    },
    Parser {
        name: "ezk",
        lazy: ezk::lazy,
        full: ezk::full,
    },
    Parser {
        name: "rsip",
        lazy: rsip::lazy,
        full: rsip::full,
    },
];

/// Our parser with limits that no message meets.
pub(crate) const OURS_WITHOUT_LIMITS: Parser = Parser {
    name: "comity",
    lazy: comity::lazy_without_limits,
    full: comity::full_without_limits,
};
