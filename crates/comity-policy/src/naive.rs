//! The rules read a second time, as they are written: list by list, without tables. Tests and
//! fuzzing compare it with [`Policy::decide`](crate::Policy::decide).

use comity_identity::{Assurance, Direction, DomainName};

use crate::{
    Address, Config, Denial, DenyMode, DomainPattern, Exception, Facts, Obligations, Protocol,
    Scope, SecurityMode, Stage, Subject, Subscription, Switch, Topic, UserRule, Verdict,
};

/// What the rules say. The configuration is one that [`Policy::new`](crate::Policy::new) takes.
#[must_use]
pub fn decide(config: &Config, facts: &Facts<'_>) -> (Verdict, Obligations) {
    let mut obligations = Obligations::default();
    let verdict = judge(config, facts, &mut obligations);
    if verdict == Verdict::Deny {
        obligations.denial = obligations.denial.or(Some(Denial::Refuse));
        obligations.subscription = None;
        let is_packet = facts.stage >= Stage::Stanza && facts.direction == Direction::Inbound;
        let back = Facts {
            direction: Direction::Outbound,
            stage: Stage::StreamHeader,
            ..*facts
        };
        let answered = judge(config, &back, &mut Obligations::default());
        if is_packet && answered == Verdict::Deny {
            obligations.denial = Some(Denial::Drop);
        }
    }
    (verdict, obligations)
}

fn judge(config: &Config, facts: &Facts<'_>, obligations: &mut Obligations) -> Verdict {
    let enabled = match facts.protocol {
        Protocol::Sip => config.sip.enabled,
        Protocol::Xmpp => config.xmpp.enabled,
    };
    if enabled == Switch::Off {
        return Verdict::Deny;
    }
    if facts.protocol == Protocol::Sip && facts.direction == Direction::Inbound {
        let Some(peer) = facts.peer else {
            return Verdict::Deny;
        };
        let entries: Vec<_> = config.acl_entries().map(|entry| entry.pattern).collect();
        if !entries
            .iter()
            .any(|entry| entry.covers(peer.address, peer.name))
        {
            let by_name = entries
                .iter()
                .any(|entry| matches!(entry, crate::AclPattern::Name(_)));
            let is_early = facts.stage <= Stage::StreamHeader;
            if !by_name || peer.name.is_some() || !is_early {
                return Verdict::Deny;
            }
            obligations.ask_again_with_name = true;
        }
    }
    if facts.stage == Stage::Connect {
        return Verdict::Allow;
    }
    let (Some(local), Some(remote)) = (facts.local, facts.remote) else {
        return Verdict::Deny;
    };
    if !is_local(config, local) || is_local(config, remote) {
        return Verdict::Deny;
    }
    if domain(config, facts.protocol, remote, facts.direction) == Verdict::Deny {
        return Verdict::Deny;
    }
    let mode = match facts.protocol {
        Protocol::Sip => SecurityMode::default(),
        Protocol::Xmpp => mode(config, remote),
    };
    obligations.security = Some(mode);
    if facts.stage >= Stage::Authentication && facts.assurance < needed(mode) {
        return Verdict::Deny;
    }
    if facts.stage >= Stage::Stanza {
        let foreign = |user: &Address, domain| user.domain() != domain;
        let emails = &config.email.identities;
        let leaves_by = |user: &Address| {
            let outbound = facts.direction == Direction::Outbound && config.email.enabled;
            emails
                .get(user)
                .is_some_and(|email| outbound && email.domain() == local)
        };
        let local_user = facts.local_user;
        if local_user.is_some_and(|user| foreign(user, local) && !leaves_by(user))
            || facts.remote_user.is_some_and(|user| foreign(user, remote))
        {
            return Verdict::Deny;
        }
        return user(config, facts, remote, obligations);
    }
    Verdict::Allow
}

fn is_local(config: &Config, domain: &DomainName) -> bool {
    let mut emails = config.email.identities.values();
    config.local_domains.contains(domain)
        || (config.email.enabled
            && (config.email.domains.contains(domain)
                || emails.any(|email| email.domain() == domain)))
}

