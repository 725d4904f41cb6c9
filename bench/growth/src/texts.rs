//! Texts of operators: rules, and lists of cipher suites.

use comity_policy::Policy;
use comity_rustls::{CipherList, default_provider};

use crate::{Series, Task, rules};

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "rules/exceptions",
        size: 1_000,
        task: |count| load(rules::block(count), true),
    },
    Series {
        name: "rules/array-of-exceptions",
        size: 1_000,
        task: |count| load(rules::array(count), true),
    },
    Series {
        name: "rules/users",
        size: 1_000,
        task: |count| load(rules::users(count), true),
    },
    Series {
        name: "rules/access-list",
        size: 1_000,
        task: |count| load(rules::acl(count), true),
    },
    Series {
        name: "rules/errors",
        size: 1_000,
        task: |count| load(rules::errors(count), false),
    },
    Series {
        name: "ciphers/names",
        size: 500,
        task: |count| {
            let names = "ECDHE-RSA-AES128-SHA256:".repeat(count);
            let provider = default_provider();
            Box::new(move || CipherList::parse(&names, &provider).entries().len() == count)
        },
    },
    Series {
        name: "ciphers/warnings",
        size: 500,
        task: |count| {
            let names: String = (0..count)
                .map(|number| format!("SUITE-{number}:"))
                .collect();
            let provider = default_provider();
            Box::new(move || !CipherList::parse(&names, &provider).warnings().is_empty())
        },
    },
];

/// Loads rules, which are taken or refused.
fn load(text: String, is_taken: bool) -> Task {
    Box::new(move || Policy::from_toml(&text).is_ok() == is_taken)
}
