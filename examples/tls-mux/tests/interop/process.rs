//! A program whose lines are read as they come, and which ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long anything may take that a program is expected to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    name: &'static str,
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
    /// Some programs end when nobody can write to them.
    _stdin: ChildStdin,
}

impl Process {
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            name,
            stdout: Lines::of(child.stdout.take().unwrap()),
            stderr: Lines::of(child.stderr.take().unwrap()),
            _stdin: child.stdin.take().unwrap(),
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for line in self.stdout.0.iter().chain(self.stderr.0.iter()) {
                eprintln!("{}: {line}", self.name);
            }
        }
    }
}

/// What a program prints on one of its outputs, line by line.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (say, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                if say.send(String::from_utf8_lossy(&line).into()).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// The next line.
    pub(crate) fn next(&self) -> String {
        self.0.recv_timeout(PATIENCE).unwrap()
    }

    /// The lines up to one that holds `word`.
    pub(crate) fn until(&self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.next();
            let found = line.contains(word);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }
}
