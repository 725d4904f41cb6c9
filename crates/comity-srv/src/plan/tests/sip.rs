use super::*;
use crate::message::NaptrData;
use crate::service::Messaging;
use crate::trace::PointerDropReason;

const NAPTR: &str = "b.example NAPTR";
const TLS: &str = "_sips._tcp.b.example SRV";
const TCP: &str = "_sip._tcp.b.example SRV";
const UDP: &str = "_sip._udp.b.example SRV";

fn naptr(order: u16, preference: u16, flags: &str, service: &str, to: &str) -> NaptrData {
    NaptrData {
        order,
        preference,
        flags: flags.as_bytes().into(),
        service: service.as_bytes().into(),
        has_regexp: false,
        replacement: match to {
            "." => RecordName::root(),
            to => RecordName::from_labels(to.split('.')),
        },
    }
}

fn pointers(list: &[NaptrData]) -> Known {
    answer(&[], Ending::Pointers(list.to_vec()))
}

fn resolve_sip(sip: SipService, oracle: impl FnMut(&str) -> Known) -> (Outcome, Trace) {
    run(plan_for(Service::Sip(sip), Limits::default()), oracle)
}

/// Every host has the address that its number says.
fn host(question: &str) -> Known {
    match question {
        "x.example A" => addresses(&["192.0.2.1"]),
        "y.example A" => addresses(&["192.0.2.2"]),
        "z.example A" => addresses(&["192.0.2.3"]),
        "b.example A" => addresses(&["192.0.2.9"]),
        _ => no_data(),
    }
}

fn only(transport: SipTransport) -> SipService {
    SipService {
        transport: Some(transport),
        ..SipService::new()
    }
}

#[test]
fn the_example_of_rfc_3263_leads_to_tcp_for_who_has_no_tls() {
    let sip = SipService {
        supported: vec![SipTransport::Udp, SipTransport::Tcp],
        ..SipService::new()
    };
    let (outcome, trace) = resolve_sip(sip, |question| match question {
        NAPTR => pointers(&[
            naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.b.example"),
            naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.b.example"),
            naptr(100, 50, "s", "SIP+D2U", "_sip._udp.b.example"),
        ]),
        TCP => services(&[srv(0, 1, 5060, "x.example"), srv(0, 2, 5060, "y.example")]),
        UDP => services(&[srv(0, 0, 5060, "x.example")]),
        other => host(other),
    });
    let mut found = shown(&outcome);
    found[..2].sort();
    assert_eq!(
        found,
        [
            "x.example at 192.0.2.1:5060, priority 0, weight 1, TCP",
            "y.example at 192.0.2.2:5060, priority 0, weight 2, TCP",
            "x.example at 192.0.2.1:5060, priority 0, weight 0, UDP",
        ]
    );
    assert!(trace.entries().contains(&TraceEntry::Pointed {
        transport: Transport::Tcp,
        to: RecordName::from_labels(["_sip", "_tcp", "b", "example"]),
    }));
    assert!(trace.entries().contains(&TraceEntry::PointerDropped {
        service: "SIPS+D2T".to_owned(),
        to: RecordName::from_labels(["_sips", "_tcp", "b", "example"]),
        reason: PointerDropReason::Service,
    }));
}

#[test]
fn naptr_records_lead_in_their_order_to_any_name_and_others_count_for_nothing() {
    let mut asked = Vec::new();
    let (outcome, _) = resolve_sip(SipService::new(), |question| {
        asked.push(question.to_owned());
        match question {
            NAPTR => pointers(&[
                naptr(2, 1, "S", "sip+d2u", "udp.provider.example"),
                naptr(1, 9, "s", "SIP+D2T", "tcp.provider.example"),
                naptr(1, 2, "s", "SIPS+D2T", "tls.provider.example"),
                naptr(0, 0, "u", "E2U+sip", "."),
                naptr(0, 0, "s", "x-eduroam:radius.tls", "_radsec._tcp.b.example"),
            ]),
            "tls.provider.example SRV" => services(&[srv(9, 0, 5061, "x.example")]),
            "tcp.provider.example SRV" => services(&[srv(1, 0, 5060, "y.example")]),
            "udp.provider.example SRV" => services(&[srv(0, 0, 5060, "z.example")]),
            other => host(other),
        }
    });
    // Priorities of different sets are not compared (RFC 3263 §4.1).
    assert_eq!(
        shown(&outcome),
        [
            "x.example at 192.0.2.1:5061, priority 9, weight 0, TLS",
            "y.example at 192.0.2.2:5060, priority 1, weight 0, TCP",
            "z.example at 192.0.2.3:5060, priority 0, weight 0, UDP",
        ]
    );
    assert_eq!(
        asked[..4],
        [
            NAPTR,
            "tls.provider.example SRV",
            "tcp.provider.example SRV",
            "udp.provider.example SRV",
        ]
    );
}

