use super::*;

const ROLES: [Role; 2] = [Role::Initiating, Role::Receiving];

fn every_cell() -> impl Iterator<Item = Facts> {
    ROLES.into_iter().flat_map(cells)
}

#[test]
fn the_table_has_every_cell_once() {
    let initiating: std::collections::HashSet<_> = cells(Role::Initiating).collect();
    assert_eq!(initiating.len(), 7 * 3 * 2 * 384);
    let receiving: std::collections::HashSet<_> = cells(Role::Receiving).collect();
    assert_eq!(receiving.len(), 7 * 3 * 2 * 16);
}

#[test]
fn nothing_but_starttls_before_required_tls() {
    let mut count = 0;
    for facts in every_cell() {
        if facts.channel != Channel::Plain || facts.security.tls != TlsMode::Required {
            continue;
        }
        count += 1;
        let expected = match (facts.own.starttls, facts.role) {
            (false, _) => Action::Refuse(Refusal::TlsUnavailable),
            (true, Role::Initiating) => Action::StartTls,
            (true, Role::Receiving) => Action::Offer(Offer {
                starttls: StartTls::Required,
                ..Offer::default()
            }),
        };
        assert_eq!(decide(&facts).action, expected, "{facts:?}");
    }
    assert_eq!(count, 2 * 384 + 2 * 16);
}

#[test]
fn a_certificate_rule_is_met_by_a_trusted_certificate_only() {
    for facts in every_cell() {
        if facts.security.certificate == CertificateRule::Required
            && facts.channel != Channel::Trusted
        {
            let action = decide(&facts).action;
            let only_tls = match action {
                Action::StartTls | Action::Refuse(_) => true,
                Action::Offer(offer) => offer.starttls == StartTls::Required,
                Action::Authenticate { .. } => false,
            };
            assert!(only_tls, "{facts:?}: {action:?}");
        }
    }
}

#[test]
fn external_is_offered_where_it_succeeds_and_nowhere_else() {
    for facts in cells(Role::Receiving) {
        let offered = matches!(decide(&facts).action, Action::Offer(offer) if offer.external);
        let succeeds = facts.channel == Channel::Trusted
            && facts.own.external
            && facts.security.tls != TlsMode::Disabled;
        assert_eq!(offered, succeeds, "{facts:?}");
    }
}

#[test]
fn no_features_stand_beside_required_starttls_and_none_are_empty() {
    for facts in cells(Role::Receiving) {
        let Action::Offer(offer) = decide(&facts).action else {
            continue;
        };
        let others = offer.external || offer.dialback || offer.bidi;
        let required = offer.starttls == StartTls::Required;
        assert!(!(required && others), "{facts:?}: {offer:?}");
        let proves = offer.external || offer.dialback;
        assert!(required || proves, "{facts:?}: {offer:?}");
    }
}

#[test]
fn bidi_is_asked_for_where_the_peer_is_proved_by_its_certificate() {
    for facts in cells(Role::Initiating) {
        let Action::Authenticate { bidi, .. } = decide(&facts).action else {
            continue;
        };
        let proved = facts.channel == Channel::Trusted;
        assert_eq!(
            bidi,
            facts.own.bidi && facts.offers.bidi && proved,
            "{facts:?}"
        );
    }
}

#[test]
fn without_tls_or_where_none_is_wanted_there_is_only_dialback() {
    for facts in every_cell() {
        if facts.channel != Channel::Plain && facts.security.tls != TlsMode::Disabled {
            continue;
        }
        match decide(&facts).action {
            Action::Authenticate { by, .. } => assert_eq!(by, Proof::Dialback, "{facts:?}"),
            Action::Offer(offer) => assert!(!offer.external, "{facts:?}"),
            Action::StartTls | Action::Refuse(_) => {}
        }
    }
}

