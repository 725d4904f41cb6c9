mod text;

use std::net::IpAddr;

use comity_identity::{Assurance, Direction, DomainName};
use comity_policy::{
    AclPattern, Address, Config, Facts, Peer, Policy, Problem, Protocol, Stage, Subject,
    TextErrors, Topic, Verdict, naive,
};

use crate::program::Program;

/// Reads rules and asks them questions.
///
/// The first byte chooses what the rest is: a text up to a zero byte, or a program that writes one
/// of rules that agree. What follows makes the questions. What is read can be written and reads as
/// the same, what is told fits the text in length and shows no control characters, and the tables
/// decide what the rules say when they are read one by one.
pub fn policy_rules(data: &[u8]) {
    let mut program = Program::new(data);
    let text = if program.byte() & 1 == 0 {
        let bytes = program.rest();
        let mut parts = bytes.splitn(2, |byte| *byte == 0);
        let text = parts.next().unwrap_or_default();
        program = Program::new(parts.next().unwrap_or_default());
        String::from_utf8_lossy(text).into_owned()
    } else {
        text::write(&mut program)
    };
    let config = match Config::from_toml(&text) {
        Ok(config) => config,
        Err(errors) => {
            assert_eq!(Policy::from_toml(&text).err(), Some(errors.clone()));
            return check_errors(&errors, &text);
        }
    };
    check_text(&config);
    let policy = Policy::new(config.clone());
    check_policy(&text, &policy);
    match policy {
        Ok(policy) => {
            for warning in policy.warnings() {
                check_shown(&warning.to_string());
            }
            ask(&config, &policy, &mut program);
        }
        Err(errors) => {
            assert!(!errors.errors().is_empty());
            // A rule contradicts two others at most, and its name.
            assert!(errors.errors().len() <= 4 * text.len() + 1);
            for error in errors.errors() {
                check_shown(&error.to_string());
            }
        }
    }
}

/// Whether rules that are read and compiled in one step are as good as in two; what is wrong is told
/// of a line that there is, or of none.
fn check_policy<E>(text: &str, policy: &Result<Policy, E>) {
    let lines = text.matches('\n').count() + 1;
    match (Policy::from_toml(text), policy) {
        (Ok(_), Ok(_)) => {}
        (Err(errors), Err(_)) => {
            check_shown(&errors.to_string().replace('\n', " "));
            let errors = errors.errors();
            assert!(errors.is_sorted_by_key(|error| error.line));
            assert!(errors.iter().all(|error| error.line <= lines));
        }
        (one, _) => panic!("{one:?} in one step, and not in two"),
    }
}

/// Whether what is told of a bad text is in the order of its lines, and in proportion to it.
fn check_errors(errors: &TextErrors, text: &str) {
    let errors = errors.errors();
    assert!(!errors.is_empty());
    // A point alone is no TOML in three ways; `{},` is a table that may lack three keys.
    assert!(errors.len() <= 3 * text.len() + 1, "{}", errors.len());
    assert!(errors.is_sorted_by_key(|error| error.line));
    let lines = text.matches('\n').count() + 1;
    for error in errors {
        assert!((1..=lines).contains(&error.line), "{error}");
        let shown = error.to_string();
        check_shown(&shown);
        assert!(error.key.len() <= MAX_KEY_BYTES, "{shown}");
        let beside = shown.len().saturating_sub(error.key.len());
        assert!(beside <= MAX_PROBLEM_BYTES, "{shown}");
        if let Problem::Malformed { text, .. } | Problem::NoneOf { text, .. } = &error.problem {
            assert!(text.chars().count() <= Problem::MAX_SHOWN_CHARS);
        }
    }
}

/// Whether rules are written as they are, and are the same as themselves.
fn check_text(config: &Config) {
    let written = config.to_toml();
    let read = Config::from_toml(&written);
    assert_eq!(read.as_ref(), Ok(config), "{written}");
    assert_eq!(config.difference(config), []);
    for change in Config::default().difference(config) {
        check_shown(&change.to_string());
    }
}

fn check_shown(shown: &str) {
    assert!(!shown.contains(char::is_control), "{shown:?}");
}

/// Asks the tables and the lists.
fn ask(config: &Config, policy: &Policy, program: &mut Program<'_>) {
    let known = Known::of(config);
    for _ in 0..MAX_QUESTIONS {
        let [local, remote, host] = [(); 3].map(|()| known.name(program));
        let [owner, user] = [(); 2].map(|()| known.user(program));
        let names = [&local, &remote, &host];
        let address = known.address(program);
        let facts = facts(program, names, [&owner, &user], address);
        let decision = policy.decide(&facts);
        let (verdict, obligations) = naive::decide(config, &facts);
        assert_eq!(
            (decision.verdict, decision.obligations),
            (verdict, obligations),
            "{decision}; {facts:?}"
        );
        assert!(decision.explanation.rules().count() > 0, "{facts:?}");
        let shown = decision.to_string();
        let begin = match decision.verdict {
            Verdict::Allow => "allowed: ",
            Verdict::Deny => "denied: ",
        };
        assert!(shown.starts_with(begin), "{shown}");
        check_shown(&shown);
        if program.is_over() {
            return;
        }
    }
}

