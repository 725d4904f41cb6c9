//! Where the hosts are that messages name.

use std::net::SocketAddr;
use std::time::Instant;

use comity_identity::Host;
use comity_machine::QueryId;
use comity_sip::Transport;
use comity_sip::endpoint::{Hop, Target};

use super::Driver;
use crate::sip::application::Application;
use crate::sip::notice::Notice;

impl<A: Application> Driver<A> {
    pub(super) fn locate(&mut self, now: Instant, query: QueryId, hop: Hop) {
        let transport = self.transport(&hop);
        let port = hop.port.unwrap_or_else(|| transport.default_port());
        let refused = match hop.host.clone() {
            Host::Ip(address) => match self.address_policy.check(address) {
                Ok(()) => {
                    let target = Target::new(transport, SocketAddr::new(address, port));
                    self.endpoint.handle_targets(now, query, vec![target]);
                    return;
                }
                Err(forbidden) => format!("{address} is {forbidden}").into(),
            },
            Host::Domain(name) => match self.errands.locate(query, name, port, transport) {
                Ok(()) => return,
                Err(reason) => reason,
            },
        };
        self.answer(now, query, hop.host, Err(refused));
    }

    /// The transport for a hop: that which it prescribes, or else the first of UDP, TCP and TLS
    /// that we have (RFC 3263 §4.1, without NAPTR and SRV records).
    fn transport(&self, hop: &Hop) -> Transport {
        let listens = |transport| {
            let mut listeners = self.listeners.iter();
            listeners.any(|listening| listening.transport == transport)
        };
        match hop.transport {
            _ if hop.is_secure => Transport::Tls,
            Some(transport) => transport,
            None if !self.sockets.is_empty() => Transport::Udp,
            None if listens(Transport::Tcp) => Transport::Tcp,
            None if listens(Transport::Tls) => Transport::Tls,
            None => Transport::Udp,
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        query: QueryId,
        host: Host,
        targets: Result<Vec<Target>, Box<str>>,
    ) {
        let targets = targets.unwrap_or_else(|reason| {
            let notice = Notice::NotFound { host, reason };
            self.application.handle_notice(notice);
            Vec::new()
        });
        self.endpoint.handle_targets(now, query, targets);
    }
}
