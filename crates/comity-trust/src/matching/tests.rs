use super::*;

const XMPP: Forms = Forms::Xmpp(Service::XmppServer);
const ALL_FORMS: [Forms; 4] = [Forms::Host, Forms::PeerSubject, Forms::Sip, XMPP];

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// The names of a certificate.
fn names<'a>(list: &[Name<'a>]) -> Names<'a> {
    Names {
        list: list.to_vec(),
        has_alternatives: list.iter().any(|name| !matches!(name, Name::Subject(_))),
    }
}

/// Whether the names of a certificate match `subject` in these forms.
fn is_matched(list: &[Name<'_>], forms: Forms, common_name: CommonName, subject: &str) -> bool {
    let peer = PeerSubject::with_common_name(host(subject), common_name);
    let reference = Reference {
        forms,
        ..Reference::peers([peer])
    };
    !matches(&names(list), &reference, &Policy::new(&[])).is_empty()
}

/// The forms in which one name matches `subject`.
fn matching_forms(name: Name<'_>, subject: &str) -> Vec<Forms> {
    let matched = |forms: &Forms| is_matched(&[name], *forms, CommonName::Off, subject);
    ALL_FORMS.into_iter().filter(matched).collect()
}

#[test]
fn dns_ids_match_whole_or_by_one_wildcard_label() {
    let matching: &[(&[u8], &str)] = &[
        (b"a.example", "a.example"),
        (b"A.ExAmPlE", "a.example"),
        (b"xn--bcher-kva.example", "b\u{fc}cher.example"),
        (b"XN--BCHER-KVA.example", "b\u{fc}cher.example"),
        (b"*.a.example", "b.a.example"),
        (b"*.A.example", "b.a.example"),
        (b"*.a.example", "xn--bcher-kva.a.example"),
        (b"localhost", "localhost"),
    ];
    for &(presented, domain) in matching {
        let wildcard = presented.starts_with(b"*");
        let expected = if wildcard {
            &[Forms::Host, XMPP][..]
        } else {
            &ALL_FORMS
        };
        assert_eq!(
            matching_forms(Name::Dns(presented), domain),
            expected,
            "{domain}"
        );
    }
    let other: &[(&[u8], &str)] = &[
        (b"", "a.example"),
        (b"b.example", "a.example"),
        (b"a.example.", "a.example"),
        (b".a.example", "a.example"),
        (b"b.a.example", "a.example"),
        (b"example", "a.example"),
        (b"a.example\0", "a.example"),
        (b"a.example\0.b.example", "a.example"),
        (b"a\0.example", "a.example"),
        (b"a.example ", "a.example"),
        (b"a.example,b.example", "a.example"),
        (b"b\xc3\xbccher.example", "b\u{fc}cher.example"),
        (b"b\xfccher.example", "b\u{fc}cher.example"),
        (b"*", "a.example"),
        (b"*", "localhost"),
        (b"*.", "a.example"),
        (b"*.example", "a.example"),
        (b"*.a.example", "a.example"),
        (b"*.a.example", "c.b.a.example"),
        (b"*.*.example", "b.a.example"),
        (b"b.*.example", "b.a.example"),
        (b"b*.a.example", "bc.a.example"),
        (b"*b.a.example", "cb.a.example"),
        (b"**.a.example", "b.a.example"),
        (b"*.a.example.", "b.a.example"),
        (b"*.a.example\0", "b.a.example"),
        (b"xn--*.a.example", "xn--bcher-kva.a.example"),
        (b"_xmpp-server.a.example", "a.example"),
    ];
    for &(presented, domain) in other {
        let forms = matching_forms(Name::Dns(presented), domain);
        assert_eq!(forms, [], "{} for {domain}", presented.escape_ascii());
    }
}

#[test]
fn an_address_is_an_ip_address_and_no_text() {
    let v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
    let by_address = [Forms::Host, Forms::PeerSubject];
    for (octets, subject, expected) in [
        (&[192, 0, 2, 1][..], "192.0.2.1", &by_address[..]),
        (&v6, "2001:db8::1", &by_address),
        (&[192, 0, 2, 1], "192.0.2.2", &[]),
        (&mapped, "192.0.2.1", &[]),
        (b"a.ex", "a.ex", &[]),
    ] {
        assert_eq!(
            matching_forms(Name::Ip(octets), subject),
            expected,
            "{subject}"
        );
    }
    for text in ["192.0.2.1", "*.0.2.1", "2001:db8::1", "[2001:db8::1]"] {
        for subject in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(
                matching_forms(Name::Dns(text.as_bytes()), subject),
                [],
                "{text}"
            );
        }
    }
    assert_eq!(matching_forms(Name::Uri(b"sip:192.0.2.1"), "192.0.2.1"), []);
}

