//! The tables, and what they compare.

use crate::document::Section;
use crate::figures::Figures;
use crate::servers;
use crate::table::{Table, number};

pub(crate) type Made = Result<Table, String>;

pub(crate) const ALL: [Section; 9] = [
    Section {
        title: "XML tokens",
        bench: "stream",
        text: "The same 1.5 MB of a stream between two servers, read in pieces of 4096 bytes. \
               Each subject gives the namespace and name of every element, every attribute with \
               its value, and every text. comity also enforces what XMPP forbids in XML, and \
               keeps the bytes of each stanza; the table does not show what that would cost the \
               others.",
        table: tokens,
    },
    Section {
        title: "A received XMPP stream",
        bench: "stream",
        text: "4,000 messages of 185 bytes. comity goes from bytes to stanzas whose sender may \
               send them: tokens, limits, addresses, and the proof that the peer speaks for the \
               domain. libexpat reads the same bytes and does nothing with them, so that its line \
               is the least that a stream made of it could take.",
        table: stream,
    },
    Section {
        title: "SIP messages",
        bench: "sip",
        text: "20 messages of 756 bytes on average. `lazy` is the start line and an index of the \
               headers, as far as the parser can stop there; `full` also reads the values that a \
               proxy looks at, with their URIs. A parser that rejects a message, or sees \
               something else in it than what is there, is counted over the others, and `times \
               comity` is for the same messages. The parsers differ in what they check, which the \
               table does not show.",
        table: sip,
    },
    Section {
        title: "SRV records",
        bench: "srv",
        text: "A response with ten SRV records of three priorities and 20 addresses. c-ares and \
               comity read the answers, hickory-proto all of the message. Ratios are to reading \
               alone; comity also puts the records in order, which c-ares leaves to its caller.",
        table: srv,
    },
    Section {
        title: "Certificates",
        bench: "trust",
        text: "Instructions of a verdict on a chain, beside rustls-webpki, which finds the path \
               and compares one name, as a verifier of TLS does. comity has the path found by it \
               too, and adds names of every form, purposes and an explanation. Nearly all of the \
               first two lines is the cost of signatures, which depends on the processor; the \
               last line is of a certificate that an issuer with many constraints has signed.",
        table: trust,
    },
    Section {
        title: "Decisions among rules",
        bench: "policy",
        text: "A decision about a stanza between two users, among ten rules and among a million. \
               There is no peer in this table: it shows how the cost grows with the number of \
               rules. What it costs to load them is in the output of the command.",
        table: policy,
    },
    Section {
        title: "A stanza at an XMPP server",
        bench: "servers",
        text: "Processor time of a server, in the kernel too, for a stanza from another domain, beside \
               ejabberd and Prosody. All run at once on this machine, and one after the other is sent \
               60,000 messages, presences and results of iqs that nobody answers, over TLS (SASL \
               EXTERNAL), four times. They come in TLS records as full as they can be, then in a record \
               for each stanza. `comity-xmpp-echo` has no accounts and logs every stanza; the others \
               are complete servers, which look for a user who is not online and log warnings. The rate \
               is that of the fastest run in full records, by the clock on the wall.",
        table: servers::stanzas,
    },
    Section {
        title: "A transaction at a SIP server",
        bench: "sip-servers",
        text: "Processor time of all processes of a server, in the kernel too, for a MESSAGE request \
               with its transaction and its answer, beside Kamailio as its package starts it and with \
               its faster allocator (`-x fm`). 200,000 requests of 400 to 500 bytes, 96 of them open at \
               a time, three times for each server and transport, each time with a server that has \
               just started. `floor` makes no transaction: it is what receiving and sending cost any \
               server. A transaction over UDP lives for 32 s after its answer, and its bytes are what \
               the memory of the server grew by.",
        table: servers::transactions,
    },
    Section {
        title: "The gateway under load",
        bench: "gateway",
        text: "Processor time and memory of a gateway between SIP and XMPP, over TLS on both sides, with \
               discovery, certificates and policy. 100,000 texts in 500 sessions; the same while another \
               server reads nothing of the 3,000 texts that it is sent; then 5,000 subscriptions whose \
               users change their presence six times, once a second. There is no peer in this table.",
        table: servers::gateway,
    },
];

