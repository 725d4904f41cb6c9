//! Requests that get one answer.

use crate::sipp::{self, Scenario};

pub(crate) struct Request {
    method: &'static str,
    /// The domain that it comes from.
    from: &'static str,
    /// A dialog that it claims to belong to.
    to_tag: &'static str,
    headers: &'static str,
    body: &'static str,
    /// The answer: its status and reason, and what its headers have to list.
    status: &'static str,
    expected: &'static [(&'static str, &'static [&'static str])],
}

/// One of each kind, from the caller's own domain.
pub(crate) const REQUESTS: &[Request] = &[
    Request {
        headers: "Event: dialog\nAccept: application/dialog-info+xml\n",
        status: "489 Bad Event",
        expected: &[("Allow-Events", &["presence"])],
        ..Request::new("SUBSCRIBE")
    },
    Request {
        headers: "Event: presence\nAccept: application/pidf+xml\nExpires: 10\n",
        status: "423 Interval Too Brief",
        expected: &[("Min-Expires", &["60"])],
        ..Request::new("SUBSCRIBE")
    },
    Request {
        status: "501 Not Implemented",
        ..Request::new("FROBNICATE")
    },
    Request {
        to_tag: ";tag=unknown",
        headers: TEXT,
        body: "Hello?",
        status: "481 Call/Transaction Does Not Exist",
        ..Request::new("MESSAGE")
    },
    Request {
        to_tag: ";tag=unknown",
        status: "481 Call/Transaction Does Not Exist",
        ..Request::new("BYE")
    },
    Request {
        status: "481 Call/Transaction Does Not Exist",
        ..Request::new("CANCEL")
    },
    Request {
        headers: "Require: nothing-known\n",
        status: "420 Bad Extension",
        expected: &[("Unsupported", &["nothing-known"])],
        ..Request::new("OPTIONS")
    },
    Request {
        status: "200 OK",
        expected: &[
            ("Allow", &["INVITE", "MESSAGE", "SUBSCRIBE"]),
            ("Accept", &["text/plain"]),
            ("Allow-Events", &["presence"]),
        ],
        ..Request::new("OPTIONS")
    },
];

impl Request {
    /// A client's certificate is for another domain than that in From.
    pub(crate) const FROM_ANOTHER_DOMAIN: Self = Self {
        from: "other.example",
        headers: TEXT,
        body: "I am somebody else",
        status: "403 Forbidden",
        ..Self::new("MESSAGE")
    };

    const fn new(method: &'static str) -> Self {
        Self {
            method,
            from: sipp::DOMAIN,
            to_tag: "",
            headers: "",
            body: "",
            status: "",
            expected: &[],
        }
    }

    /// Sends the request and expects the answer.
    pub(crate) fn scenario(&self) -> Scenario {
        let (code, _) = self.status.split_once(' ').unwrap();
        let mut expectations = String::new();
        for (header, values) in self.expected {
            for value in *values {
                expectations += &format!(
                    "<ereg regexp=\"{value}\" search_in=\"hdr\" header=\"{header}:\" \
                     check_it=\"true\" assign_to=\"found\"/>\n"
                );
            }
        }
        Scenario::new("request")
            .fill("method", self.method)
            .fill("from", self.from)
            .fill("to_tag", self.to_tag)
            .fill("headers", self.headers)
            .fill("body", self.body)
            .fill("status", code)
            .fill("expectations", expectations)
    }

    /// Expects any request and gives the answer.
    pub(crate) fn answer(&self) -> Scenario {
        let mut headers = String::new();
        for (header, values) in self.expected {
            headers += &format!("{header}: {}\n", values.join(", "));
        }
        Scenario::new("answer")
            .fill("status", self.status)
            .fill("headers", headers)
    }
}

const TEXT: &str = "Content-Type: text/plain\n";
