//! The command line.

use std::path::PathBuf;

use comity_command_line::{alone, once};
use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
Usage: comity-gateway COMMAND

Commands:
  demo                           four domains federate on loopback; prints a transcript
  check --config FILE [--json]   says what is wrong with a configuration, what to publish in DNS,
                                 which ports have to be open, and which names the certificates lack
  run --config FILE              joins the sides until SIGTERM, SIGINT or a command ends it
  tell --config FILE COMMAND     gives a command to the running gateway by its control socket;
                                 \"tell help\" lists them

Options:
  --config FILE   the configuration, as in gateway.example.toml
  --json          print one JSON document
  --help          print this
  --version       print the version

Exit status: 0 if all is well, 1 if something is not, 2 if the command line or the configuration is
wrong.
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Demo,
    Check { config: PathBuf, format: Format },
    Run { config: PathBuf },
    Tell { config: PathBuf, line: String },
    Help,
    Version,
}

/// For whom the answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    People,
    Json,
}

/// What only this program can say of its options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("a command is missing; see --help")]
    NoCommand,
    #[error("there is no command {0:?}; see --help")]
    Unknown(String),
    #[error("--{option} does not go with {command}; see --help")]
    Misplaced {
        option: &'static str,
        command: &'static str,
    },
    #[error("say what to tell the gateway, as in \"tell --config gateway.toml status\"")]
    NothingToTell,
}

pub(crate) type OptionsError = comity_command_line::OptionsError<Misuse>;

pub(crate) fn parse(mut parser: Parser) -> Result<Command, OptionsError> {
    let mut words: Vec<String> = Vec::new();
    let (mut config, mut json) = (None, false);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
            Arg::Long("version") => return alone(&mut parser, "version", Command::Version),
            Arg::Long("config") => once(&mut config, "config", PathBuf::from(parser.value()?))?,
            Arg::Long("json") => json = alone(&mut parser, "json", true)?,
            Arg::Value(word) => words.push(word.string()?),
            Arg::Short(_) | Arg::Long(_) => return Err(arg.unexpected().into()),
        }
    }
    let mut words = words.into_iter();
    let name = words.next().ok_or_else(|| misuse(Misuse::NoCommand))?;
    let command = match name.as_str() {
        "demo" => {
            refuse("json", json, "demo")?;
            refuse("config", config.is_some(), "demo")?;
            Command::Demo
        }
        "check" => Command::Check {
            config: config.ok_or(OptionsError::Missing("config"))?,
            format: if json { Format::Json } else { Format::People },
        },
        "run" => {
            refuse("json", json, "run")?;
            Command::Run {
                config: config.ok_or(OptionsError::Missing("config"))?,
            }
        }
        "tell" => {
            refuse("json", json, "tell")?;
            let line: Vec<String> = words.by_ref().collect();
            if line.is_empty() {
                return Err(misuse(Misuse::NothingToTell));
            }
            Command::Tell {
                config: config.ok_or(OptionsError::Missing("config"))?,
                line: line.join(" "),
            }
        }
        _ => return Err(misuse(Misuse::Unknown(name))),
    };
    match words.next() {
        None => Ok(command),
        Some(word) => Err(lexopt::Error::UnexpectedArgument(word.into()).into()),
    }
}

fn refuse(option: &'static str, is_given: bool, command: &'static str) -> Result<(), OptionsError> {
    if is_given {
        return Err(misuse(Misuse::Misplaced { option, command }));
    }
    Ok(())
}

fn misuse(misuse: Misuse) -> OptionsError {
    OptionsError::Program(misuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        let words = std::iter::once("comity-gateway").chain(line.split_whitespace());
        parse(Parser::from_iter(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_command_is_read_with_its_options() {
        let config = || PathBuf::from("g.toml");
        for (line, command) in [
            ("demo", Command::Demo),
            ("--help", Command::Help),
            ("demo --version", Command::Version),
            (
                "check --config g.toml",
                Command::Check {
                    config: config(),
                    format: Format::People,
                },
            ),
            (
                "--config=g.toml --json check",
                Command::Check {
                    config: config(),
                    format: Format::Json,
                },
            ),
            ("run --config g.toml", Command::Run { config: config() }),
            (
                "tell --config g.toml log sip=debug",
                Command::Tell {
                    config: config(),
                    line: "log sip=debug".to_owned(),
                },
            ),
        ] {
            assert_eq!(read(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn an_error_says_what_to_change() {
        for (line, error) in [
            ("", "a command is missing; see --help"),
            ("start", "there is no command \"start\"; see --help"),
            ("check", "--config is missing; see --help"),
            ("demo --json", "--json does not go with demo; see --help"),
            (
                "demo --config x",
                "--config does not go with demo; see --help",
            ),
            ("demo now", "unexpected argument \"now\"; see --help"),
            (
                "check --config a --config b",
                "--config is given more than once",
            ),
            (
                "tell --config a",
                "say what to tell the gateway, as in \"tell --config gateway.toml status\"",
            ),
        ] {
            assert_eq!(read(line), Err(error.to_owned()), "{line}");
        }
    }
}
