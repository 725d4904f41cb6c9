//! Bytes that are wrong.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use comity_machine::Random;

use super::{A_MOMENT, Amounts, Outcome, Played};
use crate::servers::Server;
use crate::{malformed, probe};

pub(super) fn streams(server: &mut Server, amounts: &Amounts) -> Played {
    let mut random = Random::from_seed([1; 32]);
    for _ in 0..amounts.malformed {
        let stream = TcpStream::connect(server.xmpp)?;
        say(stream, &malformed::stream(&mut random))?;
    }
    Ok(Outcome::of(amounts.malformed))
}

pub(super) fn messages(server: &mut Server, amounts: &Amounts) -> Played {
    let mut random = Random::from_seed([2; 32]);
    for _ in 0..amounts.malformed {
        let stream = TcpStream::connect(server.sip)?;
        say(stream, &malformed::message(&mut random, server.sip))?;
    }
    Ok(Outcome::of(amounts.malformed))
}

pub(super) fn datagrams(server: &mut Server, amounts: &Amounts) -> Played {
    let mut random = Random::from_seed([3; 32]);
    let socket = UdpSocket::bind((server.sip.ip(), 0))?;
    for sent in 1..=amounts.malformed {
        socket.send_to(&malformed::message(&mut random, server.sip), server.sip)?;
        // What the socket of the server has no room for would not be tried.
        if sent % AT_ONCE == 0 {
            probe::serves(server)?;
        }
    }
    Ok(Outcome::of(amounts.malformed))
}

pub(super) fn garbage(server: &mut Server, amounts: &Amounts) -> Played {
    let mut random = Random::from_seed([4; 32]);
    for _ in 0..amounts.garbage {
        say(TcpStream::connect(server.sip_tls)?, &hello(&mut random))?;
    }
    Ok(Outcome::of(amounts.garbage))
}

pub(super) fn garbage_behind_starttls(server: &mut Server, amounts: &Amounts) -> Played {
    let mut random = Random::from_seed([5; 32]);
    for _ in 0..amounts.garbage {
        let mut stream = probe::open(TcpStream::connect(server.xmpp)?)?;
        let ask = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
        probe::exchange(&mut stream, ask, "<proceed")?;
        say(stream, &hello(&mut random))?;
    }
    Ok(Outcome::of(amounts.garbage))
}

pub(super) fn xmpp_churn(server: &mut Server, amounts: &Amounts) -> Played {
    churn(server.xmpp, amounts.churn)
}

pub(super) fn sip_churn(server: &mut Server, amounts: &Amounts) -> Played {
    churn(server.sip, amounts.churn)
}

/// Up to so many, or as many as a server takes in a minute.
fn churn(address: SocketAddr, count: usize) -> Played {
    let deadline = Instant::now() + CHURN_FOR;
    let mut tried = 0;
    while tried < count && Instant::now() < deadline {
        drop(TcpStream::connect(address)?);
        tried += 1;
        sleep(A_MOMENT);
    }
    let seen = match tried == count {
        true => String::new(),
        false => format!("no more were taken in {} s", CHURN_FOR.as_secs()),
    };
    Ok(Outcome::seen(tried, seen))
}

/// Begins as a handshake does.
fn hello(random: &mut Random) -> Vec<u8> {
    let mut hello = vec![0x16, 0x03, 0x01];
    hello.extend(random.bytes::<300>());
    hello
}

/// Says something, and waits shortly for the other side to end it.
fn say(mut stream: TcpStream, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    // The other side may have heard enough before the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_timeout(Some(SHORTLY))?;
    let mut heard = [0; 4096];
    let end = Instant::now() + SHORTLY;
    while Instant::now() < end && matches!(stream.read(&mut heard), Ok(1..)) {}
    Ok(())
}

const SHORTLY: Duration = Duration::from_millis(50);
const CHURN_FOR: Duration = Duration::from_secs(60);
/// Datagrams that a socket of the usual size has room for.
const AT_ONCE: usize = 50;
