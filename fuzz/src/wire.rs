//! What machines write, for people to read.

/// Bytes for people to read.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tells what happens, with the feature `trace`.
pub(crate) fn trace(line: impl FnOnce() -> String) {
    if cfg!(feature = "trace") {
        println!("{}", line());
    }
}
