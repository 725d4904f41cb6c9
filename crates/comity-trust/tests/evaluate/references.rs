//! Every form of name against every kind of reference, in real certificates.

use comity_identity::Host;
use comity_testkit::mint::{Name, tlv};
use comity_trust::{CommonName, Forms, NearMiss, PeerSubject, Provenance, TargetPolicy};

use super::*;

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn other(type_id: &str, tag: u8, value: &str) -> Name {
    Name::Other {
        type_id: type_id.to_owned(),
        value: tlv(tag, value.as_bytes()),
    }
}

const SRV: &str = "1.3.6.1.5.5.7.8.7";
const XMPP: &str = "1.3.6.1.5.5.7.8.5";
const IA5: u8 = 0x16;
const UTF8: u8 = 0x0c;

/// The kinds of reference, in the order of the columns below.
fn references(subject: &str) -> [Reference; 7] {
    let peer = |common_name| PeerSubject::with_common_name(host(subject), common_name);
    let named = |reference: fn(DomainName) -> Reference| match host(subject) {
        Host::Domain(domain) => reference(domain),
        Host::Ip(_) => Reference::host(host(subject)),
    };
    [
        Reference::host(host(subject)),
        named(|domain| Reference::service(domain, Service::XmppServer)),
        named(|domain| Reference::service(domain, Service::XmppClient)),
        named(Reference::sip),
        Reference::peers([peer(CommonName::Off)]),
        Reference::peers([peer(CommonName::Rfc6125)]),
        Reference::peers([peer(CommonName::Always)]),
    ]
}

/// For each kind of reference whether the certificate proves the subject.
fn judged(leaf: &Leaf, subject: &str) -> String {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(leaf);
    let verdicts = references(subject).map(|reference| {
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        match verdict.outcome() {
            Ok(trusted) => {
                assert_eq!(trusted.subjects(), [host(subject)]);
                'y'
            }
            Err(reason) => {
                assert_eq!(reason.code(), "name-mismatch", "{reason}");
                '-'
            }
        }
    });
    verdicts.into_iter().collect()
}

