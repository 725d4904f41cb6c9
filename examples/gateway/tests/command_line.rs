//! The program as an operator runs it.
#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use comity_testkit::mint::{Ca, Leaf};

fn run(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_comity-gateway");
    Command::new(program).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// A file of this name in a folder that stays for this test alone.
fn file(name: &str, contents: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, contents).unwrap();
    path
}

#[test]
fn errors_are_lines_with_their_place_and_the_exit_code_is_two() {
    let path = file(
        "wrong.toml",
        "[domains]\nxmpp = []\nsip = 5\n[policy]\nfile = \"p\"\n",
    );
    let path = path.to_str().unwrap();
    let output = run(&["check", "--config", path]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!("{path}: line 3, domains.sip: a list of strings is expected, not a whole number\n")
    );
    let output = run(&["check", "--json", "--config", path]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "");
    assert!(text(&output.stdout).contains("\"line\": 3"));
}

#[test]
fn a_configuration_without_errors_is_printed_with_what_it_needs() {
    file("rules.toml", "[xmpp]\nenabled = true\n");
    let config =
        "[domains]\nxmpp = [\"capulet.example\"]\nsip = []\n[policy]\nfile = \"rules.toml\"\n";
    let path = file("right.toml", config);
    let output = run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("\nCertificates:\n  none\n"));
}

#[test]
fn nothing_is_told_to_a_gateway_without_a_control_socket() {
    let config = "[domains]\nxmpp = []\nsip = []\n[policy]\nfile = \"rules.toml\"\n";
    let path = file("deaf.toml", config);
    let output = run(&["tell", "--config", path.to_str().unwrap(), "status"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "comity-gateway: the configuration names no control socket: add [control] with socket = \
         \"...\"\n"
    );
}

#[test]
fn a_wrong_command_line_says_what_to_change() {
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "comity-gateway: --config is missing; see --help\n"
    );
}

/// Reads what the gateway logs until a line ends so.
fn wait_for(log: &mut impl BufRead, end: &str) {
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.trim_end().ends_with(end) {
            return;
        }
        line.clear();
    }
    panic!("the gateway ended before it said {end:?}");
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_running_gateway_obeys_its_socket_and_signals() {
    let root = Ca::new("Example CA", [1; 32]).self_signed();
    let own = root.issue(&Leaf::new([2; 32]).dns("montague.example"));
    file("own.pem", &own.chain_pem());
    file("own.key", &own.key_pem());
    let rules = file("live.toml", "[xmpp]\nenabled = true\n");
    let config = "[domains]\nxmpp = [\"capulet.example\"]\nsip = [\"montague.example\"]\n\
                  [xmpp]\nlisteners = [{ address = \"127.0.0.1:0\" }]\n\
                  [sip]\nlisteners = [{ address = \"127.0.0.1:0\" }]\n\
                  [tls.inbound]\nchain = \"own.pem\"\nkey = \"own.key\"\n\
                  [policy]\nfile = \"live.toml\"\n[control]\nsocket = \"live.sock\"\n\
                  [store]\npath = \"live.facts\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let path = file("live-gateway.toml", config);
    let path = path.to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_comity-gateway"))
        .args(["run", "--config", path])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    wait_for(&mut log, "federation::gateway: started");
    let said = run(&["tell", "--config", path, "status"]);
    assert_eq!(said.status.code(), Some(0));
    assert!(text(&said.stdout).contains("\n  conversations 0\n"));
    assert!(text(&said.stdout).ends_with("\nok\n"));
    let said = run(&["tell", "--config", path, "stop"]);
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(
        text(&said.stdout),
        "error: \"stop\" is no command; write help for those that there are\n"
    );
    signal(&child, "-HUP");
    wait_for(&mut log, "federation::gateway: reloaded");
    fs::write(rules, "[xmpp]\nenabled = 1\n").unwrap();
    let said = run(&["tell", "--config", path, "reload"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(text(&said.stdout).starts_with("error: nothing has changed: "));
    signal(&child, "-TERM");
    wait_for(&mut log, "federation::gateway: ending");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let said = run(&["tell", "--config", path, "status"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(text(&said.stderr).ends_with(": is the gateway running?\n"));
}
