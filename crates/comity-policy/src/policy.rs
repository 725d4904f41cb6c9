use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use comity_identity::{Assurance, Direction, DomainName};

use crate::acl::{Acl, AclAnswer};
use crate::config::LocalKind;
use crate::decision::{Denial, Explanation, Fact, Obligations, Rule, Subscription};
use crate::email::EmailBook;
use crate::table::Table;
use crate::user::UserTable;
use crate::{
    AclEntry, Address, Config, ConfigErrors, Decision, DenyMode, Exception, Facts, FederatedDomain,
    Inward, Packets, Protocol, Rates, SecurityDecision, SecurityMode, Stage, Switch, Topic,
    Verdict, Warning, check,
};

/// The compiled rules.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) local_domains: HashMap<DomainName, LocalKind>,
    pub(crate) xmpp: Xmpp,
    pub(crate) sip: Sip,
    pub(crate) acl: Acl,
    pub(crate) users: UserTable,
    pub(crate) deny_mode: DenyMode,
    pub(crate) email: EmailBook,
    pub(crate) rates: Rates,
    pub(crate) warnings: Vec<Warning>,
}

#[derive(Clone, Debug)]
pub(crate) struct Xmpp {
    pub(crate) enabled: Switch,
    pub(crate) default_verdict: Verdict,
    pub(crate) exceptions: Table<Packets>,
    pub(crate) default_security: SecurityMode,
    pub(crate) security: Table<SecurityMode>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sip {
    pub(crate) enabled: Switch,
    pub(crate) default_verdict: Verdict,
    pub(crate) domains: HashMap<DomainName, FederatedDomain>,
}

impl Policy {
    /// Compiles `config`.
    ///
    /// # Errors
    ///
    /// All rules of a configuration that `config` violates.
    pub fn new(config: Config) -> Result<Self, ConfigErrors> {
        check::compile(config)
    }

    /// What the rules hold that changes nothing, or not what it seems to.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Decides whether something passes, by the rules of its stage and of those before it.
    ///
    /// Replies are packets of their own direction, errors included: nothing is allowed because an
    /// earlier packet was.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let mut question = Question {
            policy: self,
            facts,
            obligations: Obligations::default(),
            explanation: Explanation::default(),
        };
        let verdict = question.verdict();
        let Question {
            mut obligations,
            explanation,
            ..
        } = question;
        if verdict == Verdict::Deny {
            obligations.denial.get_or_insert(Denial::Refuse);
            obligations.subscription = None;
        }
        Decision {
            verdict,
            obligations,
            explanation,
        }
    }

    /// The security mode for connections with `remote` over XMPP: that of the most specific rule,
    /// else the default.
    ///
    /// It permits nothing by itself; [`Policy::decide`] says whether the domain may federate.
    #[must_use]
    pub fn security(&self, remote: &DomainName) -> SecurityDecision {
        match self.xmpp.security.most_specific(remote) {
            Some((pattern, &mode)) => SecurityDecision {
                mode,
                pattern: Some(pattern),
            },
            None => SecurityDecision {
                mode: self.xmpp.default_security,
                pattern: None,
            },
        }
    }

    /// Whether `domain` is ours, by its whole name: a local domain, or an email domain where email
    /// addresses stand in for users' own.
    #[must_use]
    pub fn is_local(&self, domain: &DomainName) -> bool {
        self.local_domains.contains_key(domain)
    }

    /// The SIP domain of that name, if it is federated.
    #[must_use]
    pub fn sip_domain(&self, domain: &DomainName) -> Option<&FederatedDomain> {
        self.sip.domains.get(domain)
    }

    /// The address by which federated contacts know a user.
    #[must_use]
    pub fn outward<'a>(&'a self, user: &'a Address) -> &'a Address {
        self.email.outward(user)
    }

    /// Whom a federated contact means by an address.
    #[must_use]
    pub fn inward<'a>(&'a self, address: &'a Address) -> Inward<'a> {
        self.email.inward(address)
    }

    /// The rates, for a [`RateLimiter`](crate::RateLimiter).
    #[must_use]
    pub fn rates(&self) -> Rates {
        self.rates
    }

    /// What the access list says of the address and of the name of one server. An operator lists
    /// both of each.
    #[must_use]
    pub fn acl_pair(&self, address: IpAddr, name: &DomainName) -> AclPair {
        AclPair {
            by_address: self.acl.by_address(crate::acl::canonical(address)),
            by_name: self.acl.by_name(Some(name)),
        }
    }
}

