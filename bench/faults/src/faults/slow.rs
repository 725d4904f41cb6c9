//! Connections that go on without getting on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{A_MOMENT, Amounts, Outcome, Played, connect};
use crate::probe;
use crate::servers::Server;

pub(super) fn streams(server: &mut Server, amounts: &Amounts) -> Played {
    senders(server, server.xmpp, &probe::header(), amounts)
}

pub(super) fn requests(server: &mut Server, amounts: &Amounts) -> Played {
    senders(server, server.sip, &probe::options(server.sip), amounts)
}

/// Each says a byte of the same every two seconds, and never comes to the end.
fn senders(server: &Server, address: SocketAddr, said: &str, amounts: &Amounts) -> Played {
    let before = server.usage()?.memory;
    let mut held = Vec::with_capacity(amounts.slow);
    for number in 0..amounts.slow {
        held.push(Sender::new(connect(number, address)?)?);
        sleep(A_MOMENT);
    }
    let started = Instant::now();
    // Of them and of memory.
    let (mut most_open, mut most) = (0, 0);
    let (mut asked, mut unserved) = (0, 0);
    for byte in said.as_bytes() {
        for sender in &mut held {
            sender.say(*byte);
        }
        asked += 1;
        unserved += usize::from(probe::serves(server).is_err());
        for _ in 0..LOOKS {
            sleep(EVERY / LOOKS);
            held.iter_mut().for_each(Sender::look);
        }
        let open = held.iter().filter(|sender| sender.closed.is_none()).count();
        most_open = open.max(most_open);
        most = server.usage()?.memory.saturating_sub(before).max(most);
        if open == 0 || started.elapsed() > amounts.slow_for {
            break;
        }
    }
    let each = most as f64 / 1024.0 / most_open.max(1) as f64;
    let ends = ends(&held, started);
    let mut seen = format!("{most_open} held, {each:.1} KiB each; {ends}");
    if unserved > 0 {
        seen += &format!("; {unserved} of {asked} newcomers are turned away meanwhile");
    }
    let tried = amounts.slow;
    Ok(Outcome {
        tried,
        seen,
        unserved,
    })
}

/// When they were closed, in words.
fn ends(held: &[Sender], started: Instant) -> String {
    let mut ends: Vec<u64> = held.iter().filter_map(|sender| sender.closed).collect();
    ends.sort_unstable();
    let open = held.len() - ends.len();
    let closed = match ends[..] {
        [] => "none is closed".to_owned(),
        [.., last] => {
            let middle = ends[ends.len() / 2];
            format!(
                "{} are closed, half of them within {middle} s and the last within {last} s",
                ends.len()
            )
        }
    };
    match open {
        0 => closed,
        open => format!(
            "{closed}, {open} are open after {} s",
            started.elapsed().as_secs()
        ),
    }
}

struct Sender {
    stream: TcpStream,
    began: Instant,
    /// After so many seconds.
    closed: Option<u64>,
}

impl Sender {
    fn new(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            began: Instant::now(),
            closed: None,
        })
    }

    fn say(&mut self, byte: u8) {
        if self.closed.is_none() {
            // Whether it has been closed is seen by reading.
            let _ = self.stream.write(&[byte]);
        }
    }

    fn look(&mut self) {
        let mut buf = [0; 512];
        while self.closed.is_none() {
            match self.stream.read(&mut buf) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => self.closed = Some(self.began.elapsed().as_secs()),
            }
        }
    }
}

pub(super) fn readers(server: &mut Server, amounts: &Amounts) -> Played {
    let mut held = Vec::with_capacity(amounts.readers);
    let mut asked = 0;
    for number in 0..amounts.readers {
        let mut stream = connect(number, server.sip)?;
        stream.set_nonblocking(true)?;
        // Until nothing more goes in: what comes out is not read.
        let deadline = Instant::now() + Duration::from_millis(300);
        while Instant::now() < deadline {
            match stream.write(probe::options(server.sip).as_bytes()) {
                Ok(_) => asked += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sleep(Duration::from_millis(5));
                }
                Err(_) => break,
            }
        }
        held.push(stream);
    }
    probe::serves(server)?;
    let seen = format!("they have asked {asked} times");
    Ok(Outcome::seen(amounts.readers, seen))
}

const EVERY: Duration = Duration::from_secs(2);
/// How often it is looked meanwhile whether a connection has been closed.
const LOOKS: u32 = 4;
