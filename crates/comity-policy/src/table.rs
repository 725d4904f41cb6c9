use std::collections::HashMap;
use std::iter;

use comity_identity::DomainName;

use crate::DomainPattern;

/// Values by pattern, found through the name that they are about.
///
/// All patterns stand in one map under their name, so a look-up visits the name and each of its
/// parents once, however many patterns there are.
#[derive(Clone, Debug)]
pub(crate) struct Table<T>(HashMap<DomainName, Slot<T>>);

impl<T> Table<T> {
    pub(crate) fn with_capacity(patterns: usize) -> Self {
        Self(HashMap::with_capacity(patterns))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All patterns with their values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DomainPattern, &T)> {
        self.0.iter().flat_map(|(name, slot)| {
            let exact = slot.exact.as_ref();
            let tree = slot.tree.as_ref();
            let exact = exact.map(|value| (DomainPattern::Exact(name.clone()), value));
            let tree = tree.map(|value| (DomainPattern::Tree(name.clone()), value));
            exact.into_iter().chain(tree)
        })
    }

    /// What would cover the names of `pattern` without it: the next wildcard above.
    pub(crate) fn wider(&self, pattern: &DomainPattern) -> Option<(DomainPattern, &T)> {
        let (name, skipped) = match pattern {
            DomainPattern::Exact(name) => (name, 0),
            DomainPattern::Tree(name) => (name, 1),
        };
        suffixes(name.as_str()).skip(skipped).find_map(|suffix| {
            let (key, slot) = self.0.get_key_value(suffix)?;
            let value = slot.tree.as_ref()?;
            Some((DomainPattern::Tree(key.clone()), value))
        })
    }

    /// Adds `value` under `pattern`; `false` if the pattern is already there.
    pub(crate) fn insert(&mut self, pattern: DomainPattern, value: T) -> bool {
        let (name, is_tree) = match pattern {
            DomainPattern::Exact(name) => (name, false),
            DomainPattern::Tree(name) => (name, true),
        };
        let slot = self.0.entry(name).or_default();
        let place = if is_tree {
            &mut slot.tree
        } else {
            &mut slot.exact
        };
        if place.is_some() {
            return false;
        }
        *place = Some(value);
        true
    }

    /// The most specific pattern that covers `name`, and its value: the exact name, else the
    /// longest wildcard.
    pub(crate) fn most_specific(&self, name: &DomainName) -> Option<(DomainPattern, &T)> {
        suffixes(name.as_str())
            .enumerate()
            .find_map(|(removed, suffix)| {
                let (key, slot) = self.0.get_key_value(suffix)?;
                let exact = slot.exact.as_ref().filter(|_| removed == 0);
                let tree = slot.tree.as_ref();
                exact
                    .map(|value| (DomainPattern::Exact(key.clone()), value))
                    .or_else(|| tree.map(|value| (DomainPattern::Tree(key.clone()), value)))
            })
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// What is said of one name.
#[derive(Clone, Debug)]
struct Slot<T> {
    exact: Option<T>,
    tree: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            exact: None,
            tree: None,
        }
    }
}

/// The name, its parent and so on up to the top-level name.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, parent)| parent)
    })
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
    fn a_name_is_looked_up_once_for_each_of_its_labels() {
        assert_eq!(suffixes("a.b.c").collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
        let longest = ["a"; 127].join(".");
        assert_eq!(longest.len(), DomainName::MAX_BYTES);
        assert_eq!(suffixes(&longest).count(), 127);
    }
}
