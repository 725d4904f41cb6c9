use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, DatabaseError, ReadableTable, StorageError, TableDefinition, TableError,
};

use super::{Change, Fact, Store, StoreError};

/// Facts in one file, in which a crash never leaves half of a batch.
#[derive(Debug)]
pub(crate) struct Embedded {
    path: PathBuf,
    /// `None` after an error: redb writes nothing more then until the file is opened again.
    database: Option<Database>,
}

impl Embedded {
    /// Opens the file, or makes it, readable for this user alone.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = guarded(path, || open(path))?;
        Ok(Self {
            path: path.to_owned(),
            database: Some(database),
        })
    }

    /// Works with the database, which is opened again after an error.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let (path, kept) = (&self.path, self.database.take());
        let (database, done) = guarded(path, || {
            let database = match kept {
                Some(database) => database,
                None => open(path)?,
            };
            let done = work(&database).map_err(|error| error.of(path))?;
            Ok((database, done))
        })?;
        self.database = Some(database);
        Ok(done)
    }
}

impl Store for Embedded {
    fn load(&mut self) -> Result<Vec<Fact>, StoreError> {
        self.with(|database| {
            let transaction = database.begin_read()?;
            let table = transaction.open_table(FACTS)?;
            let mut facts = Vec::new();
            for entry in table.iter()? {
                let (key, value) = entry?;
                facts.push(Fact {
                    key: key.value().into(),
                    value: value.value().into(),
                });
            }
            Ok(facts)
        })
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            let mut table = transaction.open_table(FACTS)?;
            for change in changes {
                match change {
                    Change::Put(fact) => table.insert(&*fact.key, &*fact.value)?,
                    Change::Delete(key) => table.remove(&**key)?,
                };
            }
            drop(table);
            // Durable when it returns, which is what redb does unless told otherwise.
            transaction.commit()?;
            Ok(())
        })
    }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let file = open_file(path)?;
    let is_new = !has_contents(&file, path)?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_file(file)
        .map_err(|error| of_database(path, &error))?;
    let found = if is_new {
        Contents::Nothing
    } else {
        contents(&database).map_err(|error| error.of(path))?
    };
    let path = path.to_owned();
    match found {
        Contents::Format(FORMAT) => Ok(database),
        Contents::Nothing => match write_format(&database) {
            Ok(()) => Ok(database),
            Err(error) => Err(error.of(&path)),
        },
        Contents::Format(found) => Err(StoreError::Format {
            path,
            found,
            known: FORMAT,
        }),
        Contents::Foreign => Err(StoreError::Foreign { path }),
    }
}

/// What a database holds.
enum Contents {
    /// No table: it is new, or whoever made it was killed before it could write the format.
    Nothing,
    Format(u64),
    Foreign,
}

fn contents(database: &Database) -> Result<Contents, Fault> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(ABOUT) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => {
            let is_empty = transaction.list_tables()?.next().is_none();
            return Ok(if is_empty {
                Contents::Nothing
            } else {
                Contents::Foreign
            });
        }
        Err(error) => return Err(error.into()),
    };
    let format = table.get(FORMAT_KEY)?.map(|found| found.value());
    Ok(format.map_or(Contents::Foreign, Contents::Format))
}

fn write_format(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.open_table(FACTS)?;
    transaction.commit()?;
    Ok(())
}

fn open_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| of_io(path, &error))
}

/// Whether the file holds a database; one that holds something else is left as it is.
fn has_contents(mut file: &File, path: &Path) -> Result<bool, StoreError> {
    let mut start = [0; MAGIC.len()];
    match file.read_exact(&mut start) {
        Ok(()) if start == MAGIC => Ok(true),
        Ok(()) => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let size = file.metadata().map_err(|error| of_io(path, &error))?.len();
            if size == 0 {
                Ok(false)
            } else {
                Err(StoreError::Foreign {
                    path: path.to_owned(),
                })
            }
        }
        Err(error) => Err(of_io(path, &error)),
    }
}

/// What redb makes of pages that nobody wrote so may be a panic, which means the same as an error.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| {
        Err(StoreError::Damaged {
            path: path.to_owned(),
        })
    })
}

fn of_database(path: &Path, error: &DatabaseError) -> StoreError {
    let path_of = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path_of },
        DatabaseError::UpgradeRequired(found) => StoreError::Format {
            path: path_of,
            found: (*found).into(),
            known: FORMAT,
        },
        DatabaseError::Storage(StorageError::Io(error)) if is_of_contents(error) => {
            StoreError::Damaged { path: path_of }
        }
        DatabaseError::Storage(StorageError::Io(error)) => of_io(path, error),
        DatabaseError::RepairAborted | DatabaseError::Storage(_) | _ => {
            StoreError::Damaged { path: path_of }
        }
    }
}

/// What went wrong in a transaction.
struct Fault(Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(Box::new(error.into()))
    }
}

impl Fault {
    fn of(self, path: &Path) -> StoreError {
        if let redb::Error::Io(error) = &*self.0
            && !is_of_contents(error)
        {
            return of_io(path, error);
        }
        // Corrupted pages, tables of other types, values that are too large for the format.
        StoreError::Damaged {
            path: path.to_owned(),
        }
    }
}

/// Whether an error is about what the file holds, and not about the disk.
fn is_of_contents(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

fn of_io(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        kind: error.kind(),
    }
}

const FACTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("facts");
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("comity-gateway");
const FORMAT_KEY: &str = "format";
const FORMAT: u64 = 1;
/// With what every file of redb begins.
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
/// Facts are read once, so that there is little to keep.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
