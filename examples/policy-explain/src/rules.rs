//! Rule files.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use comity_policy::{Config, Policy, TextErrors};

/// The rules of a file, as they are written and as they answer.
pub(crate) struct RuleSet {
    pub(crate) path: PathBuf,
    pub(crate) config: Config,
    pub(crate) policy: Policy,
}

impl RuleSet {
    /// The file, as it was given.
    pub(crate) fn name(&self) -> impl Display {
        self.path.display()
    }
}

/// Everything that is wrong with some files, one thing in each line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct RulesError(Vec<String>);

/// Reads and compiles a file.
pub(crate) fn read(path: &Path) -> Result<RuleSet, RulesError> {
    let wrong = |reason: &dyn Display| format!("{}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| RulesError(vec![wrong(&error)]))?;
    let refused = |errors: TextErrors| {
        let lines = errors.errors().iter().map(|error| wrong(error));
        RulesError(lines.collect())
    };
    let policy = Policy::from_toml(&text).map_err(refused)?;
    let config = Config::from_toml(&text).map_err(refused)?;
    Ok(RuleSet {
        path: path.to_owned(),
        config,
        policy,
    })
}

/// Reads files, and tells what is wrong with all of them.
pub(crate) fn read_all<'p>(
    paths: impl Iterator<Item = &'p Path>,
) -> Result<Vec<RuleSet>, RulesError> {
    let mut read_so_far = Ok(Vec::new());
    for path in paths {
        read_so_far = both(read_so_far, read(path)).map(|(mut sets, set)| {
            sets.push(set);
            sets
        });
    }
    read_so_far
}

/// Both of two, or what is wrong with either.
pub(crate) fn both<A, B>(
    first: Result<A, RulesError>,
    second: Result<B, RulesError>,
) -> Result<(A, B), RulesError> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(RulesError(mut lines)), Err(RulesError(more))) => {
            lines.extend(more);
            Err(RulesError(lines))
        }
    }
}