fn domain(
    config: &Config,
    protocol: Protocol,
    remote: &DomainName,
    direction: Direction,
) -> Verdict {
    let is_sip = config
        .sip
        .domains
        .iter()
        .any(|domain| domain.name == *remote);
    match (protocol, is_sip) {
        (Protocol::Sip, true) => Verdict::Allow,
        (Protocol::Sip, false) => {
            let mut blocked = config.sip.blocked.iter();
            if blocked.any(|pattern| pattern.covers(remote)) {
                return Verdict::Deny;
            }
            config.sip.default_verdict
        }
        (Protocol::Xmpp, true) => Verdict::Deny,
        (Protocol::Xmpp, false) => {
            let default = config.xmpp.default_verdict;
            let covering = config.xmpp.exceptions.iter();
            let covering = covering.filter(|exception| exception.pattern.covers(remote));
            let winner: Option<&Exception> = covering.max_by_key(|rule| rank(&rule.pattern));
            match winner {
                Some(winner) if winner.packets.include(direction) => default.inverted(),
                Some(_) | None => default,
            }
        }
    }
}

fn mode(config: &Config, remote: &DomainName) -> SecurityMode {
    let covering = config.xmpp.security_rules.iter();
    let covering = covering.filter(|rule| rule.pattern.covers(remote));
    let winner = covering.max_by_key(|rule| rank(&rule.pattern));
    winner.map_or(config.xmpp.default_security, |rule| rule.mode)
}

/// The exact name before the longest wildcard.
fn rank(pattern: &DomainPattern) -> usize {
    match pattern {
        DomainPattern::Exact(_) => usize::MAX,
        DomainPattern::Tree(top) => top.labels().count(),
    }
}

fn needed(mode: SecurityMode) -> Assurance {
    let by_dialback =
        mode.certificate == crate::Requirement::Optional && mode.dialback == Switch::On;
    if by_dialback {
        Assurance::DialedBack
    } else {
        Assurance::Certified
    }
}

fn user(
    config: &Config,
    facts: &Facts<'_>,
    remote: &DomainName,
    obligations: &mut Obligations,
) -> Verdict {
    let Some(written) = facts.local_user else {
        return match facts.stage {
            Stage::Subscription => Verdict::Deny,
            Stage::Connect | Stage::StreamHeader | Stage::Authentication | Stage::Stanza => {
                Verdict::Allow
            }
        };
    };
    let inbound = facts.direction == Direction::Inbound;
    if inbound && is_hidden(config, written) {
        obligations.denial = Some(Denial::Drop);
        return Verdict::Deny;
    }
    let mut identities = config.email.identities.iter();
    let owner = identities
        .find(|(_, email)| config.email.enabled && *email == written)
        .map_or(written, |(user, _)| user);
    let topics = match (facts.stage == Stage::Subscription, facts.topic) {
        (true, _) | (false, Some(Topic::Presence)) => vec![Topic::Presence],
        (false, Some(Topic::Message)) => vec![Topic::Message],
        (false, None) => vec![Topic::Message, Topic::Presence],
    };
    let about = |subject: &Subject, topic| {
        let mut rules = config.user_rules.iter();
        rules.find(|rule| rule.owner == *owner && rule.subject == *subject && covers(rule, topic))
    };
    let rules = topics.into_iter().map(|topic| {
        let user = facts.remote_user.cloned().map(Subject::User);
        let user = user.and_then(|user| about(&user, topic));
        user.or_else(|| about(&Subject::Domain(remote.clone()), topic))
    });
    let rules: Vec<_> = rules.flatten().collect();
    let blocks = rules.iter().any(|rule| rule.verdict == Verdict::Deny);
    if !inbound {
        let own = facts.protocol == Protocol::Xmpp;
        let watching = facts.stage == Stage::Subscription || facts.topic == Some(Topic::Message);
        if !blocks || (!own && watching) {
            return Verdict::Allow;
        }
        obligations.denial = Some(if own {
            Denial::OwnBlock
        } else {
            Denial::Polite
        });
        return Verdict::Deny;
    }
    if blocks {
        obligations.denial = Some(match config.deny_mode {
            DenyMode::Polite => Denial::Polite,
            DenyMode::Rejected => Denial::Refuse,
        });
        return Verdict::Deny;
    }
    if facts.stage == Stage::Subscription {
        obligations.subscription = Some(if rules.is_empty() {
            Subscription::Pending
        } else {
            Subscription::Active
        });
    }
    Verdict::Allow
}

fn covers(rule: &UserRule, topic: Topic) -> bool {
    match (rule.scope, topic) {
        (Scope::Both, Topic::Message | Topic::Presence)
        | (Scope::Messages, Topic::Message)
        | (Scope::Presence, Topic::Presence) => true,
        (Scope::Messages, Topic::Presence) | (Scope::Presence, Topic::Message) => false,
    }
}

/// Whether an address is that of a user who is known by another one alone.
fn is_hidden(config: &Config, address: &Address) -> bool {
    let email = &config.email;
    email.enabled
        && !email.identities.values().any(|email| email == address)
        && email.identities.contains_key(address)
}
