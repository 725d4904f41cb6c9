use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::keys::{Place, shown};
use super::{Problem, TextError, TextErrors};
use crate::Switch;

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads values of a text, and keeps what is wrong with them and where.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Where lines end, once an error asks for it.
    line_ends: Option<Vec<usize>>,
    errors: Vec<TextError>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            line_ends: None,
            errors: Vec::new(),
        }
    }

    /// All of the text, unless it is broken: what a parser makes of the rest then says nothing.
    pub(super) fn document(&mut self) -> Option<Spanned<DeTable<'t>>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let problem = Problem::Syntax(error.message().into());
            let line = self.line_of(at);
            self.fail(line, String::new(), problem);
        }
        self.errors.is_empty().then_some(root)
    }

    /// What was read, unless something is wrong.
    pub(super) fn finish<T>(self, read: T) -> Result<T, TextErrors> {
        let mut errors = self.errors;
        if errors.is_empty() {
            return Ok(read);
        }
        errors.sort_by_key(|error| error.line);
        Err(TextErrors(errors))
    }

    /// Complains about keys that are not known.
    pub(super) fn know(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        allowed: &'static [&'static str],
    ) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !allowed.contains(&name) {
                let path = Place::Key(&place, name).path();
                let line = self.line_of(key.span().start);
                self.fail(line, path, Problem::UnknownKey { allowed });
            }
        }
    }

    pub(super) fn table<'v>(
        &mut self,
        table: &'v DeTable<'t>,
        place: Place<'_>,
        key: &str,
    ) -> Option<&'v DeTable<'t>> {
        let value = table.get(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(value, Place::Key(&place, key), "a table");
            return None;
        };
        Some(table)
    }

    /// Reads each table of a list, with the place where it stands in the text.
    pub(super) fn tables(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        mut read: impl FnMut(&mut Self, &DeTable<'t>, Place<'_>, usize),
    ) {
        let Some(value) = table.get(key) else {
            return;
        };
        let place = Place::Key(&place, key);
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_type(value, place, "a list of tables");
        };
        for (index, item) in items.iter().enumerate() {
            let place = Place::Item(&place, index);
            if let DeValue::Table(table) = item.get_ref() {
                read(self, table, place, item.span().start);
            } else {
                self.wrong_type(item, place, "a table");
            }
        }
    }

    /// Parses each text of a list, which is an array of strings, or one string with a text in each
    /// line, blank lines and what follows a `#` left out.
    pub(super) fn texts<T>(
        &mut self,
        value: &Value<'t>,
        place: Place<'_>,
        expected: &'static str,
        take: impl FnMut(usize, T) -> bool,
    ) where
        T: FromStr,
        T::Err: Display,
    {
        match value.get_ref() {
            DeValue::Array(items) => self.array(items, place, expected, take),
            DeValue::String(block) => self.lines(value, block, place, expected, take),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => self.wrong_type(value, place, "a list of strings"),
        }
    }

    fn lines<T>(
        &mut self,
        value: &Value<'t>,
        block: &str,
        place: Place<'_>,
        expected: &'static str,
        mut take: impl FnMut(usize, T) -> bool,
    ) where
        T: FromStr,
        T::Err: Display,
    {
        let contents = self.contents_of(value);
        let mut room = block.lines().count();
        for (index, line) in block.lines().enumerate() {
            let text = line.split_once('#').map_or(line, |(text, _)| text).trim();
            if text.is_empty() {
                continue;
            }
            let parsed = parsed(text, expected);
            let problem = match parsed.map(|parsed| take(std::mem::take(&mut room), parsed)) {
                Ok(true) => continue,
                Ok(false) => Problem::Duplicate(shown(text)),
                Err(problem) => problem,
            };
            // An escape may stand for a line end, where the text has none.
            let last = self.line_of(value.span().end);
            let line = self.line_of(contents) + index;
            self.fail(line.min(last), place.path(), problem);
        }
    }

    fn array<T>(
        &mut self,
        items: &DeArray<'t>,
        place: Place<'_>,
        expected: &'static str,
        mut take: impl FnMut(usize, T) -> bool,
    ) where
        T: FromStr,
        T::Err: Display,
    {
        let mut room = items.len();
        for (index, item) in items.iter().enumerate() {
            let place = Place::Item(&place, index);
            if let Some(parsed) = self.parsed(item, place, expected)
                && !take(std::mem::take(&mut room), parsed)
            {
                self.twice(item, place);
            }
        }
    }

    /// A text that must be there, and be what is expected.
    pub(super) fn required<T>(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        at: usize,
        key: &'static str,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = table.get(key) else {
            self.missing(at, place, key);
            return None;
        };
        self.parsed(value, Place::Key(&place, key), expected)
    }

    pub(super) fn parsed<T>(
        &mut self,
        value: &Value<'t>,
        place: Place<'_>,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(value, place)?;
        self.parse(text, value.span(), place, expected)
    }

    pub(super) fn parse<T>(
        &mut self,
        text: &str,
        span: Range<usize>,
        place: Place<'_>,
        expected: &'static str,
    ) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match parsed(text, expected) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                let line = self.line_of(span.start);
                self.fail(line, place.path(), problem);
                None
            }
        }
    }

    pub(super) fn text<'v>(&mut self, value: &'v Value<'t>, place: Place<'_>) -> Option<&'v str> {
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(value, place, "a string");
            return None;
        };
        Some(text)
    }

    /// One of the words that are allowed.
    pub(super) fn word(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        allowed: &'static [&'static str],
    ) -> Option<&'static str> {
        let value = table.get(key)?;
        let place = Place::Key(&place, key);
        let text = self.text(value, place)?;
        let word = allowed.iter().find(|word| **word == text);
        if word.is_none() {
            let text = shown(text);
            let line = self.line_of(value.span().start);
            self.fail(line, place.path(), Problem::NoneOf { text, allowed });
        }
        word.copied()
    }

    pub(super) fn switch(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        key: &str,
        default: Switch,
    ) -> Switch {
        let Some(value) = table.get(key) else {
            return default;
        };
        let DeValue::Boolean(is_on) = value.get_ref() else {
            self.wrong_type(value, Place::Key(&place, key), "true or false");
            return default;
        };
        if *is_on { Switch::On } else { Switch::Off }
    }

    pub(super) fn number(
        &mut self,
        table: &DeTable<'t>,
        place: Place<'_>,
        at: usize,
        key: &'static str,
        min: u32,
    ) -> Option<u32> {
        let Some(value) = table.get(key) else {
            self.missing(at, place, key);
            return None;
        };
        let place = Place::Key(&place, key);
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(value, place, "a whole number");
            return None;
        };
        let parsed = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let parsed = parsed.filter(|number| *number >= min);
        if parsed.is_none() {
            let line = self.line_of(value.span().start);
            let max = u32::MAX;
            self.fail(line, place.path(), Problem::Number { min, max });
        }
        parsed
    }

    /// Complains about something that is there already: the key of the place, or the text.
    pub(super) fn twice(&mut self, value: &Value<'t>, place: Place<'_>) {
        let text = match (place, value.get_ref()) {
            (Place::Item(..), DeValue::String(text)) => shown(text),
            (Place::Key(_, key), _) => shown(key),
            (Place::Item(..) | Place::Root, _) => Box::default(),
        };
        let line = self.line_of(value.span().start);
        self.fail(line, place.path(), Problem::Duplicate(text));
    }

    pub(super) fn missing(&mut self, at: usize, place: Place<'_>, key: &'static str) {
        let line = self.line_of(at);
        self.fail(line, place.path(), Problem::MissingKey(key));
    }

    fn wrong_type(&mut self, value: &Value<'t>, place: Place<'_>, expected: &'static str) {
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
        self.fail(line, place.path(), Problem::WrongType { expected, found });
    }

    fn fail(&mut self, line: usize, key: String, problem: Problem) {
        self.errors.push(TextError { line, key, problem });
    }

    /// The line of an offset, from one.
    fn line_of(&mut self, offset: usize) -> usize {
        let text = self.text;
        let ends = self.line_ends.get_or_insert_with(|| {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            ends.map(|(offset, _)| offset).collect()
        });
        ends.partition_point(|end| *end < offset) + 1
    }

    /// Where the first line of a string begins, behind its quotes and a line end right behind
    /// them, which does not belong to it.
    fn contents_of(&self, value: &Value<'t>) -> usize {
        let start = value.span().start;
        let rest = self.text.get(start..).unwrap_or_default();
        let quotes = ["\"\"\"", "'''"]
            .iter()
            .any(|quotes| rest.starts_with(quotes));
        let quotes = if quotes { 3 } else { 1 };
        let rest = rest.get(quotes..).unwrap_or_default();
        let line_end = rest.len()
            - rest
                .strip_prefix("\r\n")
                .or_else(|| rest.strip_prefix('\n'))
                .unwrap_or(rest)
                .len();
        start + quotes + line_end
    }
}

fn parsed<T>(text: &str, expected: &'static str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| Problem::Malformed {
        text: shown(text),
        expected,
        reason: error.to_string().into(),
    })
}
