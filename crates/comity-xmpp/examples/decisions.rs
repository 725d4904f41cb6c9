//! Prints the decision table, which is `docs/DECISIONS.md`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(comity_xmpp::decision::document().as_bytes())
}
