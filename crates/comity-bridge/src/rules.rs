//! Who the two sides are, and whether the rules let something pass between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use comity_identity::{Assurance, Direction, DomainName};
use comity_policy::{
    Address, Decision, Denial, Facts, Inward, Peer, PeerKind, Policy, Protocol, Rule, Stage,
    Subscription, Topic, Verdict,
};
use comity_sip::endpoint::Incoming;
use comity_xmpp::Jid;

use crate::Route;
use crate::address::{escape, unescape};

/// Two users who talk through the bridge, one of SIP and one of XMPP, each by his own address without
/// a resource.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Pair {
    pub(crate) sip: Jid,
    pub(crate) xmpp: Jid,
}

/// Which protocol somebody's server speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Home {
    Sip,
    Xmpp,
    /// Nobody has configured the domain, and it has not been looked for.
    Unknown,
}

/// Where something goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Towards {
    Sip,
    Xmpp,
}

/// What the rules say about something between two users.
#[derive(Debug)]
pub(crate) enum Ruling {
    /// It may pass; a subscription as this says.
    Pass(Pair, Option<Subscription>),
    /// It may not, and this is what its sender is shown, and the operator.
    Deny(Denial, Box<str>),
}

/// What is known of a SIP peer that sent a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SipPeer<'a> {
    pub(crate) address: IpAddr,
    pub(crate) name: Option<&'a DomainName>,
}

impl<'a> SipPeer<'a> {
    /// The peer that sent a request for a user of `domain`, by that of its names which tells most: the
    /// domain, or a host of it.
    pub(crate) fn of(incoming: &'a Incoming, domain: &DomainName) -> Self {
        let proved = incoming.proved();
        let own = proved.iter().find(|name| *name == domain);
        let host = || proved.iter().find(|name| name.is_below(domain));
        Self {
            address: incoming.source().ip(),
            name: own.or_else(host).or_else(|| proved.first()),
        }
    }
}

/// The rules, and what stands beside them.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    sip_homes: BTreeMap<DomainName, PeerKind>,
    /// Domains that were found to be on SIP, and how.
    learned: BTreeMap<DomainName, Route>,
    /// How domains were found that are not learned, unless by ordinary records; the latest last.
    found: VecDeque<(DomainName, Route)>,
    pub(crate) discovers: bool,
}

impl Rules {
    pub(crate) fn new(
        policy: Policy,
        sip_homes: BTreeMap<DomainName, PeerKind>,
        discovers: bool,
    ) -> Self {
        Self {
            policy,
            sip_homes,
            learned: BTreeMap::new(),
            found: VecDeque::new(),
            discovers,
        }
    }

    /// Notes that a domain is on SIP; false if that was known.
    pub(crate) fn learn(&mut self, domain: DomainName, route: Route) -> bool {
        self.found.retain(|(found, _)| *found != domain);
        self.learned.insert(domain, route).is_none()
    }

    /// How many domains were learned.
    pub(crate) fn learned(&self) -> usize {
        self.learned.len()
    }

    /// Forgets that; false if it was not known.
    pub(crate) fn unlearn(&mut self, domain: &DomainName) -> bool {
        self.learned.remove(domain).is_some()
    }

    /// Notes how a domain was found.
    pub(crate) fn note_route(&mut self, domain: &DomainName, route: Route) {
        self.found.retain(|(found, _)| found != domain);
        if route == Route::Records {
            return;
        }
        if self.found.len() >= MAX_FOUND {
            self.found.pop_front();
        }
        self.found.push_back((domain.clone(), route));
    }

    /// How a domain is reached that nobody has configured.
    pub(crate) fn route(&self, domain: &DomainName) -> Route {
        let found = || self.found.iter().find(|(found, _)| found == domain);
        let learned = self.learned.get(domain).copied();
        let route = learned.or_else(|| found().map(|(_, route)| *route));
        route.unwrap_or(Route::Records)
    }

    pub(crate) fn home(&self, domain: &DomainName) -> Home {
        if self.policy.is_local(domain) {
            return match self.sip_homes.contains_key(domain) {
                true => Home::Sip,
                false => Home::Xmpp,
            };
        }
        let is_sip = self.policy.sip_domain(domain).is_some() || self.learned.contains_key(domain);
        match (is_sip, self.discovers) {
            (true, _) => Home::Sip,
            (false, true) => Home::Unknown,
            (false, false) => Home::Xmpp,
        }
    }

