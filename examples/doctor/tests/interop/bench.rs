//! A domain of ours, what it trusts, and the doctor that works for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_testkit::site::Site;
use serde_json::Value;

use crate::dns::Dns;

/// Our domain: its users live on XMPP or on SIP, and it is asked about over the other protocol.
pub(crate) const OURS: &str = "ours.test";
/// Theirs.
pub(crate) const THEIRS: &str = "theirs.test";
/// What must never be shown.
pub(crate) const SECRET: &str = "a-secret-that-nobody-may-see";

/// All that a test has.
pub(crate) struct Bench {
    pub(crate) site: Site,
    root: Authority,
    stranger: Authority,
}

/// A certificate and its key as PEM files, and whom their owner trusts.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) trust: PathBuf,
}

/// Who signs a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Issuer {
    /// The CA that both sides trust.
    Known,
    /// One that only they trust.
    Stranger,
    /// Nobody else; the key is one of RSA.
    RsaItself,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let site = Site::new("doctor");
        let root = Ca::new("Root", [1; 32]).self_signed();
        let stranger = Ca::new("Stranger", [2; 32]).self_signed();
        site.write("root.pem", &root.certificate_pem());
        site.write("stranger.pem", &stranger.certificate_pem());
        let bench = Self {
            site,
            root,
            stranger,
        };
        bench.issue(
            "ours",
            Issuer::Known,
            &Leaf::new([3; 32]).dns(OURS).dns(GATEWAY),
        );
        bench.site.write("dialback", SECRET);
        bench.site.write("policy.toml", POLICY);
        bench.site.write("gateway.toml", CONFIG);
        bench
    }

    /// A certificate as the leaf says, but for a key of RSA.
    pub(crate) fn issue(&self, name: &str, issuer: Issuer, leaf: &Leaf) -> Files {
        match issuer {
            Issuer::Known => self.write(name, &self.root, leaf),
            Issuer::Stranger => self.write(name, &self.stranger, leaf),
            Issuer::RsaItself => self.rsa(name),
        }
    }

    fn rsa(&self, name: &str) -> Files {
        let [certificate, key] = ["pem", "key"].map(|kind| self.file(&format!("{name}.{kind}")));
        let mut openssl = Command::new("/usr/bin/openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=theirs.test",
        ]);
        openssl
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        let made = finished(&mut openssl);
        assert!(made.status.success(), "{made:?}");
        Files {
            certificate,
            key,
            trust: self.file("root.pem"),
        }
    }

    fn write(&self, name: &str, authority: &Authority, leaf: &Leaf) -> Files {
        let identity = authority.issue(leaf);
        Files {
            certificate: self
                .site
                .write(&format!("{name}.pem"), &identity.chain_pem()),
            key: self.site.write(&format!("{name}.key"), &identity.key_pem()),
            trust: self.file("root.pem"),
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.site.directory().join(name)
    }

    /// Lets the doctor see the other domain over one protocol.
    pub(crate) fn check(&self, dns: &Dns, protocol: &str) -> Visit {
        self.check_with(dns, protocol, &[])
    }

    pub(crate) fn check_with(&self, dns: &Dns, protocol: &str, options: &[&str]) -> Visit {
        self.run(&mut self.checking(doctor(), dns, protocol, options))
    }

    /// The same by a clock that is wrong.
    pub(crate) fn check_at(&self, dns: &Dns, protocol: &str, time: &str) -> Visit {
        let mut command = Command::new("/usr/bin/faketime");
        // The runtime measures its waits by the other clock.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.arg(time).arg(DOCTOR);
        self.run(&mut self.checking(command, dns, protocol, &[]))
    }

    fn checking(
        &self,
        mut doctor: Command,
        dns: &Dns,
        protocol: &str,
        options: &[&str],
    ) -> Command {
        doctor.args(["check", THEIRS, "--as", OURS, "--allow-loopback"]);
        doctor.args([
            "--protocol",
            protocol,
            "--resolver",
            &dns.address().to_string(),
        ]);
        doctor
            .arg("--config")
            .arg(self.file("gateway.toml"))
            .args(options);
        doctor
    }

    /// Lets the doctor do anything else.
    pub(crate) fn ask(&self, args: &[&str]) -> Visit {
        self.run(doctor().args(args))
    }

    /// Runs the doctor for programs and for people, neither of whom may see a secret.
    fn run(&self, command: &mut Command) -> Visit {
        command.current_dir(self.site.directory());
        let page = finished(command);
        let document = finished(command.arg("--json"));
        let keys = ["ours.key", "theirs.key"].map(|name| self.file(name));
        for output in [&page, &document] {
            assert_no_secret(output, &keys);
        }
        let code = document.status.code().unwrap();
        assert_eq!(
            page.status.code(),
            Some(code),
            "people and programs are told the same"
        );
        let text = String::from_utf8(document.stdout).unwrap();
        let error = String::from_utf8(document.stderr).unwrap();
        Visit {
            code,
            document: serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{error}")),
            page: String::from_utf8(page.stdout).unwrap(),
        }
    }
}