#[test]
fn naptr_records_of_a_wrong_form_are_left_out_and_alone_they_end_the_search() {
    let mut regexp = naptr(1, 1, "s", "SIP+D2T", "_sip._tcp.b.example");
    regexp.has_regexp = true;
    let good = naptr(9, 9, "s", "SIP+D2T", "_sip._tcp.b.example");
    let bad = [
        regexp,
        naptr(1, 1, "a", "SIP+D2T", "x.example"),
        naptr(1, 1, "", "SIP+D2T", "x.example"),
        naptr(1, 1, "s", "SIP+D2T", "."),
        naptr(1, 1, "s", "SIP+D2S", "_sip._sctp.b.example"),
        naptr(1, 1, "s", "SIPS+D2U", "_sips._udp.b.example"),
    ];
    let with = |list: &[NaptrData]| {
        let list = list.to_vec();
        resolve_sip(SipService::new(), move |question| match question {
            NAPTR => pointers(&list),
            TCP => services(&[srv(0, 0, 5060, "x.example")]),
            other => host(other),
        })
    };
    let (outcome, trace) = with(&[&bad[..], &[good.clone(), good]].concat());
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:5060, priority 0, weight 0, TCP"]
    );
    let mut reasons: Vec<_> = trace
        .entries()
        .iter()
        .filter_map(|entry| {
            let TraceEntry::PointerDropped { reason, .. } = entry else {
                return None;
            };
            Some(format!("{reason:?}"))
        })
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "Duplicate",
            "Form",
            "Form",
            "Form",
            "Form",
            "Service",
            "Service"
        ]
    );
    assert_eq!(with(&bad).0, failed(Failure::NoUsableRecord));
}

#[test]
fn without_srv_records_the_transport_remains_that_of_the_first_naptr_record() {
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        NAPTR => pointers(&[
            naptr(1, 0, "s", "SIPS+D2T", "_sips._tcp.b.example"),
            naptr(2, 0, "s", "SIP+D2U", "_sip._udp.b.example"),
        ]),
        other => host(other),
    });
    assert_eq!(
        shown(&outcome),
        ["b.example at 192.0.2.9:5061, without an SRV record, TLS"]
    );
}

#[test]
fn by_records_alone_a_domain_with_an_address_is_absent() {
    for service in [
        Service::Sip(SipService::new()),
        Service::Sip(SipService::secure()),
        Service::XmppServer,
        Service::XmppServerWithDirectTls,
    ] {
        let mut asked = Vec::new();
        let (outcome, _) = run(
            plan_for(service.by_records(), Limits::default()),
            |question| {
                asked.push(question.to_owned());
                no_data()
            },
        );
        assert_eq!(outcome, Outcome::Absent);
        let addresses = asked.iter().filter(|question| question.ends_with(" A"));
        assert_eq!(addresses.count(), 0, "{asked:?}");
    }
    let service = Service::Sip(SipService::new()).by_records();
    let (outcome, _) = run(
        plan_for(service, Limits::default()),
        |question| match question {
            TLS => services(&[srv(0, 0, 5061, "x.example")]),
            other => host(other),
        },
    );
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:5061, priority 0, weight 0, TLS"]
    );
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(failure)
}

#[test]
fn without_naptr_what_is_supported_is_asked_for_and_never_mixed() {
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        TLS => services(&[srv(20, 0, 5061, "x.example"), srv(10, 0, 5061, "y.example")]),
        TCP => services(&[srv(1, 0, 5060, "z.example")]),
        other => host(other),
    });
    assert_eq!(
        shown(&outcome),
        [
            "y.example at 192.0.2.2:5061, priority 10, weight 0, TLS",
            "x.example at 192.0.2.1:5061, priority 20, weight 0, TLS",
            "z.example at 192.0.2.3:5060, priority 1, weight 0, TCP",
        ]
    );
}

