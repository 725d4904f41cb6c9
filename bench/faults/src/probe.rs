//! Whether a gateway serves those who come in good order.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::gateway::{Gateway, SIP_DOMAIN, XMPP_DOMAIN};

/// It opens a stream and answers OPTIONS, within some seconds.
pub(crate) fn serves(gateway: &Gateway) -> Result<(), Box<dyn Error>> {
    let stream = exchange(gateway.xmpp, &header(), "</stream:features>");
    stream.map_err(|error| format!("no stream: {error}"))?;
    let options = options(gateway.sip_tcp);
    let answer = exchange(gateway.sip_tcp, &options, "\r\n\r\n");
    let answer = answer.map_err(|error| format!("no answer to OPTIONS: {error}"))?;
    match answer.starts_with("SIP/2.0 200 ") {
        true => Ok(()),
        false => Err(format!("OPTIONS got {answer}").into()),
    }
}

/// What a server sends first.
pub(crate) fn header() -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
         xmlns:stream='http://etherx.jabber.org/streams' from='peer.test' to='{SIP_DOMAIN}' version='1.0'>"
    )
}

/// A request that anybody may make.
pub(crate) fn options(to: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{XMPP_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP {ip}:5060;branch=z9hG4bKprobe;rport\r\n\
         From: <sip:probe@{SIP_DOMAIN}>;tag=1\r\nTo: <sip:{XMPP_DOMAIN}>\r\nCall-ID: probe@{ip}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        ip = to.ip(),
    )
}

/// Sends something, and reads until what comes holds `end`.
fn exchange(address: SocketAddr, said: &str, end: &str) -> Result<String, Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
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
