//! The program as its users start it: what it says about options that cannot be used, and its life.
#![cfg(test)]
#![expect(clippy::expect_used, reason = "a test fails by a panic")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let line = "comity-sip-echo: /nowhere/e.pem: No such file or directory (os error 2)\n";
    let options = [
        "--listen-tls=127.0.0.1:0",
        "--identity=/nowhere/e.pem",
        "--key=/nowhere/e.key",
        "--trust=/nowhere/ca.pem",
    ];
    assert_refused(&options, line);
}

#[test]
fn an_address_of_somebody_else_is_named() {
    let line = "comity-sip-echo: cannot listen on 192.0.2.1:5060 (UDP): address not available\n";
    assert_refused(&["--listen-udp=192.0.2.1:5060"], line);
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_gets_one_line_and_code_1() {
    for option in ["--help", "--version"] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = program()
            .arg(option)
            .stdout(full.expect("the device is there"))
            .stderr(Stdio::piped())
            .output()
            .expect("the program starts");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let line = "comity-sip-echo: No space left on device (os error 28)\n";
        assert_eq!((stderr.as_str(), output.status.code()), (line, Some(1)));
    }
}

#[test]
#[cfg(unix)]
fn it_says_where_it_listens_answers_and_ends_when_it_is_told() {
    let mut child = program()
        .args(["--domain=echo.example", "--listen-udp=127.0.0.1:0"])
        .arg("--listen-tcp=127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines();
    let mut address = |transport: &str| -> SocketAddr {
        let line = lines.next().expect("a line").expect("UTF-8");
        let address = line.strip_prefix("listening on ").expect("an address");
        let address = address.strip_suffix(transport).expect("a transport");
        address.parse().expect("an address")
    };
    let udp = address(" (UDP)");
    address(" (TCP)");

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let patience = Some(Duration::from_secs(8));
    socket.set_read_timeout(patience).expect("it is set");
    let own = socket.local_addr().expect("an address");
    let request = format!(
        "OPTIONS sip:echo.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP {own};branch=z9hG4bK1;rport\r\n\
         From: <sip:romeo@montague.example>;tag=1\r\n\
         To: <sip:echo.example>\r\n\
         Call-ID: 1@montague.example\r\n\
         CSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), udp).expect("it is sent");
    let mut buf = [0; 2000];
    let (len, _) = socket.recv_from(&mut buf).expect("an answer");
    let answer = String::from_utf8_lossy(buf.get(..len).unwrap_or_default());
    assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");

    let stopped = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("it is told").success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!((stderr.as_str(), output.status.code()), ("", Some(0)));
}

fn assert_refused(options: &[&str], line: &str) {
    let output = program()
        .arg("--domain=echo.example")
        .args(options)
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(stderr, line, "{options:?}");
    assert_eq!(output.status.code(), Some(2), "{options:?}");
    assert_eq!(output.stdout, b"", "{options:?}");
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_comity-sip-echo"))
}