#[test]
fn without_any_record_the_domain_itself_is_tried_by_udp_or_for_sips_by_tls() {
    let (outcome, _) = resolve_sip(SipService::new(), host);
    assert_eq!(
        shown(&outcome),
        ["b.example at 192.0.2.9:5060, without an SRV record, UDP"]
    );
    let mut asked = Vec::new();
    let (outcome, _) = resolve_sip(SipService::secure(), |question| {
        asked.push(question.to_owned());
        host(question)
    });
    assert_eq!(
        shown(&outcome),
        ["b.example at 192.0.2.9:5061, without an SRV record, TLS"]
    );
    assert_eq!(asked, [NAPTR, TLS, "b.example AAAA", "b.example A"]);
    let tcp = SipService {
        supported: vec![SipTransport::Tcp],
        ..SipService::new()
    };
    assert_eq!(
        shown(&resolve_sip(tcp, host).0),
        ["b.example at 192.0.2.9:5060, without an SRV record, TCP"]
    );
}

#[test]
fn a_port_means_addresses_only_and_a_transport_its_records_only() {
    let mut asked = Vec::new();
    let mut with = |sip: SipService| {
        asked.clear();
        let (outcome, _) = resolve_sip(sip, |question| {
            asked.push(question.to_owned());
            match question {
                TLS => services(&[srv(0, 0, 443, "x.example")]),
                other => host(other),
            }
        });
        (shown(&outcome), asked.clone())
    };
    let port = |sip: SipService| SipService {
        port: Some(5070),
        ..sip
    };
    let own = ["b.example AAAA".to_owned(), "b.example A".to_owned()];
    for (sip, transport) in [
        (SipService::new(), "UDP"),
        (SipService::secure(), "TLS"),
        (only(SipTransport::Tcp), "TCP"),
        (
            SipService {
                secure: true,
                ..only(SipTransport::Tcp)
            },
            "TLS",
        ),
    ] {
        let line = format!("b.example at 192.0.2.9:5070, as given, {transport}");
        assert_eq!(with(port(sip)), (vec![line], own.to_vec()));
    }
    let (found, asked) = with(only(SipTransport::Tls));
    assert_eq!(
        found,
        ["x.example at 192.0.2.1:443, priority 0, weight 0, TLS"]
    );
    assert_eq!(asked, [TLS, "x.example AAAA", "x.example A"]);
    let (found, asked) = with(only(SipTransport::Udp));
    assert_eq!(
        found,
        ["b.example at 192.0.2.9:5060, without an SRV record, UDP"]
    );
    assert_eq!(asked, [&[UDP.to_owned()][..], &own].concat());
}

#[test]
fn what_a_uri_rules_out_is_refused_before_anything_is_asked() {
    let begin = |sip| {
        let service = Service::Sip(sip);
        Plan::new(&domain("b.example"), service, rules(Limits::default())).map(|_| ())
    };
    let secure_udp = SipService {
        secure: true,
        ..only(SipTransport::Udp)
    };
    assert_eq!(begin(secure_udp), Err(ResolveError::NoTransport));
    let nothing = SipService {
        supported: Vec::new(),
        ..SipService::new()
    };
    assert_eq!(begin(nothing), Err(ResolveError::NoTransport));
    // A URI of a peer does not talk us into what we do not speak.
    let tls_only = SipService {
        supported: vec![SipTransport::Tls],
        ..only(SipTransport::Udp)
    };
    assert_eq!(begin(tls_only), Err(ResolveError::NoTransport));
    let plain_only = SipService {
        supported: vec![SipTransport::Udp],
        ..SipService::secure()
    };
    assert_eq!(begin(plain_only), Err(ResolveError::NoTransport));
    let port_zero = SipService {
        port: Some(0),
        ..SipService::new()
    };
    assert_eq!(begin(port_zero), Err(ResolveError::PortZero));
}

