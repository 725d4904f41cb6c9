use lexopt::{Parser, ValueExt};

use crate::OptionsError;

/// Gives the command of an option that takes no value.
///
/// # Errors
///
/// [`OptionsError::Value`] if it has one.
pub fn alone<C, P>(
    parser: &mut Parser,
    option: &'static str,
    command: C,
) -> Result<C, OptionsError<P>> {
    match parser.optional_value() {
        None => Ok(command),
        Some(value) => Err(OptionsError::Value {
            option,
            text: value.to_string_lossy().into_owned(),
            reason: "it takes no value".to_owned(),
        }),
    }
}

/// Keeps the value of an option that may be given once.
///
/// # Errors
///
/// [`OptionsError::Repeated`] if `place` has a value.
pub fn once<T, P>(
    place: &mut Option<T>,
    option: &'static str,
    value: T,
) -> Result<(), OptionsError<P>> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(OptionsError::Repeated(option)),
    }
}

/// Reads and keeps the value of an option that may be given once.
///
/// # Errors
///
/// Those of [`value`] and [`once`].
pub fn once_read<T, P>(
    place: &mut Option<T>,
    parser: &mut Parser,
    option: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> Result<(), OptionsError<P>> {
    once(place, option, value(parser, option, read)?)
}

/// Reads the value of an option. `read` says what is wrong with a value, or what to give in its
/// place.
///
/// # Errors
///
/// [`OptionsError::Syntax`] if the value is missing or not UTF-8, and [`OptionsError::Value`] if
/// `read` refuses it.
pub fn value<T, P>(
    parser: &mut Parser,
    option: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> Result<T, OptionsError<P>> {
    let text = parser.value()?.string()?;
    read(&text).map_err(|reason| OptionsError::Value {
        option,
        text,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use lexopt::Arg;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("seven is the limit")]
    struct Misuse;

    #[derive(Debug, PartialEq)]
    enum Command {
        Help,
        Count(u8),
    }

    fn parse(mut parser: Parser) -> Result<Command, OptionsError<Misuse>> {
        let mut count = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("help") => return alone(&mut parser, "help", Command::Help),
                Arg::Long("count") => once_read(&mut count, &mut parser, "count", digit)?,
                Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => {
                    return Err(arg.unexpected().into());
                }
            }
        }
        match count.ok_or(OptionsError::Missing("count"))? {
            count @ ..=7 => Ok(Command::Count(count)),
            8.. => Err(OptionsError::Program(Misuse)),
        }
    }

    fn digit(text: &str) -> Result<u8, String> {
        text.parse().map_err(|_std| "give a digit".to_owned())
    }

    fn read(args: &[&str]) -> Result<Command, String> {
        let args = ["program"].iter().chain(args);
        parse(Parser::from_iter(args)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_stands_behind_its_option() {
        for args in [&["--count=7"][..], &["--count", "7"]] {
            assert_eq!(read(args), Ok(Command::Count(7)));
        }
        assert_eq!(read(&["--help", "--colour"]), Ok(Command::Help));
    }

    #[test]
    fn an_error_says_what_to_change() {
        for (args, error) in [
            (&[][..], "--count is missing; see --help"),
            (
                &["--count=1", "--count=1"],
                "--count is given more than once",
            ),
            (&["--count=one"], "--count \"one\": give a digit"),
            (&["--count=8"], "seven is the limit"),
            (
                &["--count"],
                "missing argument for option '--count'; see --help",
            ),
            (&["--help=me"], "--help \"me\": it takes no value"),
            (&["--help="], "--help \"\": it takes no value"),
            (&["--colour"], "invalid option '--colour'; see --help"),
            (&["file"], "unexpected argument \"file\"; see --help"),
        ] {
            assert_eq!(read(args), Err(error.to_owned()), "{args:?}");
        }
    }

    #[test]
    fn a_value_that_is_no_text_is_refused() {
        let args = [
            "program".into(),
            OsString::from_vec(b"--count=\xff".to_vec()),
        ];
        let error = parse(Parser::from_iter(args)).map_err(|error| error.to_string());
        let expected = "argument is invalid unicode: \"\\xFF\"; see --help";
        assert_eq!(error, Err(expected.to_owned()));
    }
}
