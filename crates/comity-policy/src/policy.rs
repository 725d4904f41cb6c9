use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use comity_identity::{Assurance, Direction, DomainName};
use foldhash::fast::RandomState;

use crate::acl::{Acl, AclAnswer};
use crate::config::LocalKind;
use crate::decision::{Denial, Explanation, Fact, Obligations, Rule, Subscription};
use crate::email::EmailBook;
use crate::table::Table;
use crate::user::UserTable;
use crate::{
    AclEntry, AclPattern, Address, Config, ConfigErrors, Decision, DenyMode, Exception, Facts,
    FederatedDomain, Inward, Packets, Protocol, Rates, Scope, SecurityDecision, SecurityMode,
    Stage, Subject, Switch, Topic, UserRule, Verdict, Warning, check,
};

/// The compiled rules.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) local_domains: HashMap<DomainName, LocalKind, RandomState>,
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
    pub(crate) blocked: Table<()>,
    pub(crate) domains: HashMap<DomainName, FederatedDomain, RandomState>,
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
        let mut question = Question::new(self, facts);
        let verdict = question.verdict();
        let mut decision = question.decided(verdict);
        if verdict == Verdict::Deny && !self.may_answer(facts) {
            decision.obligations.denial = Some(Denial::Drop);
        }
        decision
    }

    /// Decides whether something passes between users of two domains that are both ours: nothing is
    /// asked about domains, connections and proof, only what the local user of `facts` has decided.
    /// Whoever joins two of our domains asks for the sender, to whom it goes out, and for the
    /// recipient, to whom it comes in.
    #[must_use]
    pub fn decide_within(&self, facts: &Facts<'_>) -> Decision {
        let mut question = Question::new(self, facts);
        let may = question.domains_are_ours()
            && question.users_are_of_their_domains()
            && question.users_may();
        question.decided(if may { Verdict::Allow } else { Verdict::Deny })
    }

    /// Whether whoever sent a packet may be told that it does not pass: an answer is a packet too,
    /// and goes out only where packets may. Before packets come, a stream or connection says so.
    fn may_answer(&self, facts: &Facts<'_>) -> bool {
        if facts.stage < Stage::Stanza || facts.direction == Direction::Outbound {
            return true;
        }
        let is_on = match facts.protocol {
            Protocol::Sip => self.sip.enabled,
            Protocol::Xmpp => self.xmpp.enabled,
        };
        let is_ours = facts.local.is_some_and(|local| self.is_local(local));
        let may_go_there = facts.remote.is_some_and(|remote| {
            let mut unread = Explanation::default();
            let direction = Direction::Outbound;
            let verdict = self.domain_verdict(facts.protocol, remote, direction, &mut unread);
            verdict == Verdict::Allow && !self.is_local(remote)
        });
        is_on == Switch::On && is_ours && may_go_there
    }

    /// Whether the domain may, and which rules say so.
    fn domain_verdict(
        &self,
        protocol: Protocol,
        remote: &DomainName,
        direction: Direction,
        explanation: &mut Explanation,
    ) -> Verdict {
        let (verdict, rule) = match (protocol, self.sip.domains.contains_key(remote)) {
            (Protocol::Xmpp, true) => {
                let rule = Rule::OtherProtocol(remote.clone(), Protocol::Sip);
                (Verdict::Deny, rule)
            }
            (Protocol::Sip, true) => (Verdict::Allow, Rule::SipDomain(remote.clone())),
            (Protocol::Sip, false) => match self.sip.blocked.most_specific(remote) {
                Some((pattern, ())) => (Verdict::Deny, Rule::SipBlocked(pattern)),
                None => (
                    self.sip.default_verdict,
                    Rule::Default(self.sip.default_verdict),
                ),
            },
            (Protocol::Xmpp, false) => return self.xmpp_verdict(remote, direction, explanation),
        };
        explanation.push(rule);
        verdict
    }

    fn xmpp_verdict(
        &self,
        remote: &DomainName,
        direction: Direction,
        explanation: &mut Explanation,
    ) -> Verdict {
        let default = self.xmpp.default_verdict;
        let mut verdict = default;
        if let Some((pattern, &packets)) = self.xmpp.exceptions.most_specific(remote) {
            let exception = Exception { pattern, packets };
            explanation.push(if packets.include(direction) {
                verdict = default.inverted();
                Rule::Exception(exception)
            } else {
                Rule::OtherDirection(exception, direction)
            });
        }
        explanation.push(Rule::Default(default));
        verdict
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

    /// Adds what a user has decided, in the place of what he had decided about the same.
    ///
    /// # Errors
    ///
    /// The user is in no local domain; the rule is given back.
    pub fn set_user_rule(&mut self, rule: UserRule) -> Result<(), UserRule> {
        let domain = rule.owner.domain();
        if self.local_domains.get(domain) != Some(&LocalKind::Own) {
            return Err(rule);
        }
        self.users.set(&Arc::new(rule));
        Ok(())
    }

    /// Takes back what a user has decided about a subject, as far as the scope goes.
    pub fn remove_user_rule(&mut self, owner: &Address, subject: &Subject, scope: Scope) {
        self.users.remove(owner, subject, scope);
    }

    /// How a user's refusal looks to the other side.
    #[must_use]
    pub fn deny_mode(&self) -> DenyMode {
        self.deny_mode
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
    /// Whether one is there and the other is missing. An entry for everybody is both.
    #[must_use]
    pub fn is_half(&self) -> bool {
        let is_all = |entry: &Option<AclEntry>| {
            entry
                .as_ref()
                .is_some_and(|entry| entry.pattern == AclPattern::All)
        };
        self.by_address.is_some() != self.by_name.is_some() && !is_all(&self.by_address)
    }
}

struct Question<'p> {
    policy: &'p Policy,
    facts: &'p Facts<'p>,
    obligations: Obligations,
    explanation: Explanation,
}

