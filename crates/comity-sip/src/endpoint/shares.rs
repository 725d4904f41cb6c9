use std::collections::BTreeMap;
use std::net::IpAddr;

use comity_machine::source_of;

/// How much of something that lasts each source has.
#[derive(Debug)]
pub(crate) struct Shares {
    taken: BTreeMap<IpAddr, u32>,
    max: u32,
}

impl Shares {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            taken: BTreeMap::new(),
            max,
        }
    }

    /// Takes one more for a source; false if it has its share.
    pub(crate) fn take(&mut self, source: IpAddr) -> bool {
        let source = source_of(source);
        let taken = self.taken.get(&source).copied().unwrap_or_default();
        let is_free = taken < self.max;
        if is_free {
            self.taken.insert(source, taken + 1);
        }
        is_free
    }

    pub(crate) fn give_back(&mut self, source: IpAddr) {
        let source = source_of(source);
        if let Some(taken) = self.taken.get_mut(&source) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                self.taken.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_share_and_gets_it_back() {
        let mut shares = Shares::new(2);
        let [one, same, other] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"]
            .map(|address| address.parse::<IpAddr>().unwrap());
        assert_eq!(
            [one, same, one, other].map(|source| shares.take(source)),
            [true, true, false, true]
        );
        let mut none = Shares::new(0);
        assert!(!none.take(one));
        assert_eq!(none.taken.len(), 0);
        shares.give_back(same);
        assert!(shares.take(one));
        for source in [one, one, other] {
            shares.give_back(source);
        }
        assert_eq!(shares.taken.len(), 0);
    }
}
