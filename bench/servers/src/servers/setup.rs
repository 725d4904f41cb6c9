use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a server is to be like.
pub(crate) struct Setup<'a> {
    /// For all that it keeps.
    pub(crate) directory: &'a Path,
    pub(crate) domain: &'a str,
    /// Who has an account.
    pub(crate) users: &'a [&'a str],
    pub(crate) listen: SocketAddr,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The certificate of the authority that it trusts.
    pub(crate) trust: &'a Path,
    pub(crate) dns: SocketAddr,
}

impl Setup<'_> {
    /// Writes a file for the server and returns its path.
    pub(super) fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}