impl<'p> Question<'p> {
    fn new(policy: &'p Policy, facts: &'p Facts<'p>) -> Self {
        Self {
            policy,
            facts,
            obligations: Obligations::default(),
            explanation: Explanation::default(),
        }
    }

    fn decided(self, verdict: Verdict) -> Decision {
        let mut obligations = self.obligations;
        if verdict == Verdict::Deny {
            obligations.denial.get_or_insert(Denial::Refuse);
            obligations.subscription = None;
        }
        Decision {
            verdict,
            obligations,
            explanation: self.explanation,
        }
    }

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

    /// The remote domain, if the local one is ours.
    fn remote(&mut self) -> Option<&'p DomainName> {
        let broken = match (self.facts.local, self.facts.remote) {
            (Some(local), Some(remote)) if self.policy.is_local(local) => {
                return Some(remote);
            }
            (Some(local), Some(_)) => Rule::NotLocal(local.clone()),
            (None, _) => Rule::Missing(Fact::LocalDomain),
            (Some(_), None) => Rule::Missing(Fact::RemoteDomain),
        };
        self.explanation.push(broken);
        None
    }

    fn domains_are_ours(&mut self) -> bool {
        let Some(remote) = self.remote() else {
            return false;
        };
        let is_ours = self.policy.is_local(remote);
        self.explanation.push(match is_ours {
            true => Rule::RemoteIsLocal(remote.clone()),
            false => Rule::NotLocal(remote.clone()),
        });
        is_ours
    }

    fn domains_may(&mut self) -> bool {
        let Some(remote) = self.remote() else {
            return false;
        };
        if self.policy.is_local(remote) {
            self.explanation.push(Rule::RemoteIsLocal(remote.clone()));
            return false;
        }
        let (protocol, direction) = (self.facts.protocol, self.facts.direction);
        let explanation = &mut self.explanation;
        let policy = self.policy;
        let verdict = policy.domain_verdict(protocol, remote, direction, explanation);
        if verdict == Verdict::Allow {
            self.obligations.security = Some(self.security(remote));
            return true;
        }
        false
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
        // What goes out may be written by a user's own address and leave by his email address.
        let outward = |user: &Address| match facts.direction {
            Direction::Outbound => self.policy.outward(user).domain().clone(),
            Direction::Inbound => user.domain().clone(),
        };
        let local = facts.local_user.zip(facts.local);
        let local =
            local.filter(|(user, domain)| user.domain() != *domain && outward(user) != **domain);
        let remote = facts.remote_user.zip(facts.remote);
        let remote = remote.filter(|(user, domain)| user.domain() != *domain);
        let stranger = local
            .or(remote)
            .map(|(user, domain)| Rule::OtherDomain(user.clone(), domain.clone()));
        let is_well = stranger.is_none();
        if let Some(rule) = stranger {
            self.explanation.push(rule);
        }
        is_well
    }

    fn users_may(&mut self) -> bool {
        let facts = self.facts;
        let Some(written) = facts.local_user else {
            // The domain itself is meant, and has no user to decide; nor any presence.
            let is_possible = facts.stage != Stage::Subscription;
            if !is_possible {
                self.explanation.push(Rule::Missing(Fact::LocalUser));
            }
            return is_possible;
        };
        let owner = match (facts.direction, self.policy.inward(written)) {
            (Direction::Outbound, Inward::Hidden { .. }) => written,
            (_, Inward::User(owner)) => owner,
            (Direction::Inbound, Inward::Hidden { .. }) => {
                self.explanation.push(Rule::Hidden(written.clone()));
                self.obligations.denial = Some(Denial::Drop);
                return false;
            }
        };
        let rule = facts.remote.and_then(|remote| {
            let user = facts.remote_user;
            let of = |topic| self.policy.users.rule(owner, remote, user, topic);
            match (facts.stage, facts.topic) {
                (Stage::Subscription, _) | (_, Some(Topic::Presence)) => of(Topic::Presence),
                (_, Some(Topic::Message)) => of(Topic::Message),
                // What nobody knows the topic of passes only if either would.
                (_, None) => of(Topic::Message)
                    .filter(|rule| rule.verdict == Verdict::Deny)
                    .or_else(|| of(Topic::Presence)),
            }
        });
        let blocks = rule.is_some_and(|rule| rule.verdict == Verdict::Deny);
        let is_asked_for = facts.stage == Stage::Subscription;
        let shows_presence = facts.topic != Some(Topic::Message);
        match (facts.direction, facts.protocol) {
            (Direction::Outbound, _) if !blocks => return true,
            // Over SIP a user may write to whom he has blocked, and watch him. His presence stays
            // with him.
            (Direction::Outbound, Protocol::Sip) if is_asked_for || !shows_presence => return true,
            (Direction::Outbound, Protocol::Sip) => {
                self.obligations.denial = Some(Denial::Polite);
            }
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