    /// What the SIP servers of a domain are.
    pub(crate) fn kind(&self, domain: &DomainName) -> PeerKind {
        let federated = || self.policy.sip_domain(domain).map(|domain| domain.kind);
        let own = self.sip_homes.get(domain).copied();
        own.or_else(federated)
            .unwrap_or_else(|| match self.route(domain) {
                Route::Edge => PeerKind::Microsoft,
                Route::Records | Route::Default => PeerKind::Standard,
            })
    }

    /// Whether something may pass between a user of SIP and one of XMPP, both by the addresses that it
    /// has, in the form of XMPP.
    pub(crate) fn rule(
        &self,
        towards: Towards,
        sip: &Jid,
        xmpp: &Jid,
        stage: Stage,
        topic: Topic,
        peer: Option<SipPeer<'_>>,
    ) -> Ruling {
        let (Some(sip_user), Some(xmpp_user)) = (address(sip), address(xmpp)) else {
            return Ruling::Deny(Denial::Refuse, "a domain is no user".into());
        };
        let users = (&sip_user, &xmpp_user);
        let (decision, protocol) = match self.are_homes(sip.domain(), xmpp.domain()) {
            true => self.decide_within(towards, users, stage, topic),
            false => self.decide_between(towards, users, stage, topic, peer),
        };
        if decision.verdict == Verdict::Deny {
            let denial = shown(&decision, protocol);
            return Ruling::Deny(denial, decision.to_string().into());
        }
        let pair = self.pair(towards, sip, xmpp);
        let Some(pair) = pair.filter(|pair| self.can_show(pair)) else {
            return Ruling::Deny(Denial::Drop, "the user is known by email alone".into());
        };
        Ruling::Pass(pair, decision.obligations.subscription)
    }

    /// Whether two domains are ours, each on its side. One that writes from the other side is not
    /// believed to be ours.
    fn are_homes(&self, sip: &DomainName, xmpp: &DomainName) -> bool {
        let is_home = |domain, home| self.policy.is_local(domain) && self.home(domain) == home;
        is_home(sip, Home::Sip) && is_home(xmpp, Home::Xmpp)
    }

    /// Asks the rules about a user of ours and one of another domain, of SIP and of XMPP; with the answer
    /// goes what the other domain speaks.
    fn decide_between(
        &self,
        towards: Towards,
        (sip, xmpp): (&Address, &Address),
        stage: Stage,
        topic: Topic,
        peer: Option<SipPeer<'_>>,
    ) -> (Decision, Protocol) {
        let is_sip_local = self.policy.is_local(sip.domain());
        let (local, remote, protocol) = match is_sip_local {
            true => (sip, xmpp, Protocol::Xmpp),
            false => (xmpp, sip, Protocol::Sip),
        };
        let direction = match (towards, is_sip_local) {
            (Towards::Sip, true) | (Towards::Xmpp, false) => Direction::Inbound,
            (Towards::Xmpp, true) | (Towards::Sip, false) => Direction::Outbound,
        };
        let facts = facts((local, remote), protocol, direction, stage, topic);
        let facts = match peer {
            Some(SipPeer { address, name }) => facts.from_peer(Peer { address, name }),
            None => facts,
        };
        (self.policy.decide(&facts), protocol)
    }

    /// Asks what two users of ours have decided about each other, the sender first; with the answer
    /// goes what the sender's domain speaks.
    fn decide_within(
        &self,
        towards: Towards,
        (sip, xmpp): (&Address, &Address),
        stage: Stage,
        topic: Topic,
    ) -> (Decision, Protocol) {
        // To each of them the other one is of the other protocol.
        let ((sender, speaks), (recipient, hears)) = match towards {
            Towards::Sip => ((xmpp, Protocol::Xmpp), (sip, Protocol::Sip)),
            Towards::Xmpp => ((sip, Protocol::Sip), (xmpp, Protocol::Xmpp)),
        };
        let out = facts(
            (sender, recipient),
            hears,
            Direction::Outbound,
            stage,
            topic,
        );
        let out = self.policy.decide_within(&out);
        if out.verdict == Verdict::Deny {
            return (out, speaks);
        }
        let seen = self.policy.outward(sender);
        let into = facts((recipient, seen), speaks, Direction::Inbound, stage, topic);
        (self.policy.decide_within(&into), speaks)
    }

