//! NSD and unbound, and the program between them and the test.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use comity_testkit::dns::{RecordType, query};

use crate::found::Found;
use crate::process::{PATIENCE, Process};
use crate::zone::{Written, Zone};
use comity_testkit::site::{Site, free_address};

pub(crate) struct Scene {
    authority: SocketAddr,
    resolver: SocketAddr,
    _nsd: Process,
    _unbound: Process,
    site: Site,
}

/// A zone whose server is not there.
pub(crate) const DEAD: &str = "dead.example";
/// A zone that its server does not know.
pub(crate) const REFUSED: &str = "refused.example";

impl Scene {
    /// Starts both servers and waits until they answer.
    pub(crate) fn new(zones: &[Zone]) -> Self {
        Self::with(zones, "")
    }

    /// The same with a resolver that soon takes a server for dead, even one that is only slow.
    pub(crate) fn impatient(zones: &[Zone]) -> Self {
        let options = "  outbound-msg-retry: 1\n  unknown-server-time-limit: 50\n  \
                       infra-cache-min-rtt: 50\n  infra-cache-max-rtt: 100\n";
        Self::with(zones, options)
    }

    fn with(zones: &[Zone], options: &str) -> Self {
        let site = Site::new("fed-dig-interop");
        let (authority, resolver) = (free_address(), free_address());
        let zones: Vec<_> = zones.iter().map(|zone| zone.write(&site)).collect();
        let config = site.write("nsd.conf", &nsd(&zones, authority, site.directory()));
        let mut nsd = Process::spawn(
            "nsd",
            Command::new("/usr/sbin/nsd")
                .arg("-d")
                .arg("-c")
                .arg(config),
            site.directory(),
        );
        let config = unbound(&zones, authority, resolver, site.directory(), options);
        let config = site.write("unbound.conf", &config);
        let mut unbound = Process::spawn(
            "unbound",
            Command::new(unbound_program(&site))
                .arg("-d")
                .arg("-c")
                .arg(config),
            site.directory(),
        );
        nsd.wait_for("nsd started");
        unbound.wait_for("start of service");
        wait_until_answered(authority, zones[0].name);
        // unbound knows this one by itself.
        wait_until_answered(resolver, "localhost");
        Self {
            authority,
            resolver,
            _nsd: nsd,
            _unbound: unbound,
            site,
        }
    }

    pub(crate) fn authority(&self) -> SocketAddr {
        self.authority
    }

    pub(crate) fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// What the program finds through unbound, which validates.
    pub(crate) fn dig(&self, service: &str, domain: &str) -> Found {
        self.dig_with(service, domain, &["--validating"])
    }

    /// The same with these options and no others.
    pub(crate) fn dig_with(&self, service: &str, domain: &str, options: &[&str]) -> Found {
        let words = [&[service, domain], options].concat();
        run(&[self.resolver], &words)
    }

    /// What it finds when it asks the authority itself.
    pub(crate) fn dig_at_authority(&self, service: &str, domain: &str) -> Found {
        run(&[self.authority], &[service, domain])
    }

    /// What it finds through unbound when the preferred name server is not there.
    pub(crate) fn dig_behind_nobody(&self, service: &str, domain: &str) -> Found {
        let servers = [free_address(), self.resolver];
        run(&servers, &[service, domain, "--validating"])
    }

    /// What it makes of a file.
    pub(crate) fn read(&self, words: &[&str], option: &str, content: &str) -> Found {
        let file = self.site.write(option, content);
        let option = format!("--{option}={}", file.display());
        let words = [words, &[&option, "--validating"]].concat();
        run(&[self.resolver], &words)
    }
}

fn run(servers: &[SocketAddr], words: &[&str]) -> Found {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fed-dig"));
    command.args(words).arg("--json");
    for server in servers {
        command.args(["--resolver", &server.to_string()]);
    }
    Found::of(&command.output().unwrap())
}

/// A copy of unbound's program: where AppArmor is active, it keeps the one in the usual place out of
/// our directory. A process of its own writes it, because no other may have it open when it starts.
fn unbound_program(site: &Site) -> PathBuf {
    let program = site.directory().join("unbound");
    let copied = Command::new("cp")
        .arg("/usr/sbin/unbound")
        .arg(&program)
        .status();
    assert!(copied.unwrap().success(), "there is no unbound");
    program
}

/// Asks for the SOA record of a zone until an answer comes.
fn wait_until_answered(server: SocketAddr, zone: &str) {
    let socket = UdpSocket::bind((server.ip(), 0)).unwrap();
    socket.connect(server).unwrap();
    let a_moment = Some(Duration::from_secs(1));
    socket.set_read_timeout(a_moment).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut buf = [0; 1500];
    while Instant::now() < deadline {
        let _lost = socket.send(&query(1, zone, RecordType::SOA));
        if let Ok(len) = socket.recv(&mut buf) {
            // Byte 3 ends with the response code, and bytes 6 and 7 count the answers.
            assert!(
                len > 12 && buf[3] & 15 == 0 && buf[7] == 1,
                "{server} does not serve {zone}"
            );
            return;
        }
    }
    panic!("{server} does not answer");
}

fn nsd(zones: &[Written], listen: SocketAddr, directory: &Path) -> String {
    let (ip, port, directory) = (listen.ip(), listen.port(), directory.display());
    let mut config = format!(
        r#"server:
  ip-address: {ip}@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  pidfile: ""
  database: ""
  zonelistfile: "{directory}/zone.list"
  xfrdfile: ""
  xfrdir: "{directory}"
  server-count: 1
remote-control:
  control-enable: no
"#
    );
    for Written { name, .. } in zones {
        config += &format!("zone:\n  name: {name}\n  zonefile: {name}\n");
    }
    config
}

fn unbound(
    zones: &[Written],
    authority: SocketAddr,
    listen: SocketAddr,
    directory: &Path,
    options: &str,
) -> String {
    let (ip, port, directory) = (listen.ip(), listen.port(), directory.display());
    let mut config = format!(
        r#"server:
  interface: {ip}@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  module-config: "validator iterator"
  do-not-query-localhost: no
  use-caps-for-id: yes
{options}"#
    );
    for anchor in zones.iter().filter_map(|zone| zone.anchor.as_ref()) {
        config += &format!("  trust-anchor-file: \"{directory}/{anchor}\"\n");
    }
    config += "remote-control:\n  control-enable: no\n";
    let places = zones.iter().map(|zone| (zone.name, authority));
    for (name, server) in places.chain([(REFUSED, authority), (DEAD, free_address())]) {
        let (ip, port) = (server.ip(), server.port());
        config += &format!("stub-zone:\n  name: {name}\n  stub-addr: {ip}@{port}\n");
    }
    config
}