fn tokens(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "instructions a byte",
        "times comity",
        "ns a byte",
        "times comity",
    ]);
    for name in ["comity", "expat", "rxml"] {
        table.row(
            label(name),
            beside(figures, "stream", name, "comity", &["instructions", "time"])?,
        );
    }
    Ok(table)
}

fn stream(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "instructions a stanza",
        "times comity",
        "ns a stanza",
        "times comity",
    ]);
    for (name, label) in [
        ("machine", "comity, authorized stanzas"),
        ("expat-short", "libexpat, tokens"),
    ] {
        table.row(
            label,
            beside(
                figures,
                "stream",
                name,
                "machine",
                &["instructions", "time"],
            )?,
        );
    }
    Ok(table)
}

fn sip(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "messages read",
        "instructions, lazy",
        "times comity",
        "instructions, full",
        "times comity",
        "allocations, full",
    ]);
    for name in ["comity", "sipx", "rsipstack", "ezk", "rsip"] {
        let value = |what: &str| figures.value(&format!("sip/{what}")).map(number);
        let messages = figures.value(&format!("sip/full/{name}/messages"))?;
        table.row(
            name,
            [
                format!("{messages:.0}"),
                value(&format!("lazy/{name}/instructions"))?,
                value(&format!("lazy/{name}/ratio"))?,
                value(&format!("full/{name}/instructions"))?,
                value(&format!("full/{name}/ratio"))?,
                value(&format!("full/{name}/allocations"))?,
            ],
        );
    }
    Ok(table)
}

fn srv(figures: &Figures) -> Made {
    let mut table = Table::new(&[
        "",
        "instructions",
        "times comity",
        "ns",
        "times comity",
        "allocations",
    ]);
    for (name, label) in [
        ("comity-parse", "comity, reads"),
        ("comity-parse-and-order", "comity, reads and orders"),
        ("c-ares-parse", "c-ares, reads"),
        ("hickory-proto-parse", "hickory-proto, reads all"),
    ] {
        let mut cells = beside(
            figures,
            "srv",
            name,
            "comity-parse",
            &["instructions", "time"],
        )?;
        cells.push(number(figures.value(&format!("srv/{name}/allocations"))?));
        table.row(label, cells);
    }
    Ok(table)
}

fn trust(figures: &Figures) -> Made {
    let mut table = Table::new(&["", "comity", "webpki", "times comity"]);
    for (label, name) in [
        ("chain of three, P-256", "ecdsa"),
        ("chain of three, RSA 2048", "rsa"),
        ("64 names under 240 constraints", "constrained"),
    ] {
        let ours = figures.value(&format!("trust/{name}"))?;
        let theirs = figures.value(&format!("trust/{name}-by-webpki"))?;
        table.row(label, [ours, theirs, theirs / ours].map(number));
    }
    Ok(table)
}

fn policy(figures: &Figures) -> Made {
    let mut table = Table::new(&["rules", "instructions a decision", "heap bytes a decision"]);
    for (label, rules) in [("10", 10), ("1,000,000", 1_000_000)] {
        let value = |what| figures.value(&format!("policy/decide/{rules}/{what}"));
        table.row(
            label,
            [number(value("instructions")?), number(value("heap")?)],
        );
    }
    Ok(table)
}

/// Figures of a subject, each followed by itself divided by that of ours.
pub(crate) fn beside(
    figures: &Figures,
    bench: &str,
    name: &str,
    ours: &str,
    figures_of: &[&str],
) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    for what in figures_of {
        let value = figures.value(&format!("{bench}/{name}/{what}"))?;
        let ours = figures.value(&format!("{bench}/{ours}/{what}"))?;
        cells.extend([value, value / ours].map(number));
    }
    Ok(cells)
}

fn label(name: &'static str) -> &'static str {
    match name {
        "expat" => "libexpat",
        other => other,
    }
}
