//! Facts that outlive the process: what the bridge gives out to be kept and takes back after a start.
//!
//! A fact is a key and a value, whose meaning is the bridge's. [`Store`] is where they are; [`Writer`]
//! writes them on a thread of its own, so that the task that handles messages never waits for a disk.

mod embedded;
mod memory;
mod writer;

use std::path::PathBuf;

pub(crate) use embedded::Embedded;
pub(crate) use memory::Memory;
pub(crate) use writer::{Ending, Limits, Writer};

/// A place where facts are kept. A shared database can take the place of the embedded one.
pub(crate) trait Store: Send {
    /// All facts, in the order of their keys.
    fn load(&mut self) -> Result<Vec<Fact>, StoreError>;

    /// Makes all changes in their order, or none of them. They are durable when it returns.
    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Something that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fact {
    pub(crate) key: Box<[u8]>,
    pub(crate) value: Box<[u8]>,
}

/// What becomes of a fact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// It is kept, in the place of one with the same key.
    Put(Fact),
    /// The fact with this key is kept no longer, if there is one.
    Delete(Box<[u8]>),
}

impl Change {
    pub(crate) fn put(key: &[u8], value: &[u8]) -> Self {
        Self::Put(Fact {
            key: key.into(),
            value: value.into(),
        })
    }

    pub(crate) fn delete(key: &[u8]) -> Self {
        Self::Delete(key.into())
    }

    fn key(&self) -> &[u8] {
        match self {
            Self::Put(fact) => &fact.key,
            Self::Delete(key) => key,
        }
    }

    /// How much it takes, for bounds.
    fn bytes(&self) -> usize {
        match self {
            Self::Put(fact) => fact.key.len().saturating_add(fact.value.len()),
            Self::Delete(key) => key.len(),
        }
    }
}

/// Why facts cannot be read or written, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(
        "{}: {}: check the path, the permissions and the space of the disk",
        .path.display(),
        std::io::Error::from(*.kind)
    )]
    Io {
        path: PathBuf,
        kind: std::io::ErrorKind,
    },
    #[error(
        "{}: the file is damaged: move it away to start without what it held, \
         or restore it from a backup",
        .path.display()
    )]
    Damaged { path: PathBuf },
    #[error(
        "{}: the file is no store of this gateway: check store.path, or move the file away",
        .path.display()
    )]
    Foreign { path: PathBuf },
    #[error("{}: another process has the store open: stop it first", .path.display())]
    InUse { path: PathBuf },
    #[error(
        "{}: the store has the format {found}, and this program knows {known}: \
         use the program that wrote it",
        .path.display()
    )]
    Format {
        path: PathBuf,
        found: u64,
        known: u64,
    },
}
