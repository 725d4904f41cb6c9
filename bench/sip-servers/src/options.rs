use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::WARM_UP;
use crate::load::Transport;
use crate::servers::Kind;

/// What this program is to do.
pub(crate) enum Task {
    Print(Options),
    Check(Options),
    /// Print for a program to read.
    Figures(Options),
    /// Be the server of the row `floor`.
    Serve(SocketAddr),
}

/// How the servers are loaded.
pub(crate) struct Options {
    /// `comity-sip-echo`, or what stands for it.
    pub(crate) echo: Option<PathBuf>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) transports: Vec<Transport>,
    pub(crate) runs: usize,
    /// The requests of a run.
    pub(crate) requests: u32,
    /// How many of them are open at a time.
    pub(crate) window: u32,
    /// The end of the transactions counts too.
    pub(crate) to_end: bool,
}

impl Task {
    pub(crate) fn from_arguments() -> Result<Self, Box<dyn Error>> {
        Self::parse(Parser::from_env())
    }

    fn parse(mut parser: Parser) -> Result<Self, Box<dyn Error>> {
        let (mut options, mut task) = (Options::default(), None::<fn(Options) -> Self>);
        while let Some(arg) = parser.next()? {
            let first = task.is_none() && options.echo.is_none();
            match arg {
                Arg::Long("only") => options.kinds.push(parser.value()?.parse_with(Kind::named)?),
                Arg::Long("transport") => {
                    let transport = parser.value()?.parse_with(Transport::named)?;
                    options.transports.push(transport);
                }
                Arg::Long("runs") => options.runs = parser.value()?.parse()?,
                Arg::Long("requests") => options.requests = parser.value()?.parse()?,
                Arg::Long("window") => options.window = parser.value()?.parse()?,
                Arg::Long("to-end") => options.to_end = true,
                Arg::Value(word) if word == "floor" => {
                    return Ok(Self::Serve(parser.value()?.parse()?));
                }
                Arg::Value(word) if word == "check" && first => task = Some(Self::Check),
                Arg::Value(word) if word == "figures" && first => task = Some(Self::Figures),
                Arg::Value(path) if options.echo.is_none() => {
                    options.echo = Some(PathBuf::from(path));
                }
                Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => {
                    return Err(arg.unexpected().into());
                }
            }
        }
        let task = task.unwrap_or(Self::Print);
        Ok(task(options.complete()?))
    }
}

impl Options {
    /// How many live at the end of a run if none ends before.
    pub(crate) fn transactions(&self) -> u32 {
        WARM_UP + self.requests
    }

    fn complete(mut self) -> Result<Self, Box<dyn Error>> {
        if self.kinds.is_empty() {
            self.kinds.extend(Kind::ALL);
        }
        if self.transports.is_empty() {
            self.transports.extend(Transport::ALL);
        }
        if self.runs == 0 || self.requests == 0 || self.window == 0 {
            return Err("runs, requests and window are to be 1 at least".into());
        }
        if self.requests > MAX_REQUESTS {
            return Err(format!("requests are to be {MAX_REQUESTS} at most").into());
        }
        if self.kinds.contains(&Kind::Comity) && self.echo.is_none() {
            return Err(MISSING.into());
        }
        Ok(self)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            echo: None,
            kinds: Vec::new(),
            transports: Vec::new(),
            runs: 3,
            requests: 200_000,
            window: 96,
            to_end: false,
        }
    }
}

/// As many as leave a number for the others of a run.
const MAX_REQUESTS: u32 = 1_000_000_000;
pub(crate) const MISSING: &str = "the path of comity-sip-echo is missing";

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<(&'static str, Options), String> {
        match Task::parse(Parser::from_args(arguments)) {
            Ok(Task::Print(options)) => Ok(("print", options)),
            Ok(Task::Check(options)) => Ok(("check", options)),
            Ok(Task::Figures(options)) => Ok(("figures", options)),
            Ok(Task::Serve(address)) => Err(format!("floor at {address}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn path_alone_loads_all_servers_over_both_transports() {
        let (task, options) = options(&["echo"]).unwrap();
        assert_eq!(task, "print");
        assert_eq!(options.echo, Some(PathBuf::from("echo")));
        assert_eq!(options.kinds, Kind::ALL);
        assert_eq!(options.transports, Transport::ALL);
        assert_eq!((options.requests, options.window), (200_000, 96));
    }

    #[test]
    fn task_comes_before_the_path() {
        for expected in ["check", "figures"] {
            let (task, options) = options(&[expected, expected]).unwrap();
            assert_eq!(task, expected);
            assert_eq!(options.echo, Some(PathBuf::from(expected)));
        }
    }

    #[test]
    fn kamailio_alone_needs_no_path() {
        let (_, options) = options(&[
            "--only",
            "kamailio-fm",
            "--transport",
            "tcp",
            "--requests",
            "9",
        ])
        .unwrap();
        assert_eq!(options.kinds, [Kind::KamailioFm]);
        assert_eq!(options.transports, [Transport::Tcp]);
        assert_eq!(options.requests, 9);
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        for (arguments, expected) in [
            (&[][..], MISSING),
            (
                &["echo", "--window", "0"],
                "runs, requests and window are to be 1 at least",
            ),
            (
                &["echo", "--requests", "1000000001"],
                "requests are to be 1000000000 at most",
            ),
            (&["floor", "127.0.0.1:9"], "floor at 127.0.0.1:9"),
        ] {
            assert_eq!(options(arguments).err().as_deref(), Some(expected));
        }
        assert!(options(&["echo", "other"]).is_err());
        assert!(options(&["echo", "--only", "opensips"]).is_err());
    }
}
