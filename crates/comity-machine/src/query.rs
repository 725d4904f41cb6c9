use std::fmt;

/// Names one question that a machine asked its composer.
///
/// The answer carries it back. A machine ignores an answer whose question it no longer waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QueryId(u64);

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Hands out each [`QueryId`] of one machine once.
#[derive(Debug, Default)]
pub struct QueryIds(u64);

impl QueryIds {
    /// An id that this source has not handed out before.
    pub fn next_id(&mut self) -> QueryId {
        self.0 = self.0.wrapping_add(1);
        QueryId(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let mut ids = QueryIds::default();
        let (first, second) = (ids.next_id(), ids.next_id());
        assert!(first < second);
        assert_eq!(first.to_string(), "#1");
    }
}
