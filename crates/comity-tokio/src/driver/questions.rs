//! The router's questions, and how they are answered.

use std::sync::Arc;
use std::time::Instant;

use comity_identity::{Direction, DomainName, Host};
use comity_machine::QueryId;
use comity_policy::{Facts, Protocol, TlsMode};
use comity_srv::routes;
use comity_srv::{Messaging, Service};
use comity_trust::{Reference, Role, UnixTime, Verdict, evaluate};
use comity_xmpp::Profile;
use comity_xmpp::router::{ConnectionId, OtherHost, Unresolved};
use comity_xmpp::stream::{Pair, Purpose, Switch};
use tokio::time::timeout;

use super::{Driver, answers};
use crate::discovery::{DiscoveryError, Lane, Resolution};
use crate::event::Event;

/// What discovery is asked: which name, and what of it.
type Inquiry = (DomainName, Service);

/// The answer to a question of the router.
#[derive(Debug)]
pub(super) enum Answer {
    Judged {
        connection: ConnectionId,
        domain: DomainName,
        verdict: Verdict,
    },
    Resolved {
        domain: DomainName,
        at: Option<OtherHost>,
        resolution: Result<Resolution, DiscoveryError>,
    },
    /// There is none; the question dies by the router's own timer.
    Unknown,
}

impl Driver {
    pub(super) fn authorize(&mut self, query: QueryId, pair: Pair, direction: Direction) {
        let facts = Facts::between(Protocol::Xmpp, &pair.local, &pair.remote, direction);
        let decision = self.policy.decide(&facts);
        let security = self.policy.security(&pair.remote);
        let answer = answers::decision(&decision, security.mode, self.profile(&pair.remote));
        self.outlet.emit(Event::Decided {
            pair,
            direction,
            decision,
            security,
        });
        self.router.handle_decision(Instant::now(), query, &answer);
    }

    /// Judges what the peer presented; the signatures of a hostile chain can take some time.
    pub(super) fn authenticate(
        &mut self,
        query: QueryId,
        connection: ConnectionId,
        domain: DomainName,
    ) {
        let Some(channel) = self.connections.channel(connection) else {
            return;
        };
        let role = match channel.opened {
            Direction::Inbound => Role::Client,
            Direction::Outbound => Role::Server,
        };
        let session = channel.tls.as_ref();
        let chain = session.map(|session| Arc::clone(&session.peer_certificates));
        let chain = chain.unwrap_or_default();
        let trust = Arc::clone(&self.trust);
        let crls = self.revocation_lists.clone();
        let bench = self.bench.clone();
        self.errands.begin(query, async move {
            let service = comity_trust::Service::XmppServer;
            let reference = Reference::service(domain.clone(), service);
            let judge = move || evaluate(&chain, UnixTime::now(), role, &reference, &trust, &crls);
            match bench.run(judge).await {
                Some(verdict) => Answer::Judged {
                    connection,
                    domain,
                    verdict,
                },
                None => Answer::Unknown,
            }
        });
    }

    pub(super) fn connect(
        &mut self,
        query: QueryId,
        domain: DomainName,
        purpose: Purpose,
        at: Option<OtherHost>,
    ) {
        let lane = match purpose {
            Purpose::Stanzas => Lane::Own,
            // A purpose that is not known has no claim to more.
            _ => Lane::Peers,
        };
        let discovery = self.discovery.clone();
        let patience = self.answer_timeout;
        let (first, others) = match self.inquiries(&domain, at.as_ref()) {
            Ok(inquiries) => inquiries,
            Err(blocked) => {
                let targets = Err(Unresolved::NotOffered(blocked));
                return self.router.handle_targets(Instant::now(), query, targets);
            }
        };
        self.errands.begin(query, async move {
            let resolution = discovery.resolve_all(lane, first, others);
            match timeout(patience, resolution).await {
                Ok(resolution) => Answer::Resolved {
                    domain,
                    at,
                    resolution,
                },
                Err(_elapsed) => Answer::Unknown,
            }
        });
    }

    /// What to ask for a domain: the next hops of its static routes in their order, or its records.
    ///
    /// # Errors
    ///
    /// A route blocks it; the words for the operator.
    fn inquiries(
        &mut self,
        domain: &DomainName,
        at: Option<&OtherHost>,
    ) -> Result<(Inquiry, Vec<Inquiry>), Box<str>> {
        let host = Host::Domain(domain.clone());
        let decision = self.routes.decide(&host, &self.random.seed());
        if let routes::Verdict::Blocked(route) = decision.verdict() {
            return Err(format!("the static route {route} blocks the domain").into());
        }
        let mut hops = decision.hops().map(|hop| {
            let service = Service::NextHop(hop.route.service(Messaging::Xmpp));
            (domain.clone(), service)
        });
        match (at, hops.next()) {
            (None, Some(first)) => Ok((first, hops.collect())),
            // A host that the domain's own server has named is looked for as that says.
            (Some(_), _) | (None, None) => {
                let uses_direct_tls = self.uses_direct_tls(domain);
                Ok((answers::inquiry(domain, at, uses_direct_tls), Vec::new()))
            }
        }
    }

    fn profile(&self, domain: &DomainName) -> Profile {
        self.profiles.get(domain).copied().unwrap_or_default()
    }

    /// Whether direct TLS may be used with a domain; where it may not, its records are not even
    /// asked for, so that they do not stand in the way of the fallback to the domain itself.
    fn uses_direct_tls(&self, domain: &DomainName) -> bool {
        let tls = self.policy.security(domain).mode.tls;
        tls != TlsMode::Disabled && self.profile(domain).direct_tls == Switch::On
    }

    pub(super) fn take_answer(&mut self, query: QueryId, answer: Answer) {
        let now = Instant::now();
        match answer {
            Answer::Judged {
                connection,
                domain,
                verdict,
            } if self.connections.contains(connection) => {
                let answer = answers::verdict(&verdict, UnixTime::now());
                self.outlet.emit(Event::Judged {
                    connection,
                    domain,
                    verdict,
                });
                self.router.handle_verdict(now, query, &answer);
            }
            Answer::Resolved {
                domain,
                at,
                resolution,
            } => {
                let in_order = |targets| self.dials.in_order(now, &domain, targets);
                let targets = match &resolution {
                    Ok(resolution) => resolution.targets().map(in_order),
                    Err(error) => Err(Unresolved::Failed(error.to_string().into())),
                };
                let stopped = resolution == Err(DiscoveryError::Stopped);
                self.outlet.emit(Event::Resolved {
                    domain,
                    at,
                    resolution,
                });
                self.router.handle_targets(now, query, targets);
                if stopped {
                    // No other domain would be found from here on.
                    self.close();
                }
            }
            // Nobody wants to know any more.
            Answer::Judged { .. } | Answer::Unknown => {}
        }
    }
}