#[test]
fn a_peer_that_requires_tls_gets_tls_or_nothing() {
    for facts in cells(Role::Initiating) {
        if facts.channel != Channel::Plain || !facts.requires_tls {
            continue;
        }
        let wanted = facts.own.starttls && facts.security.tls != TlsMode::Disabled;
        let action = decide(&facts).action;
        if wanted {
            assert_eq!(action, Action::StartTls, "{facts:?}");
        } else {
            assert!(matches!(action, Action::Refuse(_)), "{facts:?}");
        }
    }
}

#[test]
fn direct_tls_and_starttls_lead_to_the_same_step() {
    for facts in every_cell() {
        if facts.transport == Transport::DirectTls {
            let transport = Transport::Tcp;
            let over_tcp = Facts { transport, ..facts };
            assert_eq!(decide(&facts), decide(&over_tcp), "{facts:?}");
        }
    }
}

#[test]
fn whether_dialback_is_offered_changes_nothing() {
    for facts in cells(Role::Initiating) {
        let mut offered = facts;
        offered.offers.dialback = !facts.offers.dialback;
        assert_eq!(decide(&facts), decide(&offered), "{facts:?}");
    }
}

/// The rows of the table on certificates, for a stream inside TLS.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_row_of_the_certificate_table() {
    use CertificateRule::{Optional, Required};
    use Channel::{Anonymous, Trusted, Untrusted};
    use Refusal::{CertificateAbsent, CertificateUntrusted, NoMethod};
    let table = [
        // certificate, rule, EXTERNAL, dialback, offered, step
        (
            Trusted,
            Required,
            true,
            false,
            Ok((true, false)),
            Ok(Proof::External),
        ),
        (
            Trusted,
            Required,
            true,
            true,
            Ok((true, true)),
            Ok(Proof::External),
        ),
        (
            Trusted,
            Required,
            false,
            true,
            Ok((false, true)),
            Ok(Proof::Dialback),
        ),
        (
            Trusted,
            Optional,
            false,
            false,
            Err(NoMethod),
            Err(NoMethod),
        ),
        (
            Untrusted,
            Optional,
            true,
            true,
            Ok((false, true)),
            Ok(Proof::External),
        ),
        (
            Untrusted,
            Optional,
            false,
            true,
            Ok((false, true)),
            Ok(Proof::Dialback),
        ),
        (
            Untrusted,
            Optional,
            true,
            false,
            Err(NoMethod),
            Ok(Proof::External),
        ),
        (
            Untrusted,
            Required,
            true,
            true,
            Err(CertificateUntrusted),
            Err(CertificateUntrusted),
        ),
        (
            Anonymous,
            Optional,
            false,
            true,
            Ok((false, true)),
            Ok(Proof::Dialback),
        ),
        (
            Anonymous,
            Required,
            false,
            true,
            Err(CertificateAbsent),
            Err(CertificateAbsent),
        ),
    ];
    for (channel, certificate, external, dialback, offered, step) in table {
        for tls in [TlsMode::Optional, TlsMode::Required] {
            let facts = |role| Facts {
                channel,
                own: Abilities {
                    external,
                    dialback,
                    ..Abilities::default()
                },
                offers: Abilities {
                    external,
                    ..Abilities::default()
                },
                ..Facts::new(role, Security { tls, certificate })
            };
            let expected = match offered {
                Ok((external, dialback)) => Action::Offer(Offer {
                    external,
                    dialback,
                    ..Offer::default()
                }),
                Err(refusal) => Action::Refuse(refusal),
            };
            assert_eq!(decide(&facts(Role::Receiving)).action, expected);
            let expected = match step {
                Ok(by) => Action::Authenticate { by, bidi: false },
                Err(refusal) => Action::Refuse(refusal),
            };
            assert_eq!(decide(&facts(Role::Initiating)).action, expected);
        }
    }
}

#[test]
fn the_document_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DECISIONS.md");
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written == document(),
        "docs/DECISIONS.md is not what the table says: write it with the example `decisions`"
    );
}
