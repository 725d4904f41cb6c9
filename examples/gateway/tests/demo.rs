//! The demonstration as its users start it.
#![cfg(test)]

use std::process::{Command, Output, Stdio};

fn gateway(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity-gateway"))
        .args(args)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The transcript with every run of white space made one space.
fn transcript(output: &Output) -> String {
    let text = text(&output.stdout);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_demonstration_tells_who_was_let_in_and_who_was_not() {
    let output = gateway(&["demo"]);
    let transcript = transcript(&output);
    assert_eq!(text(&output.stderr), "", "{transcript}");
    assert_eq!(output.status.code(), Some(0), "{transcript}");
    let mut rest = transcript.as_str();
    for line in [
        "dial connection 1 to xmpp.montague.example at 127.0.0.1:",
        "TLS TLS 1.3, ",
        "certificate montague.example proved by montague.example",
        "montague.example accepted our certificate, by SASL EXTERNAL",
        "certificate capulet.example proved by _xmpp-server.capulet.example",
        "capulet.example may write to montague.example on connection 1, proved by certificate",
        "capulet.example takes our stanzas on connection 1, which it opened",
        "from juliet@capulet.example/balcony to romeo@montague.example \"Art thou not Romeo",
        "message on connection 1 from romeo@montague.example/orchard to juliet@capulet.example/balcony \"Neither",
        "message on connection 1 from juliet@capulet.example/balcony to \
         romeo@montague.example/orchard \"How cam'st",
        "denied: exception mantua.example (all packets) under default allow",
        "bounce that the sender would get, from apothecary@mantua.example to juliet@capulet.example/balcony forbidden",
        "does not prove verona.example: the certificate chain does not lead to a trusted CA",
        "bounce that the sender would get, from prince@verona.example to juliet@capulet.example/balcony \
         remote-server-timeout",
        "end connection 1: closed: this server stops",
        "end connection 1: closed by the peer: system-shutdown (this server stops)",
        "perdita sees a session with sip:juliet@capulet.example, by INVITE",
        "perdita sees a text of sip:juliet@capulet.example \"Whence come you, cousin?\"",
        "juliet gets message (chat) from perdita@bohemia.example to juliet@capulet.example \"From far",
        "juliet gets presence from perdita@bohemia.example/0 to juliet@capulet.example away Busy",
        "perdita sees presence (active) open, busy",
        "12. Juliet blocks Perdita, who sees an offline user",
        "perdita sees presence (active) closed perdita sees the answer 480",
        "item-not-found (404 Not Found; ms-diagnostics 1003 User does not exist)",
        "Everything happened as it should.",
    ] {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("{line:?} is missing, or in the wrong place, in\n{transcript}");
        };
        rest = after;
    }
}

#[test]
fn a_wrong_command_line_gets_one_line_and_code_2() {
    for (args, error) in [
        (&[][..], "a command is missing; see --help"),
        (&["dance"], "there is no command \"dance\"; see --help"),
        (&["--colour"], "invalid option '--colour'; see --help"),
        (
            &["demo", "again"],
            "unexpected argument \"again\"; see --help",
        ),
    ] {
        let output = gateway(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert_eq!(text(&output.stderr), format!("comity-gateway: {error}\n"));
    }
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_demonstration_quietly() {
    for command in ["demo", "--help", "--version"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = with_stdout(command, writer);
        assert_eq!(text(&output.stderr), "", "{command}");
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_gets_one_line_and_code_1() {
    for command in ["demo", "--help", "--version"] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = with_stdout(command, full.expect("the device is there"));
        let line = "comity-gateway: No space left on device (os error 28)\n";
        assert_eq!(text(&output.stderr), line, "{command}");
        assert_eq!(output.status.code(), Some(1), "{command}");
    }
}

fn with_stdout(command: &str, stdout: impl Into<Stdio>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity-gateway"))
        .arg(command)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .expect("the program runs")
}

#[test]
fn help_is_on_standard_output() {
    let output = gateway(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("Usage: comity-gateway COMMAND\n"));
}
