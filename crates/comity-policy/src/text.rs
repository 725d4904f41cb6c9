//! The text form of the rules: TOML.

mod keys;
mod read;
mod reader;
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
            let errors = errors.0.into_iter().enumerate().map(|(index, error)| {
                let (key, named) = error.place();
                let named = named.filter(|_| index < MAX_LOCATED);
                TextError {
                    line: named.map_or(0, |named| last_line_with(text, &named)),
                    key: key.to_owned(),
                    problem: Problem::Rules(error),
                }
            });
            let mut errors: Vec<_> = errors.collect();
            errors.sort_by_key(|error| error.line);
            TextErrors(errors)
        })
    }
}

/// How many contradictions are looked for in the text, each by reading all of it.
const MAX_LOCATED: usize = 64;

/// The last line that has a name in it, whatever its case; zero if none has, because it is spelled
/// otherwise there.
fn last_line_with(text: &str, named: &str) -> usize {
    let is_in = |line: &str| {
        let line = line.to_ascii_lowercase();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '@' | '*');
        line.match_indices(named).any(|(start, _)| {
            let before = line
                .get(..start)
                .and_then(|before| before.chars().next_back());
            let after = line
                .get(start + named.len()..)
                .and_then(|after| after.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    };
    let lines = text.lines().enumerate();
    let found = lines.filter(|(_, line)| is_in(line)).last();
    found.map_or(0, |(index, _)| index + 1)
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
    /// The line where it stands, from one; of rules that contradict each other, the last line that
    /// names what they are about. Zero if it is about the rules as a whole, or one of very many.
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
    /// Something is listed twice that can be there once.
    #[error("{0:?} is there twice")]
    Duplicate(Box<str>),
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
    /// A number is too great or too small.
    #[error("a whole number from {min} to {max} is expected")]
    Number {
        /// The smallest one.
        min: u32,
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
