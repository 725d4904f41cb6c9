//! The Microsoft-style edge of `edge.py`, and what it says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use comity_testkit::site::Site;
use serde_json::{Value, json};

use crate::certificates::Identity;
use crate::process::{Inbox, Process};

pub(crate) struct Edge {
    process: Process,
    inbox: Inbox<Value>,
}

/// What an edge needs to start.
pub(crate) struct Setup<'a> {
    pub(crate) listen: SocketAddr,
    /// The name in its certificate.
    pub(crate) host: &'a str,
    pub(crate) identity: &'a Identity,
    /// Where it sends everything, and who has to be there.
    pub(crate) next_hop: SocketAddr,
    pub(crate) peer_name: &'a str,
}

impl Edge {
    pub(crate) fn start(site: &Site, setup: &Setup<'_>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/edge.py");
        let identity = setup.identity;
        let mut command = Command::new("python3");
        command.arg("-B").arg(script);
        command.args(["--listen", &setup.listen.to_string()]);
        command.args(["--host", &format!("{}:{}", setup.host, setup.listen.port())]);
        command.args(["--next-hop", &setup.next_hop.to_string()]);
        command.args(["--peer-name", setup.peer_name]);
        command.arg("--cert").arg(&identity.certificate);
        command.arg("--key").arg(&identity.key);
        command.arg("--ca").arg(&identity.trust);
        let process = Process::spawn("edge", &mut command, site.directory());
        let inbox = Inbox::new("the edge");
        let edge = Self { process, inbox };
        edge.read();
        edge.take("ready", |_| true);
        edge
    }

    /// Has somebody do something: the name of it, who, to whom, and what else.
    pub(crate) fn tell(&mut self, act: &str, user: &str, to: &str, more: &[(&str, &str)]) {
        let mut command = json!({ "do": act, "user": user, "to": to });
        for (name, value) in more {
            command[*name] = json!(value);
        }
        self.process.write(&format!("{command}\n"));
    }

    /// How requests of a method to a user are answered from now on; 0 is as usual. A request that comes
    /// after this is answered so.
    pub(crate) fn answer(&mut self, method: &str, user: &str, status: u16) {
        let command = json!({ "do": "answer", "method": method, "user": user, "status": status });
        self.process.write(&format!("{command}\n"));
        self.take("noted", |noted| {
            noted["method"] == method && noted["user"] == user
        });
    }

    pub(crate) fn subscribe(&mut self, user: &str, to: &str) {
        self.tell("subscribe", user, to, &[]);
    }

    pub(crate) fn text(&mut self, user: &str, to: &str, text: &str) {
        self.tell("text", user, to, &[("body", text)]);
    }

    pub(crate) fn presence(&mut self, user: &str, state: &str) {
        self.tell("presence", user, "", &[("state", state)]);
    }

    /// Waits for something that it got.
    pub(crate) fn take(&self, got: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        self.inbox
            .take(got, |event| event["got"] == got && is_wanted(event))
    }

    pub(crate) fn take_within(
        &self,
        patience: Duration,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        self.inbox.take_within(patience, is_wanted)
    }

    /// Waits for something that it got for a user from somebody.
    pub(crate) fn take_of(&self, got: &str, user: &str, peer: &str) -> Value {
        self.take(got, |event| event["user"] == user && event["peer"] == peer)
    }

    /// Waits until the answer to a request of a user is there, which has to have this status.
    pub(crate) fn assert_answered(&self, method: &str, user: &str, status: u16) {
        let answer = self.take("answer", |event| {
            event["method"] == method && event["user"] == user
        });
        assert_eq!(answer["status"], status, "{answer}");
    }

    /// Waits until a user sees somebody like this. Until then he may see him as before.
    pub(crate) fn wait_until_seen(&self, user: &str, peer: &str, before: Look, now: Look) {
        loop {
            let notify = self.take_of("NOTIFY", user, peer);
            let seen = Look::of(notify["body"].as_str().unwrap());
            if seen == now {
                return;
            }
            assert_eq!(seen, before, "{notify}");
        }
    }

    /// What it got of one kind by now.
    pub(crate) fn drain(&self, got: &str) -> Vec<Value> {
        self.inbox.drain(|event| event["got"] == got)
    }

    /// Fails if the other side has broken a rule of SIP.
    pub(crate) fn assert_no_faults(&self) {
        let broken = |event: &Value| event["got"] == "fault" || event["got"] == "broken";
        let faults: Vec<_> = self.inbox.drain(broken);
        assert!(faults.is_empty(), "{faults:#?}");
    }

    fn read(&self) {
        let (lines, inbox) = (self.process.lines().clone(), self.inbox.clone());
        thread::spawn(move || {
            loop {
                // What is no JSON is a complaint of Python's, which is shown if the test fails.
                let line = lines.take_within(FOREVER, |line| line.starts_with('{'));
                if let Some(line) = line {
                    inbox.put(serde_json::from_str(&line).unwrap());
                }
            }
        });
    }
}

/// How somebody looks to a Lync client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Look {
    /// Nothing is told yet.
    Unknown,
    Available,
    Away,
    Busy,
    Offline,
    /// None of these.
    Other,
}

impl Look {
    pub(crate) fn of(body: &str) -> Self {
        let is_open = body.contains("<basic>open</basic>");
        let activity = body.split_once("<ep:activity>").map(|(_, rest)| rest);
        let activity = activity.and_then(|rest| rest.split_once('<'));
        match (is_open, activity.map(|(activity, _)| activity)) {
            _ if body.is_empty() => Self::Unknown,
            (false, None) => Self::Offline,
            (true, None) => Self::Available,
            (true, Some("away")) => Self::Away,
            (true, Some("busy")) => Self::Busy,
            (_, Some(_)) => Self::Other,
        }
    }
}

const FOREVER: Duration = Duration::from_secs(3600);
