use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread::{self, sleep};
use std::time::Duration;

use crate::answer::{self, Frames};
use crate::exchange::Exchange;
use crate::message::Messages;
use crate::site::free_address;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    pub(crate) const ALL: [Self; 2] = [Self::Udp, Self::Tcp];

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
            .ok_or_else(|| format!("no transport has the name {name}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    /// Its name in a Via.
    pub(crate) fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// Requests that a server is to answer.
pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    /// Their keys.
    pub(crate) requests: Range<u32>,
    /// How many of them are open at a time.
    pub(crate) window: u32,
}

impl Load {
    /// Sends the requests, and returns when each has its answer. Gives how often one was sent again.
    ///
    /// # Errors
    ///
    /// Any other answer, and a server that does not answer for a while.
    pub(crate) fn run(self, transport: Transport) -> Result<usize, LoadError> {
        match transport {
            Transport::Udp => self.run_udp(),
            Transport::Tcp => self.run_tcp(),
        }
    }

    fn run_udp(self) -> Result<usize, LoadError> {
        let socket = UdpSocket::bind(free_address())?;
        socket.connect(self.to)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let messages = Messages::new(Transport::Udp, socket.local_addr()?);
        let mut exchange = Exchange::new(self.requests);
        let mut request = Vec::new();
        let mut send_request = |key| {
            request.clear();
            messages.write(key, &mut request);
            send(&socket, &request)
        };
        let mut answer = vec![0; 65_536];
        let (mut repeated, mut silences) = (0, 0);
        while !exchange.is_done() {
            while let Some(key) = exchange.next(self.window) {
                send_request(key)?;
            }
            match socket.recv(&mut answer) {
                Ok(len) => {
                    let first = exchange.answer(answer::read(&answer[..len])?);
                    if !first && repeated == 0 {
                        return Err(UNASKED.into());
                    }
                    silences = 0;
                }
                Err(error) if is_loss(error.kind()) && silences < MAX_SILENCES => {
                    silences += 1;
                    for key in exchange.open() {
                        send_request(key)?;
                        repeated += 1;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(repeated)
    }

    /// Each connection has its part of the requests and of the window.
    fn run_tcp(self) -> Result<usize, LoadError> {
        let share = self.requests.len().div_ceil(CONNECTIONS).max(1);
        let window = (self.window / CONNECTIONS as u32).max(1);
        thread::scope(|scope| {
            let connections: Vec<_> = self
                .requests
                .clone()
                .step_by(share)
                .map(|start| {
                    let requests = start..self.requests.end.min(start + share as u32);
                    let to = self.to;
                    scope.spawn(move || run_connection(to, requests, window))
                })
                .collect();
            connections
                .into_iter()
                .try_for_each(|each| each.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })?;
        Ok(0)
    }
}

/// Sends requests over a connection of their own, those that the window allows in one write.
fn run_connection(to: SocketAddr, requests: Range<u32>, window: u32) -> Result<(), LoadError> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE * MAX_SILENCES))?;
    let messages = Messages::new(Transport::Tcp, stream.local_addr()?);
    let mut exchange = Exchange::new(requests);
    let (mut frames, mut buffer) = (Frames::default(), vec![0; 65_536]);
    let mut batch = Vec::new();
    while !exchange.is_done() {
        batch.clear();
        while let Some(key) = exchange.next(window) {
            messages.write(key, &mut batch);
        }
        stream.write_all(&batch)?;
        match stream.read(&mut buffer)? {
            0 => return Err("the server has closed a connection".into()),
            len => frames.push(&buffer[..len]),
        }
        while let Some(message) = frames.next()? {
            if !exchange.answer(answer::read(message)?) {
                return Err(UNASKED.into());
            }
        }
    }
    Ok(())
}

/// A datagram that cannot be sent is lost like any other. What the system says here may be about
/// the one before.
fn send(socket: &UdpSocket, datagram: &[u8]) -> Result<(), LoadError> {
    match socket.send(datagram) {
        Ok(_) => Ok(()),
        Err(error) if is_loss(error.kind()) => {
            sleep(Duration::from_millis(1));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn is_loss(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
    )
}

type LoadError = Box<dyn Error + Send + Sync>;

/// How long a server may be silent before open requests are sent again: T1 of RFC 3261.
const SILENCE: Duration = Duration::from_millis(500);
const MAX_SILENCES: u32 = 20;
const CONNECTIONS: usize = 4;
const UNASKED: &str = "an answer to a request that was not sent, or has its answer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor;
    use crate::message::Key;

    fn load(to: SocketAddr, requests: Range<u32>) -> Load {
        Load {
            to,
            requests,
            window: 16,
        }
    }

    #[test]
    fn every_request_over_either_transport_has_its_answer() {
        let address = free_address();
        let (udp, tcp) = floor::bind(address).unwrap();
        thread::spawn(move || floor::answer_datagrams(&udp));
        thread::spawn(move || floor::answer_connections(&tcp));
        assert_eq!(load(address, 3..1_003).run(Transport::Udp).unwrap(), 0);
        // Fewer than there are connections, and a number that they do not share evenly.
        for requests in [3..4, 4..9, 9..1_010] {
            assert_eq!(load(address, requests).run(Transport::Tcp).unwrap(), 0);
        }
    }

    #[test]
    fn lost_datagram_is_sent_again() {
        let (udp, _) = floor::bind(free_address()).unwrap();
        let address = udp.local_addr().unwrap();
        thread::spawn(move || {
            udp.recv(&mut [0; 9]).unwrap();
            floor::answer_datagrams(&udp)
        });
        assert_eq!(load(address, 0..100).run(Transport::Udp).unwrap(), 1);
    }

    #[test]
    fn refusal_and_answer_to_another_request_end_the_load() {
        let mut other = Vec::new();
        let from = ([127, 0, 0, 1], 20_000).into();
        Messages::new(Transport::Udp, from).write(Key::new(7), &mut other);
        let other = ["SIP/2.0 200 OK\r\n", &String::from_utf8(other).unwrap()].concat();
        for (answer, expected) in [
            (
                "SIP/2.0 503 Busy\r\n\r\n",
                "a request is answered with SIP/2.0 503 Busy",
            ),
            (&other, UNASKED),
        ] {
            let udp = UdpSocket::bind(free_address()).unwrap();
            let address = udp.local_addr().unwrap();
            let answer = answer.to_owned();
            thread::spawn(move || {
                let (_, from) = udp.recv_from(&mut [0; 9]).unwrap();
                udp.send_to(answer.as_bytes(), from)
            });
            let error = load(address, 0..1).run(Transport::Udp).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
