//! Where the hosts are that messages name.

use std::net::SocketAddr;
use std::time::Instant;

use comity_identity::Host;
use comity_machine::QueryId;
use comity_sip::Transport;
use comity_sip::endpoint::{Hop, Target};
use comity_srv::Candidate;
use comity_srv::attempts::Fault;

use super::Driver;
use crate::sip::application::Application;
use crate::sip::errands::{Dial, DialError};
use crate::sip::notice::Notice;
use crate::sip::places::Search;

impl<A: Application> Driver<A> {
    pub(super) fn locate(&mut self, now: Instant, query: QueryId, hop: Hop) {
        let transport = self.transport(&hop);
        let refused = match hop.host.clone() {
            Host::Ip(address) => match self.address_policy.check(address) {
                Ok(()) => {
                    let port = hop.port.unwrap_or_else(|| transport.default_port());
                    let target = Target::new(transport, SocketAddr::new(address, port));
                    self.endpoint.handle_targets(now, query, vec![target]);
                    return;
                }
                Err(forbidden) => format!("{address} is {forbidden}").into(),
            },
            Host::Domain(name) => {
                let search = Search {
                    port: hop.port,
                    transport,
                    allowed: self.allowed(&hop),
                };
                match self.errands.locate(query, name, search) {
                    Ok(()) => return,
                    Err(reason) => reason,
                }
            }
        };
        self.answer(now, query, hop.host, Err(refused));
    }

    /// The transport for a hop where no record says more: that which it prescribes, or else the first
    /// of UDP, TCP and TLS that we have.
    fn transport(&self, hop: &Hop) -> Transport {
        match hop.transport {
            _ if hop.is_secure => Transport::Tls,
            Some(transport) => transport,
            None => self.transports.first().copied().unwrap_or(Transport::Udp),
        }
    }

    /// The transports by which a hop may be reached.
    fn allowed(&self, hop: &Hop) -> Vec<Transport> {
        match hop.transport {
            _ if hop.is_secure => vec![Transport::Tls],
            Some(transport) => vec![transport],
            None => self.transports.clone(),
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        query: QueryId,
        host: Host,
        targets: Result<Vec<Target>, Box<str>>,
    ) {
        let targets = match targets {
            Ok(mut targets) => {
                // Those that could not be reached a moment ago are tried behind all others.
                let is_ill = |target: &Target| {
                    let candidate = candidate(&host, target.transport, target.address);
                    let ends = candidate.and_then(|one| self.health.ill_until(now, &one));
                    ends.is_some()
                };
                targets.sort_by_cached_key(is_ill);
                targets
            }
            Err(reason) => {
                let notice = Notice::NotFound { host, reason };
                self.application.handle_notice(notice);
                Vec::new()
            }
        };
        self.endpoint.handle_targets(now, query, targets);
    }

    /// Remembers whether a server could be reached. That it proved to be another says nothing of the
    /// kind, since any domain may name the server of another.
    pub(super) fn note_dial(&mut self, now: Instant, dial: &Dial, error: Option<&DialError>) {
        let host = dial.domain.clone().map(Host::Domain);
        let candidate = host.and_then(|host| candidate(&host, dial.transport, dial.remote));
        match (candidate, error) {
            (Some(candidate), Some(DialError::Unreachable(_))) => {
                self.health.note_fault(now, &candidate, &Fault::Unreachable);
            }
            (Some(candidate), None) => self.health.note_success(&candidate),
            (Some(_), Some(DialError::Unsecured(_))) | (None, _) => {}
        }
    }

    /// Remembers that a server took too long.
    pub(super) fn note_late(&mut self, now: Instant, dial: &Dial) {
        let late = DialError::Unreachable("it took too long".into());
        self.note_dial(now, dial, Some(&late));
    }
}

/// An address as the health of servers knows it; none where nobody in particular is asked for.
fn candidate(host: &Host, transport: Transport, address: SocketAddr) -> Option<Candidate> {
    let transport = match transport {
        Transport::Tls => comity_srv::Transport::Tls,
        Transport::Tcp => comity_srv::Transport::Tcp,
        Transport::Udp => comity_srv::Transport::Udp,
    };
    match host {
        Host::Domain(name) => Some(Candidate::given(address, transport, name.clone())),
        Host::Ip(_) => None,
    }
}
