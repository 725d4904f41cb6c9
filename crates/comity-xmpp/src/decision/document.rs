//! The table as a Markdown document.

use super::table::{Dimension, dimensions};
use super::{Action, Facts, Offer, Proof, Role, Ruling, StartTls, cells, decide};
use crate::Security;

/// Every cell of the table for people to read, cells with the same outcome taken together.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(PREFACE);
    for (role, title) in [
        (Role::Receiving, RECEIVING_TITLE),
        (Role::Initiating, INITIATING_TITLE),
    ] {
        let count = cells(role).count();
        text.push_str(title);
        text.push_str(&format!("\n{count} cells.\n\n"));
        write_table(role, &mut text);
    }
    text
}

fn write_table(role: Role, text: &mut String) {
    let dimensions = dimensions(role);
    let titles = dimensions.iter().map(|dimension| dimension.title());
    write_row(titles.chain(["does", "because"]), text);
    write_row(
        std::iter::repeat_n("---", dimensions.len().saturating_add(2)),
        text,
    );
    let facts = Facts::new(role, Security::ENCRYPTED);
    for row in rows(dimensions, facts) {
        write_row(row.cells.iter().map(String::as_str), text);
    }
}

fn write_row<'a>(cells: impl Iterator<Item = &'a str>, text: &mut String) {
    for cell in cells {
        text.push_str("| ");
        text.push_str(cell);
        text.push(' ');
    }
    text.push_str("|\n");
}

/// Some cells with one outcome.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Row {
    cells: Vec<String>,
}

/// The rows of all cells that have `facts` in common and differ in `dimensions`: values of the first
/// dimension that lead to the same rows are joined.
fn rows(dimensions: &[Dimension], facts: Facts) -> Vec<Row> {
    let Some((first, rest)) = dimensions.split_first() else {
        return vec![Row::outcome(decide(&facts))];
    };
    let mut groups: Vec<(Vec<&str>, Vec<Row>)> = Vec::new();
    for (index, value) in first.values().iter().enumerate() {
        let mut facts = facts;
        first.set(&mut facts, index);
        let below = rows(rest, facts);
        match groups.iter_mut().find(|(_, same)| *same == below) {
            Some((values, _)) => values.push(value),
            None => groups.push((vec![value], below)),
        }
    }
    let label = |values: Vec<&str>| match values.len() == first.len() {
        true => "any".to_owned(),
        false => values.join(" or "),
    };
    groups
        .into_iter()
        .map(|(values, below)| (label(values), below))
        .flat_map(|(label, below)| below.into_iter().map(move |row| row.behind(&label)))
        .collect()
}

impl Row {
    fn outcome(ruling: Ruling) -> Self {
        let cells = vec![action(ruling.action), ruling.reason.to_string()];
        Self { cells }
    }

    fn behind(mut self, label: &str) -> Self {
        self.cells.insert(0, label.to_owned());
        self
    }
}

fn action(action: Action) -> String {
    match action {
        Action::Offer(offer) => features(offer),
        Action::StartTls => "asks for STARTTLS".to_owned(),
        Action::Authenticate { by, bidi } => {
            let by = match by {
                Proof::External => "SASL EXTERNAL",
                Proof::Dialback => "dialback",
            };
            let bidi = if bidi { "bidi, then " } else { "" };
            format!("{bidi}{by}")
        }
        Action::Refuse(_) => "refuses".to_owned(),
    }
}

fn features(offer: Offer) -> String {
    let starttls = match offer.starttls {
        StartTls::No => None,
        StartTls::Optional => Some("STARTTLS"),
        StartTls::Required => Some("STARTTLS (required)"),
    };
    let features = [
        starttls,
        offer.external.then_some("EXTERNAL"),
        offer.dialback.then_some("dialback"),
        offer.bidi.then_some("bidi"),
    ];
    let features: Vec<_> = features.into_iter().flatten().collect();
    format!("offers {}", features.join(", "))
}

const PREFACE: &str = "\
# How a stream proves a domain

This is generated from `comity_xmpp::decision`, cell by cell, and checked by the tests:
`cargo run -p comity-xmpp --example decisions > docs/DECISIONS.md` writes it anew.

*TLS* and *certificate* are the rules for the domain on the other side. *Connection* is how the
connection stands: whether it began with TLS (XEP-0368) or went over to it, and what the certificate
of the other side proved. *Bidi* is XEP-0288. *Any* stands for every value.

Dialback is used whether it is offered or not, because servers from before XEP-0220 1.1 do not say.
";
const RECEIVING_TITLE: &str = "
## What the receiving entity offers
";
const INITIATING_TITLE: &str = "
## What the initiating entity does
";
