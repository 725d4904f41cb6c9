//! A server with two users, the gateway, and an edge of a Microsoft-style domain.

use std::net::SocketAddr;

use comity_testkit::site::{Site, free_address};

use crate::certificates::Root;
use crate::dns::Dns;
use crate::edge::{self, Edge};
use crate::gateway::{self, Gateway, Hardship, Home, Meeting, Peer};
use crate::servers::{DOMAIN, Federation, Make, Server};

/// The Microsoft-style domain.
pub(crate) const LYNC: &str = "lync.test";
const EDGE: &str = "edge.lync.test";

/// Each ends before what it depends on.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) edge: Edge,
    pub(crate) server: Server,
    listen: SocketAddr,
    _dns: Dns,
    site: Site,
}

impl Scene {
    /// A server of our users, with the gateway as its component.
    pub(crate) fn new(make: Make) -> Self {
        Self::of(make, Home::Xmpp)
    }

    /// The same where others of the domains are ours.
    pub(crate) fn of(make: Make, home: Home) -> Self {
        Self::set(make, home, Hardship::Nothing)
    }

    /// The same with a Prosody, where something is to befall the gateway.
    pub(crate) fn in_hardship(hardship: Hardship) -> Self {
        Self::set(Make::Prosody, Home::Xmpp, hardship)
    }

    fn set(make: Make, home: Home, hardship: Hardship) -> Self {
        let ground = Ground::new(None);
        let server = Server::start(&ground.site, make, LYNC);
        let meeting = Meeting::Component(server.components());
        ground.play(server, meeting, home, hardship)
    }

    /// A Prosody of our users that meets the gateway as a server.
    pub(crate) fn federating() -> Self {
        let (gateway, prosody) = (free_address(), free_address());
        let ground = Ground::new(Some(gateway));
        let federation = Federation {
            listen: prosody,
            identity: &ground.root.issue(&ground.site, &[DOMAIN]),
            dns: ground.dns.address(),
        };
        let server = Server::federating(&ground.site, &federation);
        let meeting = Meeting::Streams(gateway, prosody);
        ground.play(server, meeting, Home::Xmpp, Hardship::Nothing)
    }

    /// Kills the gateway and starts it again.
    pub(crate) fn crash(&mut self) {
        self.gateway.crash(&self.site, self.listen);
    }

    /// Replaces the rules about users.
    pub(crate) fn reload(&self, rules: &str) {
        self.gateway.reload(&self.site, rules);
    }
}

/// What is there before any server is.
struct Ground {
    root: Root,
    /// Where the edge and the gateway listen for SIP.
    edge: SocketAddr,
    listen: SocketAddr,
    dns: Dns,
    site: Site,
}

impl Ground {
    /// As Microsoft's servers are found, and the gateway by XMPP servers if it listens for them.
    fn new(streams: Option<SocketAddr>) -> Self {
        let site = Site::new("gateway-interop");
        let (listen, edge) = (free_address(), free_address());
        let (ip, port) = (edge.ip(), edge.port());
        let mut records = format!(
            "srv-host=_sipfederationtls._tcp.{LYNC},{EDGE},{port}\nhost-record={EDGE},{ip}\n"
        );
        if let Some(streams) = streams {
            let (host, ip, port) = (gateway::HOST, streams.ip(), streams.port());
            records += &format!(
                "srv-host=_xmpp-server._tcp.{LYNC},{host},{port}\nhost-record={host},{ip}\n"
            );
        }
        Self {
            root: Root::new(),
            edge,
            listen,
            dns: Dns::start(&site, &records),
            site,
        }
    }

    fn play(self, server: Server, meeting: Meeting, home: Home, hardship: Hardship) -> Scene {
        let Self {
            root,
            edge,
            listen,
            dns,
            site,
        } = self;
        let edge = Edge::start(
            &site,
            &edge::Setup {
                listen: edge,
                host: EDGE,
                identity: &root.issue(&site, &[EDGE]),
                next_hop: listen,
                peer_name: gateway::HOST,
            },
        );
        let gateway = Gateway::start(
            &site,
            &gateway::Setup {
                listen,
                identity: &root.issue(&site, &[gateway::HOST, DOMAIN, LYNC]),
                dns: dns.address(),
                meeting,
                peer: Peer {
                    name: LYNC,
                    host: EDGE,
                    kind: "microsoft",
                    home,
                },
                hardship,
            },
        );
        Scene {
            gateway,
            edge,
            server,
            listen,
            _dns: dns,
            site,
        }
    }
}
