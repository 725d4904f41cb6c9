use std::collections::HashMap;

use comity_identity::DomainName;
use foldhash::fast::RandomState;

use crate::DomainPattern;

/// Values by pattern, found through the name that they are about.
///
/// All patterns stand in one map under their name, so a look-up visits the name and those of its
/// parents that have as many labels as some pattern, however many patterns there are.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    names: HashMap<DomainName, Slot<T>, RandomState>,
    /// The numbers of labels of the exact names, and of those below `*.`, a bit for each. Names of
    /// [`DEEPEST`] labels or more share one.
    exact_depths: u64,
    tree_depths: u64,
}

impl<T> Table<T> {
    pub(crate) fn with_capacity(patterns: usize) -> Self {
        Self {
            names: HashMap::with_capacity_and_hasher(patterns, RandomState::default()),
            exact_depths: 0,
            tree_depths: 0,
        }
    }

    /// Adds `value` under `pattern`; `false` if the pattern is already there.
    pub(crate) fn insert(&mut self, pattern: DomainPattern, value: T) -> bool {
        let depth = depth_bit(labels(pattern.domain().as_str()));
        let (name, is_tree) = match pattern {
            DomainPattern::Exact(name) => (name, false),
            DomainPattern::Tree(name) => (name, true),
        };
        let slot = self.names.entry(name).or_default();
        let (place, depths) = if is_tree {
            (&mut slot.tree, &mut self.tree_depths)
        } else {
            (&mut slot.exact, &mut self.exact_depths)
        };
        if place.is_some() {
            return false;
        }
        *place = Some(value);
        *depths |= depth;
        true
    }

    /// Whether the pattern itself is there.
    pub(crate) fn has(&self, pattern: &DomainPattern) -> bool {
        let slot = self.names.get(pattern.domain());
        slot.is_some_and(|slot| match pattern {
            DomainPattern::Exact(_) => slot.exact.is_some(),
            DomainPattern::Tree(_) => slot.tree.is_some(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All patterns with their values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DomainPattern, &T)> {
        self.names.iter().flat_map(|(name, slot)| {
            let exact = slot.exact.as_ref();
            let tree = slot.tree.as_ref();
            let exact = exact.map(|value| (DomainPattern::Exact(name.clone()), value));
            let tree = tree.map(|value| (DomainPattern::Tree(name.clone()), value));
            exact.into_iter().chain(tree)
        })
    }

    /// What would cover the names of `pattern` without it: the next wildcard above.
    pub(crate) fn wider(&self, pattern: &DomainPattern) -> Option<(DomainPattern, &T)> {
        let whole = match pattern {
            DomainPattern::Exact(_) => Whole::Tree,
            DomainPattern::Tree(_) => Whole::Nothing,
        };
        self.find(pattern.domain(), whole)
    }

    /// The most specific pattern that covers `name`, and its value: the exact name, else the
    /// longest wildcard.
    pub(crate) fn most_specific(&self, name: &DomainName) -> Option<(DomainPattern, &T)> {
        self.find(name, Whole::Exact)
    }

    /// The longest pattern that covers `name`, of the whole name only those of `whole`.
    ///
    /// It goes label by label from the top-level one, so that it reads the name once, and no further
    /// than there are patterns as deep.
    fn find(&self, name: &DomainName, whole: Whole) -> Option<(DomainPattern, &T)> {
        let depths = self.exact_depths | self.tree_depths;
        let text = name.as_str();
        let mut found = None;
        let mut end = text.len();
        let mut bit = 1_u64;
        while bit <= depths {
            let above = text.as_bytes().get(..end)?;
            let start = above.iter().rposition(|byte| *byte == b'.');
            let start = start.map_or(0, |dot| dot + 1);
            bit = bit.checked_mul(2).unwrap_or(bit);
            if depths & bit != 0
                && let Some((key, slot)) = self.names.get_key_value(text.get(start..)?)
            {
                found = slot
                    .longest(key, if start == 0 { whole } else { Whole::Tree })
                    .or(found);
            }
            match start.checked_sub(1) {
                Some(dot) => end = dot,
                None => break,
            }
        }
        found
    }
}

/// Which patterns of the whole name count.
#[derive(Clone, Copy, Debug)]
enum Whole {
    /// The exact one, else the wildcard.
    Exact,
    Nothing,
    /// The wildcard.
    Tree,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

/// The number of labels from which on names are no longer told apart by it.
const DEEPEST: usize = 63;

/// How many labels a name has: 127 at most.
fn labels(name: &str) -> usize {
    name.bytes().filter(|byte| *byte == b'.').count() + 1
}

/// The bit of a number of labels.
fn depth_bit(labels: usize) -> u64 {
    1 << labels.min(DEEPEST)
}

/// What is said of one name.
#[derive(Clone, Debug)]
struct Slot<T> {
    exact: Option<T>,
    tree: Option<T>,
}

impl<T> Slot<T> {
    fn longest(&self, name: &DomainName, whole: Whole) -> Option<(DomainPattern, &T)> {
        let exact = || {
            let value = self.exact.as_ref()?;
            Some((DomainPattern::Exact(name.clone()), value))
        };
        let tree = || {
            let value = self.tree.as_ref()?;
            Some((DomainPattern::Tree(name.clone()), value))
        };
        match whole {
            Whole::Exact => exact().or_else(tree),
            Whole::Nothing => None,
            Whole::Tree => tree(),
        }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            exact: None,
            tree: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> DomainPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_is_taken_once() {
        let mut table = Table::default();
        assert!(table.insert(pattern("example.com"), 1));
        assert!(table.insert(pattern("*.example.com"), 2));
        assert!(!table.insert(pattern("example.com"), 3));
        assert!(!table.insert(pattern("*.example.com"), 4));
        let found = |name: &str| {
            table
                .most_specific(&name.parse().unwrap())
                .map(|(pattern, value)| (pattern.to_string(), *value))
        };
        assert_eq!(found("example.com"), Some(("example.com".to_owned(), 1)));
        assert_eq!(
            found("a.example.com"),
            Some(("*.example.com".to_owned(), 2))
        );
        assert_eq!(found("com"), None);
    }

    #[test]
    fn names_of_every_depth_are_found() {
        let longest = vec!["a"; 127].join(".");
        assert_eq!(longest.len(), DomainName::MAX_BYTES);
        let mut table = Table::default();
        assert!(table.insert(pattern(&longest), "exact"));
        assert!(table.insert(pattern("*.a"), "tree"));
        let name = |text: &str| DomainName::parse(text).unwrap();
        let found = |text: &str| table.most_specific(&name(text)).map(|(_, value)| *value);
        assert_eq!(found(&longest), Some("exact"));
        let parent = name(&longest).parent().unwrap();
        assert_eq!(found(parent.as_str()), Some("tree"));
        assert_eq!(found("a"), Some("tree"));
        assert_eq!(found("b"), None);
        let wider = |text: &str| {
            table
                .wider(&pattern(text))
                .map(|(wider, _)| wider.to_string())
        };
        assert_eq!(wider(&longest), Some("*.a".to_owned()));
        assert_eq!(wider("a"), Some("*.a".to_owned()));
        assert_eq!(wider("*.b.a"), Some("*.a".to_owned()));
        assert_eq!(wider("*.a"), None);
        assert!(table.has(&pattern("*.a")));
        assert!(!table.has(&pattern("a")));
    }
}
