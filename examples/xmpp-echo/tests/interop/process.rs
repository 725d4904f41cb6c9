//! A server as a child process: what it prints is kept, and it ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that a server is expected to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    name: &'static str,
    child: Child,
    stdout: Log,
    stderr: Log,
}

impl Process {
    pub(crate) fn spawn(name: &'static str, command: &mut Command, directory: &Path) -> Self {
        let mut child = command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdout = Log::follow(name, child.stdout.take().unwrap());
        let stderr = Log::follow(name, child.stderr.take().unwrap());
        Self {
            name,
            child,
            stdout,
            stderr,
        }
    }

    pub(crate) fn stdout(&self) -> &Log {
        &self.stdout
    }

    pub(crate) fn stderr(&self) -> &Log {
        &self.stderr
    }

    /// Asks the process to stop and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.child.id());
        let asked = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(asked.success(), "{} is already gone", self.name);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{} does not stop", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for log in [&self.stdout, &self.stderr] {
                eprintln!("== {}\n{}", self.name, log.lines().join("\n"));
            }
        }
    }
}

/// The lines that a process has printed so far.
#[derive(Clone)]
pub(crate) struct Log {
    name: &'static str,
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    fn follow(name: &'static str, pipe: impl Read + Send + 'static) -> Self {
        let log = Self {
            name,
            shared: Arc::default(),
        };
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                writer.change(|lines| lines.lines.push(line));
            }
            writer.change(|lines| lines.ended = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        let (lines, changed) = &*self.shared;
        change(&mut lines.lock().unwrap());
        changed.notify_all();
    }

    /// Waits for a line that holds all `words`, and returns it.
    pub(crate) fn wait_for(&self, words: &[&str]) -> String {
        let (lines, changed) = &*self.shared;
        let found = |lines: &Lines| find(&lines.lines, words).cloned();
        let (lines, _) = changed
            .wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| {
                !lines.ended && found(lines).is_none()
            })
            .unwrap();
        let line = found(&lines);
        drop(lines);
        line.unwrap_or_else(|| panic!("{} never prints {words:?}", self.name))
    }

    /// The first line so far that holds all `words`.
    pub(crate) fn find(&self, words: &[&str]) -> Option<String> {
        find(&self.lines(), words).cloned()
    }

    /// Fails if a line so far holds all `words`.
    pub(crate) fn assert_never(&self, words: &[&str]) {
        assert_eq!(self.find(words), None, "{} prints {words:?}", self.name);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }
}

fn find<'a>(lines: &'a [String], words: &[&str]) -> Option<&'a String> {
    lines
        .iter()
        .find(|line| words.iter().all(|word| line.contains(word)))
}