#[test]
fn srv_ids_match_service_and_domain_whole() {
    let is_srv = |presented: &[u8], service| {
        let name = [Name::Srv(presented)];
        is_matched(&name, Forms::Xmpp(service), CommonName::Off, "a.example")
    };
    for presented in [&b"_xmpp-server.a.example"[..], b"_XMPP-Server.A.example"] {
        assert_eq!(matching_forms(Name::Srv(presented), "a.example"), [XMPP]);
        assert!(!is_srv(presented, Service::XmppClient));
    }
    assert!(is_srv(b"_xmpp-client.a.example", Service::XmppClient));
    for presented in [
        &b""[..],
        b"_xmpp-server",
        b"_xmpp-server.",
        b"_xmpp-server.*.example",
        b"_xmpp-server.*.a.example",
        b"*.a.example",
        b"*.example",
        b"_xmpp-server._tcp.a.example",
        b"_xmpp-servera.example",
        b"_xmpp-server.b.a.example",
        b"_xmpp-server.a.example.",
        b"_xmpp-server.a.example\0",
        b"_xmpp-server\0.a.example",
        b"xmpp-server.a.example",
        b"a.example",
        b"_sip.a.example",
    ] {
        assert_eq!(
            matching_forms(Name::Srv(presented), "a.example"),
            [],
            "{}",
            presented.escape_ascii()
        );
    }
    assert_eq!(
        matching_forms(Name::Dns(b"_xmpp-server.a.example"), "a.example"),
        []
    );
}

#[test]
fn xmpp_addresses_match_a_domain_whole_in_either_spelling() {
    let bucher = "xn--bcher-kva.example";
    for (presented, domain) in [
        ("a.example", "a.example"),
        ("A.Example", "a.example"),
        (bucher, bucher),
        ("b\u{fc}cher.example", bucher),
        ("B\u{dc}CHER.example", bucher),
    ] {
        assert_eq!(
            matching_forms(Name::Xmpp(presented.as_bytes()), domain),
            [XMPP]
        );
    }
    for presented in [
        "",
        "*.example",
        "user@a.example",
        "a.example/resource",
        "a.example.",
        "a.example\0",
        "a.example\n",
        "xmpp:a.example",
        "_xmpp-server.a.example",
        "b.a.example",
        "\u{430}.example",
    ] {
        let name = Name::Xmpp(presented.as_bytes());
        assert_eq!(matching_forms(name, "a.example"), [], "{presented:?}");
    }
    assert_eq!(matching_forms(Name::Xmpp(b"b\xfccher.example"), bucher), []);
}

#[test]
fn sip_uris_match_their_host_if_they_have_no_user() {
    let by_uri = [Forms::PeerSubject, Forms::Sip];
    for uri in [
        "sip:a.example",
        "SIP:A.example",
        "sip:a.example:5061",
        "sip:a.example;transport=tls",
        "sip:a.example:5061;transport=tls?subject=x",
    ] {
        assert_eq!(
            matching_forms(Name::Uri(uri.as_bytes()), "a.example"),
            by_uri,
            "{uri}"
        );
    }
    for uri in [
        "",
        "sip",
        "sip:",
        "sips:a.example",
        "xmpp:a.example",
        "https://a.example",
        "sip://a.example",
        "sip:a.example/",
        "sip:user@a.example",
        "sip:a.example@b.example",
        "sip:a.example;x=u@b.example",
        "sip:@a.example",
        "sip:b.a.example",
        "sip:*.example",
        "sip:a.example.",
        "sip:a.example\0",
        "sip:a.example;x=\u{1}",
        "sip:a.example;x=\u{fc}",
        "sip:a%2eexample",
        " sip:a.example",
        "urn:sip:a.example",
    ] {
        assert_eq!(
            matching_forms(Name::Uri(uri.as_bytes()), "a.example"),
            [],
            "{uri:?}"
        );
    }
}

