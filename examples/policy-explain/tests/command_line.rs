//! The program as its users start it. A transcript holds command lines, and after each all that is
//! printed: standard output, the lines of standard error behind `stderr: `, the exit status.
#![cfg(test)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use std::fmt::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

#[test]
fn what_is_allowed_is_told_with_its_rules_and_its_security() {
    assert_transcript(include_str!("transcripts/allow.txt"));
}

#[test]
fn an_exception_denies_the_packets_of_its_direction() {
    assert_transcript(include_str!("transcripts/exception.txt"));
}

#[test]
fn whom_a_user_blocks_sees_him_as_offline_or_is_refused() {
    assert_transcript(include_str!("transcripts/user_block.txt"));
}

#[test]
fn a_subscription_waits_for_a_user_who_has_not_decided() {
    assert_transcript(include_str!("transcripts/subscription.txt"));
}

#[test]
fn a_user_with_an_email_address_is_known_by_it_alone() {
    assert_transcript(include_str!("transcripts/email.txt"));
}

#[test]
fn an_access_list_lets_in_by_name_and_by_address() {
    assert_transcript(include_str!("transcripts/access_list.txt"));
}

#[test]
fn other_rules_are_asked_the_same_and_told_apart() {
    assert_transcript(include_str!("transcripts/compare.txt"));
}

#[test]
fn nodes_that_differ_are_named_by_each_check() {
    assert_transcript(include_str!("transcripts/nodes.txt"));
}

#[test]
fn rules_are_counted_and_warned_of() {
    assert_transcript(include_str!("transcripts/check.txt"));
}

#[test]
fn documents_have_the_fields_that_are_documented() {
    assert_transcript(include_str!("transcripts/json.txt"));
}

#[test]
fn every_error_of_a_rule_file_is_listed_and_nothing_else() {
    assert_transcript(include_str!("transcripts/broken.txt"));
}

#[test]
fn a_question_that_cannot_be_asked_gets_one_line_and_code_2() {
    assert_transcript(include_str!("transcripts/usage.txt"));
}

#[test]
fn the_example_loads_without_a_warning() {
    let document = parsed("rules.toml --check --json");
    assert_eq!(document["warnings"], json!([]));
    let summary = &document["summary"];
    for count in [
        &summary["xmpp"]["exceptions"],
        &summary["xmpp"]["security_rules"],
        &summary["sip"]["domains"],
        &summary["acl"]["entries"],
        &summary["user_rules"],
        &summary["email"]["identities"],
    ] {
        assert!(count.as_u64() > Some(0), "{summary}");
    }
}

#[test]
fn a_document_says_what_the_page_says() {
    let question = "rules.toml --from benvolio@montague.example --to nurse@capulet.example \
                    --stage subscription";
    let page = text(run(question).stdout);
    let document = parsed(&format!("{question} --json"));
    assert_eq!(document["verdict"], "allow");
    assert_eq!(document["obligations"]["subscription"], "pending");
    let mut lines = page.lines();
    assert_eq!(document["sentence"].as_str(), lines.next());
    let rules = document["rules"].as_array().expect("a list");
    for (index, rule) in rules.iter().enumerate() {
        let line = format!("  {}. {}", index + 1, rule["text"].as_str().expect("text"));
        assert_eq!(lines.next(), Some(line.as_str()));
    }
    assert_eq!(lines.next(), Some("To do:"));
}

#[test]
fn a_file_that_is_no_toml_is_told_by_its_lines() {
    let output = run("tests/rules/syntax.toml --check");
    let stderr = text(output.stderr);
    assert!(stderr.lines().count() > 1, "{stderr}");
    for line in stderr.lines() {
        assert!(line.starts_with("tests/rules/syntax.toml: line "), "{line}");
    }
    assert_eq!((output.stdout, output.status.code()), (Vec::new(), Some(2)));
}

#[test]
fn help_and_version_are_printed() {
    let output = run("--help");
    assert!(output.stdout.starts_with(b"Usage: policy-explain RULES "));
    assert_eq!((output.stderr, output.status.code()), (Vec::new(), Some(0)));
    let version = concat!("policy-explain ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(run("--version").stdout), version);
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_gets_one_line_and_code_1() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = program("--version")
        .stdout(full.expect("the device is there"))
        .stderr(Stdio::piped())
        .output()
        .expect("the program starts");
    let line = "policy-explain: No space left on device (os error 28)\n";
    assert_eq!(text(output.stderr), line);
    assert_eq!(output.status.code(), Some(1));
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
        write!(
            again,
            "{separator}{PROMPT}{command}\n{}",
            text(output.stdout)
        )
        .expect("memory");
        for line in text(output.stderr).lines() {
            writeln!(again, "stderr: {line}").expect("memory");
        }
        let code = output.status.code().expect("it was not killed");
        writeln!(again, "exit {code}").expect("memory");
    }
    assert_eq!(again, transcript, "\n{again}");
}

fn parsed(command: &str) -> Value {
    let output = run(command);
    assert_eq!(text(output.stderr), "");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn run(command: &str) -> Output {
    program(command).output().expect("the program starts")
}

fn program(command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_policy-explain"));
    program
        .args(command.split_whitespace())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    program
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

const PROMPT: &str = "$ policy-explain ";
