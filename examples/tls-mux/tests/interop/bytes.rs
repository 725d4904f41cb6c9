//! What begins on a connection, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::mux::{Mux, ended, program};
use crate::process::PATIENCE;

/// Sends bytes in pieces, and returns all that comes back until the port hangs up.
fn exchange(mux: &Mux, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(mux.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for piece in pieces {
        stream.write_all(piece).unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// The hello of a client that offers only these suites, as clients of ten years ago sent it.
fn old_hello(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    let suites: Vec<_> = suites
        .iter()
        .flat_map(|suite| suite.to_be_bytes())
        .collect();
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.extend([0, 0, u8::try_from(suites.len()).unwrap()]);
    body.extend(suites);
    body.extend([1, 0]);
    // signature_algorithms: RSA with SHA-256 and with SHA-1
    body.extend([0, 10, 0, 13, 0, 6, 0, 4, 4, 1, 2, 1]);
    let length = u8::try_from(body.len()).unwrap();
    let message = [&[1, 0, 0, length], &*body].concat();
    [&[0x16, 3, 1, 0, length + 4], &*message].concat()
}

#[test]
fn a_port_for_both_tells_them_apart() {
    let mux = Mux::start(&[]);
    for (pieces, said) in [
        (&[&b"<?xml version='1.0'?>"[..]][..], "plaintext XMPP"),
        (&[b"\r", b"\n", b"<stream"], "plaintext XMPP"),
        (&[b"OPTIONS sip:mux.example SIP/2.0\r\n"], "plaintext SIP"),
        (&[b"\r\n", b"\r\n"], "plaintext SIP"),
        (&[b"\x00\x01\x00\x00\x21\x12\xA4\x42"], "plaintext STUN"),
    ] {
        assert_eq!(exchange(&mux, pieces), format!("{said}\n").into_bytes());
        assert_eq!(mux.line(), said);
    }
    for (pieces, said) in [
        (
            &[&b"\x80\x2E\x01"[..], b"\x03\x01\x00\x15\x00\x00\x00\x10"][..],
            "refused: an SSL 2.0 hello: the client is obsolete and has to be upgraded to TLS 1.2",
        ),
        (
            &[b"\x16\x03\x09"],
            "refused: neither TLS nor a protocol of this port: \
             let the peer check address and port",
        ),
    ] {
        assert_eq!(exchange(&mux, pieces), b"");
        assert_eq!(mux.line(), said);
    }
}

#[test]
fn a_strict_port_says_who_came_in_plaintext() {
    let mux = Mux::start(&["--strict"]);
    for (bytes, protocol) in [
        (&b"<stream:stream"[..], "XMPP"),
        (b"REGISTER sip:mux.example SIP/2.0\r\n\r\n", "SIP"),
    ] {
        assert_eq!(exchange(&mux, &[bytes]), b"");
        assert_eq!(
            mux.line(),
            format!(
                "refused: plaintext ({protocol}) on a port for TLS only: \
                 let the peer begin with TLS, or let the port take both"
            )
        );
    }
}

#[test]
fn an_old_hello_is_diagnosed() {
    const HANDSHAKE_FAILURE: u8 = 40;
    const PROTOCOL_VERSION: u8 = 70;
    const UPGRADE: &str = "upgrade the peer, or put a TLS proxy between";
    let mux = Mux::start(&[]);
    for (version, suites, alert, problem) in [
        (
            [3, 3],
            &[0x000A, 0x002F, 0x0035, 0x0005, 0x0004][..],
            HANDSHAKE_FAILURE,
            "offers no cipher suite for TLS 1.2 that we have, only RSA key exchange \
             (TLS_RSA_WITH_3DES_EDE_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA, \
             TLS_RSA_WITH_AES_256_CBC_SHA and 2 more)",
        ),
        (
            [3, 3],
            &[0x000A],
            HANDSHAKE_FAILURE,
            "offers no cipher suite for TLS 1.2 that we have, only triple DES, RSA key exchange \
             (TLS_RSA_WITH_3DES_EDE_CBC_SHA)",
        ),
        (
            [3, 2],
            &[0xC02F],
            PROTOCOL_VERSION,
            "TLS 1.1 and older only",
        ),
    ] {
        let hello = old_hello(version, suites);
        let (first, rest) = hello.split_at(7);
        let answer = exchange(&mux, &[first, rest]);
        assert_eq!(answer, [0x15, 3, 3, 0, 2, 2, alert]);
        assert_eq!(mux.line(), format!("refused: {problem}: {UPGRADE}"));
    }
}

#[test]
fn a_list_of_suites_is_answered_at_the_start() {
    let options = ["--cert=/nowhere/m.pem", "--key=/nowhere/m.key"];
    let mut command = program();
    command.args(options).arg("--ciphers=HIGH:DES-CBC3-SHA");
    let (code, stdout, stderr) = ended(&command.output().unwrap());
    assert_eq!((code, &*stdout), (Some(2), ""));
    assert_eq!(
        stderr.lines().collect::<Vec<_>>(),
        [
            "--ciphers: HIGH: refused (a keyword of OpenSSL, not a suite): \
             name the suites one by one",
            "--ciphers: DES-CBC3-SHA: refused (triple DES, RSA key exchange): let the peer offer \
             ECDHE with AES-GCM or ChaCha20, or put a TLS proxy in front that can do both",
            "--ciphers: warning: no suite of the list is supported, so nobody can connect",
            "comity-tls-mux: no cipher suite of the list is supported",
        ]
    );
}

#[test]
fn what_cannot_be_used_gets_one_line_and_code_2() {
    for (options, line) in [
        (
            &[
                "--connect=127.0.0.1:1",
                "--name=a.example",
                "--min-tls=1.3",
                "--max-tls=1.2",
            ][..],
            "comity-tls-mux: TLS: the newest TLS version is older than the oldest",
        ),
        (
            &["--cert=/nowhere/m.pem", "--key=/nowhere/m.key"],
            "comity-tls-mux: /nowhere/m.pem: No such file or directory (os error 2)",
        ),
    ] {
        let (code, stdout, stderr) = ended(&program().args(options).output().unwrap());
        assert_eq!((code, &*stdout, &*stderr), (Some(2), "", line));
    }
}