/// A certificate, a subject, and for host, XMPP server, XMPP client, SIP, peer without common name,
/// peer with it by RFC 6125 and peer with it always whether the certificate proves it.
#[expect(clippy::too_many_lines, reason = "one entry for each form")]
fn table() -> Vec<(&'static str, Leaf, &'static str, &'static str)> {
    let a = "a.example";
    let nul = |text: &[u8]| Name::Raw(tlv(0x82, text));
    vec![
        ("dNSName", leaf().dns(a), a, "yyyyyyy"),
        ("dNSName in capitals", leaf().dns("A.EXAMPLE"), a, "yyyyyyy"),
        ("dNSName of another", leaf().dns("b.example"), a, "-------"),
        ("dNSName below", leaf().dns("x.a.example"), a, "-------"),
        ("dNSName above", leaf().dns(a), "x.a.example", "-------"),
        (
            "wildcard",
            leaf().dns("*.a.example"),
            "x.a.example",
            "yyy----",
        ),
        (
            "wildcard for its base",
            leaf().dns("*.a.example"),
            a,
            "-------",
        ),
        (
            "wildcard two deep",
            leaf().dns("*.a.example"),
            "y.x.a.example",
            "-------",
        ),
        (
            "wildcard right below the root",
            leaf().dns("*.example"),
            a,
            "-------",
        ),
        (
            "wildcard in a label",
            leaf().dns("x*.a.example"),
            "xy.a.example",
            "-------",
        ),
        (
            "wildcard not in front",
            leaf().dns("x.*.example"),
            "x.a.example",
            "-------",
        ),
        (
            "A-label",
            leaf().dns("xn--bcher-kva.example"),
            "b\u{fc}cher.example",
            "yyyyyyy",
        ),
        (
            "U-label in a dNSName",
            leaf().name(nul("b\u{fc}cher.example".as_bytes())),
            "b\u{fc}cher.example",
            "-------",
        ),
        (
            "NUL in a dNSName",
            leaf().name(nul(b"a.example\0.b.example")),
            a,
            "-------",
        ),
        (
            "NUL behind a dNSName",
            leaf().name(nul(b"a.example\0")),
            a,
            "-------",
        ),
        (
            "line feed in a dNSName",
            leaf().name(nul(b"a.example\n")),
            a,
            "-------",
        ),
        (
            "blank before a dNSName",
            leaf().name(nul(b" a.example")),
            a,
            "-------",
        ),
        (
            "dot behind a dNSName",
            leaf().dns("a.example."),
            a,
            "-------",
        ),
        (
            "SRVName of the server",
            leaf().srv("_xmpp-server.a.example"),
            a,
            "-y-----",
        ),
        (
            "SRVName of the client",
            leaf().srv("_xmpp-client.a.example"),
            a,
            "--y----",
        ),
        (
            "SRVName of another domain",
            leaf().srv("_xmpp-server.b.example"),
            a,
            "-------",
        ),
        ("SRVName of SIP", leaf().srv("_sip.a.example"), a, "-------"),
        (
            "SRVName with a protocol",
            leaf().srv("_xmpp-server._tcp.a.example"),
            a,
            "-------",
        ),
        (
            "SRVName with a wildcard",
            leaf().srv("_xmpp-server.*.example"),
            a,
            "-------",
        ),
        (
            "SRVName as UTF8String",
            leaf().name(other(SRV, UTF8, "_xmpp-server.a.example")),
            a,
            "-------",
        ),
        (
            "SRVName under another OID",
            leaf().name(other("1.3.6.1.5.5.7.8.8", IA5, "_xmpp-server.a.example")),
            a,
            "-------",
        ),
        (
            "SRVName in a dNSName",
            leaf().dns("_xmpp-server.a.example"),
            a,
            "-------",
        ),
        ("XmppAddr", leaf().xmpp(a), a, "-yy----"),
        (
            "XmppAddr with U-labels",
            leaf().xmpp("b\u{fc}cher.example"),
            "xn--bcher-kva.example",
            "-yy----",
        ),
        (
            "XmppAddr of a user",
            leaf().xmpp("u@a.example"),
            a,
            "-------",
        ),
        (
            "XmppAddr with a wildcard",
            leaf().xmpp("*.a.example"),
            "x.a.example",
            "-------",
        ),
        (
            "XmppAddr as IA5String",
            leaf().name(other(XMPP, IA5, a)),
            a,
            "-------",
        ),
        (
            "XmppAddr under another OID",
            leaf().name(other("1.3.6.1.5.5.7.8.9", UTF8, a)),
            a,
            "-------",
        ),
        ("sip URI", leaf().uri("sip:a.example"), a, "---yyyy"),
        (
            "sip URI with a port",
            leaf().uri("sip:a.example:5061"),
            a,
            "---yyyy",
        ),
        (
            "sip URI with a user",
            leaf().uri("sip:u@a.example"),
            a,
            "-------",
        ),
        ("sips URI", leaf().uri("sips:a.example"), a, "-------"),
        ("xmpp URI", leaf().uri("xmpp:a.example"), a, "-------"),
        (
            "sip URI of a host below",
            leaf().uri("sip:x.a.example"),
            a,
            "-------",
        ),
        (
            "sip URI with a wildcard",
            leaf().uri("sip:*.a.example"),
            "x.a.example",
            "-------",
        ),
        (
            "dNSName beside a sip URI",
            leaf().dns(a).uri("sip:b.example"),
            a,
            "yyy-yyy",
        ),
        (
            "sip URI beside a dNSName",
            leaf().dns("b.example").uri("sip:a.example"),
            a,
            "---yyyy",
        ),
        (
            "iPAddress",
            leaf().ip([192, 0, 2, 1]),
            "192.0.2.1",
            "yyyyyyy",
        ),
        (
            "iPAddress of another",
            leaf().ip([192, 0, 2, 2]),
            "192.0.2.1",
            "-------",
        ),
        (
            "address in a dNSName",
            leaf().dns("192.0.2.1"),
            "192.0.2.1",
            "-------",
        ),
        (
            "address in a sip URI",
            leaf().uri("sip:192.0.2.1"),
            "192.0.2.1",
            "-------",
        ),
        ("common name alone", leaf().common_name(a), a, "-----yy"),
        (
            "common name with a wildcard",
            leaf().common_name("*.a.example"),
            "x.a.example",
            "-------",
        ),
        (
            "two common names",
            leaf().common_name(a).common_name("b.example"),
            a,
            "-------",
        ),
        (
            "common name in a unit",
            leaf().unit("x, CN=a.example"),
            a,
            "-------",
        ),
        (
            "common name beside a dNSName",
            leaf().common_name(a).dns("b.example"),
            a,
            "------y",
        ),
        (
            "address as common name",
            leaf().common_name("192.0.2.1"),
            "192.0.2.1",
            "-----yy",
        ),
    ]
}

