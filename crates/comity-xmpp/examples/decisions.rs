//! Prints the decision table, which is `docs/DECISIONS.md`.

fn main() {
    print!("{}", comity_xmpp::decision::document());
}
