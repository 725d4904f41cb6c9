//! The doctor as its user sees it, where no real server is needed.
#![cfg(test)]

mod folder;
#[path = "../../../fed-dig/tests/command_line/name_server.rs"]
mod name_server;

use comity_testkit::dns::FakeDns;
use comity_testkit::mint::NOT_BEFORE;
use folder::{Folder, SECRET, leaf};
use name_server::NameServer;
use serde_json::{Value, json};

#[test]
fn nodes_that_agree_are_healthy() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    folder.node("two", SECRET, "allow");
    let answer = folder.ask(&["compare", "one.toml", "two.toml"]);
    assert_eq!((answer.code, answer.ids()), (0, vec![]));
    assert!(
        answer
            .page
            .starts_with("one.toml, two.toml: nothing is wrong\n")
    );
    assert!(answer.page.contains("  same     dialback secret\n"));
}

#[test]
fn nodes_that_differ_in_secret_and_policy_are_told_and_no_secret_is() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    folder.node("two", SECRET, "allow");
    folder.node("three", "another-secret", "deny");
    let answer = folder.ask(&[
        "compare",
        "one=one.toml",
        "two=two.toml",
        "three@b=three.toml",
    ]);
    assert_eq!(answer.code, 1);
    assert_eq!(
        answer.ids(),
        ["nodes-default-policy", "nodes-dialback-secret"]
    );
    let secret = answer.finding("nodes-dialback-secret");
    assert_eq!(secret["subject"], "three");
    assert_eq!(secret["remedy"], "copy the dialback secret to this node");
    let policy = answer.finding("nodes-default-policy");
    assert_eq!(
        policy["seen"],
        "default policy: default deny; expected: default allow"
    );
    assert!(answer.page.starts_with("one, two, three: 2 errors\n"));
    assert!(answer.page.contains("  differs  dialback secret\n"));
    answer.assert_hides("another-secret");
}

#[test]
fn an_explanation_follows_the_rules_to_the_one_that_denies() {
    let folder = Folder::new();
    folder.node("one", SECRET, "deny");
    let args = [
        "explain",
        "--config=one.toml",
        "--from=u@ours.test",
        "--to=v@theirs.test",
    ];
    let answer = folder.ask(&args);
    assert_eq!((answer.code, answer.ids()), (1, vec!["policy-denies"]));
    let finding = answer.finding("policy-denies");
    assert_eq!(
        finding["seen"],
        "outbound header over XMPP: denied: default deny"
    );
    let decisions = json!([{ "stage": "header", "verdict": "deny", "rules": ["default deny"] }]);
    assert_eq!(answer.document["decisions"], decisions);
}

#[test]
fn a_polite_refusal_is_told_from_an_open_one() {
    for (mode, id) in [
        ("polite", "policy-refuses-politely"),
        ("rejected", "policy-denies"),
    ] {
        let folder = Folder::new();
        folder.node("one", SECRET, "allow");
        let rules = format!(
            "deny-mode = \"{mode}\"\n[xmpp]\nenabled = true\ndefault = \"allow\"\n[[user-rules]]\n\
             owner = \"u@ours.test\"\nsubject = \"v@theirs.test\"\nscope = \"presence\"\n\
             verdict = \"block\"\n"
        );
        folder.write("one.policy.toml", &rules);
        let args = [
            "explain",
            "--config=one.toml",
            "--from=v@theirs.test",
            "--to=u@ours.test",
        ];
        let answer = folder.ask(&args);
        assert_eq!(
            (answer.code, answer.ids()),
            (1, vec![id]),
            "{}",
            answer.page
        );
        let remedy = answer.finding(id)["remedy"].as_str().unwrap();
        assert!(remedy.contains("one.policy.toml"), "{remedy}");
    }
}

#[test]
fn sides_that_are_not_ours_are_no_question() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let args = [
        "explain",
        "--config=one.toml",
        "--from=a.test",
        "--to=b.test",
    ];
    let error = "comity-doctor: neither a.test nor b.test is ours\n";
    assert_eq!(folder.fail(&args), error);
}

#[test]
fn a_request_has_every_name_and_is_signed() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let args = [
        "csr",
        "--config=one.toml",
        "--subject=/C=DE/O=Example/CN=ours.test",
    ];
    let answer = folder.ask(&args);
    assert_eq!((answer.code, answer.ids()), (0, vec![]), "{}", answer.page);
    let names = json!(["ours.test", "_xmpp-server.ours.test", "XmppAddr ours.test"]);
    assert_eq!(answer.document["names"], names);
    let request = answer.document["request"].as_str().unwrap();
    assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
    assert!(request.ends_with("\n-----END CERTIFICATE REQUEST-----\n"));
    // Each run signs anew.
    assert!(
        answer
            .page
            .contains("\n-----BEGIN CERTIFICATE REQUEST-----\n")
    );
}

