use std::fmt;

/// The first few of the things that a peer named, and how many more there were.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    first: Vec<Box<str>>,
    more: usize,
}

impl Listed {
    /// How many are named at most.
    pub const MAX: usize = 3;

    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names = names.into_iter();
        let first = names.by_ref().take(Self::MAX).map(Into::into).collect();
        Self {
            first,
            more: names.count(),
        }
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &[Box<str>] {
        &self.first
    }

    /// How many follow.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first.is_empty() {
            return f.write_str("nothing");
        }
        for (index, name) in self.first.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
