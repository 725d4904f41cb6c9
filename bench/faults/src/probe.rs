//! Whether a server serves those who come in good order.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::servers::{DOMAIN, Server, XMPP_DOMAIN};

/// It opens a stream and answers OPTIONS, whichever it speaks, within some seconds.
pub(crate) fn serves(server: &Server) -> Result<(), Box<dyn Error>> {
    if server.kind().speaks_xmpp() {
        let stream = TcpStream::connect_timeout(&server.xmpp, PATIENCE);
        let stream = stream.map_err(Into::into).and_then(open);
        stream.map_err(|error| format!("no stream: {error}"))?;
    }
    if server.kind().speaks_sip() {
        ask(server.sip).map_err(|error| format!("no answer to OPTIONS: {error}"))?;
    }
    Ok(())
}

/// Opens a stream on a connection, up to the features.
pub(crate) fn open(mut stream: TcpStream) -> Result<TcpStream, Box<dyn Error>> {
    exchange(&mut stream, &header(), "</stream:features>")?;
    Ok(stream)
}

fn ask(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    let answer = exchange(&mut stream, &options(address), "\r\n\r\n")?;
    match answer.starts_with("SIP/2.0 200 ") {
        true => Ok(()),
        false => Err(answer.into()),
    }
}

/// What a server sends first.
pub(crate) fn header() -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
         xmlns:stream='http://etherx.jabber.org/streams' from='peer.test' to='{DOMAIN}' version='1.0'>"
    )
}

/// A request that anybody may make, and that nobody has made before.
pub(crate) fn options(to: SocketAddr) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (ip, number) = (to.ip(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!(
        "OPTIONS sip:{XMPP_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP {ip}:5060;branch=z9hG4bKp{number};rport\r\n\
         From: <sip:probe@{DOMAIN}>;tag=1\r\nTo: <sip:{XMPP_DOMAIN}>\r\nCall-ID: probe{number}@{ip}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
    )
}

/// Sends something, and reads until what comes holds `end`.
pub(crate) fn exchange(
    stream: &mut TcpStream,
    said: &str,
    end: &str,
) -> Result<String, Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    stream.write_all(said.as_bytes())?;
    let mut heard = Vec::new();
    let mut buf = [0; 4096];
    while !String::from_utf8_lossy(&heard).contains(end) {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut buf)? {
            0 => return Err(format!("it ends after {:?}", String::from_utf8_lossy(&heard)).into()),
            len => heard.extend_from_slice(&buf[..len]),
        }
    }
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

const PATIENCE: Duration = Duration::from_secs(10);
