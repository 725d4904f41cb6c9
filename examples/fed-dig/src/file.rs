//! Configuration files.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A file that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    reason: String,
}

/// Reads a TOML file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = fs::read_to_string(path).map_err(|error| wrong(path, &error))?;
    // Its error has several lines, which show the place.
    toml::from_str(&text).map_err(|error| wrong(path, &error.to_string().trim_end()))
}

/// What is wrong with a file.
pub(crate) fn wrong(path: &Path, reason: &dyn fmt::Display) -> FileError {
    FileError {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