/// What lets a server in, by its address and by its name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AclPair {
    /// The entry for its address.
    pub by_address: Option<AclEntry>,
    /// The entry for its name.
    pub by_name: Option<AclEntry>,
}

impl AclPair {
    /// Whether one is there and the other is missing.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.by_address.is_some() != self.by_name.is_some()
    }
}

struct Question<'p> {
    policy: &'p Policy,
    facts: &'p Facts<'p>,
    obligations: Obligations,
    explanation: Explanation,
}

impl Question<'_> {
    /// Consults the rules in the order of their precedence; the first that denies decides.
    fn verdict(&mut self) -> Verdict {
        let stage = self.facts.stage;
        if !self.protocol_is_on() || !self.access_list_lets_in() {
            return Verdict::Deny;
        }
        if stage == Stage::Connect {
            return Verdict::Allow;
        }
        if !self.domains_may() {
            return Verdict::Deny;
        }
        if stage >= Stage::Authentication && !self.is_proved() {
            return Verdict::Deny;
        }
        if stage >= Stage::Stanza && !(self.users_are_of_their_domains() && self.users_may()) {
            return Verdict::Deny;
        }
        Verdict::Allow
    }

    fn protocol_is_on(&mut self) -> bool {
        let protocol = self.facts.protocol;
        let enabled = match protocol {
            Protocol::Sip => self.policy.sip.enabled,
            Protocol::Xmpp => self.policy.xmpp.enabled,
        };
        if enabled == Switch::Off {
            self.explanation.push(Rule::ProtocolOff(protocol));
        }
        enabled == Switch::On
    }

    /// The access list is about SIP connections that come in.
    fn access_list_lets_in(&mut self) -> bool {
        let facts = self.facts;
        let (Protocol::Sip, Direction::Inbound) = (facts.protocol, facts.direction) else {
            if facts.stage == Stage::Connect {
                self.explanation.push(Rule::NothingAsked(facts.protocol));
            }
            return true;
        };
        let Some(peer) = facts.peer else {
            self.explanation.push(Rule::Missing(Fact::Peer));
            return false;
        };
        match self.policy.acl.answer(peer.address, peer.name) {
            AclAnswer::Listed(entry) => {
                self.explanation.push(Rule::AclEntry(entry));
                true
            }
            AclAnswer::NotYetKnown if facts.stage <= Stage::StreamHeader => {
                self.obligations.ask_again_with_name = true;
                self.explanation.push(Rule::NameNotKnown);
                true
            }
            AclAnswer::NotYetKnown | AclAnswer::NotListed => {
                self.explanation.push(Rule::NotInAcl);
                false
            }
        }
    }

    fn domains_may(&mut self) -> bool {
        let (local, remote) = match (self.facts.local, self.facts.remote) {
            (Some(local), Some(remote)) => (local, remote),
            (None, _) => {
                self.explanation.push(Rule::Missing(Fact::LocalDomain));
                return false;
            }
            (Some(_), None) => {
                self.explanation.push(Rule::Missing(Fact::RemoteDomain));
                return false;
            }
        };
        if !self.policy.is_local(local) {
            self.explanation.push(Rule::NotLocal(local.clone()));
            return false;
        }
        if self.policy.is_local(remote) {
            self.explanation.push(Rule::RemoteIsLocal(remote.clone()));
            return false;
        }
        let (verdict, rules) = self.domain_verdict(remote, self.facts.direction);
        for rule in rules.into_iter().flatten() {
            self.explanation.push(rule);
        }
        if verdict == Verdict::Allow {
            self.obligations.security = Some(self.security(remote));
            return true;
        }
        let is_packet = self.facts.stage >= Stage::Stanza;
        if is_packet && self.facts.direction == Direction::Inbound {
            // An error is a packet too, and may go out only where packets may.
            let (back, _) = self.domain_verdict(remote, Direction::Outbound);
            if back == Verdict::Deny {
                self.obligations.denial = Some(Denial::Drop);
            }
        }
        false
    }

    fn domain_verdict(
        &self,
        remote: &DomainName,
        direction: Direction,
    ) -> (Verdict, [Option<Rule>; 2]) {
        let sip = self.policy.sip.domains.contains_key(remote);
        match (self.facts.protocol, sip) {
            (Protocol::Xmpp, true) => {
                let rule = Rule::OtherProtocol(remote.clone(), Protocol::Sip);
                (Verdict::Deny, [Some(rule), None])
            }
            (Protocol::Sip, true) => (
                Verdict::Allow,
                [Some(Rule::SipDomain(remote.clone())), None],
            ),
            (Protocol::Sip, false) => {
                let verdict = self.policy.sip.default_verdict;
                (verdict, [Some(Rule::Default(verdict)), None])
            }
            (Protocol::Xmpp, false) => self.xmpp_verdict(remote, direction),
        }
    }

    fn xmpp_verdict(
        &self,
        remote: &DomainName,
        direction: Direction,
    ) -> (Verdict, [Option<Rule>; 2]) {
        let xmpp = &self.policy.xmpp;
        let default = Rule::Default(xmpp.default_verdict);
        let Some((pattern, &packets)) = xmpp.exceptions.most_specific(remote) else {
            return (xmpp.default_verdict, [Some(default), None]);
        };
        let exception = Exception { pattern, packets };
        if packets.include(direction) {
            let rules = [Some(Rule::Exception(exception)), Some(default)];
            (xmpp.default_verdict.inverted(), rules)
        } else {
            let rule = Rule::OtherDirection(exception, direction);
            (xmpp.default_verdict, [Some(rule), Some(default)])
        }
    }

    /// SIP goes over mutual TLS with certificates, whatever the rules for XMPP say.
    fn security(&self, remote: &DomainName) -> SecurityMode {
        match self.facts.protocol {
            Protocol::Sip => SecurityMode::default(),
            Protocol::Xmpp => self.policy.security(remote).mode,
        }
    }

    fn is_proved(&mut self) -> bool {
        let needed = match self.obligations.security {
            Some(mode) => mode.needed(),
            None => Assurance::Certified,
        };
        let found = self.facts.assurance;
        self.explanation.push(if found >= needed {
            Rule::Proved(found)
        } else {
            Rule::NotProved { needed, found }
        });
        found >= needed
    }

    /// What was proved is about the domains alone.
    fn users_are_of_their_domains(&mut self) -> bool {
        let facts = self.facts;
        let sides = [
            (facts.local_user, facts.local),
            (facts.remote_user, facts.remote),
        ];
        let stranger = sides.into_iter().find_map(|(user, domain)| {
            let (user, domain) = (user?, domain?);
            (user.domain() != domain).then(|| Rule::OtherDomain(user.clone(), domain.clone()))
        });
        let is_well = stranger.is_none();
        if let Some(rule) = stranger {
            self.explanation.push(rule);
        }
        is_well
    }

    fn users_may(&mut self) -> bool {
        let facts = self.facts;
        let Some(written) = facts.local_user else {
            // The domain itself is meant, and has no user to decide.
            return true;
        };
        let owner = match (facts.direction, self.policy.inward(written)) {
            (Direction::Outbound, _) => written,
            (Direction::Inbound, Inward::User(owner)) => owner,
            (Direction::Inbound, Inward::Hidden { .. }) => {
                self.explanation.push(Rule::Hidden(written.clone()));
                self.obligations.denial = Some(Denial::Drop);
                return false;
            }
        };
        let topic = match (facts.stage, facts.topic) {
            (Stage::Subscription, _) => Topic::Presence,
            (_, Some(topic)) => topic,
            (_, None) => Topic::Message,
        };
        let remote = facts.remote;
        let rule = remote.and_then(|remote| {
            let user = facts.remote_user;
            self.policy.users.rule(owner, remote, user, topic)
        });
        let blocks = rule.is_some_and(|rule| rule.verdict == Verdict::Deny);
        let is_asked_for = facts.stage == Stage::Subscription;
        match (facts.direction, facts.protocol) {
            // Over SIP a user may write to whom he has blocked.
            (Direction::Outbound, Protocol::Sip) => return true,
            (Direction::Outbound, Protocol::Xmpp) if !blocks => return true,
            (Direction::Outbound, Protocol::Xmpp) => {
                self.obligations.denial = Some(Denial::OwnBlock);
            }
            (Direction::Inbound, _) if blocks => {
                self.obligations.denial = Some(match self.policy.deny_mode {
                    DenyMode::Polite => Denial::Polite,
                    DenyMode::Rejected => Denial::Refuse,
                });
            }
            (Direction::Inbound, _) if is_asked_for => {
                self.obligations.subscription = Some(match rule {
                    Some(_) => Subscription::Active,
                    None => Subscription::Pending,
                });
            }
            (Direction::Inbound, _) => {}
        }
        match rule {
            Some(rule) => self.explanation.push(Rule::User(Arc::clone(rule))),
            None if is_asked_for => self.explanation.push(Rule::Undecided(owner.clone())),
            None => {}
        }
        !blocks
    }
}

#[cfg(test)]
mod tests;
