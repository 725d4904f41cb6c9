use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, fs, io, process};

/// A directory that goes with the program.
pub(crate) struct Site {
    directory: PathBuf,
}

impl Site {
    pub(crate) fn new() -> io::Result<Self> {
        let directory = env::temp_dir().join(format!("comity-bench-servers-{}", process::id()));
        fs::create_dir(&directory)?;
        Ok(Self { directory })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A directory that stays behind does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// An address and port that nobody else has: the address belongs to this process, and the ports lie
/// below those that the system gives to outgoing connections.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 64 | (high & 63), middle, low);
    (ip, NEXT_PORT.fetch_add(1, Ordering::Relaxed)).into()
}
