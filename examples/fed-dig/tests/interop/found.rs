//! The document that the program prints.

use std::process::Output;

use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Found {
    document: Value,
    code: Option<i32>,
}

impl Found {
    pub(crate) fn of(output: &Output) -> Self {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors, "");
        Self {
            document: serde_json::from_slice(&output.stdout).unwrap(),
            code: output.status.code(),
        }
    }

    /// Fails unless these groups, and nothing else, are to be tried.
    pub(crate) fn assert_groups(&self, groups: &Value) {
        assert_eq!(self.document["groups"], *groups, "{self:#?}");
        self.assert_outcome("candidates", 0);
    }

    /// Fails unless there is nothing to try, by this outcome.
    pub(crate) fn assert_none(&self, outcome: &str) {
        assert_eq!(self.document["groups"], json!([]), "{self:#?}");
        self.assert_outcome(outcome, 1);
    }

    /// Fails unless it could not be found out, for this reason.
    pub(crate) fn assert_failed(&self, failure: &Value) {
        self.assert_none("failed");
        assert_eq!(self.document["failure"], *failure, "{self:#?}");
    }

    pub(crate) fn assert_step(&self, step: &str) {
        let steps = self.document["steps"].as_array().unwrap();
        assert!(steps.iter().any(|one| one == step), "{self:#?}");
    }

    /// Fails unless a field of the document, or one inside of it, has this value.
    pub(crate) fn assert_field(&self, pointer: &str, value: &Value) {
        assert_eq!(self.document.pointer(pointer), Some(value), "{self:#?}");
    }

    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{self:#?}");
    }

    fn assert_outcome(&self, outcome: &str, code: i32) {
        assert_eq!(self.document["outcome"], outcome, "{self:#?}");
        self.assert_code(code);
    }
}

/// The failure that is an answer with SERVFAIL.
pub(crate) fn servfail() -> Value {
    json!({
        "kind": "server",
        "code": 2,
        "text": "the name server answered with SERVFAIL",
    })
}

/// A candidate for an SRV record.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) address: &'a str,
    pub(crate) port: u16,
    pub(crate) transport: &'a str,
    pub(crate) target: &'a str,
    pub(crate) weight: u16,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) alpn: Option<&'a str>,
    /// Names, each with its basis.
    pub(crate) identities: Vec<(&'a str, &'a str)>,
    pub(crate) dnssec: &'a str,
    pub(crate) provenance: &'a str,
}

impl<'a> Place<'a> {
    /// A server on 192.0.2.1 that an unsigned zone names for STARTTLS.
    pub(crate) fn starttls(domain: &'a str, target: &'a str) -> Self {
        Self {
            address: "192.0.2.1",
            port: 5269,
            transport: "starttls",
            target,
            weight: 0,
            server_name: Some(domain),
            alpn: None,
            identities: vec![(domain, "domain")],
            dnssec: "insecure",
            provenance: "service-record",
        }
    }

    pub(crate) fn json(&self) -> Value {
        let proof = |(name, basis): &(&str, &str)| json!({ "name": name, "basis": basis });
        let identities: Vec<_> = self.identities.iter().map(proof).collect();
        json!({
            "address": self.address,
            "port": self.port,
            "transport": self.transport,
            "target": self.target,
            "weight": self.weight,
            "server_name": self.server_name,
            "alpn": self.alpn,
            "identities": identities,
            "dnssec": self.dnssec,
            "provenance": self.provenance,
        })
    }
}

/// Places by their priorities, in the order of attempts.
pub(crate) fn groups(groups: &[(u16, &[Place<'_>])]) -> Value {
    let group = |(priority, places): &(u16, &[Place<'_>])| {
        let candidates: Vec<_> = places.iter().map(Place::json).collect();
        json!({ "priority": priority, "candidates": candidates })
    };
    groups.iter().map(group).collect()
}
