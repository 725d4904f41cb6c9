//! Kamailio as the server at which the client looks, and as the client that comes to the port.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use comity_testkit::mint::{Identity, Purpose};
use comity_testkit::site::{Site, free_address};

use crate::mux::{Mux, ended, program};
use crate::people::{Files, files, leaf, root, trust};
use crate::process::{PATIENCE, Process};

/// Kamailio with a certificate. It takes any certificate of others.
struct Kamailio {
    /// Where it speaks TLS.
    tls: SocketAddr,
    /// Where it takes requests over UDP, all of which it sends to its next hop over TLS.
    udp: SocketAddr,
    process: Process,
}

impl Kamailio {
    fn start(site: &Site, own: &Identity, next_hop: SocketAddr) -> Self {
        let (tls, udp) = (free_address(), free_address());
        let settings = site.write("tls.cfg", &settings(&files(site, "kamailio", own)));
        let config = format!(
            r#"#!KAMAILIO
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:{udp}
listen=tls:{tls}
enable_tls=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tls.so"
modparam("tls", "config", "{settings}")
request_route {{
  $du = "sip:{next_hop};transport=tls";
  t_relay();
}}
"#,
            settings = settings.display(),
        );
        let config = site.write("kamailio.cfg", &config);
        let mut command = Command::new("/usr/sbin/kamailio");
        command.arg("-f").arg(config);
        command.args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"]);
        command.arg(site.directory()).process_group(0);
        let process = Process::spawn("kamailio", &mut command);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(tls).is_err() {
            assert!(Instant::now() < deadline, "kamailio does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Self { tls, udp, process }
    }

    /// Makes it connect to its next hop.
    fn send(&self) {
        let request = "OPTIONS sip:mux.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
             Max-Forwards: 9\r\n\
             From: <sip:a.example>;tag=1\r\n\
             To: <sip:mux.example>\r\n\
             Call-ID: 1\r\n\
             CSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n";
        let socket = UdpSocket::bind((self.udp.ip(), 0)).unwrap();
        socket.send_to(request.as_bytes(), self.udp).unwrap();
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children are of its group.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
}

fn settings(own: &Files) -> String {
    let Files { certificate, key } = own;
    ["server", "client"]
        .map(|side| {
            format!(
                "[{side}:default]\nmethod = TLSv1.2+\nverify_certificate = no\n\
             require_certificate = no\ncertificate = {}\nprivate_key = {}\n",
                certificate.display(),
                key.display()
            )
        })
        .concat()
}

/// A certificate of the right CA, who is asked for, and why it is refused to the `role`.
fn bad(role: &str) -> [(Identity, &'static str, String); 4] {
    let named = || leaf().dns("a.example");
    [
        (
            leaf().dns("b.example"),
            "a.example",
            "the certificate names b.example, not a.example [name-mismatch]".to_owned(),
        ),
        (
            leaf().dns("*.a.example"),
            "im.a.example",
            "the certificate names *.a.example, not im.a.example; a wildcard does not count here \
             [name-mismatch]"
                .to_owned(),
        ),
        (
            leaf().common_name("a.example"),
            "a.example",
            "the certificate names nothing, not a.example; its common name does not count \
             (policy on common names) [name-mismatch]"
                .to_owned(),
        ),
        (
            named().purposes(&[Purpose::EmailProtection]),
            "a.example",
            format!(
                "the certificate lacks the extended key usage serverAuth or clientAuth that a TLS \
                 {role} needs (policy any-tls) [extended-key-usage]"
            ),
        ),
    ]
    .map(|(leaf, name, reason)| (root().issue(&leaf), name, reason))
}

/// What the client says about Kamailio: its exit code, its output and its error.
fn said_of_server(own: &Identity, options: &[&str]) -> (Option<i32>, String, String) {
    let site = Site::new("tls-mux");
    let kamailio = Kamailio::start(&site, own, free_address());
    let mut command = program();
    command.arg("--connect").arg(kamailio.tls.to_string());
    command.arg("--trust").arg(trust(&site)).args(options);
    ended(&command.output().unwrap())
}

/// What the port says about Kamailio.
fn said_of_client(own: &Identity, name: &str, options: &[&str]) -> String {
    let subject = format!("--peer-subject={name}");
    let judged = ["--strict", "--client-auth=required", &subject];
    let mux = Mux::start(&[&judged, options].concat());
    let kamailio = Kamailio::start(mux.site(), own, mux.address());
    kamailio.send();
    mux.line()
}

const SESSION: &str = "TLS 1.3 TLS_AES_256_GCM_SHA384";

#[test]
#[ignore = "needs kamailio"]
fn a_bad_certificate_of_kamailio_is_refused_to_the_server() {
    for (own, name, reason) in bad("server") {
        for rule in ["sip", "peer"] {
            let said = said_of_server(&own, &["--rule", rule, "--name", name]);
            let line =
                format!("comity-tls-mux: refused: server certificate: not trusted: {reason}");
            assert_eq!(said, (Some(1), String::new(), line), "{rule}");
        }
    }
}

#[test]
#[ignore = "needs kamailio"]
fn a_bad_certificate_of_kamailio_is_refused_to_the_client() {
    for (own, name, reason) in bad("client") {
        let line = format!("refused: client certificate: not trusted: {reason}");
        assert_eq!(said_of_client(&own, name, &[]), line);
    }
}

#[test]
#[ignore = "needs kamailio"]
fn a_good_certificate_of_kamailio_is_accepted_both_ways() {
    let own = root().issue(&leaf().uri("sip:a.example").dns("a.example"));
    for (rule, by) in [("sip", "sip:a.example"), ("peer", "sip:a.example")] {
        let said = said_of_server(&own, &["--rule", rule, "--name=a.example"]);
        let line =
            format!("{SESSION}, server certificate: a.example proved by {by}, vouched for by a CA");
        assert_eq!(said, (Some(0), line, String::new()), "{rule}");
    }
    assert_eq!(
        said_of_client(&own, "a.example", &[]),
        format!(
            "{SESSION}, client certificate: a.example proved by sip:a.example, vouched for by a CA"
        )
    );
}

#[test]
#[ignore = "needs kamailio"]
fn a_common_name_of_kamailio_counts_by_the_legacy_switch_alone() {
    let own = root().issue(&leaf().common_name("a.example"));
    let proved = "a.example proved by CN=a.example, vouched for by a CA";
    for rule in ["sip", "peer"] {
        let options = ["--rule", rule, "--name=a.example", "--legacy-cn"];
        let line = format!("{SESSION}, server certificate: {proved}");
        let said = said_of_server(&own, &options);
        assert_eq!(said, (Some(0), line, String::new()), "{rule}");
    }
    assert_eq!(
        said_of_client(&own, "a.example", &["--legacy-cn"]),
        format!("{SESSION}, client certificate: {proved}")
    );
}
