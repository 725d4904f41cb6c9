//! What the documents name is there: files, items, tests, numbers and states.
//!
//! In the documents a code span with `.rs` in it names a file, from the root of the workspace or from
//! `crates/`, and behind `::` something in it. `::name` alone is in the file that was named last in the
//! same cell or line.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The documents that are written by hand and name code.
const DOCUMENTS: &[&str] = &[
    "CONFORMANCE.md",
    "THREAT-MODEL.md",
    "DIAGRAMS.md",
    "OPERATING.md",
    "EMBEDDING.md",
    "FUZZING.md",
    "RELIABILITY.md",
];

#[test]
fn docs_name_things_that_exist() {
    let mut wrong = Vec::new();
    for document in documents() {
        for (number, line) in document.lines() {
            if line.starts_with("```") {
                continue;
            }
            if line.matches('`').count() % 2 == 1 {
                wrong.push(format!("{number}: a code span that does not end"));
                continue;
            }
            for name in names(line) {
                match name.source() {
                    None => wrong.push(format!("{number}: no file {}", name.file)),
                    Some(source) if !name.is_in(&source) => {
                        wrong.push(format!("{number}: no {} in {}", name.item, name.file));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_row_has_a_place_and_a_test_or_says_why_not() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for row in documents().iter().flat_map(Document::rows) {
        let Some(test) = row.cell("test") else {
            continue;
        };
        found += 1;
        if row.cells.len() != row.columns.len() {
            wrong.push(format!("{}: not as many cells as columns", row.number));
        }
        let says_why = |cell: &str| cell.starts_with("not ") || cell.starts_with("none: ");
        if let Some(place) = row.cell("place")
            && names(place).is_empty()
            && !says_why(place)
        {
            wrong.push(format!("{}: no place", row.number));
        }
        let tests = names(test);
        if tests.is_empty() && !says_why(test) {
            wrong.push(format!("{}: no test", row.number));
        }
        for name in tests {
            if !name.source().is_some_and(|source| name.is_test_in(&source)) {
                let (file, item) = (&name.file, &name.item);
                wrong.push(format!("{}: no test {item} in {file}", row.number));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 100, "only {found} rows were found");
}

#[test]
fn limits_have_the_numbers_of_the_code() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for row in documents().iter().flat_map(Document::rows) {
        let (Some(limit), Some(value)) = (row.cell("limit"), row.cell("value")) else {
            continue;
        };
        found += 1;
        let limits = names(limit);
        let [name] = limits.as_slice() else {
            wrong.push(format!("{}: not one limit", row.number));
            continue;
        };
        let known = name
            .source()
            .map(|source| values(&source, &name.item))
            .unwrap_or_default();
        if !quantity(value).is_some_and(|value| known.contains(&value)) {
            let item = &name.item;
            wrong.push(format!("{}: {item} is {known:?}, not {value}", row.number));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 30, "only {found} limits were found");
}

#[test]
fn no_limit_is_left_out() {
    let rows: Vec<_> = documents().iter().flat_map(Document::rows).collect();
    let listed: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| Some(row.cell("limit")?.trim_matches('`').to_owned()))
        .collect();
    let mut coded = BTreeSet::new();
    for source in sources(root().join("crates")) {
        let text = fs::read_to_string(&source).unwrap();
        let file = source.strip_prefix(root().join("crates")).unwrap();
        let fields = fields(&text, "Limits").filter(|field| field.starts_with("max_"));
        coded.extend(fields.map(|field| format!("{}::{field}", file.display())));
    }
    // It is a pair of limits, which are listed each by itself.
    coded.remove("comity-xmpp/src/stream/config.rs::max_output_bytes");
    let missing: Vec<_> = coded.difference(&listed).collect();
    assert_eq!(missing, [""; 0]);
    assert!(coded.len() > 100, "only {} limits were found", coded.len());
}

#[test]
fn each_fuzz_target_has_its_row() {
    let listed = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let listed: BTreeSet<_> = listed
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some(format!("`{}`", path.file_stem()?.to_str()?)))
        .collect();
    let rows: Vec<_> = documents().iter().flat_map(Document::rows).collect();
    let described = rows.iter().filter_map(|row| row.cell("target"));
    let described: BTreeSet<_> = described.map(str::to_owned).collect();
    assert_eq!(described, listed);
}

#[test]
fn diagrams_have_the_states_of_the_code() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for document in documents() {
        for (number, name, drawn) in document.state_diagrams() {
            found += 1;
            let source = name.source().unwrap_or_default();
            let coded = variants(&source, &name.item);
            for state in coded.difference(&drawn) {
                wrong.push(format!("{number}: {state} of {} is not drawn", name.item));
            }
            for state in drawn.difference(&coded) {
                wrong.push(format!("{number}: {state} is no state of {}", name.item));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found >= 6, "only {found} diagrams were found");
}

/// A document and its lines.
struct Document {
    name: &'static str,
    text: String,
}

/// A row of a table below its head.
struct Row {
    number: String,
    columns: Vec<String>,
    cells: Vec<String>,
}

impl Document {
    fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(index, line)| (format!("{}:{}", self.name, index + 1), line))
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut columns: Option<Vec<String>> = None;
        for (number, line) in self.lines() {
            let Some(cells) = cells(line) else {
                columns = None;
                continue;
            };
            let is_rule = |cell: &String| cell.chars().all(|it| matches!(it, '-' | ':'));
            match &columns {
                None => columns = Some(cells),
                Some(_) if cells.iter().all(is_rule) => {}
                Some(columns) => rows.push(Row {
                    number,
                    columns: columns.clone(),
                    cells,
                }),
            }
        }
        rows
    }

    /// The diagrams behind a comment that names an enum: that, and the states that are drawn.
    fn state_diagrams(&self) -> Vec<(String, Name, BTreeSet<String>)> {
        let mut diagrams: Vec<(String, Name, BTreeSet<String>)> = Vec::new();
        let mut is_inside = false;
        for (number, line) in self.lines() {
            if let Some(named) = line.strip_prefix("<!-- states of ") {
                let named = named.trim_end_matches("-->").trim();
                let name = names(&format!("`{named}`")).pop().unwrap();
                diagrams.push((number, name, BTreeSet::new()));
                is_inside = true;
            } else if line == "```" {
                is_inside = false;
            } else if is_inside && let Some((_, _, drawn)) = diagrams.last_mut() {
                add_states(line, drawn);
            }
        }
        diagrams
    }
}

/// Adds the two ends of a transition.
fn add_states(line: &str, drawn: &mut BTreeSet<String>) {
    let line = line.trim();
    let Some((from, rest)) = line.split_once(" --> ") else {
        return;
    };
    let to = rest.split(" :").next().unwrap_or_default();
    let ends = [from, to].into_iter().map(str::trim);
    drawn.extend(ends.filter(|end| *end != "[*]").map(str::to_owned));
}

impl Row {
    fn cell(&self, column: &str) -> Option<&str> {
        let index = self.columns.iter().position(|name| name == column)?;
        Some(self.cells.get(index).map_or("", String::as_str))
    }
}

/// What a document names: a file, and something in it or nothing.
struct Name {
    file: String,
    item: String,
}

impl Name {
    fn source(&self) -> Option<String> {
        let root = root();
        let places = [root.join(&self.file), root.join("crates").join(&self.file)];
        places
            .into_iter()
            .find_map(|place| fs::read_to_string(place).ok())
    }

    /// Whether the item stands in the source as a whole word.
    fn is_in(&self, source: &str) -> bool {
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        self.item.is_empty()
            || source
                .split(|it| !is_word(it))
                .any(|word| word == self.item)
    }

    fn is_test_in(&self, source: &str) -> bool {
        let head = format!("fn {}(", self.item);
        let mut is_test = false;
        for line in source.lines().map(str::trim) {
            if line.contains(&head) {
                return is_test;
            }
            is_test = line.starts_with("#[") && (is_test || line.contains("test"))
                || is_test && line.starts_with("//");
        }
        false
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of Rust below a folder.
fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let mut folders = vec![folder];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}

fn documents() -> Vec<Document> {
    let read = |name: &&'static str| {
        let text = fs::read_to_string(root().join("docs").join(name)).unwrap();
        Document { name, text }
    };
    DOCUMENTS.iter().map(read).collect()
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    Some(line.split('|').map(|cell| cell.trim().to_owned()).collect())
}

/// The names in the code spans of a text.
fn names(text: &str) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for span in text.split('`').skip(1).step_by(2) {
        let (file, item) = match span.split_once(".rs") {
            Some((file, item)) => (format!("{file}.rs"), item),
            None => match names.last() {
                Some(last) if span.starts_with("::") => (last.file.clone(), span),
                Some(_) | None => continue,
            },
        };
        let item = item.rsplit("::").next().unwrap_or_default().to_owned();
        names.push(Name { file, item });
    }
    names
}

/// The values that a source gives to a field or a constant.
fn values(source: &str, name: &str) -> BTreeSet<u64> {
    let assigned = |line: &str| {
        let line = line.trim();
        let line = line
            .split_once("const ")
            .map_or(line, |(_, constant)| constant);
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        let rest = rest.split_once(" = ").map_or(rest, |(_, value)| value);
        evaluate(rest.trim().trim_end_matches([',', ';']))
    };
    source.lines().filter_map(assigned).collect()
}

/// The public fields of the structs whose name ends so.
fn fields<'a>(source: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("{name} {{");
    let mut is_inside = false;
    source.lines().filter_map(move |line| {
        if line.starts_with("pub struct ") && line.ends_with(&head) {
            is_inside = true;
        } else if line == "}" {
            is_inside = false;
        }
        let (field, _type) = line.strip_prefix("    pub ")?.split_once(':')?;
        is_inside.then_some(field)
    })
}

/// A product of numbers, or a time in milliseconds.
fn evaluate(expression: &str) -> Option<u64> {
    let inside = expression.strip_suffix(')');
    let seconds = inside.and_then(|it| it.strip_prefix("Duration::from_secs("));
    let millis = inside.and_then(|it| it.strip_prefix("Duration::from_millis("));
    let some = expression.strip_prefix("Some(").and(inside);
    match (seconds, millis, some) {
        (Some(seconds), _, _) => Some(evaluate(seconds)? * 1_000),
        (_, Some(millis), _) => evaluate(millis),
        (_, _, Some(_)) => evaluate(inside?.strip_prefix("Some(")?),
        (None, None, None) => expression
            .split('*')
            .map(|factor| factor.trim().replace('_', "").parse::<u64>().ok())
            .product(),
    }
}

/// A number with its unit, times in milliseconds.
fn quantity(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: u64 = number.replace(',', "").parse().ok()?;
    let times = match unit {
        "KiB" => 1_024,
        "MiB" => 1_024 * 1_024,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _other => 1,
    };
    Some(number * times)
}

/// The variants of an enum without fields that are named on lines of their own.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let head = format!("enum {name} {{");
    let body = source.split(&head).nth(1).unwrap_or_default();
    let lines = body.lines().take_while(|line| !line.starts_with('}'));
    let variant = |line: &str| {
        let line = line.trim();
        let is_variant = line.starts_with(|it: char| it.is_ascii_uppercase());
        let end = line.find(|it: char| !it.is_alphanumeric())?;
        is_variant.then(|| line.get(..end).unwrap_or_default().to_owned())
    };
    lines.filter_map(variant).collect()
}
