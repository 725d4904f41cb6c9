//! What is to be explained: pairs that were proved, stanzas that were written.

use std::collections::{BTreeMap, BTreeSet};

use comity_identity::{Direction, DomainName};
use comity_xmpp::router::ConnectionId;
use comity_xmpp::stream::{Method, Pair};
use comity_xmpp::{CertificateRule, TlsMode};

use super::link::Link;
use super::{About, Answer, Asked, RouterModel};

impl RouterModel {
    /// A pair is proved by the connection's certificate, or by what the server that we dialled for
    /// its domain says of the key that came on this connection.
    pub(super) fn authorized(&mut self, id: ConnectionId, pair: Pair, method: Method) {
        let link = &self.links[&id];
        let allows = |asked: &&Asked| match (&asked.about, &asked.answer) {
            (About::Policy(about, Direction::Inbound), Some(Answer::Allowed(terms))) => {
                let plain = link.session == 0 && terms.security.tls == TlsMode::Required;
                let weak = method != Method::Certificate
                    && terms.security.certificate == CertificateRule::Required;
                asked.by == Some(id) && *about == pair && !plain && !weak
            }
            _ => false,
        };
        let allowed = self.questions.iter().find(allows);
        assert!(allowed.is_some(), "{pair} was not allowed on {id}");
        match method {
            Method::Certificate => {
                let trusted = self.trusts(id, &pair.remote);
                assert!(trusted, "the certificate of {id} does not prove {pair}");
            }
            _ => {
                let confirms = |(other, server): (&ConnectionId, &Link)| {
                    let own = server.domain() == Some(&pair.remote);
                    *other != id && own && link.is_confirmed_by(server, &pair)
                };
                assert!(self.links.iter().any(confirms), "nobody confirmed {pair}");
            }
        }
        self.open(id).authorized.insert(pair, method);
    }

    /// Whether the certificate of the connection's TLS session proves a domain.
    fn trusts(&self, id: ConnectionId, domain: &DomainName) -> bool {
        let session = self.links[&id].session;
        let trusts = |asked: &Asked| match (&asked.about, &asked.answer) {
            (About::Certificate(of, during, about), Some(Answer::Trusted)) => {
                (*of, *during) == (id, session) && about == domain
            }
            _ => false,
        };
        self.questions.iter().any(trusts)
    }

    /// Every stanza went where its pair was accepted, and as the policy says.
    pub(super) fn check_written(&mut self) {
        let ids = self.connections();
        for id in ids {
            let written = std::mem::take(&mut self.link(id).unchecked);
            for number in written {
                let pair = &self.stanzas[number].pair;
                let link = &self.links[&id];
                let method = link.established(pair);
                assert!(method.is_some(), "{pair} was never established on {id}");
                let answer = self
                    .questions
                    .iter()
                    .rev()
                    .find_map(|asked| match &asked.about {
                        About::Policy(about, Direction::Outbound) if about == pair => {
                            Some(asked.answer.clone())
                        }
                        _ => None,
                    });
                let Some(Some(Answer::Allowed(terms))) = answer else {
                    panic!("{pair} was not allowed: {answer:?}");
                };
                let leads = link.leads_to(&pair.remote, &self.found);
                assert!(leads, "{id} does not lead to {pair}");
                let plain = link.session == 0 && terms.security.tls == TlsMode::Required;
                let proved = match link.domain() {
                    Some(_) => self.trusts(id, &pair.remote),
                    None => link.authorized.get(pair) == Some(&Method::Certificate),
                };
                let weak = !proved && terms.security.certificate == CertificateRule::Required;
                assert!(!plain && !weak, "{pair} on other terms on {id}");
            }
        }
    }

    /// A key is called invalid when its own domain's server says so.
    pub(super) fn check_refused(&mut self) {
        for id in self.connections() {
            for pair in std::mem::take(&mut self.link(id).refused) {
                let link = &self.links[&id];
                let denies = |server: &Link| {
                    server.domain() == Some(&pair.remote) && link.is_denied_by(server, &pair)
                };
                let denied = self.links.values().any(denies);
                assert!(denied, "nobody denied the key for {pair} on {id}");
            }
        }
    }

    /// No more streams than the limit bring stanzas of one pair.
    pub(super) fn check_streams(&self) {
        let mut bringing: BTreeMap<&Pair, usize> = BTreeMap::new();
        let links = self.links.values();
        for link in links.filter(|link| !link.closed && !link.has_ended() && !link.blocked) {
            for pair in link.authorized.keys() {
                *bringing.entry(pair).or_default() += 1;
            }
        }
        let limit = self.config.limits.max_streams_per_pair;
        let most = bringing.into_values().max().unwrap_or_default();
        assert!(most <= limit, "{most} streams of one pair");
    }
}

/// What became of a stanza.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) pair: Pair,
    pub(super) taken: bool,
    /// The connections that it was written on.
    pub(super) written: Vec<ConnectionId>,
    pub(super) undelivered: u32,
}

impl Fate {
    /// It was taken, and written no more often than it may be, each time elsewhere.
    pub(super) fn check(&self, most: usize) {
        let different: BTreeSet<_> = self.written.iter().collect();
        let fine = self.written.len() <= most && different.len() == self.written.len();
        assert!(self.taken && fine && self.undelivered < 2, "{self:?}");
    }
}
