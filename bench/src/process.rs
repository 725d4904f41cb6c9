//! Servers as child processes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A process that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a process in a directory. Its standard output and error go to `log`.
    pub(crate) fn spawn(command: &mut Command, directory: &Path, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map(Self)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Asks the process to stop, and gives how it has ended if it has in time.
    pub(crate) fn stop(&mut self) -> io::Result<Option<ExitStatus>> {
        if let Some(status) = self.ended()? {
            return Ok(Some(status));
        }
        let ask = format!("kill -TERM {}", self.id());
        Command::new("sh").args(["-c", &ask]).status()?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.stop(), Ok(Some(_))) {
            // Both fail only if the process has ended already.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
