use std::str::FromStr;

use comity_gateway_config::{LogFilter, LogFilterError};
use comity_identity::DomainName;

/// What an operator wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Command {
    /// Read the configuration, the rules, the routes and the certificates again.
    Reload,
    /// Tell how the gateway is.
    Status,
    /// Change which events are logged.
    Log(LogFilter),
    /// Leave the data of users out of the log, or not.
    Redact(bool),
    /// List the domains that open federation has learned.
    Learned,
    /// Forget one of them.
    Forget(DomainName),
    /// Tell how far the subscriptions of before the start are set up again.
    Restored,
    /// End in order.
    Shutdown,
    /// List the commands.
    Help,
}

impl Command {
    /// What there is.
    pub(crate) const HELP: [&str; 9] = [
        "reload: read configuration, rules, routes and certificates again",
        "status: how the gateway is",
        "log FILTER: which events are logged, as in warn,sip=debug",
        "redact on|off: whether the data of users is left out of the log",
        "learned: the domains that open federation has learned",
        "learned delete DOMAIN: forget one of them",
        "restore-state: how far the subscriptions of before the start are set up again",
        "shutdown: end in order",
        "help: this",
    ];
}

/// Why a line is no command.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("a command is expected; write help for those that there are")]
    Empty,
    #[error("{0:?} is no command; write help for those that there are")]
    Unknown(String),
    #[error("{command} takes {expected}")]
    Arguments {
        command: &'static str,
        expected: &'static str,
    },
    #[error(transparent)]
    Filter(#[from] LogFilterError),
    #[error("{0}")]
    Domain(#[from] comity_identity::ParseError),
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(line: &str) -> Result<Self, CommandError> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (name, arguments) = words.split_first().ok_or(CommandError::Empty)?;
        let wrong = |command, expected| CommandError::Arguments { command, expected };
        match (*name, arguments) {
            ("reload", []) => Ok(Self::Reload),
            ("reload", _) => Err(wrong("reload", "nothing")),
            ("status", []) => Ok(Self::Status),
            ("status", _) => Err(wrong("status", "nothing")),
            ("log", [filter]) => Ok(Self::Log(filter.parse()?)),
            ("log", _) => Err(wrong("log", "a filter, as in warn,sip=debug")),
            ("redact", ["on"]) => Ok(Self::Redact(true)),
            ("redact", ["off"]) => Ok(Self::Redact(false)),
            ("redact", _) => Err(wrong("redact", "on or off")),
            ("learned", []) => Ok(Self::Learned),
            ("learned", ["delete", domain]) => Ok(Self::Forget(domain.parse()?)),
            ("learned", _) => Err(wrong("learned", "nothing, or delete and a domain")),
            ("restore-state", []) => Ok(Self::Restored),
            ("restore-state", _) => Err(wrong("restore-state", "nothing")),
            ("shutdown", []) => Ok(Self::Shutdown),
            ("shutdown", _) => Err(wrong("shutdown", "nothing")),
            ("help", []) => Ok(Self::Help),
            ("help", _) => Err(wrong("help", "nothing")),
            (unknown, _) => Err(CommandError::Unknown(unknown.chars().take(60).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_read_with_what_it_takes() {
        let domain: DomainName = "a.example".parse().unwrap();
        for (line, command) in [
            ("reload", Command::Reload),
            (" status ", Command::Status),
            (
                "log warn,sip=debug",
                Command::Log("warn,sip=debug".parse().unwrap()),
            ),
            ("redact on", Command::Redact(true)),
            ("redact off", Command::Redact(false)),
            ("learned", Command::Learned),
            ("learned delete A.example", Command::Forget(domain)),
            ("restore-state", Command::Restored),
            ("shutdown", Command::Shutdown),
            ("help", Command::Help),
        ] {
            assert_eq!(line.parse(), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_is_expected() {
        for (line, message) in [
            (
                "",
                "a command is expected; write help for those that there are",
            ),
            (
                "stop",
                "\"stop\" is no command; write help for those that there are",
            ),
            ("reload now", "reload takes nothing"),
            ("log", "log takes a filter, as in warn,sip=debug"),
            (
                "log loud",
                "\"loud\" is no level; there are off, error, warn, info, debug and trace",
            ),
            ("redact", "redact takes on or off"),
            (
                "learned add a.example",
                "learned takes nothing, or delete and a domain",
            ),
            ("learned delete a..b", "the domain name has an empty label"),
        ] {
            let error = line.parse::<Command>().unwrap_err();
            assert_eq!(error.to_string(), message, "{line}");
        }
    }
}
