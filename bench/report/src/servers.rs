//! The tables of servers.

use crate::figures::Figures;
use crate::sections::{Made, beside};
use crate::table::{Table, number};

pub(crate) fn stanzas(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "µs a stanza, full records",
        "times comity",
        "µs a stanza, a record each",
        "times comity",
        "stanzas a second",
    ]);
    for (name, label) in [
        ("echo", "comity-xmpp-echo"),
        ("prosody", "Prosody"),
        ("ejabberd", "ejabberd"),
    ] {
        let mut cells = Vec::new();
        for records in ["servers/full", "servers/short"] {
            cells.extend(beside(figures, records, name, "echo", &["time"])?);
        }
        cells.push(number(figures.value(&format!("servers/full/{name}/rate"))?));
        table.row(label, cells);
    }
    Ok(table)
}

pub(crate) fn transactions(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "µs, UDP",
        "times comity",
        "µs, TCP",
        "times comity",
        "bytes a transaction, UDP",
        "times comity",
    ]);
    for (name, label) in [
        ("comity", "comity-sip-echo"),
        ("kamailio-fm", "Kamailio, fm"),
        ("kamailio", "Kamailio"),
        ("floor", "floor"),
    ] {
        let mut cells = Vec::new();
        for transport in ["sip-servers/udp", "sip-servers/tcp"] {
            cells.extend(beside(figures, transport, name, "comity", &["time"])?);
        }
        if name == "floor" {
            cells.extend(["–".to_owned(), "–".to_owned()]);
        } else {
            let udp = "sip-servers/udp";
            cells.extend(beside(figures, udp, name, "comity", &["bytes"])?);
        }
        table.row(label, cells);
    }
    Ok(table)
}

pub(crate) fn gateway(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "µs each",
        "each processor second",
        "MiB afterwards",
        "MiB at most so far",
    ]);
    for (name, label) in [
        ("texts", "texts"),
        ("texts-beside-slow", "texts, while a server reads nothing"),
        ("presence", "changes of presence"),
    ] {
        let value = |what| figures.value(&format!("gateway/{name}/{what}"));
        let time = value("time")?;
        let cells = [time, 1e6 / time, value("memory")?, value("peak-memory")?];
        table.row(label, cells.map(number));
    }
    Ok(table)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Figures of a bench that has printed these lines.
    fn figures(bench: &str, lines: &[&str]) -> Figures {
        let mut figures = Figures::default();
        figures.replace(bench, &lines.join("\n")).unwrap();
        figures
    }

    fn rows(table: Made) -> Vec<String> {
        let table = table.unwrap().to_string();
        table.lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn stanzas_are_beside_those_of_the_echo() {
        let expected = [
            "| comity-xmpp-echo | 10.0 | 1.00 | 20.0 | 1.00 | 98,765 |",
            "| Prosody | 120 | 12.0 | 150 | 7.50 | 8,000 |",
            "| ejabberd | 55.5 | 5.55 | 90.0 | 4.50 | 18,000 |",
        ];
        assert_eq!(rows(stanzas(&figures("servers", &STANZAS))), expected);
        let error = "no figure has the name servers/short/prosody/time";
        let less = stanzas(&figures("servers", &STANZAS[..8]));
        assert_eq!(less.err().as_deref(), Some(error));
    }

    #[test]
    fn transactions_are_beside_those_of_comity() {
        let expected = [
            "| comity-sip-echo | 12.5 | 1.00 | 10.0 | 1.00 | 500 | 1.00 |",
            "| Kamailio, fm | 25.0 | 2.00 | 20.0 | 2.00 | 12,500 | 25.0 |",
            "| Kamailio | 50.0 | 4.00 | 45.0 | 4.50 | 13,000 | 26.0 |",
            "| floor | 5.00 | 0.40 | 2.00 | 0.20 | – | – |",
        ];
        assert_eq!(
            rows(transactions(&figures("sip-servers", &TRANSACTIONS))),
            expected
        );
    }

    #[test]
    fn gateway_has_a_row_for_each_part_of_the_load() {
        let expected = [
            "| texts | 50.0 | 20,000 | 30.2 | 31.0 |",
            "| texts, while a server reads nothing | 62.5 | 16,000 | 45.0 | 46.0 |",
            "| changes of presence | 100 | 10,000 | 60.0 | 61.0 |",
        ];
        assert_eq!(rows(gateway(&figures("gateway", &GATEWAY))), expected);
    }

    /// What the bench prints.
    pub(crate) const STANZAS: [&str; 9] = [
        "full/echo/time 10 us/stanza",
        "full/echo/rate 98765.4 stanzas/s",
        "full/ejabberd/time 55.5 us/stanza",
        "full/ejabberd/rate 18000 stanzas/s",
        "full/prosody/time 120 us/stanza",
        "full/prosody/rate 8000 stanzas/s",
        "short/echo/time 20 us/stanza",
        "short/ejabberd/time 90 us/stanza",
        "short/prosody/time 150 us/stanza",
    ];

    /// What the bench prints.
    pub(crate) const TRANSACTIONS: [&str; 11] = [
        "udp/comity/time 12.5 us/request",
        "udp/comity/bytes 500 bytes/transaction",
        "udp/kamailio/time 50 us/request",
        "udp/kamailio/bytes 13000 bytes/transaction",
        "udp/kamailio-fm/time 25 us/request",
        "udp/kamailio-fm/bytes 12500 bytes/transaction",
        "udp/floor/time 5 us/request",
        "tcp/comity/time 10 us/request",
        "tcp/kamailio/time 45 us/request",
        "tcp/kamailio-fm/time 20 us/request",
        "tcp/floor/time 2 us/request",
    ];

    /// What the bench prints.
    pub(crate) const GATEWAY: [&str; 9] = [
        "texts/time 50 us",
        "texts/memory 30.25 MiB",
        "texts/peak-memory 31 MiB",
        "texts-beside-slow/time 62.5 us",
        "texts-beside-slow/memory 45 MiB",
        "texts-beside-slow/peak-memory 46 MiB",
        "presence/time 100 us",
        "presence/memory 60 MiB",
        "presence/peak-memory 61 MiB",
    ];
}
