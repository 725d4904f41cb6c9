//! One connection of a router.

use std::collections::{BTreeMap, VecDeque};

use comity_identity::DomainName;
use comity_xmpp::router::Target;
use comity_xmpp::stream::{Method, Pair};
use comity_xmpp::{Stanza, ns};

use crate::oracle::wire::{Said, Wire};

/// What was said on a connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whose server it was opened to, if we opened it.
    domain: Option<DomainName>,
    target: Option<Target>,
    /// What we wrote and what the peer wrote, since the last handshake.
    out: Wire,
    pub(super) ear: Wire,
    pub(crate) awaits_tls: bool,
    pub(crate) closed: bool,
    /// The driver takes no bytes, and what waits is not known.
    pub(super) blocked: bool,
    /// How many handshakes it has had.
    pub(super) session: usize,
    /// Who has been proved to us.
    pub(super) authorized: BTreeMap<Pair, Method>,
    established: BTreeMap<Pair, Method>,
    /// Keys of the peer, with the id that the stream had, if it was read at once.
    keys: Vec<(Pair, Option<String>, String)>,
    /// Questions about keys that we asked here, and those that were confirmed here.
    asked: Vec<(Pair, String, String)>,
    confirmed: Vec<(Pair, String)>,
    denied: Vec<(Pair, String)>,
    /// Keys that we have called invalid, whose denial is still to be seen.
    pub(super) refused: Vec<Pair>,
    /// Keys of ours, and those that the peer has called valid.
    own_keys: Vec<Pair>,
    valid: Vec<Pair>,
    success: bool,
    bidi: bool,
    /// The peer has named another host.
    pub(super) redirected: bool,
    /// Stanzas of ours that were written and whose pair is still to be seen.
    pub(super) unchecked: Vec<usize>,
    /// Stanzas of ours that are counted and were not acknowledged.
    pending: Option<VecDeque<usize>>,
    acknowledged: u32,
    /// What we wrote and the peer has not reacted to.
    pub(crate) unseen: VecDeque<Said>,
    /// How many stanzas the peer has got since it was asked to count.
    pub(crate) handled: u32,
}

impl Link {
    pub(super) fn new(domain: Option<DomainName>, target: Option<Target>) -> Self {
        Self {
            domain,
            target,
            out: Wire::new(),
            ear: Wire::new(),
            awaits_tls: false,
            closed: false,
            blocked: false,
            session: 0,
            authorized: BTreeMap::new(),
            established: BTreeMap::new(),
            keys: Vec::new(),
            asked: Vec::new(),
            confirmed: Vec::new(),
            denied: Vec::new(),
            refused: Vec::new(),
            own_keys: Vec::new(),
            valid: Vec::new(),
            success: false,
            bidi: false,
            redirected: false,
            unchecked: Vec::new(),
            pending: None,
            acknowledged: 0,
            unseen: VecDeque::new(),
            handled: 0,
        }
    }

    /// Everything that came before the handshake is forgotten.
    pub(super) fn enter_tls(&mut self) {
        if self.awaits_tls {
            *self = Self {
                session: self.session + 1,
                blocked: self.blocked,
                redirected: self.redirected,
                unchecked: std::mem::take(&mut self.unchecked),
                ..Self::new(self.domain.take(), self.target.take())
            };
        }
    }

    pub(crate) fn domain(&self) -> Option<&DomainName> {
        self.domain.as_ref()
    }

    /// The pairs that the peer has proved.
    pub(crate) fn proved(&self) -> Vec<Pair> {
        self.authorized.keys().cloned().collect()
    }

    /// The id that the receiving side gave the stream.
    pub(crate) fn stream_id(&self) -> Option<String> {
        match self.domain {
            Some(_) => self.ear.id.clone(),
            None => self.out.id.clone(),
        }
    }

    /// The pair of our header on a connection that we opened.
    pub(crate) fn pair(&self) -> Option<Pair> {
        let mut headers = self.unseen.iter();
        let header = headers.find(|said| said.name == "stream")?;
        pair_of(header, "from", "to")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.out.ended
    }

    pub(super) fn take_ours(&mut self, bytes: &[u8]) -> Vec<Said> {
        let said = self.out.take_ours(bytes);
        for said in &said {
            self.ear.may_restart |= said.is(ns::SASL, "success");
            self.wrote(said);
            if self.unseen.len() < MAX_UNSEEN {
                self.unseen.push_back(said.clone());
            }
        }
        said
    }

    fn wrote(&mut self, said: &Said) {
        let is_request = said.attribute("type").is_none();
        match (said.namespace.as_str(), said.name.as_str()) {
            (ns::DIALBACK, "result") if is_request => {
                self.own_keys.extend(pair_of(said, "from", "to"));
            }
            (ns::DIALBACK, "result") if said.attribute("type") == Some("invalid") => {
                self.refused.extend(pair_of(said, "from", "to"));
            }
            (ns::DIALBACK, "verify") if is_request => {
                let pair = pair_of(said, "from", "to").expect("domains");
                let id = said.attribute("id").expect("an id").to_owned();
                self.asked.push((pair, id, said.text.clone()));
            }
            (ns::BIDI, "bidi") => self.bidi = true,
            (ns::SM, "enable") => self.count(),
            (ns::SM, "enabled") if self.bidi && self.pending.is_none() => self.count(),
            (ns::SERVER, "message") => self.handled += 1,
            _ => {}
        }
    }

    fn count(&mut self) {
        self.handled = 0;
        self.pending = Some(VecDeque::new());
    }

