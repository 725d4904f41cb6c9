//! Users of Kamailio, linphonec, and a SIPp behind stunnel, who write to a user of Prosody and back.

use std::net::SocketAddr;

use comity_sip::Transport;
use comity_testkit::site::{Site, free_address};

use crate::certificates::Root;
use crate::dns::Dns;
use crate::gateway::{self, Gateway, Home, Meeting};
use crate::kamailio::{self, Kamailio};
use crate::linphone::Linphone;
use crate::servers::{Make, Server};
use crate::sipp::{self, Scenario, Sipp};
use crate::stunnel::{Stunnel, Way};
use crate::users::{assert_bounced, take_receipt};

#[test]
#[ignore = "needs prosody, kamailio, sip-tester and dnsmasq"]
fn users_of_prosody_and_kamailio_write_to_each_other() {
    let town = Town::new();
    let kamailio = town.kamailio();
    let mut u = town.server.login("u");
    let caller = free_address();
    let register = Scenario::new("register").fill("at", caller.to_string());
    Sipp::call(
        &town.site,
        &register,
        Transport::Udp,
        caller,
        kamailio.users(),
    )
    .finish();

    let callee = take("one", "200 OK");
    let callee = Sipp::answer(&town.site, &callee, Transport::Udp, caller, caller);
    u.text(CALLER, "one");
    callee.finish();
    take_receipt(&u, CALLER, "one");
    let call = |scenario: &Scenario| {
        Sipp::call(
            &town.site,
            scenario,
            Transport::Udp,
            free_address(),
            kamailio.users(),
        )
        .finish();
    };
    call(&write(CALLER, "two", 200));
    assert_eq!(u.take_text(CALLER), "two");

    let callee = take("three", "486 Busy Here");
    let callee = Sipp::answer(&town.site, &callee, Transport::Udp, caller, caller);
    u.text(CALLER, "three");
    callee.finish();
    assert_bounced(&u, CALLER, "three", "recipient-unavailable");
    u.text(NOBODY, "four");
    assert_bounced(&u, NOBODY, "four", "item-not-found");
    // Kamailio has not proved that it may speak for others.
    call(&write("caller@other.example", "five", 403));
    call(&write(CALLER, "six", 200));
    assert_eq!(
        u.take("a text", is_text).text_of("body").as_deref(),
        Some("six")
    );
    assert!(town.gateway.terminate().success());
}

#[test]
#[ignore = "needs prosody, sip-tester, stunnel4 and dnsmasq"]
fn a_user_of_prosody_and_a_sipp_behind_stunnel_write_to_each_other() {
    let town = Town::new();
    let mut u = town.server.login("u");
    let plain = free_address();
    let identity = town.root.issue(&town.site, &[kamailio::HOST, sipp::DOMAIN]);
    let _tunnel = Stunnel::start_at(&town.site, &identity, Way::OutOf, plain, town.edge);
    let callee = take("one", "200 OK");
    let callee = Sipp::answer(&town.site, &callee, Transport::Tls, plain, town.edge);
    u.text(CALLER, "one");
    callee.finish();
    take_receipt(&u, CALLER, "one");

    let way = Way::Into(gateway::HOST);
    let tunnel = Stunnel::start(&town.site, &identity, way, town.listen);
    for (from, text, status) in [(CALLER, "two", 200), ("caller@other.example", "three", 403)] {
        let scenario = write(from, text, status);
        let (own, to) = (free_address(), tunnel.address());
        Sipp::call(&town.site, &scenario, Transport::Tls, own, to).finish();
    }
    assert_eq!(u.take_text(CALLER), "two");
    assert!(town.gateway.terminate().success());
}

#[test]
#[ignore = "needs prosody, kamailio, linphone-cli and dnsmasq"]
fn a_user_of_prosody_and_linphone_write_to_each_other_and_see_each_other() {
    let town = Town::new();
    let kamailio = town.kamailio();
    let mut u = town.server.login("u");
    let mut linphone = Linphone::start(&town.site, kamailio.users(), CALLER, U);
    u.take_presence("subscribe", CALLER);
    u.presence("subscribed", CALLER);
    linphone.assert_online(U);
    linphone.text(U, "one");
    assert_eq!(u.take_text(CALLER), "one");
    u.text(CALLER, "two");
    linphone.assert_received(U, "two");
    take_receipt(&u, CALLER, "two");
}

fn is_text(stanza: &crate::client::Stanza) -> bool {
    stanza.name() == "message" && stanza.text_of("body").is_some()
}

fn write(from: &str, text: &str, status: u16) -> Scenario {
    Scenario::new("write")
        .fill("from", from)
        .fill("to", U)
        .fill("text", text)
        .fill("status", status.to_string())
}

fn take(text: &str, status: &str) -> Scenario {
    Scenario::new("take")
        .fill("from", U.replace('.', r"\."))
        .fill("text", text)
        .fill("status", status)
}

/// A server with a user, the gateway, and the name of a SIP domain, the server of which is missing.
struct Town {
    gateway: Gateway,
    server: Server,
    root: Root,
    /// Where the server of the SIP domain has to listen.
    edge: SocketAddr,
    listen: SocketAddr,
    _dns: Dns,
    site: Site,
}

impl Town {
    fn new() -> Self {
        let site = Site::new("gateway-interop");
        let (listen, edge) = (free_address(), free_address());
        let (domain, host, ip) = (sipp::DOMAIN, kamailio::HOST, edge.ip());
        let dns = Dns::start(
            &site,
            &format!(
                "srv-host=_sips._tcp.{domain},{host},{}\nhost-record={host},{ip}\n",
                edge.port()
            ),
        );
        let root = Root::new();
        let server = Server::start(&site, Make::Prosody, domain);
        let gateway = Gateway::start(
            &site,
            &gateway::Setup {
                listen,
                identity: &root.issue(&site, &[gateway::HOST, crate::servers::DOMAIN]),
                dns: dns.address(),
                meeting: Meeting::Component(server.components()),
                peer: gateway::Peer {
                    name: domain,
                    host,
                    kind: "standard",
                    home: Home::Xmpp,
                },
                hardship: gateway::Hardship::Nothing,
            },
        );
        Self {
            gateway,
            server,
            root,
            edge,
            listen,
            _dns: dns,
            site,
        }
    }

    fn kamailio(&self) -> Kamailio {
        let setup = kamailio::Setup {
            listen: self.edge,
            transport: Transport::Tls,
            next_hop: self.listen,
            identity: &self.root.issue(&self.site, &[kamailio::HOST, sipp::DOMAIN]),
        };
        Kamailio::start(&self.site, &setup)
    }
}

const CALLER: &str = "caller@peer.example";
const NOBODY: &str = "nobody@peer.example";
const U: &str = "u@xmpp.test";
