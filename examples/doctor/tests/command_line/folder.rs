//! A folder with configurations, in which the doctor works.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Command, Output};

use comity_testkit::mint::{Ca, Leaf};
use comity_testkit::site::Site;

use crate::Answer;
use crate::name_server::NameServer;

/// What must never be shown.
pub(crate) const SECRET: &str = "a-secret-that-nobody-may-see";

pub(crate) struct Folder(Site);

impl Folder {
    /// A folder with the certificate of our domain.
    pub(crate) fn new() -> Self {
        Self::with_certificate(&leaf().dns("ours.test"))
    }

    /// A folder with another certificate.
    pub(crate) fn with_certificate(leaf: &Leaf) -> Self {
        let folder = Self(Site::new("doctor"));
        folder.certify(leaf);
        folder
    }

    /// Gives our domain a certificate, of the same CA as any before.
    pub(crate) fn certify(&self, leaf: &Leaf) {
        let root = Ca::new("Root", [1; 32]).self_signed();
        let identity = root.issue(leaf);
        self.write("root.pem", &root.certificate_pem());
        self.write("ours.pem", &identity.chain_pem());
        self.write("ours.key", &identity.key_pem());
    }

    /// Writes the configuration of a node, its rules and its secret.
    pub(crate) fn node(&self, name: &str, secret: &str, default: &str) {
        self.write(&format!("{name}.secret"), secret);
        let rules = format!("[xmpp]\nenabled = true\ndefault = \"{default}\"\n");
        self.write(&format!("{name}.policy.toml"), &rules);
        let config = format!(
            "domains = {{ xmpp = [], sip = [\"ours.test\"] }}\npolicy.file = \"{name}.policy.toml\"\n\
             [xmpp]\nmode = \"s2s\"\ndialback-secret-file = \"{name}.secret\"\n\
             [[xmpp.listeners]]\naddress = \"127.0.0.1:5269\"\nhost = \"gateway.ours.test\"\n\
             [tls.inbound]\nchain = \"ours.pem\"\nkey = \"ours.key\"\n\
             [trust.xmpp]\nanchors = [\"root.pem\"]\n[trust.sip]\nanchors = [\"root.pem\"]\n"
        );
        self.write(&format!("{name}.toml"), &config);
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        self.0.write(name, content);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.directory().join(name)).unwrap()
    }

    /// Asks about our own side.
    pub(crate) fn own(&self, server: &NameServer) -> Answer {
        let resolver = format!("--resolver={}", server.address());
        self.ask(&["self", "--config=one.toml", &resolver])
    }

    pub(crate) fn append(&self, name: &str, content: &str) {
        let path = self.0.directory().join(name);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    /// Asks for people and for programs; neither may see the secret.
    pub(crate) fn ask(&self, args: &[&str]) -> Answer {
        let page = self.run(args);
        let document = self.run(&[args, &["--json"]].concat());
        assert_eq!(page.status, document.status);
        let [text, json] =
            [&page, &document].map(|it| String::from_utf8(it.stdout.clone()).unwrap());
        let error = String::from_utf8(document.stderr).unwrap();
        let answer = Answer {
            code: document.status.code().unwrap(),
            document: serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}{error}")),
            page: text,
        };
        assert!(!answer.page.contains(SECRET) && !json.contains(SECRET) && !error.contains(SECRET));
        answer
    }

    /// What it says on the way to exit code 0.
    pub(crate) fn say(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says to a person, and the exit code.
    pub(crate) fn tell(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let code = output.status.code().unwrap();
        (code, String::from_utf8(output.stdout).unwrap())
    }

    /// What it complains about when it cannot work.
    pub(crate) fn fail(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()));
        String::from_utf8(output.stderr).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_comity-doctor"));
        doctor
            .args(args)
            .current_dir(self.0.directory())
            .output()
            .unwrap()
    }
}

/// A certificate for the host of our gateway.
pub(crate) fn leaf() -> Leaf {
    Leaf::new([2; 32]).dns("gateway.ours.test")
}