    pub(super) fn wrote_stanza(&mut self, number: usize) {
        self.unchecked.push(number);
        if let Some(pending) = &mut self.pending {
            pending.push_back(number);
        }
    }

    /// What was written and never acknowledged, as far as is known.
    pub(super) fn unacknowledged(&mut self) -> impl Iterator<Item = usize> + use<> {
        let pending = self.pending.take().unwrap_or_default();
        let known = !self.ear.lost;
        pending.into_iter().filter(move |_| known)
    }

    /// Whether the connection is one to the server of a domain: opened for it, to a place where it
    /// was found, or by a peer that has proved it.
    pub(super) fn leads_to(&self, domain: &DomainName, found: &[(DomainName, Target)]) -> bool {
        let (Some(own), Some(target)) = (&self.domain, &self.target) else {
            return self.authorized.keys().any(|pair| pair.remote == *domain);
        };
        let at = |target: &Target| (target.address, target.transport);
        let is_there = |(of, place): &(DomainName, Target)| of == domain && at(place) == at(target);
        own == domain || found.iter().any(is_there)
    }

    fn take_acknowledgement(&mut self, h: Option<&str>) {
        let h = h.and_then(|h| h.trim().parse::<u32>().ok());
        if let (Some(h), Some(pending)) = (h, &mut self.pending) {
            let count = usize::try_from(h.wrapping_sub(self.acknowledged)).expect("32 bits");
            if count <= pending.len() {
                pending.drain(..count);
                self.acknowledged = h;
            }
        }
    }

    pub(super) fn hear(&mut self, said: &Said, held: bool) {
        let type_ = said.attribute("type");
        match (said.namespace.as_str(), said.name.as_str(), type_) {
            (ns::SASL, "success", _) => self.success = true,
            (ns::BIDI, "bidi", _) => self.bidi = true,
            (ns::DIALBACK, "result", None) => {
                let id = self.out.id.clone().filter(|_| !held);
                let key = said.text.trim().to_owned();
                let pair = pair_of(said, "to", "from");
                self.keys.extend(pair.map(|pair| (pair, id, key)));
            }
            (ns::DIALBACK, "result", Some("valid")) => {
                let pair = pair_of(said, "to", "from");
                self.valid.extend(pair);
            }
            (ns::DIALBACK, "verify", Some("valid")) => {
                let id = said.attribute("id").unwrap_or_default().to_owned();
                let pair = pair_of(said, "to", "from");
                self.confirmed.extend(pair.map(|pair| (pair, id)));
            }
            (ns::DIALBACK, "verify", Some(other)) if other != "error" => {
                let id = said.attribute("id").unwrap_or_default().to_owned();
                let pair = pair_of(said, "to", "from");
                self.denied.extend(pair.map(|pair| (pair, id)));
            }
            (ns::SM, "a", _) => self.take_acknowledgement(said.attribute("h")),
            (ns::SM, "failed", _) if !self.out.ended => self.pending = None,
            (ns::STREAM, "error", _) => {
                self.redirected |= said.has(ns::STREAM_ERRORS, "see-other-host");
            }
            _ => {}
        }
    }

    /// Whether a key for the pair came on this connection as it stands, and `server` confirmed it.
    pub(super) fn is_confirmed_by(&self, server: &Self, pair: &Pair) -> bool {
        let Some(id) = self.out.id.clone() else {
            return false;
        };
        let keys = self.keys.iter();
        let is_current = |on: &Option<String>| on.as_ref().is_none_or(|on| *on == id);
        let mut keys = keys.filter(|(about, on, _)| about == pair && is_current(on));
        let confirmed = server.confirmed.contains(&(pair.clone(), id.clone()));
        let asked = |key: &String| (pair.clone(), id.clone(), key.clone());
        let confirmed = confirmed && keys.any(|(_, _, key)| server.asked.contains(&asked(key)));
        confirmed || self.ear.lost || server.ear.lost
    }

    /// Whether `server` denied a key for the pair that came on this connection as it stands.
    pub(super) fn is_denied_by(&self, server: &Self, pair: &Pair) -> bool {
        let id = self.out.id.clone().unwrap_or_default();
        server.denied.contains(&(pair.clone(), id)) || self.ear.lost || server.ear.lost
    }

    /// We may send what the peer accepted.
    pub(super) fn establish(&mut self, pair: &Pair, method: Method) {
        let accepted = match (&self.domain, method) {
            (None, _) => self.bidi && self.authorized.get(pair) == Some(&method),
            (Some(domain), Method::Certificate) => self.success && *domain == pair.remote,
            (Some(_), _) => self.own_keys.contains(pair) && self.valid.contains(pair),
        };
        assert!(accepted || self.ear.lost, "{pair} by {method}");
        self.established.insert(pair.clone(), method);
    }

    pub(super) fn established(&self, pair: &Pair) -> Option<Method> {
        self.established.get(pair).copied()
    }

    /// A stanza comes of a pair that was proved, by that method.
    pub(super) fn take_stanza(&self, stanza: &Stanza, method: Method) {
        let (remote, local) = stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        assert_eq!(self.authorized.get(&pair), Some(&method), "{pair}");
    }
}

fn pair_of(said: &Said, local: &str, remote: &str) -> Option<Pair> {
    Some(Pair {
        local: said.attribute(local)?.parse().ok()?,
        remote: said.attribute(remote)?.parse().ok()?,
    })
}

/// How much a peer may put off.
const MAX_UNSEEN: usize = 64;
