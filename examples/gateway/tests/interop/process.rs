//! A program as a child process: what it prints is kept, and it ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use comity_sip::Transport;

/// How long anything may take that somebody is expected to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    name: &'static str,
    child: Child,
    lines: Inbox<String>,
    kept: Arc<Mutex<Vec<String>>>,
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
        let (lines, kept) = (Inbox::new(name), Arc::default());
        follow(child.stdout.take().unwrap(), &lines, &kept);
        follow(child.stderr.take().unwrap(), &lines, &kept);
        Self {
            name,
            child,
            lines,
            kept,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints, on both outputs.
    pub(crate) fn lines(&self) -> &Inbox<String> {
        &self.lines
    }

    /// Waits for a line that holds all `words`.
    pub(crate) fn wait_for(&self, words: &[&str]) -> String {
        self.lines.take(&format!("{words:?}"), |line| {
            words.iter().all(|word| line.contains(word))
        })
    }

    /// Writes to the standard input.
    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until someone has bound an address, which only this process would do.
    pub(crate) fn wait_until_bound(&mut self, transport: Transport, address: SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        while !is_bound(transport, address) {
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "{} ended early", self.name);
            assert!(
                Instant::now() < deadline,
                "{} never binds {address}",
                self.name
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        signal("TERM", &self.child.id().to_string());
        self.wait()
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        signal("KILL", &format!("-{}", self.child.id()));
        let _ = self.child.wait();
        if thread::panicking() {
            let kept = self.kept.lock().unwrap();
            let from = kept.len().saturating_sub(MAX_SHOWN);
            eprintln!("== {}\n{}", self.name, kept[from..].join("\n"));
        }
    }
}

fn follow(pipe: impl Read + Send + 'static, lines: &Inbox<String>, kept: &Arc<Mutex<Vec<String>>>) {
    let (lines, kept) = (lines.clone(), Arc::clone(kept));
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            kept.lock().unwrap().push(line.clone());
            lines.put(line);
        }
    });
}

/// Sends a signal to a process, or to a group of them if its number is negative.
fn signal(signal: &str, target: &str) {
    let mut command = Command::new("kill");
    command.args([&format!("-{signal}"), "--", target]);
    command.stderr(Stdio::null()).status().unwrap();
}

/// Reads the kernel's table of sockets, because a connection of ours would be taken for a client.
fn is_bound(transport: Transport, address: SocketAddr) -> bool {
    const LISTEN: &str = "0A";
    let (table, state) = match transport {
        Transport::Udp => ("/proc/net/udp", None),
        Transport::Tcp | Transport::Tls => ("/proc/net/tcp", Some(LISTEN)),
    };
    let SocketAddr::V4(v4) = address else {
        panic!("{address} is not an IPv4 address");
    };
    let ip = u32::from_ne_bytes(v4.ip().octets());
    let local = format!("{ip:08X}:{:04X}", address.port());
    let table = fs::read_to_string(table).unwrap();
    table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let found = columns.next() == Some(local.as_str());
        found && (state.is_none() || columns.nth(1) == state)
    })
}

/// What has come in and has not been taken yet, in order.
pub(crate) struct Inbox<T> {
    name: &'static str,
    shared: Arc<(Mutex<Vec<T>>, Condvar)>,
}

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Inbox<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        Self { name, shared }
    }

    pub(crate) fn put(&self, item: T) {
        self.shared.0.lock().unwrap().push(item);
        self.shared.1.notify_all();
    }

    /// Waits for the first item that is wanted, and takes it out. Those before it stay.
    pub(crate) fn take(&self, what: &str, is_wanted: impl Fn(&T) -> bool) -> T {
        self.take_within(PATIENCE, is_wanted)
            .unwrap_or_else(|| panic!("{} never gives {what}", self.name))
    }

    pub(crate) fn take_within(
        &self,
        patience: Duration,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let (items, changed) = &*self.shared;
        let find = |items: &Vec<T>| items.iter().position(&is_wanted);
        let (mut items, _) = changed
            .wait_timeout_while(items.lock().unwrap(), patience, |items| {
                find(items).is_none()
            })
            .unwrap();
        find(&items).map(|index| items.remove(index))
    }

    /// Takes out all that are there by now and wanted.
    pub(crate) fn drain(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let mut items = self.shared.0.lock().unwrap();
        items.extract_if(.., |item| is_wanted(item)).collect()
    }
}

/// As many lines as somebody may want to read.
const MAX_SHOWN: usize = 300;
