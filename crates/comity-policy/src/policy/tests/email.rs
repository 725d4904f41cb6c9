use super::Stage::Stanza;
use super::Topic::Message;
use super::Verdict::{Allow, Deny};
use super::*;

#[test]
fn a_user_who_is_known_by_email_is_met_by_nothing_else() {
    let mut config = site();
    let (juliet, email) = (address("juliet@local.test"), address("j.capulet@mail.test"));
    let plain = address("nurse@local.test");
    config.email.enabled = true;
    config.email.domains = [name("empty.test")].into();
    config.email.identities = [(juliet.clone(), email.clone())].into();
    let policy = Policy::new(config.clone()).unwrap();
    assert_eq!(policy.outward(&juliet), &email);
    assert_eq!(policy.outward(&plain), &plain);
    assert_eq!(policy.inward(&email), Inward::User(&juliet));
    assert_eq!(policy.inward(&plain), Inward::User(&plain));
    assert_eq!(policy.inward(&juliet), Inward::Hidden { email: &email });
    let romeo = address("romeo@montague.test");
    let to = |local: &Address| {
        let (stage, topic) = (Stanza, Message);
        let facts = certified(
            Protocol::Xmpp,
            local,
            &romeo,
            Direction::Inbound,
            stage,
            topic,
        );
        let decision = policy.decide(&facts);
        (decision.to_string(), decision.obligations.denial)
    };
    assert_eq!(
        to(&juliet),
        (
            "denied: default allow; the other side is certified; \
             juliet@local.test is known by email alone"
                .to_owned(),
            Some(Denial::Drop)
        )
    );
    assert_eq!(to(&email).1, None, "an email domain is ours");
    // What he has decided holds by whatever address he is met.
    let mut blocking = config.clone();
    let subject = Subject::User(romeo.clone());
    let rule = UserRule::new(juliet.clone(), subject, Scope::Both, Deny);
    blocking.user_rules.push(rule);
    let blocking = Policy::new(blocking).unwrap();
    let facts = certified(
        Protocol::Xmpp,
        &email,
        &romeo,
        Direction::Inbound,
        Stanza,
        Message,
    );
    assert_eq!(
        blocking.decide(&facts).to_string(),
        "denied: default allow; the other side is certified; \
         juliet@local.test blocks romeo@montague.test (presence and messages)"
    );
    // He cannot write to whom he has blocked either, by whatever domain that would leave.
    for (user, domain) in [
        (&juliet, "local.test"),
        (&juliet, "mail.test"),
        (&email, "mail.test"),
    ] {
        let domain = name(domain);
        let facts = Facts::between(Protocol::Xmpp, &domain, romeo.domain(), Direction::Outbound)
            .at(Stanza, Assurance::Certified)
            .users(user, &romeo, Message);
        assert_eq!(policy.decide(&facts).verdict, Allow, "{user} {domain}");
        let blocked = blocking.decide(&facts);
        assert_eq!(
            blocked.obligations.denial,
            Some(Denial::OwnBlock),
            "{blocked}"
        );
    }
    for domain in ["mail.test", "empty.test"] {
        assert!(policy.is_local(&name(domain)), "{domain}");
    }
    let managed = config.email.managed_domains();
    assert_eq!(
        managed.into_iter().collect::<Vec<_>>(),
        [
            (name("empty.test"), EmailDomainKind::AdminManaged),
            (name("mail.test"), EmailDomainKind::SystemManaged),
        ]
    );

    config.email.enabled = false;
    let off = Policy::new(config).unwrap();
    assert_eq!(off.outward(&juliet), &juliet);
    assert_eq!(off.inward(&juliet), Inward::User(&juliet));
    assert!(!off.is_local(&name("mail.test")));
}

#[test]
fn an_email_domain_outlasts_its_users_and_is_ours() {
    let mut config = site();
    let (juliet, email) = (address("juliet@local.test"), address("j.capulet@mail.test"));
    config.email.enabled = true;
    config.email.identities = [(juliet.clone(), email.clone())].into();
    let mail = name("mail.test");
    let mut both = config.clone();
    let exception = Exception::new(pattern("mail.test"), Packets::All);
    both.xmpp.exceptions.push(exception);
    assert_eq!(
        Policy::new(both).err().unwrap().errors(),
        [ConfigError::LocalDomain {
            domain: mail.clone()
        }]
    );
    // The domain stays when the last user leaves, and can be deleted then.
    assert_eq!(
        config.remove_email_domain(&mail),
        Err(DomainInUse(mail.clone()))
    );
    assert_eq!(config.remove_identity(&juliet), Some(email.clone()));
    assert_eq!(config.remove_identity(&juliet), None);
    let kind = config.email.managed_domains().get(&mail).copied();
    assert_eq!(kind, Some(EmailDomainKind::AdminManaged));
    assert_eq!(config.remove_email_domain(&mail), Ok(true));
    assert_eq!(config.remove_email_domain(&mail), Ok(false));
    config.email.identities.insert(juliet.clone(), email);
}

#[test]
fn email_addresses_are_one_to_one() {
    let errors = |identities: &[(&str, &str)]| {
        let mut config = site();
        config.email.identities = identities
            .iter()
            .map(|(user, email)| (address(user), address(email)))
            .collect();
        match Policy::new(config) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.errors().iter().map(ToString::to_string).collect(),
        }
    };
    let none: [&str; 0] = [];
    assert_eq!(
        errors(&[("a@local.test", "a@local.test")]),
        none,
        "the same address"
    );
    assert_eq!(
        errors(&[
            ("a@local.test", "x@mail.test"),
            ("b@local.test", "x@mail.test")
        ]),
        ["a@local.test and b@local.test have the same email address x@mail.test"]
    );
    assert_eq!(
        errors(&[
            ("a@local.test", "b@local.test"),
            ("b@local.test", "y@mail.test")
        ]),
        ["the email address of a@local.test is b@local.test, which is another user's own address"]
    );
    assert_eq!(
        errors(&[("a@other.test", "x@mail.test")]),
        ["a@other.test is in no local domain"]
    );
}
