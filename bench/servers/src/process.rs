use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::site::Site;

/// A process that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a process whose standard output and error go to `log`.
    pub(crate) fn spawn(command: &mut Command, site: &Site, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        command
            .current_dir(site.directory())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map(Self)
    }

    pub(crate) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// The processor time of all threads.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else {
                // The thread has ended.
                continue;
            };
            let time = times.split(' ').next().unwrap_or_default();
            nanoseconds += time.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Asks the process to stop, and gives whether it has in time.
    fn stops(&mut self) -> io::Result<bool> {
        let ask = format!("kill -TERM {}", self.0.id());
        Command::new("sh").args(["-c", &ask]).status()?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.has_ended()? {
                return Ok(true);
            }
            sleep(Duration::from_millis(10));
        }
        Ok(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.stops(), Ok(true)) {
            // Both fail only if the process has ended already.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
