use super::*;

#[test]
fn rules_that_change_nothing_are_told() {
    let mut config = config(
        &["im.a.test"],
        Verdict::Deny,
        &[
            ("*.a.test", Packets::All),
            ("x.a.test", Packets::All),
            ("*.y.a.test", Packets::All),
            ("z.a.test", Packets::IncomingOnly),
        ],
    );
    let mode = SecurityMode::new(TlsMode::Optional, Requirement::Optional);
    let mut nothing = mode;
    nothing.sasl_inbound = Switch::Off;
    nothing.sasl_outbound = Switch::Off;
    nothing.dialback = Switch::Off;
    config.xmpp.security_rules = vec![
        SecurityRule::new(pattern("*.b.test"), mode),
        SecurityRule::new(pattern("x.b.test"), mode),
        SecurityRule::new(pattern("y.b.test"), nothing),
        SecurityRule::new(pattern("c.test"), SecurityMode::default()),
    ];
    config.acl = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3",
        "a.test",
        "b.a.test",
    ]
    .map(|text| text.parse().unwrap())
    .into();
    let owner = address("u@im.a.test");
    let user = |subject: &str, scope, verdict| {
        UserRule::new(owner.clone(), subject.parse().unwrap(), scope, verdict)
    };
    config.user_rules = vec![
        user("d.test", Scope::Both, Verdict::Deny),
        user("v@d.test", Scope::Messages, Verdict::Deny),
        user("w@d.test", Scope::Messages, Verdict::Allow),
    ];
    let policy = Policy::new(config).unwrap();
    let texts: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "\"Allow from 10.1.2.3\" adds nothing to \"Allow from 10.1.0.0/16\"",
            "\"Allow from b.a.test\" adds nothing to \"Allow from a.test\"",
            "\"Allow from 10.1.0.0/16\" adds nothing to \"Allow from 10.0.0.0/8\"",
            "\"u@im.a.test blocks v@d.test (messages)\" adds nothing to the rule about the domain",
            "exception x.a.test (all packets) adds nothing to that for *.a.test",
            "exception *.y.a.test (all packets) adds nothing to that for *.a.test",
            "the exception *.a.test does not apply to the local domain im.a.test",
            "the security rule for y.b.test asks for a certificate, but allows neither SASL \
             EXTERNAL nor dialback",
            "the security rule for c.test sets what holds without it",
            "the security rule for x.b.test sets what holds without it",
        ]
    );
}
