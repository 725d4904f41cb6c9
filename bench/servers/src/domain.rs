//! The domain that loads the servers.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use comity_rustls::{Identity, TlsContext, default_provider};
use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_tokio::{Config, Event, Federation};
use rustls::ClientConfig;
use tokio::runtime::Runtime;

use crate::load::ping;
use crate::process::Process;
use crate::servers::Server;
use crate::site::{Site, free_address};
use crate::stream::{self, PATIENCE, Stream};

/// A domain to which servers connect with their answers.
pub(crate) struct Domain {
    surroundings: Surroundings,
    tls: Arc<ClientConfig>,
    /// The ids of the stanzas that have come.
    answers: Receiver<String>,
    _federation: Federation,
    _runtime: Runtime,
    _dns: Process,
}

/// What servers need to live beside the domain.
pub(crate) struct Surroundings {
    /// The authority that all trust.
    pub(crate) root: Authority,
    /// The certificate of `root`, PEM.
    pub(crate) trust: PathBuf,
    /// A name server that knows the domain.
    pub(crate) dns: SocketAddr,
}

impl Domain {
    pub(crate) fn start(site: &Site) -> Result<Self, Box<dyn Error>> {
        let (address, dns) = (free_address(), free_address());
        let root = Ca::new("Root", [1; 32]).self_signed();
        let own = root.issue(&Leaf::new([2; 32]).dns(NAME));
        let provider = default_provider();
        let (chain, key) = (own.chain_pem(), own.key_pem());
        let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider)?;
        let mut context = TlsContext::observing(Arc::clone(&provider));
        context.identity = Some(identity.clone());

        let mut config = Config::new(identity, &provider);
        config.listen = vec![address];
        let anchor = root.certificate_pem();
        config.trust.store.add_anchors_from_pem(anchor.as_bytes())?;
        config.policy.local_domains.insert(NAME.parse()?);
        config.policy.xmpp.enabled = comity_policy::Switch::On;
        config.policy.xmpp.default_verdict = comity_policy::Verdict::Allow;
        let runtime = Runtime::new()?;
        let (federation, mut events) = runtime.block_on(Federation::start(config))?;
        let (answered, answers) = mpsc::channel();
        runtime.spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::Stanza { stanza, .. } = event
                    && answered
                        .send(stanza.id().unwrap_or_default().to_owned())
                        .is_err()
                {
                    break;
                }
            }
        });
        Ok(Self {
            tls: Arc::new(context.client_config()?),
            answers,
            _federation: federation,
            _runtime: runtime,
            _dns: start_dns(site, dns, address)?,
            surroundings: Surroundings {
                trust: site.write("root.pem", &anchor)?,
                root,
                dns,
            },
        })
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Opens a stream to a server that can carry stanzas.
    pub(crate) fn connect(&self, server: &Server) -> Result<Stream, Box<dyn Error>> {
        let to = server.kind().domain();
        stream::open(server.address(), NAME, to, Arc::clone(&self.tls))
            .map_err(|error| blame(server, &error.to_string()))
    }

    /// Waits until a server answers, for which it must have opened a stream to us.
    pub(crate) fn await_answer(&mut self, server: &Server) -> Result<(), Box<dyn Error>> {
        use std::io::Write;

        let mut stream = self.connect(server)?;
        let first = "first";
        stream.write_all(ping(server.kind().domain(), first).as_bytes())?;
        self.await_pong(server, first)
    }

    pub(crate) fn await_pong(&mut self, server: &Server, id: &str) -> Result<(), Box<dyn Error>> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) if answer == id => Ok(()),
            Ok(other) => Err(blame(
                server,
                &format!("answers {other:?}, which is not {id:?}"),
            )),
            Err(_timeout) => Err(blame(server, "does not answer")),
        }
    }
}

fn blame(server: &Server, what: &str) -> Box<dyn Error> {
    format!("{} {what}\n{}", server.kind().name(), server.log()).into()
}

/// Starts a name server that knows the domain and nothing else.
fn start_dns(site: &Site, at: SocketAddr, ours: SocketAddr) -> Result<Process, Box<dyn Error>> {
    let (ip, port) = (ours.ip(), ours.port());
    let mut config = format!(
        "listen-address={}\nport={}\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/test/\n",
        at.ip(),
        at.port()
    );
    // ejabberd asks the system for addresses, unless the name consists of the digits of one. The
    // others cannot use that name.
    let service = format!("srv-host=_xmpp-server._tcp.{NAME}");
    config += &format!("{service},{ip},{port},10\n{service},{HOST},{port},20\n");
    config += &format!("host-record={HOST},{ip}\n");
    let config = site.write("dnsmasq.conf", &config)?;
    let mut command = Command::new("/usr/sbin/dnsmasq");
    command
        .arg("--no-daemon")
        .arg(format!("--conf-file={}", config.display()));
    let log = site.directory().join("dnsmasq.log");
    Ok(Process::spawn(&mut command, site.directory(), &log)?)
}

pub(crate) const NAME: &str = "load.test";
const HOST: &str = "xmpp.load.test";
