use std::net::IpAddr;

use super::*;

#[test]
fn the_tables_decide_as_the_lists_do() {
    let mut random = Random::from_seed([14; 32]);
    let mut verdicts = [0_usize; 2];
    let mut by_user = [0_usize; 2];
    for _ in 0..400 {
        let config = random_config(&mut random);
        let Ok(policy) = Policy::new(config.clone()) else {
            continue;
        };
        for _ in 0..60 {
            let world = World::new(&mut random, &config);
            let facts = world.facts(&mut random);
            let decision = policy.decide(&facts);
            let (verdict, obligations) = naive::decide(&config, &facts);
            assert_eq!(
                (decision.verdict, decision.obligations),
                (verdict, obligations),
                "{decision}\n{}\n{facts:?}",
                config.to_toml()
            );
            verdicts[usize::from(verdict == Verdict::Allow)] += 1;
            let is_user = |rule: &Rule| matches!(rule, Rule::User(_));
            let decided = decision.explanation.rules().any(is_user);
            by_user[usize::from(verdict == Verdict::Allow)] += usize::from(decided);
        }
    }
    assert!(verdicts.iter().all(|&count| count > 1000), "{verdicts:?}");
    assert!(by_user.iter().all(|&count| count > 100), "{by_user:?}");
}

/// What facts can be made of.
struct World {
    domains: [DomainName; 3],
    users: [Address; 2],
    address: IpAddr,
}

impl World {
    /// Domains and users that the rules are likely to be about.
    fn new(random: &mut Random, config: &Config) -> Self {
        let ours: Vec<_> = config.local_domains.iter().cloned().collect();
        let local = match pick(random, 6) {
            0 => random_name(random),
            _ => ours[pick(random, 2) % ours.len()].clone(),
        };
        let remote = random_name(random);
        let user = |random: &mut Random, domain: &DomainName| match pick(random, 8) {
            0 => random_address(random),
            _ => Address::new(["u", "v"][pick(random, 2)], domain.clone()).unwrap(),
        };
        let users = [user(random, &local), user(random, &remote)];
        Self {
            domains: [local, remote, random_name(random)],
            users,
            address: random_ip(random),
        }
    }

    fn facts(&self, random: &mut Random) -> Facts<'_> {
        let [local, remote, host] = &self.domains;
        let [local_user, remote_user] = &self.users;
        let protocol = [Protocol::Sip, Protocol::Xmpp][pick(random, 2)];
        let direction = DIRECTIONS[pick(random, 2)];
        let assurances = [
            Assurance::Certified,
            Assurance::Certified,
            Assurance::DialedBack,
            Assurance::None,
        ];
        let stages = [Stage::Stanza, Stage::Subscription];
        let stage = match pick(random, 3) {
            0 => Stage::ALL[pick(random, 5)],
            _ => stages[pick(random, 2)],
        };
        let mut facts = Facts::between(protocol, local, remote, direction)
            .at(stage, assurances[pick(random, 8).saturating_sub(4)]);
        if pick(random, 8) > 0 {
            let topic = [Topic::Message, Topic::Presence][pick(random, 2)];
            facts = facts.users(local_user, remote_user, topic);
            if pick(random, 8) == 0 {
                facts.topic = None;
            }
            if pick(random, 8) == 0 {
                facts.remote_user = None;
            }
        }
        if pick(random, 8) > 0 {
            let name = [None, Some(host)][pick(random, 2)];
            let address = self.address;
            facts = facts.from_peer(Peer { address, name });
        }
        facts
    }
}

