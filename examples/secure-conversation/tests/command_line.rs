//! The program as its users start it. A transcript holds command lines, and after each all that is
//! printed: standard output, the lines of standard error behind `stderr: `, the exit status.
#![cfg(test)]
#![expect(clippy::expect_used, reason = "a test fails by a panic")]

use std::fmt::Write;
use std::process::{Command, Output};

#[test]
fn a_computed_secret_makes_a_session_for_a_user_and_a_service() {
    assert_transcript(include_str!("transcripts/outbound.txt"));
}

#[test]
fn an_inbound_session_is_for_nobody_unless_that_is_allowed() {
    assert_transcript(include_str!("transcripts/inbound.txt"));
}

#[test]
fn the_rules_shorten_a_lifetime_and_may_leave_nothing_of_it() {
    assert_transcript(include_str!("transcripts/lifetime.txt"));
}

#[test]
fn a_file_that_makes_no_session_gets_one_line_and_code_1() {
    assert_transcript(include_str!("transcripts/refused.txt"));
}

#[test]
fn a_command_line_or_a_file_that_is_wrong_gets_one_line_and_code_2() {
    assert_transcript(include_str!("transcripts/usage.txt"));
}

#[test]
fn no_secret_is_printed() {
    // What is read, what is computed of it, and the key that an issuer gave, in base64 and without.
    let secrets = [
        ("GS5olVevYMI4", "192e689557af60c2"),
        ("LmF9Mjf9lYMa", "2e617d3237fd9583"),
        ("ZMOP1NFa5VKT", "64c38fd4d15ae552"),
        ("Wv3QzY84Kfgw", "5afdd0cd8f3829f8"),
    ];
    for file in ["computed", "given", "broken", "entities"] {
        let output = run(&format!(
            "tests/responses/{file}.xml --service s --entropy tests/responses/entropy.txt {NOW}"
        ));
        let printed = text(output.stdout) + &text(output.stderr);
        assert!(!printed.is_empty());
        for (base64, hex) in secrets {
            assert!(!printed.contains(base64), "{printed}");
            assert!(!printed.to_lowercase().contains(hex), "{printed}");
        }
    }
}

#[test]
fn help_and_version_are_printed() {
    let output = run("--help");
    assert!(
        output
            .stdout
            .starts_with(b"Usage: secure-conversation FILE ")
    );
    assert_eq!((output.stderr, output.status.code()), (Vec::new(), Some(0)));
    let version = concat!("secure-conversation ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(run("--version").stdout), version);
}

/// Runs the commands of a transcript again.
fn assert_transcript(transcript: &str) {
    let mut again = String::new();
    let commands = transcript
        .lines()
        .filter_map(|line| line.strip_prefix(PROMPT));
    for command in commands {
        let separator = if again.is_empty() { "" } else { "\n" };
        let output = run(command);
        let stdout = text(output.stdout);
        write!(again, "{separator}{PROMPT}{command}\n{stdout}").expect("memory");
        for line in text(output.stderr).lines() {
            writeln!(again, "stderr: {line}").expect("memory");
        }
        let code = output.status.code().expect("it was not killed");
        writeln!(again, "exit {code}").expect("memory");
    }
    assert_eq!(again, transcript, "\n{again}");
}

fn run(command: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_secure-conversation"))
        .args(command.split_whitespace())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program starts")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

const PROMPT: &str = "$ secure-conversation ";
/// While the sample of Microsoft lasts.
const NOW: &str = "--now 2008-08-15T02:00:00Z";
