//! The text form of the rules: TOML.

mod keys;
mod read;
mod write;

use std::fmt;

use crate::{Config, ConfigError, Policy};

impl Config {
    /// Reads rules from TOML.
    ///
    /// ```
    /// use comity_policy::{Config, Policy};
    ///
    /// let config = Config::from_toml(
    ///     r#"
    ///     local-domains = ["imp.example.com"]
    ///
    ///     [xmpp]
    ///     enabled = true
    ///     default = "allow"
    ///
    ///     [xmpp.exceptions]
    ///     all = ["*.spam.example"]
    ///     incoming = ["news.example"]
    ///     "#,
    /// )?;
    /// assert_eq!(config.xmpp.exceptions.len(), 2);
    /// assert_eq!(Config::from_toml(&config.to_toml())?, config);
    ///
    /// let errors = Config::from_toml("[xmpp]\nenabled = \"yes\"\ndefualt = \"deny\"").unwrap_err();
    /// let lines: Vec<_> = errors.errors().iter().map(ToString::to_string).collect();
    /// assert_eq!(
    ///     lines,
    ///     [
    ///         "line 2, xmpp.enabled: true or false is expected, not a string",
    ///         "line 3, xmpp.defualt: no such key; allowed are default, enabled, exceptions, \
    ///          security, security-rules",
    ///     ]
    /// );
    /// # Ok::<_, comity_policy::TextErrors>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text. What the rules say together is judged by
    /// [`Policy::new`].
    pub fn from_toml(text: &str) -> Result<Self, TextErrors> {
        read::config(text)
    }

    /// Writes the rules as TOML, from which [`Config::from_toml`] reads the same.
    #[must_use]
    pub fn to_toml(&self) -> String {
        write::config(self)
    }
}

impl Policy {
    /// Reads rules from TOML and compiles them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, or with the rules together. Whoever has a policy
    /// already keeps it then.
    pub fn from_toml(text: &str) -> Result<Self, TextErrors> {
        let config = Config::from_toml(text)?;
        Self::new(config).map_err(|errors| {
            let errors = errors.0.into_iter().map(|error| TextError {
                line: 0,
                key: String::new(),
                problem: Problem::Rules(error),
            });
            TextErrors(errors.collect())
        })
    }
}

/// Everything that is wrong with a text; at least one thing, in the order of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TextErrors(Vec<TextError>);

impl TextErrors {
    /// The errors.
    #[must_use]
    pub fn errors(&self) -> &[TextError] {
        &self.0
    }
}

/// Writes one error in each line.
impl fmt::Display for TextErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TextErrors {}

/// Something that is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TextError {
    /// The line where it stands, from one; zero if it is about the rules as a whole.
    pub line: usize,
    /// The key of the value, such as `xmpp.exceptions.all`; empty if there is none.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong at a place of a text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A text is not what it has to be.
    #[error("{text:?} is not {expected}: {reason}")]
    Malformed {
        /// The text, cut to [`Problem::MAX_SHOWN_CHARS`].
        text: Box<str>,
        /// What is expected.
        expected: &'static str,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// A key is missing.
    #[error("the key {0} is missing")]
    MissingKey(&'static str),
    /// A value is not one of those that are allowed.
    #[error("{text:?} is none of {}", .allowed.join(", "))]
    NoneOf {
        /// The value, cut to [`Problem::MAX_SHOWN_CHARS`].
        text: Box<str>,
        /// Those that are allowed.
        allowed: &'static [&'static str],
    },
    /// A number is too great or negative.
    #[error("a whole number from 0 to {max} is expected")]
    Number {
        /// The greatest one.
        max: u32,
    },
    /// The rules contradict each other.
    #[error(transparent)]
    Rules(ConfigError),
    /// The text is not TOML.
    #[error("{0}")]
    Syntax(Box<str>),
    /// A key that is not known.
    #[error("no such key; allowed are {}", .allowed.join(", "))]
    UnknownKey {
        /// Those that are allowed.
        allowed: &'static [&'static str],
    },
    /// A value is of another type.
    #[error("{expected} is expected, not {found}")]
    WrongType {
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
}

impl Problem {
    /// How many characters of a bad value are shown.
    pub const MAX_SHOWN_CHARS: usize = 60;
}
