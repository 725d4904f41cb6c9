use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;

use crate::log_target;

/// Which events are written: a level for all of them, and others for single targets.
///
/// `info`, or `warn,federation::sip=debug`, or `sip=debug`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFilter {
    default: LevelFilter,
    targets: Vec<(&'static str, LevelFilter)>,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self {
            default: LevelFilter::INFO,
            targets: Vec::new(),
        }
    }
}

impl LogFilter {
    /// Which events of targets are written that have no level of their own.
    #[must_use]
    pub fn default_level(&self) -> LevelFilter {
        self.default
    }

    /// The targets with a level of their own, each once.
    #[must_use]
    pub fn targets(&self) -> &[(&'static str, LevelFilter)] {
        &self.targets
    }
}

/// Why a text is no filter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LogFilterError {
    /// No such level.
    #[error("{0:?} is no level; there are off, error, warn, info, debug and trace")]
    Level(String),
    /// No such target.
    #[error("{0:?} is no target; there are sip, xmpp, policy, dns, tls and gateway")]
    Target(String),
    /// A target, or the level of all others, is given again.
    #[error("{0:?} is there twice")]
    Twice(String),
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        let mut filter = Self::default();
        let mut has_default = false;
        for part in text.split(',').map(str::trim) {
            let Some((target, level)) = part.split_once('=') else {
                filter.default = level_of(part)?;
                if std::mem::replace(&mut has_default, true) {
                    return Err(LogFilterError::Twice(part.to_owned()));
                }
                continue;
            };
            let target = target_of(target.trim())?;
            if filter.targets.iter().any(|(earlier, _)| *earlier == target) {
                return Err(LogFilterError::Twice(target.to_owned()));
            }
            filter.targets.push((target, level_of(level.trim())?));
        }
        Ok(filter)
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.default.fmt(f)?;
        let mut targets = self.targets.iter();
        targets.try_for_each(|(target, level)| write!(f, ",{target}={level}"))
    }
}

fn level_of(text: &str) -> Result<LevelFilter, LogFilterError> {
    let levels = [
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    let found = levels.into_iter().find(|(name, _)| *name == text);
    let found = found.map(|(_, level)| level);
    found.ok_or_else(|| LogFilterError::Level(cut(text)))
}

fn target_of(text: &str) -> Result<&'static str, LogFilterError> {
    let is_named = |target: &&str| {
        let short = target.strip_prefix("federation::");
        *target == text || short == Some(text)
    };
    let found = log_target::ALL.into_iter().find(is_named);
    found.ok_or_else(|| LogFilterError::Target(cut(text)))
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_a_level_for_all_and_others_for_targets() {
        for (text, shown) in [
            ("info", "info"),
            ("off", "off"),
            ("warn,federation::sip=debug", "warn,federation::sip=debug"),
            (
                "sip=trace, dns=off",
                "info,federation::sip=trace,federation::dns=off",
            ),
            ("xmpp=debug,error", "error,federation::xmpp=debug"),
        ] {
            let filter: LogFilter = text.parse().unwrap();
            assert_eq!(filter.to_string(), shown);
            assert_eq!(shown.parse(), Ok(filter));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_what_there_is() {
        for (text, error) in [
            ("", LogFilterError::Level(String::new())),
            ("loud", LogFilterError::Level("loud".to_owned())),
            ("INFO", LogFilterError::Level("INFO".to_owned())),
            ("sip=loud", LogFilterError::Level("loud".to_owned())),
            ("smtp=info", LogFilterError::Target("smtp".to_owned())),
            ("info,warn", LogFilterError::Twice("warn".to_owned())),
            (
                "sip=info,federation::sip=warn",
                LogFilterError::Twice(log_target::SIP.to_owned()),
            ),
        ] {
            assert_eq!(text.parse::<LogFilter>(), Err(error), "{text:?}");
        }
        assert_eq!(
            LogFilterError::Target("smtp".to_owned()).to_string(),
            "\"smtp\" is no target; there are sip, xmpp, policy, dns, tls and gateway"
        );
    }
}