#[test]
fn a_sip_uri_goes_before_a_dns_id_and_only_in_sip() {
    let both = [Name::Dns(b"a.example"), Name::Uri(b"sip:b.example")];
    for (forms, a, b) in [
        (Forms::Sip, false, true),
        (Forms::PeerSubject, true, true),
        (Forms::Host, true, false),
        (XMPP, true, false),
    ] {
        assert_eq!(
            is_matched(&both, forms, CommonName::Off, "a.example"),
            a,
            "{forms:?}"
        );
        assert_eq!(
            is_matched(&both, forms, CommonName::Off, "b.example"),
            b,
            "{forms:?}"
        );
    }
    // What is not the identity of a domain does not go before.
    for uri in [
        &b"sip:user@b.example"[..],
        b"sips:b.example",
        b"https://b.example",
    ] {
        let names = [Name::Uri(uri), Name::Dns(b"a.example")];
        assert!(is_matched(&names, Forms::Sip, CommonName::Off, "a.example"));
    }
}

#[test]
fn a_common_name_counts_by_its_policy_alone() {
    let name = Name::Subject(b"A.example");
    let dns = Name::Dns(b"b.example");
    let address = Name::Ip(&[192, 0, 2, 1]);
    let uri = Name::Uri(b"https://b.example");
    for (policy, alone, beside_dns, beside_address, beside_uri) in [
        (CommonName::Off, false, false, false, false),
        (CommonName::Rfc5922, true, false, false, false),
        (CommonName::Rfc6125, true, false, true, false),
        (CommonName::Always, true, true, true, true),
    ] {
        for forms in ALL_FORMS {
            let counts = |names: &[Name<'_>]| is_matched(names, forms, policy, "a.example");
            assert_eq!(counts(&[name]), alone, "{policy:?}");
            assert_eq!(counts(&[dns, name]), beside_dns, "{policy:?}");
            let beside_address = beside_address && (forms != Forms::Sip || beside_dns);
            assert_eq!(counts(&[address, name]), beside_address, "{policy:?}");
            assert_eq!(counts(&[uri, name]), beside_uri, "{policy:?}");
        }
    }
}

#[test]
fn a_common_name_is_a_whole_domain_or_address() {
    let counts = |text: &[u8], subject: &str| {
        let name = [Name::Subject(text)];
        is_matched(&name, Forms::PeerSubject, CommonName::Always, subject)
    };
    assert!(counts(b"192.0.2.1", "192.0.2.1"));
    assert!(counts(b"2001:DB8::1", "2001:db8::1"));
    for text in [
        &b""[..],
        b"*.example",
        b"a.example.",
        b"a.example\0",
        b"a.example\0.b.example",
        b" a.example",
        b"a.example, CN=b.example",
        b"CN=a.example",
        b"sip:a.example",
    ] {
        assert!(!counts(text, "a.example"), "{}", text.escape_ascii());
    }
    assert!(!counts(b"192.0.2.1\0", "192.0.2.1"));
    assert!(!counts(b"\xc0\x00\x02\x01", "192.0.2.1"));
}

fn everyone(list: &[Name<'_>], forms: Forms, common_name: CommonName) -> Vec<String> {
    let names = Names {
        list: list.to_vec(),
        has_alternatives: true,
    };
    let mut policy = Policy::new(&[]);
    policy.common_name = common_name;
    let matches = matches(&names, &Reference::anyone(forms), &policy);
    matches
        .iter()
        .map(|found| found.subject.to_string())
        .collect()
}

#[test]
fn anyone_is_whomever_a_name_spells_out() {
    let names = [
        Name::Dns(b"b.example"),
        Name::Dns(b"*.c.example"),
        Name::Dns(b"B.Example"),
        Name::Dns(b"d.example."),
        Name::Dns(b"not a name"),
        Name::Dns(b"192.0.2.9"),
        Name::Srv(b"_xmpp-server.e.example"),
        Name::Srv(b"_xmpp-client.f.example"),
        Name::Xmpp("b\u{fc}cher.example".as_bytes()),
        Name::Ip(&[192, 0, 2, 1]),
        Name::Subject(b"g.example"),
    ];
    for (forms, expected) in [
        (Forms::Host, &["b.example", "192.0.2.1"][..]),
        (Forms::PeerSubject, &["b.example", "192.0.2.1"]),
        (Forms::Sip, &["b.example"]),
        (XMPP, &["b.example", "e.example", "xn--bcher-kva.example"]),
    ] {
        assert_eq!(
            everyone(&names, forms, CommonName::Off),
            expected,
            "{forms:?}"
        );
    }
    let names = [Name::Uri(b"sip:h.example"), Name::Dns(b"b.example")];
    assert_eq!(everyone(&names, Forms::Sip, CommonName::Off), ["h.example"]);
    let names = [Name::Subject(b"192.0.2.7"), Name::Subject(b"Edge 1")];
    assert_eq!(
        everyone(&names, Forms::Host, CommonName::Always),
        ["192.0.2.7"]
    );
}

#[test]
fn a_target_counts_by_its_policy_and_proves_the_domain() {
    use crate::evidence::Provenance::{self, Insecure, Secure};
    use crate::policy::TargetPolicy;
    let domain = || DomainName::parse("a.example").unwrap();
    let target = || DomainName::parse("sip.a.example").unwrap();
    let found = |name: Name<'_>, reference: &Reference, targets| {
        let mut policy = Policy::new(&[]);
        policy.targets = targets;
        let matches = matches(&names(&[name]), reference, &policy);
        matches.first().map(|found| {
            assert_eq!(found.subject, domain().into());
            found.named.to_string()
        })
    };
    let by_target = || Some("sip.a.example".to_owned());
    let sip = |provenance: Provenance| Reference::sip(domain()).or_target(target(), provenance);
    let dns = Name::Dns(b"sip.a.example");
    for (targets, in_domain, secure) in [
        (TargetPolicy::Never, None, None),
        (TargetPolicy::Secure, None, by_target()),
        (TargetPolicy::SecureOrInDomain, by_target(), by_target()),
    ] {
        assert_eq!(found(dns, &sip(Insecure), targets), in_domain);
        assert_eq!(found(dns, &sip(Secure), targets), secure);
    }
    let any = TargetPolicy::SecureOrInDomain;
    let wildcard = Name::Dns(b"*.a.example");
    assert_eq!(found(wildcard, &sip(Secure), any), None);
    let peer = Reference::peers([PeerSubject::new(domain())]).or_target(target(), Secure);
    assert_eq!(found(wildcard, &peer, any), None);
    let host = Reference::dns(domain()).or_target(target(), Secure);
    assert_eq!(found(wildcard, &host, any), by_target());
    assert_eq!(
        found(Name::Uri(b"sip:sip.a.example"), &sip(Secure), any),
        None
    );
}

/// Constraints may forbid one of them and leave the others.
#[test]
fn each_way_to_a_subject_counts_once() {
    use crate::evidence::Provenance::Secure;
    use crate::policy::TargetPolicy;
    let domain = |text: &str| DomainName::parse(text).unwrap();
    let reference = Reference::sip(domain("a.example"))
        .or_target(domain("sip.a.example"), Secure)
        .or_target(domain("sip.b.example"), Secure);
    let list = ["sip.a.example", "a.example", "A.EXAMPLE", "sip.b.example"];
    let list = list.map(|text| Name::Dns(text.as_bytes()));
    let mut policy = Policy::new(&[]);
    policy.targets = TargetPolicy::Secure;
    let found = matches(&names(&list), &reference, &policy);
    let named: Vec<_> = found.iter().map(|found| found.named.to_string()).collect();
    assert_eq!(named, ["sip.a.example", "a.example", "sip.b.example"]);
    assert!(found.iter().all(|found| found.subject == host("a.example")));
}

#[test]
fn a_target_of_unknown_origin_must_lie_in_the_domain() {
    use crate::evidence::Provenance::{Insecure, Secure};
    use crate::policy::TargetPolicy;
    let mut policy = Policy::new(&[]);
    policy.targets = TargetPolicy::SecureOrInDomain;
    for (target, insecure) in [
        ("a.example", true),
        ("sip.a.example", true),
        ("attacker.test", false),
        ("xa.example", false),
        ("example", false),
    ] {
        let names = names(&[Name::Dns(target.as_bytes())]);
        for (provenance, proved) in [(Insecure, insecure), (Secure, true)] {
            let subject = DomainName::parse("a.example").unwrap();
            let target = DomainName::parse(target).unwrap();
            let reference = Reference::sip(subject).or_target(target, provenance);
            let is_matched = !matches(&names, &reference, &policy).is_empty();
            assert_eq!(is_matched, proved, "{reference:?}");
        }
    }
}

#[test]
fn a_sip_uri_goes_before_the_dns_id_of_a_target() {
    use crate::evidence::Provenance;
    let mut policy = Policy::new(&[]);
    policy.targets = crate::policy::TargetPolicy::SecureOrInDomain;
    for target in ["a.example", "sip.a.example"] {
        let names = names(&[Name::Dns(target.as_bytes()), Name::Uri(b"sip:b.example")]);
        let domain = |text| DomainName::parse(text).unwrap();
        let reference = Reference::sip(domain("a.example"));
        let reference = reference.or_target(domain(target), Provenance::Secure);
        assert_eq!(matches(&names, &reference, &policy), []);
    }
}

#[test]
fn each_name_is_read_a_bounded_number_of_times_however_many_subjects_there_are() {
    use crate::identifier::conversions;
    let spelled: Vec<_> = (0..50).map(|i| format!("b\u{fc}cher{i}.example")).collect();
    let names = Names {
        list: spelled
            .iter()
            .map(|name| Name::Xmpp(name.as_bytes()))
            .collect(),
        has_alternatives: true,
    };
    let policy = Policy::new(&[]);
    let peers = |forms| Reference {
        forms,
        ..Reference::peers((0..100).map(|i| PeerSubject::new(host(&format!("p{i}.example")))))
    };
    for (forms, most) in [(Forms::PeerSubject, 50), (XMPP, 50)] {
        let before = conversions();
        assert_eq!(matches(&names, &peers(forms), &policy), []);
        let mismatch = mismatch(&names, &peers(forms));
        let listed = mismatch.presented.listed.len();
        assert_eq!(conversions() - before, most + listed, "{forms:?}");
    }
}

#[test]
fn a_mismatch_tells_what_came_near() {
    use NearMiss::{AddressAsText, OtherForm, OtherService, SipUriFirst, Wildcard};
    let near = |list: &[Name<'_>], forms, subject: &str| {
        let names = Names {
            list: list.to_vec(),
            has_alternatives: true,
        };
        let reference = Reference {
            forms,
            ..Reference::host(host(subject))
        };
        mismatch(&names, &reference).near
    };
    for (subject, presented) in [
        (
            "a.example",
            &[
                (Name::Subject(b"a.example"), XMPP, NearMiss::CommonName),
                (Name::Srv(b"_sip.a.example"), XMPP, OtherService),
                (Name::Srv(b"_xmpp-server.a.example"), Forms::Host, OtherForm),
                (Name::Xmpp(b"a.example"), Forms::Sip, OtherForm),
                (Name::Uri(b"sip:a.example"), XMPP, OtherForm),
            ][..],
        ),
        (
            "b.a.example",
            &[(Name::Dns(b"*.a.example"), Forms::Sip, Wildcard)],
        ),
        (
            "192.0.2.1",
            &[
                (Name::Dns(b"192.0.2.1"), Forms::Host, AddressAsText),
                (Name::Ip(&[192, 0, 2, 1]), XMPP, OtherForm),
            ],
        ),
    ] {
        for &(name, forms, expected) in presented {
            assert_eq!(near(&[name], forms, subject), Some(expected), "{name:?}");
        }
    }
    let dns = Name::Dns(b"a.example");
    let uri = Name::Uri(b"sip:b.example");
    assert_eq!(
        near(&[dns, uri], Forms::Sip, "a.example"),
        Some(SipUriFirst)
    );
    assert_eq!(near(&[dns, uri], Forms::Sip, "c.example"), None);
    assert_eq!(near(&[], XMPP, "a.example"), None);
}
