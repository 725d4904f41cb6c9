use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Writes to standard output, whose reader may have seen enough.
///
/// # Errors
///
/// Why nothing can be written, unless nobody reads it any more.
pub fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a line to standard error. That nobody reads it changes nothing.
pub fn note(line: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes an error as a line `program: error` to standard error, and gives the exit code.
#[must_use]
pub fn complain(program: &str, error: &dyn Display, code: u8) -> ExitCode {
    note(&format_args!("{program}: {error}"));
    ExitCode::from(code)
}