#[test]
fn a_subject_that_the_ca_refuses_is_told_before_it_does() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let args = [
        "csr",
        "--config=one.toml",
        "--ca=organization",
        "--subject=/C=de/ST=HE",
    ];
    let answer = folder.ask(&args);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.ids(), ["request-subject"; 6], "{}", answer.page);
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_name() {
    let folder = Folder::new();
    folder.write("broken.toml", "domains = 1\n");
    let error = folder.fail(&["dns", "--config=broken.toml"]);
    let reason = "broken.toml: line 1, domains: a table is expected, not a whole number";
    assert_eq!(error.lines().last(), Some(reason));
    let error = folder.fail(&["self", "--config=absent.toml"]);
    assert!(error.starts_with("absent.toml: "), "{error}");
    let error = folder.fail(&["cure"]);
    assert_eq!(
        error,
        "comity-doctor: there is no command \"cure\"; see --help\n"
    );
}

#[test]
fn records_that_lack_are_told_with_those_to_publish() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let server = NameServer::start(published());
    let resolver = format!("--resolver={}", server.address());
    let answer = folder.ask(&["dns", "--config=one.toml", &resolver]);
    assert_eq!((answer.code, answer.ids()), (0, vec![]), "{}", answer.page);
    let record = "_xmpp-server._tcp.ours.test. SRV 0 0 5269 gateway.ours.test.";
    assert_eq!(answer.document["publish"], json!([record]));
    let zones = FakeDns::new().a("gateway.ours.test.", [192, 0, 2, 1]);
    let empty = NameServer::start(zones);
    let resolver = format!("--resolver={}", empty.address());
    let answer = folder.ask(&["dns", "--config=one.toml", &resolver]);
    assert_eq!(
        (answer.code, answer.ids()),
        (1, vec!["srv-missing"]),
        "{}",
        answer.page
    );
    assert!(answer.page.contains(record));
}

#[test]
fn our_own_side_is_told_whole() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let server = NameServer::start(published());
    let answer = folder.own(&server);
    assert_eq!((answer.code, answer.ids()), (0, vec![]), "{}", answer.page);
    for heading in [
        "\nTo publish in DNS:\n",
        "\nPorts, here and as others see them:\n",
        "\nFirewall, to let through:\n",
    ] {
        assert!(answer.page.contains(heading), "{heading}{}", answer.page);
    }
    let firewall = &answer.document["configuration"]["firewall"];
    assert_eq!(firewall[0]["to"], "us:5269", "{firewall}");
}

#[test]
fn what_our_own_certificate_lacks_is_told() {
    let old = leaf().dns("ours.test").valid(NOT_BEFORE, NOT_BEFORE + 60);
    for (leaf, id) in [
        (leaf(), "certificate-name-missing"),
        (old, "certificate-expired"),
    ] {
        let folder = Folder::with_certificate(&leaf);
        folder.node("one", SECRET, "allow");
        let answer = folder.own(&NameServer::start(published()));
        assert_eq!(
            (answer.code, answer.ids()),
            (1, vec![id]),
            "{}",
            answer.page
        );
    }
}

#[test]
fn a_certificate_that_was_replaced_is_told_once() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let server = NameServer::start(published());
    let resolver = format!("--resolver={}", server.address());
    let args = ["self", "--config=one.toml", "--remember=kept", &resolver];
    let good = "one.toml: nothing is wrong (4 notes)\n";
    for _ in 0..2 {
        let (code, page) = folder.tell(&args);
        assert_eq!((code, page.starts_with(good)), (0, true), "{page}");
    }
    let former = kept(&folder);
    folder.certify(&leaf().dns("ours.test").dns("more.ours.test"));
    let (code, page) = folder.tell(&args);
    assert_eq!(code, 1, "{page}");
    let now = kept(&folder);
    assert!(former.len() == 95 && now.len() == 95 && former != now);
    let told = format!(
        "one.toml: 1 warning, 4 notes\n\nwarning tls.inbound (ours.pem): its SHA-256 is\n        {now},\n        \
         and was\n        {former}\n"
    );
    assert!(page.starts_with(&told), "{page}");
    assert!(page.contains("[certificate-replaced, our certificates]\n"));
    let document = folder.ask(&args);
    assert_eq!((document.code, document.ids()), (0, vec![]));
}

#[test]
fn what_is_no_memory_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let args = ["self", "--config=one.toml", "--remember=one.toml"];
    let before = folder.read("one.toml");
    let error = folder.fail(&args);
    assert!(
        error.starts_with("comity-doctor: one.toml: it holds no fingerprints: "),
        "{error}"
    );
    assert_eq!(folder.read("one.toml"), before);
    folder.write("long", &" ".repeat(256 * 1024 + 1));
    assert_eq!(
        folder.fail(&["self", "--config=one.toml", "--remember=long"]),
        "comity-doctor: long: it is longer than 262144 bytes, and not what was written\n"
    );
}

