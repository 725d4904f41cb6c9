use std::collections::BTreeMap;

use super::{Change, Fact, Store, StoreError};

/// Keeps facts until the process ends: for demonstrations, and where nothing is to be kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(BTreeMap<Box<[u8]>, Box<[u8]>>);

impl Store for Memory {
    fn load(&mut self) -> Result<Vec<Fact>, StoreError> {
        let facts = self.0.iter().map(|(key, value)| Fact {
            key: key.clone(),
            value: value.clone(),
        });
        Ok(facts.collect())
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            match change {
                Change::Put(fact) => self.0.insert(fact.key.clone(), fact.value.clone()),
                Change::Delete(key) => self.0.remove(key),
            };
        }
        Ok(())
    }
}
