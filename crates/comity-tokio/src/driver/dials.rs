use std::collections::BTreeMap;
use std::time::Instant;

use comity_identity::DomainName;
use comity_srv::attempts::{Fault, Health};
use comity_srv::{self as srv, Candidate};
use comity_xmpp::Transport;
use comity_xmpp::router::{ConnectionId, Target};

/// The dials under way, and what is remembered of the addresses that did not serve.
#[derive(Debug, Default)]
pub(super) struct Dials {
    health: Health,
    begun: BTreeMap<ConnectionId, Candidate>,
}

impl Dials {
    pub(super) fn begin(&mut self, id: ConnectionId, domain: &DomainName, target: &Target) {
        self.begun.insert(id, candidate(domain, target));
    }

    /// A connection stands.
    pub(super) fn succeed(&mut self, id: ConnectionId) {
        if let Some(candidate) = self.begun.remove(&id) {
            self.health.note_success(&candidate);
        }
    }

    /// No connection came about, if this was to be one.
    pub(super) fn fail(&mut self, now: Instant, id: ConnectionId, fault: &Fault) {
        if let Some(candidate) = self.begun.remove(&id) {
            self.health.note_fault(now, &candidate, fault);
        }
    }

    /// The same targets, those behind all others that did not serve a moment ago.
    pub(super) fn in_order(
        &self,
        now: Instant,
        domain: &DomainName,
        mut targets: Vec<Target>,
    ) -> Vec<Target> {
        let ends = |target: &Target| self.health.ill_until(now, &candidate(domain, target));
        targets.sort_by_cached_key(|target| ends(target).is_some());
        targets
    }
}

fn candidate(domain: &DomainName, target: &Target) -> Candidate {
    let transport = match target.transport {
        Transport::Tcp => srv::Transport::StartTls,
        Transport::DirectTls => srv::Transport::Tls,
    };
    Candidate::given(target.address, transport, domain.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use comity_testkit::origin;
    use comity_xmpp::Router;
    use comity_xmpp::router::Config;

    use super::*;

    #[test]
    fn who_did_not_serve_a_moment_ago_is_tried_last() {
        let now = origin();
        let domain: DomainName = "b.example".parse().unwrap();
        let target = |port: u16, transport| {
            let address = ([192, 0, 2, 1], port).into();
            Target::new(address, domain.clone()).with_transport(transport)
        };
        let all = vec![
            target(5270, Transport::DirectTls),
            target(5269, Transport::Tcp),
            target(5269, Transport::DirectTls),
            target(5268, Transport::Tcp),
        ];
        // Only a router makes the names of connections.
        let mut router = Router::new(now, Config::default(), [0; 32]);
        let mut dials = Dials::default();
        let mut fail = |dials: &mut Dials, index: usize| {
            let id = router.accept(now, Transport::Tcp).unwrap();
            dials.begin(id, &domain, &all[index]);
            dials.fail(now, id, &Fault::Unreachable);
            id
        };
        fail(&mut dials, 0);
        let second = fail(&mut dials, 1);
        // It is known already, and a connection that stood has no fault of its own.
        dials.fail(now, second, &Fault::Unreachable);
        let order = |dials: &Dials, now| {
            let targets = dials.in_order(now, &domain, all.clone());
            targets
                .iter()
                .map(|target| all.iter().position(|one| one == target).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(order(&dials, now), [2, 3, 0, 1]);
        let id = fail(&mut dials, 3);
        dials.begin(id, &domain, &all[0]);
        dials.succeed(id);
        assert_eq!(order(&dials, now), [0, 2, 1, 3]);
        assert_eq!(order(&dials, now + Duration::from_secs(30)), [0, 1, 2, 3]);
        assert!(dials.begun.is_empty());
    }
}
