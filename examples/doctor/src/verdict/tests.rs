use super::*;

fn policy(rules: &str) -> Policy {
    let text = format!("local-domains = [\"a.example\"]\n{rules}");
    Policy::from_toml(&text).unwrap_or_else(|errors| panic!("{:?}", errors.errors()))
}

fn decide(policy: &Policy, from: &str, to: &str) -> (Case, Vec<(Stage, Decision)>) {
    let case = Case::new(policy, &from.parse().unwrap(), &to.parse().unwrap()).unwrap();
    let decisions = case.decide(policy);
    (case, decisions)
}

fn stages(decisions: &[(Stage, Decision)]) -> Vec<(Stage, Verdict)> {
    let stages = decisions.iter();
    stages
        .map(|(stage, decision)| (*stage, decision.verdict))
        .collect()
}

#[test]
fn what_is_allowed_is_followed_to_the_end_and_finds_nothing() {
    let policy = policy("[xmpp]\nenabled = true\ndefault = \"allow\"");
    let (case, decisions) = decide(&policy, "u@a.example", "v@b.example");
    assert_eq!(
        (case.direction, case.protocol),
        (Direction::Outbound, Protocol::Xmpp)
    );
    let expected = [
        (Stage::StreamHeader, Verdict::Allow),
        (Stage::Authentication, Verdict::Allow),
        (Stage::Stanza, Verdict::Allow),
        (Stage::Subscription, Verdict::Allow),
    ];
    assert_eq!(stages(&decisions), expected);
    assert_eq!(case.findings(&decisions, "policy.toml"), []);
}

#[test]
fn what_is_denied_is_followed_no_further() {
    let policy = policy("[xmpp]\nenabled = true\ndefault = \"deny\"");
    let (case, decisions) = decide(&policy, "b.example", "a.example");
    assert_eq!(stages(&decisions), [(Stage::StreamHeader, Verdict::Deny)]);
    let findings = case.findings(&decisions, "policy.toml");
    let found: Vec<_> = findings
        .iter()
        .map(|one| (one.id, &*one.subject, &*one.seen))
        .collect();
    let seen = "inbound header over XMPP: denied: default deny";
    assert_eq!(found, [("policy-denies", "b.example to a.example", seen)]);
    assert!(findings[0].remedy.contains("policy.toml"));
}

#[test]
fn a_listed_sip_domain_is_asked_about_over_sip() {
    let policy = policy("[sip]\nenabled = true\n[[sip.domains]]\nname = \"b.example\"");
    let (case, decisions) = decide(&policy, "v@b.example", "u@a.example");
    assert_eq!(
        (case.direction, case.protocol),
        (Direction::Inbound, Protocol::Sip)
    );
    assert_eq!(case.findings(&decisions, "policy.toml"), []);
}

#[test]
fn a_polite_refusal_is_told_from_an_open_one() {
    let blocked = "deny-mode = \"MODE\"\n[xmpp]\nenabled = true\ndefault = \"allow\"\n[[user-rules]]\n\
                   owner = \"u@a.example\"\nsubject = \"v@b.example\"\nverdict = \"block\"";
    for (mode, id) in [
        ("polite", "policy-refuses-politely"),
        ("rejected", "policy-denies"),
    ] {
        let policy = policy(&blocked.replace("MODE", mode));
        let (case, decisions) = decide(&policy, "v@b.example", "u@a.example");
        let findings = case.findings(&decisions, "policy.toml");
        let found: Vec<_> = findings.iter().map(|one| one.id).collect();
        assert_eq!(found, [id]);
    }
}

#[test]
fn sides_that_are_both_ours_or_both_others_are_no_case() {
    let policy = policy("");
    let case =
        |from: &str, to: &str| Case::new(&policy, &from.parse().unwrap(), &to.parse().unwrap());
    let name = |text: &str| text.parse::<DomainName>().unwrap();
    let both = CaseError::BothLocal(name("a.example"), name("a.example"));
    assert_eq!(case("u@a.example", "a.example"), Err(both));
    let none = CaseError::NoneLocal(name("b.example"), name("c.example"));
    assert_eq!(case("b.example", "v@c.example"), Err(none));
}
