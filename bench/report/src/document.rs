//! `docs/PERFORMANCE.md` and its plots.

use crate::bench::Bench;
use crate::figures::Figures;
use crate::plot::{Plot, Row};
use crate::sections;
use crate::table::Table;

/// Files of `docs`, by name.
pub(crate) fn files(figures: &Figures) -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![
        ("PERFORMANCE.md", document(figures)?),
        ("performance.svg", peers(figures)?.to_svg()),
    ])
}

/// A table, what it compares, and how it is made.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) bench: &'static str,
    pub(crate) text: &'static str,
    pub(crate) table: fn(&Figures) -> Result<Table, String>,
}

fn document(figures: &Figures) -> Result<String, String> {
    let mut text = String::from(HEAD);
    let mut surroundings = Table::new(&["", "version"]);
    for (name, what) in figures.surroundings() {
        surroundings.row(name, [what.to_owned()]);
    }
    text += &surroundings.to_string();
    for section in sections::ALL
        .iter()
        .filter(|section| figures.has(section.bench))
    {
        let table = (section.table)(figures)?;
        let bench = Bench::named(section.bench);
        let bench = bench.ok_or_else(|| format!("no bench has the name {}", section.bench))?;
        text += &format!(
            "\n## {}\n\n{}\n\n{table}\n```sh\n{}\n```\n",
            section.title,
            fill(section.text),
            bench.command()
        );
    }
    Ok(text)
}

/// Breaks a text into lines.
fn fill(text: &str) -> String {
    let (mut filled, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        if column > 0 && column + 1 + word.len() > MAX_COLUMNS {
            filled.push('\n');
            column = 0;
        } else if column > 0 {
            filled.push(' ');
            column += 1;
        }
        filled += word;
        column += word.len();
    }
    filled
}

/// What others take, by what we take.
fn peers(figures: &Figures) -> Result<Plot, String> {
    let mut rows = Vec::new();
    for (bench, heading, dots) in PEERS {
        if !figures.has(bench) {
            continue;
        }
        rows.push(Row::Heading(heading));
        for (name, theirs, ours) in *dots {
            rows.push(Row::Dot {
                name: (*name).to_owned(),
                value: figures.value(theirs)? / ours.map_or(Ok(1.0), |ours| figures.value(ours))?,
            });
        }
    }
    Ok(Plot {
        title: "What others take, by what comity takes",
        axis: "times comity (logarithmic); to the right of 1 the other takes more",
        ends: [0.5, 64.0],
        marks: &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
        from: 1.0,
        rows,
    })
}

const MAX_COLUMNS: usize = 105;