    /// The two users whom the addresses of something mean, whatever the rules say of them; `None` if
    /// one is the own address of a user who is known by email, which nobody else may use.
    pub(crate) fn pair(&self, towards: Towards, sip: &Jid, xmpp: &Jid) -> Option<Pair> {
        let (from, to) = match towards {
            Towards::Sip => (xmpp, sip),
            Towards::Xmpp => (sip, xmpp),
        };
        // Only whom something is for may have another name here: senders of ours write as they are.
        let to = match self.policy.is_local(to.domain()) {
            true => self.inward(to)?,
            false => to.to_bare(),
        };
        let from = from.to_bare();
        Some(match towards {
            Towards::Sip => Pair {
                sip: to,
                xmpp: from,
            },
            Towards::Xmpp => Pair {
                sip: from,
                xmpp: to,
            },
        })
    }

    fn inward(&self, shown: &Jid) -> Option<Jid> {
        let Some(address) = address(shown) else {
            return Some(shown.to_bare());
        };
        match self.policy.inward(&address) {
            Inward::User(own) if *own == address => Some(shown.to_bare()),
            Inward::User(own) => jid(own),
            Inward::Hidden { .. } => None,
        }
    }

    /// By which address the other side knows the user of XMPP.
    pub(crate) fn shown_xmpp(&self, pair: &Pair) -> Jid {
        self.shown(&pair.xmpp)
    }

    /// By which address the other side knows the user of SIP.
    pub(crate) fn shown_sip(&self, pair: &Pair) -> Jid {
        self.shown(&pair.sip)
    }

    /// Whether the email addresses that stand for users can be written, so that no own address goes out
    /// in their place.
    fn can_show(&self, pair: &Pair) -> bool {
        [&pair.sip, &pair.xmpp].into_iter().all(|user| {
            address(user).is_none_or(|own| {
                let email = self.policy.outward(&own);
                *email == own || jid(email).is_some()
            })
        })
    }

    fn shown(&self, user: &Jid) -> Jid {
        let own = address(user);
        let email = own.as_ref().map(|own| self.policy.outward(own));
        match (email, &own) {
            (Some(email), Some(own)) if email != own => jid(email).unwrap_or_else(|| user.clone()),
            (_, _) => user.clone(),
        }
    }
}

/// What the rules are asked about a user of ours and another one.
fn facts<'a>(
    (local, remote): (&'a Address, &'a Address),
    protocol: Protocol,
    direction: Direction,
    stage: Stage,
    topic: Topic,
) -> Facts<'a> {
    Facts::between(protocol, local.domain(), remote.domain(), direction)
        .at(stage, Assurance::Certified)
        .users(local, remote, topic)
}

/// How a refusal is shown. Over SIP a request has an answer, on the connection on which it came: that
/// nothing may be sent to a domain keeps no 403 back. Who means a hidden user gets none.
fn shown(decision: &Decision, protocol: Protocol) -> Denial {
    let denial = decision.obligations.denial.unwrap_or(Denial::Refuse);
    let last = decision.explanation.rules().last();
    let is_hidden = matches!(last, Some(Rule::Hidden(_)));
    match (denial, protocol) {
        (Denial::Drop, Protocol::Sip) if !is_hidden => Denial::Refuse,
        (denial, _) => denial,
    }
}

/// The address of a user as the rules have it: as people write it, without the escapes of XEP-0106.
pub(crate) fn address(jid: &Jid) -> Option<Address> {
    Address::new(&unescape(jid.local()?), jid.domain().clone()).ok()
}

/// The same back; `None` for one that no address of XMPP can stand for.
fn jid(address: &Address) -> Option<Jid> {
    let (local, domain) = address.as_str().rsplit_once('@')?;
    let as_written = Jid::parse(address.as_str()).ok();
    as_written.or_else(|| Jid::parse(&format!("{}@{domain}", escape(local))).ok())
}

/// Domains that are not learned and of which it is remembered how they were found. What came before is
/// learned as if it had ordinary records.
const MAX_FOUND: usize = 1_024;
