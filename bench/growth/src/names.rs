//! Addresses and domains.

use comity_identity::DomainName;
use comity_xmpp::Jid;

use crate::{Series, Task};

/// The standards bound these, so that what is paid once is a large part.
pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "jid/local",
        size: 250,
        task: |bytes| jid(format!("{}@b.example", "a".repeat(bytes)), 0),
    },
    Series {
        name: "jid/local-right-to-left",
        size: 125,
        task: |count| jid(format!("{}@b.example", "\u{5d0}".repeat(count)), 0),
    },
    Series {
        name: "jid/resource",
        size: 125,
        task: |count| jid(format!("b.example/{}", "\u{e9}".repeat(count)), 2 * count),
    },
    Series {
        name: "jid/resource-composed",
        size: 75,
        task: |count| jid(format!("b.example/{}", "e\u{301}".repeat(count)), 2 * count),
    },
    Series {
        name: "domain/labels",
        size: 30,
        task: |count| domain(format!("{}example", "a.".repeat(count)), 1 + count),
    },
    Series {
        name: "domain/unicode-label",
        size: 12,
        task: |count| domain(format!("{}.example", "\u{fc}".repeat(count)), 2),
    },
];

/// Reads an address whose resource has so many bytes.
fn jid(text: String, resource_bytes: usize) -> Task {
    Box::new(move || {
        let jid = Jid::parse(&text);
        jid.is_ok_and(|jid| jid.resource().map_or(0, str::len) == resource_bytes)
    })
}

/// Reads a domain of so many labels.
fn domain(text: String, labels: usize) -> Task {
    Box::new(move || {
        let name = DomainName::parse(&text);
        name.is_ok_and(|name| name.labels().count() == labels)
    })
}
