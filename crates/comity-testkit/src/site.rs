//! What a test with real servers has for itself: a directory, an address of the loopback range and
//! ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, fs, process};

/// A directory for temporary files, removed when it is dropped.
#[derive(Debug)]
pub struct Site {
    directory: PathBuf,
}

impl Site {
    /// Makes a directory whose name begins with `label`.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn new(label: &str) -> Self {
        let name = format!("{label}-{}-{}", process::id(), next());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory).expect("a new directory");
        Self { directory }
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes a directory inside of it and returns its path.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn make(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        fs::create_dir(&path).expect("a new directory");
        path
    }

    /// Writes a file and returns its path.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    #[expect(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.join(name);
        fs::write(&path, content).expect("a file");
        path
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
#[must_use]
pub fn free_address() -> SocketAddr {
    const FIRST_PORT: u16 = 20_000;
    let [_, high, middle, low] = process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, 64 | (high & 63), middle, low);
    SocketAddr::new(IpAddr::V4(ip), FIRST_PORT + next())
}

fn next() -> u16 {
    static COUNT: AtomicU16 = AtomicU16::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}