/// A peer, its figure, and ours if the former is no ratio.
type Dot = (&'static str, &'static str, Option<&'static str>);

/// What is plotted, of which bench and under which heading.
const PEERS: &[(&str, &str, &[Dot])] = &[
    (
        "stream",
        "Instructions to read XML",
        &[
            (
                "libexpat",
                "stream/expat/instructions",
                Some("stream/comity/instructions"),
            ),
            (
                "rxml",
                "stream/rxml/instructions",
                Some("stream/comity/instructions"),
            ),
        ],
    ),
    (
        "sip",
        "Instructions to read a SIP message and its values",
        &[
            ("sipx", "sip/full/sipx/ratio", None),
            ("rsipstack", "sip/full/rsipstack/ratio", None),
            ("ezk", "sip/full/ezk/ratio", None),
            ("rsip", "sip/full/rsip/ratio", None),
        ],
    ),
    (
        "srv",
        "Instructions to read SRV records",
        &[
            (
                "c-ares",
                "srv/c-ares-parse/instructions",
                Some("srv/comity-parse/instructions"),
            ),
            (
                "hickory-proto",
                "srv/hickory-proto-parse/instructions",
                Some("srv/comity-parse/instructions"),
            ),
        ],
    ),
    (
        "trust",
        "Instructions to judge a certificate chain",
        &[
            (
                "webpki, P-256",
                "trust/ecdsa-by-webpki",
                Some("trust/ecdsa"),
            ),
            ("webpki, RSA", "trust/rsa-by-webpki", Some("trust/rsa")),
        ],
    ),
    (
        "servers",
        "Processor time of an XMPP server for a stanza",
        &[
            (
                "Prosody, full records",
                "servers/full/prosody/time",
                Some("servers/full/echo/time"),
            ),
            (
                "Prosody, a record each",
                "servers/short/prosody/time",
                Some("servers/short/echo/time"),
            ),
            (
                "ejabberd, full records",
                "servers/full/ejabberd/time",
                Some("servers/full/echo/time"),
            ),
            (
                "ejabberd, a record each",
                "servers/short/ejabberd/time",
                Some("servers/short/echo/time"),
            ),
        ],
    ),
    (
        "sip-servers",
        "Processor time of a SIP server for a transaction",
        &[
            (
                "Kamailio with fm, UDP",
                "sip-servers/udp/kamailio-fm/time",
                Some("sip-servers/udp/comity/time"),
            ),
            (
                "Kamailio with fm, TCP",
                "sip-servers/tcp/kamailio-fm/time",
                Some("sip-servers/tcp/comity/time"),
            ),
            (
                "Kamailio, UDP",
                "sip-servers/udp/kamailio/time",
                Some("sip-servers/udp/comity/time"),
            ),
            (
                "Kamailio, TCP",
                "sip-servers/tcp/kamailio/time",
                Some("sip-servers/tcp/comity/time"),
            ),
        ],
    ),
    (
        "sip-servers",
        "Memory of a SIP transaction over UDP",
        &[
            (
                "Kamailio with fm",
                "sip-servers/udp/kamailio-fm/bytes",
                Some("sip-servers/udp/comity/bytes"),
            ),
            (
                "Kamailio",
                "sip-servers/udp/kamailio/bytes",
                Some("sip-servers/udp/comity/bytes"),
            ),
        ],
    ),
];

const HEAD: &str = "# Performance

This file is written by a command, and not by hand:

```sh
cargo run --release --manifest-path bench/Cargo.toml -p comity-bench-report
```

It runs the benches that count instructions, then those that load servers, and keeps what they measure in
`bench/report/measured.txt`; at the top of `bench/report/src/main.rs` are the packages that it needs. A
bench that was not run is left out. Each section has the command that prints its table alone.

`times comity` is what the peer takes divided by what comity takes for the same: above 1 it takes more than
comity. Instructions are counted by callgrind as the difference between doing something once and twice, so
that start and end do not count; they are the same on every run of one binary. Times are processor time,
the least of several runs where there are several; compare them within a table and not with those of
another machine.

![What others take, by what comity takes](performance.svg)

## Machine and versions

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::tests::{GATEWAY, STANZAS, TRANSACTIONS};

    #[test]
    fn lines_are_broken_before_they_are_too_long() {
        let word = "x".repeat(52);
        assert_eq!(
            fill(&format!("{word} {word} {word}")),
            format!("{word} {word}\n{word}")
        );
    }

    #[test]
    fn benches_of_servers_have_sections_and_those_with_peers_dots() {
        let mut figures = Figures::default();
        let mut dots = Vec::new();
        for (bench, lines) in [
            ("servers", &STANZAS[..]),
            ("sip-servers", &TRANSACTIONS),
            ("gateway", &GATEWAY),
        ] {
            figures.replace(bench, &lines.join("\n")).unwrap();
            dots.push(peers(&figures).unwrap().to_svg().matches("<circle").count());
        }
        assert_eq!(dots, [4, 10, 10]);
        let document = document(&figures).unwrap();
        let titles = document.lines().filter_map(|line| line.strip_prefix("## "));
        let expected = [
            "Machine and versions",
            "A stanza at an XMPP server",
            "A transaction at a SIP server",
            "The gateway under load",
        ];
        assert_eq!(titles.collect::<Vec<_>>(), expected);
        let command = Bench::named("gateway").unwrap().command();
        assert!(document.ends_with(&format!(
            "| changes of presence | 100 | 10,000 | 60.0 | 61.0 |\n\n```sh\n{command}\n```\n"
        )));
    }
}
