//! Tables in Markdown.

use std::fmt;

/// A table, whose first column has words and whose others have numbers.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().copied().map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        let row: Vec<String> = [name.to_owned()].into_iter().chain(cells).collect();
        assert_eq!(row.len(), self.head.len(), "cells of {name}");
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.head.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.head.len() - 1))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// A number with about three digits that count, and its thousands apart.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        below if below < 10.0 => 2,
        below if below < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = match text.split_once('.') {
        Some((whole, _)) => (whole, &text[whole.len()..]),
        None => (text.as_str(), ""),
    };
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_three_digits() {
        for (value, expected) in [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (56.78, "56.8"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn table_is_markdown() {
        let mut table = Table::new(&["", "ns"]);
        table.row("expat", [number(7.0)]);
        assert_eq!(
            table.to_string(),
            "|  | ns |\n|---|---:|\n| expat | 7.00 |\n"
        );
    }
}
