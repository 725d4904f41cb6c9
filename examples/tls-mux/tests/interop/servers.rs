//! The client at `openssl s_server`.

use comity_testkit::mint::{Identity, Purpose};
use comity_testkit::site::Site;

use crate::mux::{ended, program};
use crate::openssl::Server;
use crate::people::{Files, files, leaf, root, stranger, trust};

const SESSION: &str = "TLS 1.3 TLS_AES_256_GCM_SHA384, server certificate: ";

/// A server with this certificate, on a site with the root that is trusted.
struct Scene {
    server: Server,
    site: Site,
}

impl Scene {
    fn new(own: &Identity, options: &[&str]) -> Self {
        let site = Site::new("tls-mux");
        let server = Server::start(&files(&site, "server", own), options);
        Self { server, site }
    }

    /// What the client says, as its exit code, its output and its error.
    fn said(&self, options: &[&str]) -> (Option<i32>, String, String) {
        let mut command = program();
        command.arg("--connect").arg(self.server.address());
        command.arg("--trust").arg(trust(&self.site)).args(options);
        ended(&command.output().unwrap())
    }
}

fn proved(said: &str) -> (Option<i32>, String, String) {
    (Some(0), format!("{SESSION}{said}"), String::new())
}

fn refused(reason: &str) -> (Option<i32>, String, String) {
    let line = format!("comity-tls-mux: refused: {reason}");
    (Some(1), String::new(), line)
}

fn refused_certificate(reason: &str) -> (Option<i32>, String, String) {
    refused(&format!("server certificate: not trusted: {reason}"))
}

#[test]
#[ignore = "needs openssl"]
fn each_rule_reads_the_names_that_it_counts() {
    let names = leaf()
        .dns("*.a.example")
        .uri("sip:b.example")
        .srv("_xmpp-server.c.example");
    let scene = Scene::new(&root().issue(&names), &[]);
    let listed = "*.a.example, sip:b.example and _xmpp-server.c.example";
    let mismatch = |name: &str, near: &str| {
        refused_certificate(&format!(
            "the certificate names {listed}, not {name}{near} [name-mismatch]"
        ))
    };
    let by = |name: &str, by: &str| proved(&format!("{name} proved by {by}, vouched for by a CA"));
    let wildcard = "; a wildcard does not count here";
    let form = "; it names it in a form that does not count here";
    for (rule, name, expected) in [
        ("dns", "im.a.example", by("im.a.example", "*.a.example")),
        ("xmpp", "im.a.example", by("im.a.example", "*.a.example")),
        ("peer", "im.a.example", mismatch("im.a.example", wildcard)),
        ("dns", "a.example", mismatch("a.example", "")),
        ("sip", "b.example", by("b.example", "sip:b.example")),
        ("peer", "b.example", by("b.example", "sip:b.example")),
        ("dns", "b.example", mismatch("b.example", form)),
        (
            "xmpp",
            "c.example",
            by("c.example", "_xmpp-server.c.example"),
        ),
        ("sip", "c.example", mismatch("c.example", form)),
    ] {
        assert_eq!(
            scene.said(&["--rule", rule, "--name", name]),
            expected,
            "{rule}"
        );
    }
}

#[test]
#[ignore = "needs openssl"]
fn each_bad_certificate_is_refused() {
    let named = || leaf().dns("a.example");
    for (own, rule, reason) in [
        (
            root().issue(&leaf().dns("b.example")),
            "dns",
            "the certificate names b.example, not a.example [name-mismatch]",
        ),
        (
            root().issue(&leaf().common_name("a.example")),
            "peer",
            "the certificate names nothing, not a.example; its common name does not count \
             (policy on common names) [name-mismatch]",
        ),
        (
            stranger().issue(&named()),
            "dns",
            "the certificate chain does not lead to a trusted CA [unknown-issuer]",
        ),
        (
            root().issue(&named().valid(0, 1)),
            "sip",
            "the certificate expired at 1970-01-01T00:00:01Z [expired]",
        ),
        (
            root().issue(&named().purposes(&[Purpose::EmailProtection])),
            "xmpp",
            "the certificate lacks the extended key usage serverAuth or clientAuth that a TLS \
             server needs (policy any-tls) [extended-key-usage]",
        ),
    ] {
        let scene = Scene::new(&own, &[]);
        let said = scene.said(&["--rule", rule, "--name=a.example"]);
        assert_eq!(said, refused_certificate(reason));
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_common_name_counts_by_the_legacy_switch_alone() {
    let scene = Scene::new(&root().issue(&leaf().common_name("a.example")), &[]);
    for rule in ["sip", "peer"] {
        let options = ["--rule", rule, "--name=a.example", "--legacy-cn"];
        let (code, stdout, stderr) = scene.said(&options);
        assert_eq!((code, &*stderr), (Some(0), ""), "{rule}");
        assert!(stdout.starts_with(&format!("{SESSION}a.example proved by ")));
    }
}

#[test]
#[ignore = "needs openssl"]
fn the_client_presents_its_certificate_to_a_server_that_requires_one() {
    let own = root().issue(&leaf().dns("a.example"));
    let site = Site::new("tls-mux");
    let trusted = trust(&site);
    let verify = ["-Verify", "2", "-CAfile", trusted.to_str().unwrap()];
    let scene = Scene::new(
        &own,
        &[&verify[..], &["-verify_return_error", "-tls1_2"]].concat(),
    );
    let (code, _, stderr) = scene.said(&["--name=a.example"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("comity-tls-mux: refused: TLS: received fatal alert: "));
    let Files { certificate, key } = files(&site, "client", &own);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let options = ["--name=a.example", "--cert", certificate, "--key", key];
    let (code, stdout, stderr) = scene.said(&options);
    assert_eq!((code, &*stderr), (Some(0), ""));
    assert!(stdout.starts_with("TLS 1.2 "), "{stdout}");
}

#[test]
#[ignore = "needs openssl"]
fn an_old_server_is_refused() {
    let own = root().issue(&leaf().dns("a.example"));
    for options in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"],
    ] {
        let scene = Scene::new(&own, options);
        let (code, stdout, stderr) = scene.said(&["--name=a.example"]);
        assert_eq!((code, &*stdout), (Some(1), ""));
        assert!(
            stderr.starts_with("comity-tls-mux: refused: TLS: "),
            "{stderr}"
        );
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_pinned_server_is_trusted_for_those_whom_it_names() {
    let own = leaf().dns("a.example").self_signed();
    let scene = Scene::new(&own, &[]);
    let pin = scene.site.write("pin.pem", &own.chain_pem());
    let pin = pin.to_str().unwrap();
    let (code, stdout, stderr) = scene.said(&["--name=a.example", "--pin", pin]);
    assert_eq!((code, &*stderr), (Some(0), "--pin: a.example"));
    assert_eq!(
        stdout,
        format!("{SESSION}a.example proved by a.example, pinned")
    );
    let (code, _, stderr) = scene.said(&["--name=b.example", "--pin", pin]);
    assert_eq!(code, Some(1), "{stderr}");
}