/// The one fingerprint that is remembered.
fn kept(folder: &Folder) -> String {
    let kept: Value = serde_json::from_str(&folder.read("kept")).unwrap();
    assert_eq!(kept.as_object().unwrap().len(), 1);
    kept["tls.inbound"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_perhaps_not_meant_is_noted() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let answer = folder.own(&NameServer::start(published()));
    assert_eq!((answer.code, answer.ids()), (0, vec![]));
    let noted = answer.finding("own-configuration");
    assert_eq!(noted["severity"], "note", "{noted}");
}

#[test]
fn a_lync_server_gets_its_commands_with_our_names() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let config = folder.read("one.toml");
    let config = config.replace("xmpp = []", "xmpp = [\"chat.test\"]");
    let listener = "[sip]\nfederation-host = \"gateway.ours.test\"\n[[sip.listeners]]\n\
                    transport = \"tls\"\naddress = \"127.0.0.1:5061\"\n";
    folder.write("one.toml", &format!("{config}{listener}"));
    let answer = folder.own(&NameServer::start(published()));
    let lync = answer.document["lync"].as_array().unwrap();
    let allowed = "New-CsAllowedDomain -Identity \"chat.test\" -ProxyFqdn \"gateway.ours.test\"";
    assert!(lync.contains(&json!(allowed)), "{lync:?}");
    assert!(answer.page.contains(allowed), "{}", answer.page);
}

#[test]
fn a_static_route_goes_before_dns() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    folder.append(
        "one.toml",
        "[[routes.sip]]\npattern = \"theirs.test\"\nnext-hop = \"192.0.2.7\"\nport = 5061\n\
         transport = \"tls\"\n",
    );
    let server = NameServer::start(FakeDns::new());
    let resolver = format!("--resolver={}", server.address());
    let answer = folder.ask(&["route", "v@theirs.test", "--config=one.toml", &resolver]);
    assert_eq!((answer.code, answer.ids()), (0, vec![]), "{}", answer.page);
    assert_eq!(answer.document["because"], "a static route");
    assert!(
        answer
            .page
            .contains("\nProtocol:\n  SIP, by a static route\n"),
        "{}",
        answer.page
    );
    assert_eq!(answer.document["servers"][0]["address"], "192.0.2.7:5061");
    let answer = folder.ask(&["route", "other.test", "--config=one.toml", &resolver]);
    assert_eq!(
        (answer.code, answer.ids()),
        (1, vec!["route-missing"]),
        "{}",
        answer.page
    );
}

#[test]
fn a_name_server_that_is_away_is_not_taken_for_a_missing_record() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    let args = [
        "route",
        "theirs.test",
        "--config=one.toml",
        "--resolver=127.0.0.1:1",
    ];
    let answer = folder.ask(&args);
    assert_eq!(
        (answer.code, answer.ids()),
        (1, vec!["route-unknown"]),
        "{}",
        answer.page
    );
}

#[test]
fn name_servers_that_differ_are_told() {
    let folder = Folder::new();
    folder.node("one", SECRET, "allow");
    // Nothing is dialled there: the target lies in a network of somebody's own.
    let record = |target: &str| {
        let owner = "_xmpp-server._tcp.theirs.test.";
        FakeDns::new()
            .srv(owner, 0, 0, 5269, target)
            .a(target, [10, 0, 0, 1])
    };
    let inside = NameServer::start(record("inside.theirs.test."));
    let outside = NameServer::start(record("outside.theirs.test."));
    let resolvers = [&inside, &outside].map(|one| format!("--resolver={}", one.address()));
    let [inside, outside] = resolvers.each_ref().map(String::as_str);
    let check = [
        "check",
        "theirs.test",
        "--config=one.toml",
        "--protocol=xmpp",
        inside,
    ];
    let alone = folder.ask(&check);
    assert!(!alone.ids().contains(&"dns-views-differ"), "{}", alone.page);
    let both = folder.ask(&[&check[..], &[outside]].concat());
    assert!(both.ids().contains(&"dns-views-differ"), "{}", both.page);
    let seen = both.finding("dns-views-differ")["seen"].as_str().unwrap();
    assert!(
        seen.contains("inside.theirs.test") && seen.contains("outside.theirs.test"),
        "{seen}"
    );
}

#[test]
fn help_and_version_are_there() {
    let folder = Folder::new();
    assert!(
        folder
            .say(&["--help"])
            .starts_with("Usage: comity-doctor check DOMAIN")
    );
    let version = format!("comity-doctor {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(folder.say(&["--version"]), version);
}

/// What our domain has to have in DNS.
fn published() -> FakeDns {
    let owner = "_xmpp-server._tcp.ours.test.";
    FakeDns::new()
        .srv(owner, 0, 0, 5269, "gateway.ours.test.")
        .a("gateway.ours.test.", [192, 0, 2, 1])
}

/// What the doctor says to programs and to people.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) document: Value,
    pub(crate) page: String,
}

impl Answer {
    /// What is worse than a note, in the order of their words.
    fn ids(&self) -> Vec<&str> {
        let findings = self.document["findings"].as_array().unwrap();
        let serious = findings.iter().filter(|one| one["severity"] != "note");
        let mut ids: Vec<_> = serious.map(|one| one["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids
    }

    fn finding(&self, id: &str) -> &Value {
        let findings = self.document["findings"].as_array().unwrap();
        findings.iter().find(|one| one["id"] == id).unwrap()
    }

    fn assert_hides(&self, secret: &str) {
        assert!(!self.page.contains(secret), "{}", self.page);
        assert!(
            !self.document.to_string().contains(secret),
            "{}",
            self.document
        );
    }
}