#[test]
fn every_form_of_name_against_every_kind_of_reference() {
    for (name, leaf, subject, expected) in table() {
        assert_eq!(judged(&leaf, subject), expected, "{name}");
    }
}

#[test]
fn a_refusal_tells_what_would_have_matched_and_what_came_near() {
    let root = root();
    let policy = trusting(&[&root]);
    let refusal = |leaf: Leaf, reference: &Reference| {
        let peer = root.issue(&leaf);
        match outcome(ask(&chain(&peer), Role::Server, reference, &policy)) {
            Err(Reason::NameMismatch(mismatch)) => *mismatch,
            other => panic!("{other:?}"),
        }
    };
    let xmpp = Reference::service(domain("im.a.example"), Service::XmppServer);
    let mismatch = refusal(leaf().common_name("im.a.example"), &xmpp);
    assert_eq!(
        mismatch.expected.to_string(),
        "im.a.example, *.a.example, _xmpp-server.im.a.example and XmppAddr im.a.example"
    );
    assert_eq!(mismatch.near, Some(NearMiss::CommonName));
    assert_eq!(
        mismatch.to_string(),
        "the certificate names nothing, not im.a.example; \
         its common name does not count (policy on common names)"
    );

    let sip = Reference::sip(domain("im.a.example"));
    let mismatch = refusal(leaf().dns("*.a.example"), &sip);
    assert_eq!(
        mismatch.expected.to_string(),
        "sip:im.a.example and im.a.example"
    );
    assert_eq!(
        mismatch.to_string(),
        "the certificate names *.a.example, not im.a.example; a wildcard does not count here"
    );

    let mismatch = refusal(leaf().xmpp("a.example").ip([192, 0, 2, 1]), &sip);
    assert_eq!(
        mismatch.to_string(),
        "the certificate names XmppAddr a.example and 192.0.2.1, not im.a.example"
    );
}

#[test]
fn of_several_peers_those_that_are_named_are_proved() {
    let root = root();
    let policy = trusting(&[&root]);
    let names = ["a.example", "b.example", "c.example"];
    let reference = Reference::peers(names.map(|name| PeerSubject::new(domain(name))));
    let judge = |leaf: Leaf| {
        let peer = root.issue(&leaf);
        let verdict = ask(&chain(&peer), Role::Client, &reference, &policy);
        verdict.trusted().map(|trusted| {
            let subjects = trusted.subjects().iter().map(ToString::to_string);
            subjects.collect::<Vec<_>>()
        })
    };
    assert_eq!(
        judge(
            leaf()
                .dns("c.example")
                .dns("x.example")
                .uri("sip:a.example")
        ),
        Some(vec!["c.example".to_owned(), "a.example".to_owned()])
    );
    assert_eq!(judge(leaf().dns("x.example")), None);

    let nobody = Reference::peers([]);
    let peer = root.issue(&leaf().dns("a.example"));
    let verdict = ask(&chain(&peer), Role::Client, &nobody, &policy);
    assert_eq!(
        verdict.to_string(),
        "the certificate names a.example, not nobody"
    );
}

#[test]
fn a_peer_without_a_rule_of_its_own_goes_by_the_policy() {
    let root = root();
    let peer = root.issue(&leaf().common_name("a.example"));
    let reference = Reference::peers([PeerSubject::new(domain("a.example"))]);
    for (common_name, code) in [
        (CommonName::Off, "name-mismatch"),
        (CommonName::Rfc5922, "trusted"),
        (CommonName::Rfc6125, "trusted"),
        (CommonName::Always, "trusted"),
    ] {
        let mut policy = trusting(&[&root]);
        policy.common_name = common_name;
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        assert_eq!(verdict.code(), code, "{common_name:?}");
    }
}

