use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comity_command_line::{complain, note, say};
use comity_gateway_config::Config;

use crate::{BAD, NAME, WRONG};

/// Gives a command to the running gateway, and prints what it says.
pub(crate) fn tell(file: &Path, line: &str) -> ExitCode {
    let config = match Config::read(file) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors.errors() {
                note(&format_args!("{}: {error}", file.display()));
            }
            return ExitCode::from(WRONG);
        }
    };
    let told = match config.control {
        None => Err(TellError::NoSocket),
        Some(socket) => ask(&socket, line).map_err(|error| TellError::Io { socket, error }),
    };
    match told {
        Ok(answer) => match say(&answer.text) {
            Ok(()) if answer.is_good => ExitCode::SUCCESS,
            Ok(()) => ExitCode::from(BAD),
            Err(error) => complain(NAME, &error, BAD),
        },
        Err(error) => complain(NAME, &error, BAD),
    }
}

#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error("the configuration names no control socket: add [control] with socket = \"...\"")]
    NoSocket,
    #[error("{}: {error}: is the gateway running?", .socket.display())]
    Io { socket: PathBuf, error: io::Error },
}

struct Answer {
    text: String,
    is_good: bool,
}

fn ask(socket: &Path, line: &str) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{}\n", line.replace('\n', " ")).as_bytes())?;
    let mut text = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        text.push_str(&line);
        text.push('\n');
        let is_good = line == "ok";
        if is_good || line.starts_with("error: ") {
            return Ok(Answer { text, is_good });
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