fn facts<'a>(
    program: &mut Program<'_>,
    [local, remote, host]: [&'a DomainName; 3],
    [owner, user]: [&'a Address; 2],
    address: IpAddr,
) -> Facts<'a> {
    let [kind, given] = [program.byte(), program.byte()];
    let protocol = [Protocol::Xmpp, Protocol::Sip][usize::from(kind & 1)];
    let direction = [Direction::Inbound, Direction::Outbound][usize::from(kind >> 1 & 1)];
    let topic = [Topic::Message, Topic::Presence][usize::from(kind >> 2 & 1)];
    let stage = Stage::ALL[usize::from(kind >> 3) % Stage::ALL.len()];
    let assurances = [
        Assurance::Certified,
        Assurance::DialedBack,
        Assurance::None,
        Assurance::Certified,
    ];
    let assurance = assurances[usize::from(given & 3)];
    let is_given = |bit: u8| given >> bit & 1 == 0;
    // Users are of the domains that are proved, or of others.
    let (local, remote) = if is_given(2) {
        (owner.domain(), user.domain())
    } else {
        (local, remote)
    };
    let mut facts = Facts::between(protocol, local, remote, direction).at(stage, assurance);
    if is_given(3) {
        facts = facts.users(owner, user, topic);
    }
    if !is_given(4) {
        facts.remote_user = None;
    }
    if is_given(5) {
        let name = is_given(6).then_some(host);
        facts = facts.from_peer(Peer { address, name });
    }
    if given & 0x87 == 0x87 {
        facts.local = None;
    }
    if given & 0x97 == 0x93 {
        facts.remote = None;
    }
    facts
}

/// What the rules are about, so that questions meet them.
struct Known {
    names: Vec<DomainName>,
    users: Vec<Address>,
    addresses: Vec<IpAddr>,
}

impl Known {
    fn of(config: &Config) -> Self {
        let rules = &config.xmpp;
        let exceptions = rules.exceptions.iter().map(|rule| &rule.pattern);
        let patterns = exceptions.chain(rules.security_rules.iter().map(|rule| &rule.pattern));
        let mut names: Vec<DomainName> = patterns.map(|pattern| pattern.domain().clone()).collect();
        names.extend(config.local_domains.iter().cloned());
        names.extend(config.sip.domains.iter().map(|domain| domain.name.clone()));
        let blocked = config.sip.blocked.iter();
        names.extend(blocked.map(|pattern| pattern.domain().clone()));
        names.extend(config.email.domains.iter().cloned());
        let mut addresses = vec![IpAddr::from([192, 0, 2, 1])];
        for pattern in &config.acl {
            match pattern {
                AclPattern::Address(address) => addresses.push(*address),
                AclPattern::Name(name) => names.push(name.clone()),
                AclPattern::Network(network) => {
                    let text = network.to_string();
                    let address: Option<Result<IpAddr, _>> =
                        text.split_once('/').map(|(address, _)| address.parse());
                    addresses.extend(address.and_then(Result::ok));
                }
                AclPattern::All => {}
            }
        }
        let mut users = Vec::new();
        for rule in &config.user_rules {
            users.push(rule.owner.clone());
            match &rule.subject {
                Subject::Domain(name) => names.push(name.clone()),
                Subject::User(user) => users.push(user.clone()),
            }
        }
        for (user, email) in &config.email.identities {
            users.extend([user.clone(), email.clone()]);
        }
        names.extend(users.iter().map(|user| user.domain().clone()));
        Self {
            names,
            users,
            addresses,
        }
    }

    /// A name that the rules are about, or one near it.
    fn name(&self, program: &mut Program<'_>) -> DomainName {
        let known = program.recent(&self.names).cloned();
        let known = known.unwrap_or_else(|| text::name(program).parse().expect("a domain name"));
        let near = match program.byte() & 7 {
            0 => format!("c.{known}").parse().ok(),
            // It ends alike, but inside a label.
            1 => format!("b{known}").parse().ok(),
            2 => known.parent(),
            3 => text::name(program).parse().ok(),
            _ => None,
        };
        near.unwrap_or(known)
    }

    fn user(&self, program: &mut Program<'_>) -> Address {
        let known = match program.byte() & 3 {
            0 => None,
            _ => program.recent(&self.users).cloned(),
        };
        known.unwrap_or_else(|| {
            let local = ["u", "v"][usize::from(program.byte() & 1)];
            Address::new(local, self.name(program)).expect("an address")
        })
    }

    /// An address of the rules, or one near it.
    fn address(&self, program: &mut Program<'_>) -> IpAddr {
        let known = program.recent(&self.addresses).copied();
        let known = known.expect("at least one address");
        let bit = program.byte();
        match (bit < 128, known) {
            (true, IpAddr::V4(address)) => {
                IpAddr::V4((address.to_bits() ^ (1 << (bit & 31))).into())
            }
            (true, IpAddr::V6(address)) => IpAddr::V6((address.to_bits() ^ (1 << bit)).into()),
            (false, _) => known,
        }
    }
}

/// What is said of one problem beside its key, with all that is allowed.
const MAX_PROBLEM_BYTES: usize = 700;
/// A key that a text made up, cut and with every character escaped, and the keys around it.
const MAX_KEY_BYTES: usize = 10 * Problem::MAX_SHOWN_CHARS + 40;
const MAX_QUESTIONS: usize = 32;
