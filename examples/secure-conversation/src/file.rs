//! Files that hold secrets.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use comity_secure_conversation::{Limits, Response, Secret};
use zeroize::Zeroizing;

use crate::RunError;

pub(crate) fn response(path: &Path, limits: &Limits) -> Result<Response, RunError> {
    let document = read(path, limits.max_document_bytes)?;
    Response::parse(&document, limits).map_err(|error| RunError::Response {
        path: path.to_owned(),
        error,
    })
}

/// The entropy in a file, in base64.
pub(crate) fn entropy(path: &Path, limits: &Limits) -> Result<Secret, RunError> {
    let text = read(path, limits.max_text_bytes)?;
    // What is no text is no base64 either.
    let text = str::from_utf8(&text).unwrap_or("-");
    Secret::from_base64(text).map_err(|error| RunError::Entropy {
        path: path.to_owned(),
        error,
    })
}

/// A file, or a byte more than is allowed of it.
fn read(path: &Path, max_bytes: usize) -> Result<Zeroizing<Vec<u8>>, RunError> {
    let unreadable = |error: io::Error| RunError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    // What is read never grows out of its room, which would be left behind as it is.
    let mut bytes = Zeroizing::new(vec![0; max_bytes + 1]);
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