fn random_config(random: &mut Random) -> Config {
    let switch = |random: &mut Random| [Switch::Off, Switch::On][pick(random, 8).min(1)];
    let verdict = |random: &mut Random| [Verdict::Allow, Verdict::Deny][pick(random, 2)];
    let mut config = Config::default();
    config
        .local_domains
        .extend([(); 2].map(|()| random_name(random)));
    config.xmpp.enabled = switch(random);
    config.xmpp.default_verdict = verdict(random);
    config.sip.enabled = switch(random);
    config.sip.default_verdict = verdict(random);
    for _ in 0..pick(random, 3) {
        config.sip.blocked.insert(random_pattern(random));
    }
    config.deny_mode = [DenyMode::Polite, DenyMode::Rejected][pick(random, 2)];
    for _ in 0..pick(random, 12) {
        let packets = [Packets::All, Packets::IncomingOnly, Packets::OutgoingOnly][pick(random, 3)];
        let exception = Exception::new(random_pattern(random), packets);
        config.xmpp.exceptions.push(exception);
    }
    for _ in 0..pick(random, 4) {
        let mut mode = SecurityMode::new(
            [TlsMode::Optional, TlsMode::Required][pick(random, 2)],
            [Requirement::Optional, Requirement::Required][pick(random, 2)],
        );
        mode.dialback = switch(random);
        let rule = SecurityRule::new(random_pattern(random), mode);
        config.xmpp.security_rules.push(rule);
    }
    for _ in 0..pick(random, 3) {
        let domain = FederatedDomain::new(random_name(random), PeerKind::Standard);
        config.sip.domains.push(domain);
    }
    for _ in 0..pick(random, 4) {
        config.acl.insert(match pick(random, 4) {
            0 => AclPattern::Name(random_name(random)),
            1 => AclPattern::Address(random_ip(random)),
            2 => "10.0.0.0/15".parse().unwrap(),
            _ => AclPattern::All,
        });
    }
    let ours: Vec<_> = config.local_domains.iter().cloned().collect();
    let owner = |random: &mut Random| {
        let domain = ours[pick(random, 2) % ours.len()].clone();
        Address::new(["u", "v"][pick(random, 2)], domain).unwrap()
    };
    for _ in 0..pick(random, 60) {
        let subject = match pick(random, 2) {
            0 => Subject::User(random_address(random)),
            _ => Subject::Domain(random_name(random)),
        };
        let scope = [Scope::Both, Scope::Messages, Scope::Presence][pick(random, 3)];
        let rule = UserRule::new(owner(random), subject, scope, verdict(random));
        config.user_rules.push(rule);
    }
    config.email.enabled = pick(random, 2) == 0;
    if pick(random, 2) == 0 {
        config
            .email
            .identities
            .insert(owner(random), random_address(random));
    }
    keep_what_agrees(&mut config);
    config
}

/// Leaves rules out until the configuration is one.
fn keep_what_agrees(config: &mut Config) {
    let local = config.local_domains.clone();
    let is_local = |pattern: &DomainPattern| match pattern {
        DomainPattern::Exact(name) => local.contains(name),
        DomainPattern::Tree(_) => false,
    };
    let mut seen = std::collections::BTreeSet::new();
    config
        .xmpp
        .exceptions
        .retain(|rule| !is_local(&rule.pattern) && seen.insert(rule.pattern.clone()));
    let mut seen = std::collections::BTreeSet::new();
    config
        .xmpp
        .security_rules
        .retain(|rule| !is_local(&rule.pattern) && seen.insert(rule.pattern.clone()));
    let email: std::collections::BTreeSet<_> = match config.email.enabled {
        true => config.email.managed_domains().into_keys().collect(),
        false => std::collections::BTreeSet::new(),
    };
    let mut named: std::collections::BTreeSet<_> = local.clone();
    let exceptions = config.xmpp.exceptions.iter().map(|rule| &rule.pattern);
    let security = config.xmpp.security_rules.iter().map(|rule| &rule.pattern);
    named.extend(
        exceptions
            .chain(security)
            .map(|pattern| pattern.domain().clone()),
    );
    let is_ours = |pattern: &DomainPattern| match pattern {
        DomainPattern::Exact(name) => local.contains(name) || email.contains(name),
        DomainPattern::Tree(_) => false,
    };
    config
        .xmpp
        .exceptions
        .retain(|rule| !is_ours(&rule.pattern));
    config
        .xmpp
        .security_rules
        .retain(|rule| !is_ours(&rule.pattern));
    config.sip.blocked.retain(|pattern| !is_ours(pattern));
    named.extend(email);
    named.extend(
        config
            .sip
            .blocked
            .iter()
            .map(|pattern| pattern.domain().clone()),
    );
    config
        .sip
        .domains
        .retain(|domain| named.insert(domain.name.clone()));
    let mut seen = std::collections::BTreeSet::new();
    config.user_rules.retain(|rule| {
        local.contains(rule.owner.domain())
            && seen.insert((rule.owner.clone(), rule.subject.clone()))
    });
    config
        .email
        .identities
        .retain(|user, _| local.contains(user.domain()));
}

fn random_pattern(random: &mut Random) -> DomainPattern {
    match pick(random, 2) {
        0 => DomainPattern::Exact(random_name(random)),
        _ => DomainPattern::Tree(random_name(random)),
    }
}

fn random_address(random: &mut Random) -> Address {
    let local = ["u", "v"][pick(random, 2)];
    Address::new(local, random_name(random)).unwrap()
}

fn random_ip(random: &mut Random) -> IpAddr {
    ["10.0.0.1", "10.1.0.1", "10.2.0.1", "::1"][pick(random, 4)]
        .parse()
        .unwrap()
}

/// A name of up to two labels out of three, so that names often meet, also by a common ending
/// inside a label.
fn random_name(random: &mut Random) -> DomainName {
    let labels = (0..=pick(random, 2))
        .map(|_| ["a", "ba", "c"][pick(random, 3)])
        .collect::<Vec<_>>();
    name(&labels.join("."))
}

fn pick(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).unwrap()
}
