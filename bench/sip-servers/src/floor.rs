//! A server that receives and sends, and does as little as it can between: what any server costs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::message::AFTER_ECHOED;

/// Answers at this address over UDP and TCP, until the process is ended.
pub(crate) fn serve(address: SocketAddr) -> io::Result<()> {
    let (udp, tcp) = bind(address)?;
    thread::spawn(move || answer_connections(&tcp));
    answer_datagrams(&udp)
}

pub(crate) fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?))
}

pub(crate) fn answer_datagrams(socket: &UdpSocket) -> io::Result<()> {
    let (mut datagram, mut out) = (vec![0; 65_536], Vec::new());
    loop {
        let (len, from) = socket.recv_from(&mut datagram)?;
        out.clear();
        if answer(&datagram[..len], &mut out).is_some() {
            socket.send_to(&out, from)?;
        }
    }
}

pub(crate) fn answer_connections(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(move || answer_connection(stream));
    }
}

/// Answers all that one read brings with one write.
fn answer_connection(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut bytes, mut out) = (vec![0; 65_536], Vec::new());
    let mut held = 0;
    loop {
        let len = stream.read(&mut bytes[held..])?;
        if len == 0 {
            return Ok(());
        }
        let (end, mut start) = (held + len, 0);
        out.clear();
        while let Some(taken) = answer(&bytes[start..end], &mut out) {
            start += taken;
        }
        bytes.copy_within(start..end, 0);
        held = end - start;
        stream.write_all(&out)?;
    }
}

/// Appends the answer to the request that `bytes` start with, and gives the length of the request;
/// nothing if it is not whole.
fn answer(bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let lines = bytes[..head].split_inclusive(|&byte| byte == b'\n');
    let (mut body, mut echo) = (0, true);
    let start = out.len();
    out.extend_from_slice(b"SIP/2.0 200 OK\r\n");
    for line in lines.skip(1) {
        echo &= !line.starts_with(AFTER_ECHOED.as_bytes());
        if echo {
            out.extend_from_slice(line);
        }
        if let Some(value) = line.strip_prefix(b"Content-Length: ") {
            body = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
        }
    }
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    let taken = head + 4 + body;
    if taken > bytes.len() {
        out.truncate(start);
        return None;
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"MESSAGE sip:a SIP/2.0\r\nVia: v\r\nTo: t\r\nMax-Forwards: 70\r\n\
        X: x\r\nContent-Length: 2\r\n\r\nhi";

    #[test]
    fn head_of_the_request_comes_back_up_to_max_forwards() {
        let mut out = b"before ".to_vec();
        assert_eq!(answer(REQUEST, &mut out), Some(REQUEST.len()));
        let expected = b"before SIP/2.0 200 OK\r\nVia: v\r\nTo: t\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn part_of_a_request_has_no_answer() {
        for len in 0..REQUEST.len() {
            let mut out = Vec::new();
            assert_eq!(answer(&REQUEST[..len], &mut out), None);
            assert_eq!(out, b"");
        }
    }
}
