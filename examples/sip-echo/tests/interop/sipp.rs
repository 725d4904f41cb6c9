//! SIPp plays one side of a scenario, and says whether the other side kept to it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use comity_sip::Transport;

use crate::echo;
use crate::process::Process;
use crate::site;
use comity_testkit::site::{Site, free_address};

/// The domain of every caller.
pub(crate) const DOMAIN: &str = "peer.example";

pub(crate) struct Sipp {
    process: Process,
    /// Files with what it sent and received, and with what it did not expect.
    logs: [PathBuf; 2],
}

/// One of the files beside this one.
#[derive(Clone)]
pub(crate) struct Scenario {
    name: &'static str,
    /// The scenario of a request that belongs to no call.
    beside: Option<&'static str>,
    blanks: Vec<(&'static str, String)>,
    calls: u16,
}

impl Scenario {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            beside: None,
            blanks: Vec::new(),
            calls: 1,
        }
    }

    pub(crate) fn beside(mut self, name: &'static str) -> Self {
        self.beside = Some(name);
        self
    }

    /// Says what stands for `{blank}` in the file.
    pub(crate) fn fill(mut self, blank: &'static str, text: impl Into<String>) -> Self {
        self.blanks.push((blank, text.into()));
        self
    }

    /// Has it played this many times, many of them at once.
    pub(crate) fn calls(mut self, calls: u16) -> Self {
        self.calls = calls;
        self
    }

    fn write(&self, site: &Site, name: &str) -> PathBuf {
        let file = format!("{name}.xml");
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/interop/sipp")
            .join(&file);
        let mut scenario = fs::read_to_string(source).unwrap();
        for (blank, text) in &self.blanks {
            scenario = scenario.replace(&format!("{{{blank}}}"), text);
        }
        site.write(&file, &scenario)
    }
}

impl Sipp {
    /// Calls `to`.
    pub(crate) fn call(
        site: &Site,
        scenario: &Scenario,
        transport: Transport,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Self {
        let contact = match transport {
            Transport::Udp | Transport::Tcp => from.to_string(),
            // Nobody can connect to the near end of a tunnel.
            Transport::Tls => DOMAIN.to_owned(),
        };
        let mut command = command(site, scenario, transport, from, &contact);
        // Otherwise what its name ends with after three slashes would be the name of the call.
        command.arg(to.to_string()).arg("-callid_slash_ign");
        Self::spawn(site, "sipp caller", from, command)
    }

    /// Answers calls at `at`, which others know as `contact`.
    pub(crate) fn answer(
        site: &Site,
        scenario: &Scenario,
        transport: Transport,
        at: SocketAddr,
        contact: SocketAddr,
    ) -> Self {
        let contact = site::advertised(transport, contact, echo::DOMAIN);
        let command = command(site, scenario, transport, at, &contact);
        let mut sipp = Self::spawn(site, "sipp callee", at, command);
        sipp.process.wait_until_bound(transport, at);
        sipp
    }

    fn spawn(site: &Site, name: &'static str, local: SocketAddr, mut command: Command) -> Self {
        let logs = ["messages", "errors"].map(|kind| {
            let file = format!("sipp-{}.{kind}.log", local.port());
            site.directory().join(file)
        });
        let [messages, errors] = &logs;
        command
            .args(["-trace_msg", "-message_file"])
            .arg(messages)
            .args(["-trace_err", "-error_file"])
            .arg(errors);
        let process = Process::spawn(name, &mut command, site.directory());
        Self { process, logs }
    }

    /// Waits for the end of all calls, which has to be that of the scenario.
    pub(crate) fn finish(mut self) {
        let status = self.process.wait();
        assert!(status.success(), "the scenario was not kept: {status}");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        if thread::panicking() {
            for log in &self.logs {
                // There is no file of errors without an error.
                let text = fs::read_to_string(log).unwrap_or_default();
                eprintln!("== {}\n{text}", log.display());
            }
        }
    }
}

fn command(
    site: &Site,
    scenario: &Scenario,
    transport: Transport,
    local: SocketAddr,
    contact: &str,
) -> Command {
    let mut command = Command::new("/usr/bin/sipp");
    command.arg("-sf").arg(scenario.write(site, scenario.name));
    if let Some(beside) = scenario.beside {
        command.arg("-oocsf").arg(scenario.write(site, beside));
    }
    // Behind stunnel it is TCP that has become TLS by the time that the other side sees it.
    let option = match transport {
        Transport::Udp => "u1",
        Transport::Tcp | Transport::Tls => "t1",
    };
    let contact = format!("{contact};transport={}", transport.param());
    let calls = scenario.calls.to_string();
    let (ip, port) = (local.ip().to_string(), local.port().to_string());
    command
        .args(["-t", option, "-i", &ip, "-p", &port])
        .args(["-ci", &ip, "-cp", &free_address().port().to_string()])
        .args(["-key", "via", transport.name(), "-key", "contact", &contact])
        .args(["-m", &calls, "-r", "50", "-nostdin"])
        .args(["-timeout", "20s", "-timeout_error"])
        // The first side that has finished may close the connection.
        .args(["-reconnect_close", "false", "-deadcall_wait", "0"]);
    command
}
