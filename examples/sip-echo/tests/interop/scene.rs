//! What the sides of a test have in common: a directory, an authority, names, and a transport.

use std::net::SocketAddr;

use comity_sip::Transport;

use crate::agent::Agent;
use crate::certificates::Root;
use crate::dns::Dns;
use crate::echo::{self, Echo};
use crate::kamailio::{self, Kamailio, Setup};
use crate::linphone::Linphone;
use crate::sipp::{self, Scenario, Sipp};
use crate::stunnel::{Stunnel, Way};
use comity_testkit::site::{Site, free_address};

pub(crate) struct Scene {
    transport: Transport,
    /// Where Kamailio is found by other domains, if it runs.
    edge: SocketAddr,
    dns: Dns,
    root: Root,
    site: Site,
}

/// A SIPp that answers a call.
pub(crate) struct Callee {
    address: SocketAddr,
    sipp: Sipp,
    _tunnel: Option<Stunnel>,
}

impl Scene {
    /// Sets a scene in which domains talk to each other over one transport.
    pub(crate) fn new(transport: Transport) -> Self {
        let (site, edge) = (Site::new("sip-echo-interop"), free_address());
        // All of a test has one address.
        let ip = edge.ip();
        let names = [sipp::DOMAIN, kamailio::HOST, echo::DOMAIN];
        let dns = Dns::start(&site, &names.map(|name| (name, ip)));
        let root = Root::new();
        Self {
            transport,
            edge,
            dns,
            root,
            site,
        }
    }

    /// Starts the echo domain.
    pub(crate) fn echo(&self) -> Echo {
        let identity = self.root.issue(&self.site, &[echo::DOMAIN]);
        Echo::start(&self.site, self.transport, &identity, self.dns.address())
    }

    /// Starts a SIPp in the place of the echo domain, for one call.
    pub(crate) fn callee(&self, scenario: &Scenario) -> Callee {
        let plain = free_address();
        let tunnel = (self.transport == Transport::Tls).then(|| {
            let identity = self.root.issue(&self.site, &[echo::DOMAIN]);
            Stunnel::start(&self.site, &identity, Way::OutOf, plain)
        });
        let address = tunnel.as_ref().map_or(plain, Stunnel::address);
        Callee {
            sipp: Sipp::answer(&self.site, scenario, self.transport, plain, address),
            address,
            _tunnel: tunnel,
        }
    }

    /// Calls a server of the echo domain, and waits until the scenario has been kept.
    pub(crate) fn call(&self, to: SocketAddr, scenario: &Scenario) {
        let tunnel = (self.transport == Transport::Tls).then(|| {
            let identity = self.root.issue(&self.site, &[sipp::DOMAIN]);
            Stunnel::start(&self.site, &identity, Way::Into(echo::DOMAIN), to)
        });
        let to = tunnel.as_ref().map_or(to, Stunnel::address);
        Sipp::call(&self.site, scenario, self.transport, free_address(), to).finish();
    }

    /// Starts a user of the callers' domain, who sends all to `server`.
    pub(crate) fn linphone(&self, server: SocketAddr) -> Linphone {
        let identity = self.root.issue(&self.site, &[sipp::DOMAIN]);
        Linphone::start(&self.site, self.transport, &identity, server)
    }

    /// Starts comity's own endpoint as a user of the callers' domain.
    pub(crate) fn agent(&self) -> Agent {
        let identity = self.root.issue(&self.site, &[sipp::DOMAIN]);
        Agent::start(self.transport, &identity, self.dns.address())
    }

    /// Where other domains find Kamailio.
    pub(crate) fn edge(&self) -> SocketAddr {
        self.edge
    }

    /// Starts Kamailio as the server of the callers' domain, with one way out of it.
    pub(crate) fn kamailio(&self, next_hop: SocketAddr) -> Kamailio {
        let setup = Setup {
            listen: self.edge,
            transport: self.transport,
            next_hop,
            identity: &self.root.issue(&self.site, &[kamailio::HOST, sipp::DOMAIN]),
        };
        Kamailio::start(&self.site, &setup)
    }

    /// Registers a user of Kamailio's, and returns where it is.
    pub(crate) fn register(&self, kamailio: &Kamailio) -> SocketAddr {
        let user = free_address();
        let register = Scenario::new("register").fill("at", user.to_string());
        self.call_as(user, kamailio, &register);
        user
    }

    /// Has a user of Kamailio's call somebody, and waits until the scenario has been kept.
    pub(crate) fn call_as(&self, user: SocketAddr, kamailio: &Kamailio, scenario: &Scenario) {
        Sipp::call(&self.site, scenario, Transport::Udp, user, kamailio.users()).finish();
    }
}

impl Callee {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the end of the call, which has to be that of the scenario.
    pub(crate) fn finish(self) {
        self.sipp.finish();
    }
}
