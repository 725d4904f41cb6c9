//! Figures for programs that read them.

/// Prints a line: what is told, without spaces, how much it is, and in which unit.
pub(crate) fn print(what: &str, value: f64, unit: &str) {
    println!("{what} {value} {unit}");
}
