//! Reads values from TOML with the place of each, and goes on after what is wrong.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Secret;
use super::problem::{ConfigError, Problem, Rule};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table of the file and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Section<'v, 't> {
    table: &'v DeTable<'t>,
    path: String,
    at: usize,
}

impl<'v, 't> Section<'v, 't> {
    pub(super) fn root(table: &'v DeTable<'t>) -> Self {
        Self {
            table,
            path: String::new(),
            at: 0,
        }
    }

    /// The path of a key in this table, such as `sip.listeners[0].address`.
    pub(super) fn key(&self, key: &str) -> String {
        let key = shown(key).escape_debug().to_string();
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The path of the table, such as `sip.listeners[0]`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }
}

/// A value with the line where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: T,
}

pub(super) struct Source<'t> {
    text: &'t str,
    /// Relative paths are relative to this.
    folder: &'t Path,
    /// Where lines end.
    line_ends: Vec<usize>,
    pub(super) errors: Vec<ConfigError>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str, folder: &'t Path) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            text,
            folder,
            line_ends: ends.map(|(offset, _)| offset).collect(),
            errors: Vec::new(),
        }
    }

    /// The tree of the text; `None` if it is no TOML, whose remains would tell nothing.
    pub(super) fn parse(&mut self) -> Option<Spanned<DeTable<'t>>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let problem = Problem::Syntax(error.message().to_owned());
            let line = self.line_of(at);
            self.fail(line, String::new(), problem);
        }
        self.errors.is_empty().then_some(root)
    }

    /// Complains about keys that are not known.
    pub(super) fn know(&mut self, section: &Section<'_, 't>, allowed: &'static [&'static str]) {
        for key in section.table.keys() {
            let name: &str = key.get_ref();
            if !allowed.contains(&name) {
                let line = self.line_of(key.span().start);
                self.fail(line, section.key(name), Problem::UnknownKey { allowed });
            }
        }
    }

    pub(super) fn section<'v>(
        &mut self,
        above: &Section<'v, 't>,
        key: &str,
    ) -> Option<Section<'v, 't>> {
        let value = above.table.get(key)?;
        let path = above.key(key);
        let at = value.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(value, path, "a table");
            return None;
        };
        Some(Section { table, path, at })
    }

    /// The tables of a list.
    pub(super) fn sections<'v>(
        &mut self,
        above: &Section<'v, 't>,
        key: &str,
    ) -> Vec<Section<'v, 't>> {
        let Some((items, path)) = self.array(above, key, "a list of tables") else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let DeValue::Table(table) = item.get_ref() {
                let at = item.span().start;
                sections.push(Section { table, path, at });
            } else {
                self.wrong_type(item, path, "a table");
            }
        }
        sections
    }

    pub(super) fn text<'v>(&mut self, section: &Section<'v, 't>, key: &str) -> Option<&'v str> {
        let value = section.table.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, section.key(key), "a string");
            return None;
        };
        Some(text)
    }

    pub(super) fn parsed<T>(
        &mut self,
        section: &Section<'_, 't>,
        key: &str,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(section, key)?;
        let line = self.line(section, key);
        self.parse_text(text, line, section.key(key), expected)
    }

    /// The same for a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        section: &Section<'_, 't>,
        key: &'static str,
        expected: &'static str,
        remedy: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.need(section, key, remedy)
            .then(|| self.parsed(section, key, expected))
            .flatten()
    }

    /// Whether a key is there; complains if it is not.
    pub(super) fn need(
        &mut self,
        section: &Section<'_, 't>,
        key: &'static str,
        remedy: &'static str,
    ) -> bool {
        if section.has(key) {
            return true;
        }
        let line = self.line_of_section(section);
        self.fail(line, section.path.clone(), Problem::Missing { key, remedy });
        false
    }

    /// The texts of a list, each once, with their lines.
    pub(super) fn list<T>(
        &mut self,
        section: &Section<'_, 't>,
        key: &str,
        expected: &'static str,
    ) -> Vec<Placed<T>>
    where
        T: FromStr + PartialEq,
        T::Err: Display,
    {
        let Some((items, path)) = self.array(section, key, "a list of strings") else {
            return Vec::new();
        };
        let mut list: Vec<Placed<T>> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let key = format!("{path}[{index}]");
            let DeValue::String(text) = item.get_ref() else {
                self.wrong_type(item, key, "a string");
                continue;
            };
            let line = self.line_of(item.span().start);
            let Some(value) = self.parse_text(text, line, key.clone(), expected) else {
                continue;
            };
            if list.iter().any(|earlier| earlier.value == value) {
                self.fail(line, key, Problem::Duplicate(shown(text)));
            } else {
                list.push(Placed { line, key, value });
            }
        }
        list
    }

    /// One of the words that are allowed.
    pub(super) fn word(
        &mut self,
        section: &Section<'_, 't>,
        key: &str,
        allowed: &'static [&'static str],
    ) -> Option<&'static str> {
        let text = self.text(section, key)?;
        let word = allowed.iter().find(|word| **word == text);
        if word.is_none() {
            let text = shown(text);
            let line = self.line(section, key);
            self.fail(line, section.key(key), Problem::NoneOf { text, allowed });
        }
        word.copied()
    }

    pub(super) fn switch(&mut self, section: &Section<'_, 't>, key: &str, default: bool) -> bool {
        let Some(value) = section.table.get(key) else {
            return default;
        };
        let DeValue::Boolean(is_on) = value.get_ref() else {
            self.wrong_type(value, section.key(key), "true or false");
            return default;
        };
        *is_on
    }

    pub(super) fn number(&mut self, section: &Section<'_, 't>, key: &str, min: u16) -> Option<u16> {
        let value = section.table.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(value, section.key(key), "a whole number");
            return None;
        };
        let parsed = u16::from_str_radix(number.as_str(), number.radix()).ok();
        let parsed = parsed.filter(|number| *number >= min);
        if parsed.is_none() {
            let line = self.line_of(value.span().start);
            let (min, max) = (min.into(), u16::MAX.into());
            self.fail(line, section.key(key), Problem::Number { min, max });
        }
        parsed
    }

    /// A path, relative to the file.
    pub(super) fn path(&mut self, section: &Section<'_, 't>, key: &str) -> Option<PathBuf> {
        let path: PathBuf = self.parsed(section, key, "a path")?;
        if path.as_os_str().is_empty() {
            let line = self.line(section, key);
            self.fail(
                line,
                section.key(key),
                Problem::Malformed {
                    text: String::new(),
                    expected: "a path",
                    reason: "it is empty".to_owned(),
                },
            );
            return None;
        }
        Some(self.folder.join(path))
    }

    /// A path with its place.
    pub(super) fn file(&mut self, section: &Section<'_, 't>, key: &str) -> Option<FileAt> {
        Some(FileAt {
            line: self.line(section, key),
            key: section.key(key),
            path: self.path(section, key)?,
        })
    }

    pub(super) fn files(&mut self, section: &Section<'_, 't>, key: &str) -> Vec<FileAt> {
        let paths = self.paths(section, key);
        let file = |placed: Placed<PathBuf>| FileAt {
            line: placed.line,
            key: placed.key,
            path: placed.value,
        };
        paths.into_iter().map(file).collect()
    }

    fn paths(&mut self, section: &Section<'_, 't>, key: &str) -> Vec<Placed<PathBuf>> {
        let mut paths = self.list(section, key, "a path");
        for path in &mut paths {
            path.value = self.folder.join(&path.value);
        }
        paths
    }

    /// What stands under `key`, or where `key` with `-file` says that it stands. It is never shown.
    pub(super) fn secret(
        &mut self,
        section: &Section<'_, 't>,
        key: &'static str,
        key_file: &'static str,
    ) -> Option<SecretSource> {
        let text = self.text(section, key);
        let file = self.file(section, key_file);
        let line = self.line(section, key);
        match (text, file) {
            (Some(_), Some(_)) => {
                self.fail(line, section.key(key), Problem::SecretTwice);
                None
            }
            (Some(""), None) => {
                self.fail(line, section.key(key), Problem::EmptySecret);
                None
            }
            (Some(text), None) => Some(SecretSource::Text(Secret::new(text))),
            (None, Some(file)) => Some(SecretSource::File(file)),
            (None, None) => None,
        }
    }

    pub(super) fn fail(&mut self, line: usize, key: String, problem: Problem) {
        self.errors.push(ConfigError { line, key, problem });
    }

    /// Complains about the value of a key, which is right for itself.
    pub(super) fn break_rule(&mut self, section: &Section<'_, 't>, key: &str, rule: Rule) {
        let line = self.line(section, key);
        self.fail(line, section.key(key), Problem::Rule(rule));
    }

    /// The line of the value of a key, or of its table if it is not there.
    pub(super) fn line(&self, section: &Section<'_, 't>, key: &str) -> usize {
        let value = section.table.get(key);
        self.line_of(value.map_or(section.at, |value| value.span().start))
    }

    pub(super) fn line_of_section(&self, section: &Section<'_, 't>) -> usize {
        if section.path.is_empty() {
            return 0;
        }
        self.line_of(section.at)
    }

    fn array<'v>(
        &mut self,
        section: &Section<'v, 't>,
        key: &str,
        expected: &'static str,
    ) -> Option<(&'v DeArray<'t>, String)> {
        let value = section.table.get(key)?;
        let path = section.key(key);
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(value, path, expected);
            return None;
        };
        Some((items, path))
    }

    fn parse_text<T>(
        &mut self,
        text: &str,
        line: usize,
        key: String,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let error: T::Err = error;
                let (text, reason) = (shown(text), error.to_string());
                let problem = Problem::Malformed {
                    text,
                    expected,
                    reason,
                };
                self.fail(line, key, problem);
                None
            }
        }
    }

    fn wrong_type(&mut self, value: &Value<'t>, key: String, expected: &'static str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let line = self.line_of(value.span().start);
        self.fail(line, key, Problem::WrongType { expected, found });
    }

    /// The line of an offset, from one.
    fn line_of(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }
}

/// Where a secret is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretSource {
    /// In the configuration.
    Text(Secret),
    /// In a file, of which the end of its last line is no part.
    File(FileAt),
}

/// A file and where it is named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileAt {
    /// The line where it is named, from one.
    pub line: usize,
    /// The key that names it, such as `tls.inbound.chain`.
    pub key: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What is shown of a text that is wrong, cut to what can be read.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

const MAX_SHOWN_CHARS: usize = 60;
