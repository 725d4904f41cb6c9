//! From arguments to an exit code.

use std::env;
use std::error::Error;
use std::process::ExitCode;

/// Does as the arguments say, and tells why it cannot.
pub(crate) fn run(perform: fn(&[&str]) -> Outcome) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match perform(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", env!("CARGO_PKG_NAME"));
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn Error>>;