/// What the doctor has said.
pub(crate) struct Visit {
    pub(crate) code: i32,
    pub(crate) document: Value,
    pub(crate) page: String,
}

impl Visit {
    #[track_caller]
    pub(crate) fn assert_healthy(&self) {
        self.assert_found(&[]);
        assert_eq!(self.document["healthy"], true, "{}", self.page);
    }

    /// Fails unless these and no others are found, each with these words among what to do.
    #[track_caller]
    pub(crate) fn assert_found(&self, expected: &[(&str, &str)]) {
        let page = &self.page;
        let found = self.document["findings"].as_array().unwrap();
        let serious = found.iter().filter(|one| one["severity"] != "note");
        let mut ids: Vec<_> = serious
            .clone()
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let mut wanted: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
        wanted.sort_unstable();
        assert_eq!(ids, wanted, "{page}");
        for (id, remedy) in expected {
            let mut of_id = serious.clone().filter(|one| one["id"] == *id);
            assert!(
                of_id.any(|one| one["remedy"].as_str().unwrap().contains(remedy)),
                "{id} does not say {remedy:?}:\n{page}"
            );
            assert!(page.contains(id), "people are not told of {id}:\n{page}");
        }
        assert_eq!(self.code, i32::from(!expected.is_empty()), "{page}");
    }
}

impl Visit {
    /// How long nothing was waited for, which waits and the whole have to bear out.
    pub(crate) fn own_ms(&self) -> u64 {
        let time = &self.document["time"];
        let ms = |value: &Value| value.as_u64().unwrap();
        let waits = time["waits"].as_array().unwrap();
        let waits = waits
            .iter()
            .map(|wait| (ms(&wait["from_ms"]), ms(&wait["until_ms"])));
        let mut waits: Vec<_> = waits.collect();
        waits.sort_unstable();
        let (mut waited, mut reached) = (0, 0);
        for (from, until) in &waits {
            waited += until.saturating_sub(reached.max(*from));
            reached = reached.max(*until);
        }
        let (total, own) = (ms(&time["total_ms"]), ms(&time["own_ms"]));
        // Each of them is cut to whole milliseconds.
        let slack = u64::try_from(waits.len()).unwrap() + 1;
        assert!((waited + own).abs_diff(total) <= slack, "{time:#}");
        own
    }

    /// What is said to be done about a finding.
    pub(crate) fn remedy(&self, id: &str) -> &str {
        let found = self.document["findings"].as_array().unwrap();
        let of_id = found.iter().find(|one| one["id"] == id);
        let of_id = of_id.unwrap_or_else(|| panic!("no {id}:\n{}", self.page));
        of_id["remedy"].as_str().unwrap()
    }
}

fn doctor() -> Command {
    Command::new(DOCTOR)
}

fn finished(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[track_caller]
fn assert_no_secret(output: &Output, keys: &[PathBuf]) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(SECRET), "{said}");
    for line in keys.iter().flat_map(|key| key_lines(key)) {
        assert!(!said.contains(&line), "{said}");
    }
}

/// The lines of a private key between the first and the last, if there is one.
fn key_lines(key: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(key).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    lines.map(str::to_owned).collect()
}

const DOCTOR: &str = env!("CARGO_BIN_EXE_comity-doctor");
/// The host of our gateway.
const GATEWAY: &str = "gateway.ours.test";
const POLICY: &str = "\
acl = [\"all\"]

[xmpp]
enabled = true
default = \"allow\"

[sip]
enabled = true
default = \"allow\"
";
const CONFIG: &str = "\
[domains]
xmpp = []
sip = [\"ours.test\"]

[xmpp]
mode = \"s2s\"
dialback-secret-file = \"dialback\"

[[xmpp.listeners]]
address = \"127.0.0.1:5269\"
host = \"gateway.ours.test\"

[tls.inbound]
chain = \"ours.pem\"
key = \"ours.key\"

[trust.xmpp]
anchors = [\"root.pem\"]

[trust.sip]
anchors = [\"root.pem\"]

[policy]
file = \"policy.toml\"
";