#[test]
fn a_suppressed_answer_never_leads_to_a_transport_that_is_liked_less() {
    let refused = || Err(Failure::Server { code: 2 });
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        TLS => refused(),
        TCP => services(&[srv(0, 0, 5060, "x.example")]),
        other => host(other),
    });
    assert_eq!(outcome, failed(Failure::Server { code: 2 }));
    // What is liked more is used although the rest is not known.
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        TLS => services(&[srv(0, 0, 5061, "x.example")]),
        TCP => refused(),
        UDP => services(&[srv(0, 0, 5060, "y.example")]),
        other => host(other),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:5061, priority 0, weight 0, TLS"]
    );
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        NAPTR => refused(),
        TLS => services(&[srv(0, 0, 5061, "x.example")]),
        other => host(other),
    });
    assert_eq!(outcome, failed(Failure::Server { code: 2 }));
}

#[test]
fn a_transport_that_is_refused_is_left_out_and_all_refused_is_a_refusal() {
    let root = || services(&[srv(0, 0, 0, ".")]);
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        TLS => root(),
        TCP => services(&[srv(0, 0, 5060, "x.example")]),
        other => host(other),
    });
    assert_eq!(
        shown(&outcome),
        ["x.example at 192.0.2.1:5060, priority 0, weight 0, TCP"]
    );
    let (outcome, _) = resolve_sip(SipService::new(), |question| match question {
        TLS | UDP => root(),
        other => host(other),
    });
    assert_eq!(outcome, Outcome::Refused);
}

#[test]
fn an_edge_is_found_by_its_record_or_not_at_all() {
    const EDGE: &str = "_sipfederationtls._tcp.b.example SRV";
    let edge = |oracle: fn(&str) -> Known| {
        run(plan_for(Service::SipFederation, Limits::default()), oracle).0
    };
    let outcome = edge(|question| match question {
        EDGE => services(&[srv(100, 1, 5061, "sip.b.example")]),
        "sip.b.example A" => addresses(&["192.0.2.1"]),
        _ => no_data(),
    });
    assert_eq!(
        shown(&outcome),
        ["sip.b.example at 192.0.2.1:5061, priority 100, weight 1, TLS"]
    );
    assert_eq!(edge(host), Outcome::Absent);
}

#[test]
fn certificates_have_to_name_the_domain_and_an_edge_may_name_itself_inside_of_it() {
    let first = |service: Service, target: &'static str| {
        let (outcome, _) = run(plan_for(service, Limits::default()), |question| {
            if question.ends_with(" SRV") && !question.contains("_udp") {
                services(&[srv(0, 0, 5061, target)])
            } else if question.ends_with(" A") {
                addresses(&["192.0.2.1"])
            } else {
                no_data()
            }
        });
        let Outcome::Candidates(list) = outcome else {
            panic!("{outcome:?}");
        };
        let one = &list[0];
        let identities = one.identities.iter().map(ToString::to_string);
        let name = one.server_name.as_ref().map(ToString::to_string);
        (
            name.unwrap_or_default(),
            one.alpn,
            identities.collect::<Vec<_>>(),
        )
    };
    let domain = "b.example (the domain)".to_owned();
    let name = || "b.example".to_owned();
    assert_eq!(
        first(Service::Sip(SipService::new()), "sip.b.example"),
        (name(), None, vec![domain.clone()])
    );
    assert_eq!(
        first(Service::XmppServer, "xmpp.b.example"),
        (name(), None, vec![domain.clone()])
    );
    let direct = first(
        Service::NextHop(NextHop::new(
            Messaging::Xmpp,
            "b.example".parse().unwrap(),
            0,
            Transport::Tls,
        )),
        "xmpp.b.example",
    );
    assert_eq!(direct.1, Some("xmpp-server"));
    assert_eq!(
        first(Service::SipFederation, "sip.b.example"),
        (
            "sip.b.example".to_owned(),
            None,
            vec![
                domain.clone(),
                "sip.b.example (an edge of the domain)".to_owned(),
            ]
        )
    );
    // A hosted edge has to show the domain: anybody may name it in forged records.
    assert_eq!(
        first(Service::SipFederation, "sipfed.provider.example"),
        (
            "sipfed.provider.example".to_owned(),
            None,
            vec![domain.clone()]
        )
    );
    // Nor does a name that only ends alike.
    assert_eq!(
        first(Service::SipFederation, "sip.evilb.example").2,
        vec![domain]
    );
}

#[test]
fn what_cannot_show_a_certificate_asks_for_none() {
    let (outcome, _) = resolve_sip(only(SipTransport::Tcp), host);
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (list[0].server_name.clone(), list[0].identities.len()),
        (None, 0)
    );
}