#[test]
fn anyone_is_told_by_all_names_that_count() {
    let root = root();
    let policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("a.example").dns("*.b.example").dns("c.example"));
    let anyone = Reference::anyone(Forms::Sip);
    let verdict = ask(&chain(&peer), Role::Client, &anyone, &policy);
    assert_eq!(
        verdict.trusted().unwrap().subjects(),
        [host("a.example"), host("c.example")]
    );
    assert_eq!(
        verdict.to_string(),
        "a.example and 1 more proved by a.example, vouched for by a CA"
    );
    let nameless = root.issue(&leaf().dns("*.b.example"));
    let verdict = ask(&chain(&nameless), Role::Client, &anyone, &policy);
    assert_eq!(
        verdict.to_string(),
        "the certificate proves nobody: it names *.b.example"
    );
}

#[test]
fn a_target_proves_the_domain_where_the_policy_allows_it() {
    let root = root();
    let mut policy = trusting(&[&root]);
    let peer = root.issue(&leaf().dns("sip.a.example"));
    for (targets, basis, code) in [
        (TargetPolicy::Never, Provenance::Secure, "name-mismatch"),
        (TargetPolicy::Secure, Provenance::Insecure, "name-mismatch"),
        (TargetPolicy::Secure, Provenance::Secure, "trusted"),
        (
            TargetPolicy::SecureOrInDomain,
            Provenance::Insecure,
            "trusted",
        ),
        (
            TargetPolicy::SecureOrInDomain,
            Provenance::Secure,
            "trusted",
        ),
    ] {
        policy.targets = targets;
        let reference =
            Reference::sip(domain("a.example")).or_target(domain("sip.a.example"), basis);
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        assert_eq!(verdict.code(), code, "{targets:?}, {basis:?}");
        if let Some(trusted) = verdict.trusted() {
            assert_eq!(trusted.subjects(), [host("a.example")]);
        }
    }
}

/// The mappings of IDNA make a domain of each, but the certificate does not spell it.
#[test]
fn an_xmpp_address_that_is_not_spelled_as_the_domain_proves_nobody() {
    let root = root();
    let policy = trusting(&[&root]);
    for (spelled, name) in [
        ("vic\u{ad}tim.example", "victim.example"),
        ("vic\u{200b}tim.example", "victim.example"),
        ("\u{ff56}ictim.example", "victim.example"),
        ("vi\u{2102}tim.example", "victim.example"),
        ("victim\u{3002}example", "victim.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
        ("b\u{fc}cher.example.", "xn--bcher-kva.example"),
        ("victim.example.", "victim.example"),
    ] {
        let verdict = judge(&root.issue(&leaf().xmpp(spelled)), &policy, name);
        assert_eq!(verdict.code(), "name-mismatch", "{spelled:?}");
    }
    for spelled in ["b\u{fc}cher.example", "B\u{dc}cher.EXAMPLE"] {
        let verdict = judge(
            &root.issue(&leaf().xmpp(spelled)),
            &policy,
            "xn--bcher-kva.example",
        );
        assert_eq!(verdict.code(), "trusted", "{spelled:?}");
    }
}

#[test]
fn a_common_name_beside_an_address_proves_no_sip_domain() {
    let root = root();
    let mut policy = trusting(&[&root]);
    policy.common_name = CommonName::Rfc6125;
    let peer = root.issue(&leaf().ip([192, 0, 2, 1]).common_name("a.example"));
    for (reference, code) in [
        (Reference::sip(domain("a.example")), "name-mismatch"),
        (Reference::dns(domain("a.example")), "trusted"),
    ] {
        let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
        assert_eq!(verdict.code(), code);
    }
}

#[test]
fn a_sip_uri_too_long_to_be_shown_proves_its_domain() {
    let root = root();
    let policy = trusting(&[&root]);
    let uri = format!("sip:a.example;x={}", "y".repeat(400));
    let peer = root.issue(&leaf().uri(&uri));
    let reference = Reference::sip(domain("a.example"));
    let verdict = ask(&chain(&peer), Role::Server, &reference, &policy);
    assert_eq!(outcome(verdict), Ok("sip:a.example".to_owned()));
}
