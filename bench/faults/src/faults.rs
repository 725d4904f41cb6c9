//! The faults.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use comity_machine::Random;
use socket2::{Domain, Socket, Type};

use crate::gateway::Gateway;
use crate::{malformed, probe};

/// Something that befalls a gateway.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Has it happen, and says how often.
    pub(crate) play: fn(&mut Gateway) -> Outcome,
}

type Outcome = Result<usize, Box<dyn Error>>;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "malformed XML streams",
        play: malformed_streams,
    },
    Fault {
        name: "malformed SIP messages over UDP",
        play: malformed_datagrams,
    },
    Fault {
        name: "malformed SIP messages over TCP",
        play: malformed_messages,
    },
    Fault {
        name: "hellos of TLS that are garbage",
        play: garbage,
    },
    Fault {
        name: "connections that are closed at once",
        play: churn,
    },
    Fault {
        name: "connections that send a byte now and then, half of them to each side",
        play: slow_senders,
    },
    Fault {
        name: "peers that ask and do not read",
        play: slow_readers,
    },
    Fault {
        name: "connections beyond the files that it may open",
        play: want_of_files,
    },
    Fault {
        name: "kill -9, and a start where it was",
        play: kills,
    },
    Fault {
        name: "a disk that is full at the start",
        play: full_disk,
    },
];

fn malformed_streams(gateway: &mut Gateway) -> Outcome {
    let mut random = Random::from_seed([1; 32]);
    for _ in 0..MALFORMED {
        say(gateway.xmpp, &malformed::stream(&mut random))?;
    }
    Ok(MALFORMED)
}

fn malformed_messages(gateway: &mut Gateway) -> Outcome {
    let mut random = Random::from_seed([2; 32]);
    for _ in 0..MALFORMED {
        say(
            gateway.sip_tcp,
            &malformed::message(&mut random, gateway.sip_tcp),
        )?;
    }
    Ok(MALFORMED)
}

fn malformed_datagrams(gateway: &mut Gateway) -> Outcome {
    let mut random = Random::from_seed([3; 32]);
    let socket = UdpSocket::bind((gateway.sip_udp.ip(), 0))?;
    for _ in 0..MALFORMED {
        socket.send_to(
            &malformed::message(&mut random, gateway.sip_udp),
            gateway.sip_udp,
        )?;
    }
    Ok(MALFORMED)
}

fn garbage(gateway: &mut Gateway) -> Outcome {
    let mut random = Random::from_seed([4; 32]);
    for _ in 0..GARBAGE {
        let mut hello = vec![0x16, 0x03, 0x01];
        hello.extend(random.bytes::<300>());
        say(gateway.sip_tls, &hello)?;
    }
    Ok(GARBAGE)
}

fn churn(gateway: &mut Gateway) -> Outcome {
    for _ in 0..CHURN {
        drop(TcpStream::connect(gateway.xmpp)?);
        drop(TcpStream::connect(gateway.sip_tcp)?);
    }
    Ok(2 * CHURN)
}

fn slow_senders(gateway: &mut Gateway) -> Outcome {
    let (header, request) = (probe::header(), probe::options(gateway.sip_tcp));
    let mut held = Vec::with_capacity(SLOW);
    for _ in 0..SLOW / 2 {
        held.push((connect(gateway.xmpp)?, header.as_bytes()));
        held.push((connect(gateway.sip_tcp)?, request.as_bytes()));
    }
    for round in 0..SLOW_BYTES {
        for (stream, said) in &mut held {
            // The gateway may have lost its patience.
            let _ = stream.write_all(&said[round..=round]);
        }
        probe::serves(gateway)?;
        sleep(Duration::from_millis(500));
    }
    Ok(SLOW)
}

fn slow_readers(gateway: &mut Gateway) -> Outcome {
    let request = probe::options(gateway.sip_tcp);
    let mut held = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let mut stream = connect(gateway.sip_tcp)?;
        stream.set_nonblocking(true)?;
        // Until nothing more goes in: what comes out is not read.
        let deadline = Instant::now() + Duration::from_millis(300);
        while Instant::now() < deadline {
            match stream.write(request.as_bytes()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sleep(Duration::from_millis(5));
                }
                Err(_) => break,
            }
        }
        held.push(stream);
    }
    probe::serves(gateway)?;
    Ok(READERS)
}

fn want_of_files(gateway: &mut Gateway) -> Outcome {
    gateway.kill()?;
    gateway.restart_with_files(64)?;
    let mut held = Vec::with_capacity(FILES);
    for _ in 0..FILES {
        held.push(connect(gateway.xmpp)?);
    }
    sleep(Duration::from_secs(2));
    if !gateway.runs() {
        return Err("the gateway has ended".into());
    }
    drop(held);
    // It rests before it accepts again.
    sleep(Duration::from_secs(2));
    Ok(FILES)
}

fn kills(gateway: &mut Gateway) -> Outcome {
    for _ in 0..KILLS {
        gateway.kill()?;
        gateway.restart()?;
        probe::serves(gateway)?;
    }
    Ok(KILLS)
}

/// The gateway does not start without a store that it can write, says so, and starts when it can.
fn full_disk(gateway: &mut Gateway) -> Outcome {
    gateway.kill()?;
    let store = gateway.store().display().to_string();
    run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", &store])?;
    let filled = std::fs::write(gateway.store().join("filler"), vec![0; 64 * 1024]);
    let refused = gateway.restart().is_err() || !gateway.runs();
    run("umount", &["-l", &store])?;
    filled?;
    if !refused {
        return Err("it runs without a store".into());
    }
    gateway.restart()?;
    Ok(1)
}

/// Says something on a connection of its own, and waits shortly for the other side to end it.
fn say(address: SocketAddr, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    // The other side may have heard enough before the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut heard = [0; 4096];
    let end = Instant::now() + Duration::from_millis(50);
    while Instant::now() < end && matches!(stream.read(&mut heard), Ok(1..)) {}
    Ok(())
}

/// A connection from an address that no probe has.
fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((STRANGER, 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let output = Command::new(program).args(arguments).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// From where the faults come.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 99, 0, 1);
const MALFORMED: usize = 10_000;
const GARBAGE: usize = 2_000;
const CHURN: usize = 5_000;
const SLOW: usize = 2_000;
const SLOW_BYTES: usize = 20;
const READERS: usize = 50;
const FILES: usize = 500;
const KILLS: usize = 20;
