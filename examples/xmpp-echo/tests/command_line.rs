//! The program as its users start it: what it says about options that cannot be used.
#![cfg(test)]
#![expect(clippy::expect_used, reason = "a test fails by a panic")]

use std::path::PathBuf;
use std::process::Command;

#[test]
fn a_short_dialback_secret_gets_one_line_and_code_2() {
    let line = "comity-xmpp-echo: the dialback secret has less than 16 bytes\n";
    assert_refused(&["--dialback-secret=123456789012345"], line);
    assert_refused(&["--dialback-secret="], line);
    let file = write("short", "  123456789012345 \n");
    assert_refused(&["--dialback-secret-file", &file], line);
}

#[test]
fn a_dialback_secret_of_sixteen_bytes_is_taken() {
    let missing = missing_identity();
    assert_refused(&["--dialback-secret=1234567890123456"], &missing);
    let file = write("long", "1234567890123456\n");
    assert_refused(&["--dialback-secret-file", &file], &missing);
}

#[test]
fn a_secret_file_that_cannot_be_read_is_named() {
    let line = "comity-xmpp-echo: /nowhere/secret: No such file or directory (os error 2)\n";
    assert_refused(&["--dialback-secret-file=/nowhere/secret"], line);
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_gets_one_line_and_code_1() {
    for option in ["--help", "--version"] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = Command::new(env!("CARGO_BIN_EXE_comity-xmpp-echo"))
            .arg(option)
            .stdout(full.expect("the device is there"))
            .stderr(std::process::Stdio::piped())
            .output()
            .expect("the program starts");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let line = "comity-xmpp-echo: No space left on device (os error 28)\n";
        assert_eq!((stderr.as_str(), output.status.code()), (line, Some(1)));
    }
}

/// What is said when nothing is wrong with the options before the files of the certificate.
fn missing_identity() -> String {
    "comity-xmpp-echo: /nowhere/e.pem: No such file or directory (os error 2)\n".to_owned()
}

fn assert_refused(options: &[&str], line: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_comity-xmpp-echo"))
        .args(["--domain=echo.example", "--dns=127.0.0.1"])
        .args(["--identity=/nowhere/e.pem", "--key=/nowhere/e.key"])
        .args(options)
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(stderr, line, "{options:?}");
    assert_eq!(output.status.code(), Some(2), "{options:?}");
    assert_eq!(output.stdout, b"", "{options:?}");
}

fn write(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the file is written");
    path.to_str().expect("UTF-8").to_owned()
}
