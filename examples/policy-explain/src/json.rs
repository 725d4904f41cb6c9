//! What all documents have in common, for programs.

use serde::Serialize;

/// A document as text.
pub(crate) fn print(document: &impl Serialize) -> String {
    // Nothing in it can fail: its keys are names, its numbers are whole.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Each of a list as text.
pub(crate) fn texts(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A word for what has none yet.
pub(crate) const OTHER: &str = "other";
