//! A server as a child process: what it prints is kept, and it ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use comity_sip::Transport;

/// How long anything may take that a server is expected to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A server may have children of its own, which end with it.
            .process_group(0)
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

    /// Writes to the standard input.
    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until someone has bound an address, which only this process would do.
    pub(crate) fn wait_until_bound(&mut self, transport: Transport, address: SocketAddr) {
        let name = self.name;
        let waiting_for = format!("{name} binds {address}");
        self.poll(&waiting_for, |child| {
            let ended = child.try_wait().unwrap();
            assert_eq!(ended, None, "{name} ended early");
            is_bound(transport, address).then_some(())
        });
    }

    /// Waits until the process ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let waiting_for = format!("{} ends", self.name);
        self.poll(&waiting_for, |child| child.try_wait().unwrap())
    }

    /// Asks the process to stop and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let asked = signal("TERM", &self.child.id().to_string());
        assert!(asked, "{} is already gone", self.name);
        self.wait()
    }

    fn poll<T>(&mut self, waiting_for: &str, mut ready: impl FnMut(&mut Child) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(found) = ready(&mut self.child) {
                return found;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("this never happens: {waiting_for}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        signal("KILL", &format!("-{}", self.child.id()));
        let _ = self.child.wait();
        if thread::panicking() {
            for log in [&self.stdout, &self.stderr] {
                eprintln!("== {}\n{}", self.name, log.last_lines().join("\n"));
            }
        }
    }
}

/// Sends a signal to a process, or to a group of them if its number is negative.
fn signal(signal: &str, target: &str) -> bool {
    Command::new("kill")
        .args([&format!("-{signal}"), "--", target])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Reads the kernel's table of sockets, because a datagram that nobody takes would be lost.
fn is_bound(transport: Transport, address: SocketAddr) -> bool {
    const LISTEN: &str = "0A";
    let IpAddr::V4(ip) = address.ip() else {
        panic!("{address} is not an IPv4 address");
    };
    let local = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(ip.octets()),
        address.port()
    );
    let (table, state) = match transport {
        Transport::Udp => ("/proc/net/udp", None),
        Transport::Tcp | Transport::Tls => ("/proc/net/tcp", Some(LISTEN)),
    };
    fs::read_to_string(table).unwrap().lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let found = columns.next() == Some(local.as_str());
        found && (state.is_none() || columns.nth(1) == state)
    })
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
        let found = |lines: &Lines| {
            let holds_all = |line: &&String| words.iter().all(|word| line.contains(word));
            lines.lines.iter().find(holds_all).cloned()
        };
        let (lines, _) = changed
            .wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| {
                !lines.ended && found(lines).is_none()
            })
            .unwrap();
        let line = found(&lines);
        drop(lines);
        line.unwrap_or_else(|| panic!("{} never prints {words:?}", self.name))
    }

    /// As many as somebody may want to read.
    fn last_lines(&self) -> Vec<String> {
        let mut lines = self.shared.0.lock().unwrap().lines.clone();
        lines.split_off(lines.len().saturating_sub(300))
    }
}
