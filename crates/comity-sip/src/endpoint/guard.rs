use comity_identity::DomainName;

use crate::Flow;

/// Who may speak in a dialog: whoever proved one of the names that were proved when it began. Where none
/// was, over datagrams and connections in clear text, it is anybody who knows the dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guard(Vec<DomainName>);

impl Guard {
    pub(crate) fn new(proved: &[DomainName]) -> Self {
        Self(proved.to_vec())
    }

    pub(crate) fn names(&self) -> &[DomainName] {
        &self.0
    }

    /// Whether somebody who proved these names may speak.
    pub(crate) fn admits(&self, proved: &[DomainName]) -> bool {
        self.0.is_empty() || self.0.iter().any(|name| proved.contains(name))
    }
}

/// Who answered, and on which way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) guard: Guard,
    pub(crate) flow: Option<Flow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_common_is_enough_and_none_is_not() {
        let names = |names: &[&str]| -> Vec<DomainName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let guard = Guard::new(&names(&["a.example", "b.example"]));
        assert!(guard.admits(&names(&["c.example", "b.example"])));
        assert!(!guard.admits(&names(&["c.example"])));
        assert!(!guard.admits(&[]));
        assert!(Guard::default().admits(&[]));
    }
}
